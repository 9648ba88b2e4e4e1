"""A walk: all records of a table, or some of them, read once more beside its changes. How far it has come.

What it is restricted to stands in the request for the replay (`store.replays.Only`), not here.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace

from store.ledger import GUID_BYTES, field_of, id_of

#: How often a walk lets changes go first, at least. Seconds.
LIVE_EVERY = 1.0
#: A walk that is held back hands on so many seconds' worth of records at once, at most.
PACED_SECONDS = 2.0
#: A look that came late is made up for, up to so much. Milliseconds.
LATE_MS = 1000


@dataclass(frozen=True, slots=True)
class Walk:
    began_ms: int  #: of the replay that it belongs to
    is_whole: bool  #: whether all records are to be written again, none left out
    link: str = ""  #: the next page's link; empty: begin
    part: int = 0  #: where ids are named, the next part of them
    rows: int = 0  #: records looked at so far
    queued: int = 0  #: those of them that went onto the queue
    missing: int = 0  #: ids that Dynamics does not have
    expected: int | None = None  #: records to be looked at, as far as that is known
    due_ms: int = 0  #: when the next page may be asked for
    token: str = ""  #: of the ids that are named
    restarted_ms: int = 0  #: when it last had to begin anew since its link was served no more
    rest: str = ""  #: ids of what was asked for last, and is too much to go onto the queue at once; see `packed`
    is_over: bool = False  #: all was read

    def after(
        self, rows: int, queued: int, link: str, due_ms: int, expected: int | None, rest: Sequence[str] = ()
    ) -> "Walk":
        """Behind a page, `rest` of which is to be handed on later; without a link and a rest it is over."""
        return replace(
            self,
            link=link,
            rows=self.rows + rows,
            queued=self.queued + queued,
            due_ms=due_ms,
            expected=self.expected if expected is None else expected,
            rest=packed(rest),
            is_over=not link and not rest,
        )

    def after_ids(
        self, parts: int, named: int, found: int, queued: int, due_ms: int, rest: Sequence[str] = ()
    ) -> "Walk":
        """Behind so many records that are named one by one, `rest` still to come; behind no part of the ids and no rest
        it is over."""
        return replace(
            self,
            part=self.part + parts,
            rows=self.rows + named,
            queued=self.queued + queued,
            missing=self.missing + named - found,
            due_ms=due_ms,
            rest=packed(rest),
            is_over=parts == 0 and named == 0,
        )

    def after_rest(self, queued: int, due_ms: int, rest: Sequence[str]) -> "Walk":
        """Behind a portion of a page's rest."""
        return replace(
            self,
            queued=self.queued + queued,
            due_ms=due_ms,
            rest=packed(rest),
            is_over=not self.link and not rest,
        )

    def anew(self, restarted_ms: int = 0) -> "Walk":
        """From its beginning: its link leads nowhere any more, or to other columns. Ids that were read are not there
        any more, and what was read of them is as good as it was."""
        if self.is_over or self.part:
            return self
        restarted_ms = restarted_ms or self.restarted_ms
        return Walk(self.began_ms, self.is_whole, token=self.token, restarted_ms=restarted_ms)


def packed(ids: Sequence[str]) -> str:
    """Ids, which are guids, as a position keeps them: 22 characters each."""
    return b64encode(b"".join(map(field_of, ids))).decode()


def unpacked(text: str) -> list[str]:
    """The way back from `packed`."""
    raw = b64decode(text)
    return [id_of(raw[start : start + GUID_BYTES]) for start in range(0, len(raw), GUID_BYTES)]


def paced(rate: float | None, most: int) -> int:
    """Records that go onto the queue at once, where no more than `rate` a second are to come."""
    return most if rate is None else max(1, min(most, int(rate * PACED_SECONDS)))


def next_due_ms(now_ms: int, queued: int, rate: float | None) -> int:
    """When the next page may be asked for, once these were queued."""
    return now_ms if not rate else now_ms + int(1000 * queued / rate)
