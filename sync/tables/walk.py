"""A walk: all records of a table, or some of them, read once more beside its changes. How far it has come.

What it is restricted to stands in the request for the replay (`store.replays.Only`), not here.
"""

from dataclasses import dataclass, replace

#: How often a walk lets changes go first, at least. Seconds.
LIVE_EVERY = 1.0
#: A walk that is held back asks for so many seconds' worth of records at once: few large pages would come in bursts.
PACED_SECONDS = 5.0


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
    is_over: bool = False  #: all was read

    def after(self, rows: int, queued: int, link: str, due_ms: int, expected: int | None) -> "Walk":
        """Behind a page; without a link it is over."""
        return replace(
            self,
            link=link,
            rows=self.rows + rows,
            queued=self.queued + queued,
            due_ms=due_ms,
            expected=self.expected if expected is None else expected,
            is_over=not link,
        )

    def after_parts(self, parts: int, named: int, found: int, queued: int, due_ms: int) -> "Walk":
        """Behind some parts of the ids, which name so many records; behind no part it is over."""
        return replace(
            self,
            part=self.part + parts,
            rows=self.rows + named,
            queued=self.queued + queued,
            missing=self.missing + named - found,
            due_ms=due_ms,
            is_over=parts == 0,
        )

    def anew(self, restarted_ms: int = 0) -> "Walk":
        """From its beginning: its link leads nowhere any more, or to other columns. Ids that were read are not there
        any more, and what was read of them is as good as it was."""
        if self.is_over or self.part:
            return self
        restarted_ms = restarted_ms or self.restarted_ms
        return Walk(self.began_ms, self.is_whole, token=self.token, restarted_ms=restarted_ms)


def paced(rate: float | None, most: int) -> int:
    """Records to be asked for at once, where no more than `rate` a second are to come."""
    return most if rate is None else max(1, min(most, int(rate * PACED_SECONDS)))


def next_due_ms(now_ms: int, queued: int, rate: float | None) -> int:
    """When the next page may be asked for, once these were queued."""
    return now_ms if not rate else now_ms + int(1000 * queued / rate)
