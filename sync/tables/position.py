"""The reading position of a table: what a stream's cursor holds. First a full read, then changes for ever; beside them,
for a replay, a walk."""

from dataclasses import dataclass, replace
from enum import StrEnum

import orjson

from sync.tables.walk import Walk


class Phase(StrEnum):
    FULL = "full"  # the first run, a changed mapping, or after the change token has expired
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Left:
    """The link of the reading before, whose deletions are still to be read."""

    link: str
    midway: bool  #: whether it leads through the rest of a round first: what has happened since that began is behind it
    newest: int  #: the largest row version seen before
    origin: str = ""  #: the link that was left, once this one has led on from it
    origin_midway: bool = False

    def led_to(self, link: str, midway: bool) -> "Left":
        """The same, some pages on."""
        began = (self.origin, self.origin_midway) if self.origin else (self.link, self.midway)
        return Left(link, midway, self.newest, *began)

    def anew(self, newest: int) -> "Left":
        """The same from its beginning: what was told of records that wait in a newer version by now did not count."""
        return Left(self.origin, self.origin_midway, newest) if self.origin else replace(self, newest=newest)

    @property
    def deletion_version(self) -> int:
        return 2 * self.newest + 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """The keys of the ledger are to be compared with Dynamics: deletions were missed."""

    since_ms: int  #: what was confirmed later than this was read since
    bucket: int = 0  #: the ledger's next bucket
    found: int = 0  #: deletions recovered so far
    last: str = ""  #: the last id that was asked about of those that are looked at with this bucket


@dataclass(frozen=True, slots=True)
class Position:
    phase: Phase = Phase.FULL
    link: str = ""  #: the next page's link; empty: begin
    highest: int = 0  #: the largest row version seen so far
    settled: int = 0  #: the largest row version seen before this round of pages began
    rows: int = 0  #: rows read by the full read so far
    expected: int | None = None  #: rows the table had when the full read began, as far as Dynamics tells
    within_round: bool = False  #: whether the link leads to a further page of the same round
    round_ms: int = 0  #: when the first page of this round was asked for
    mapping: str = ""  #: stands for the mapping under which the table is read; see `Source.mapping`
    pair: str = ""  #: stands for where it is written; see `Source.pair`
    began_ms: int = 0  #: when the full read began
    replayed_ms: int = 0  #: the beginning of the last replay that was taken up
    left: Left | None = None  #: what another mapping has left behind
    comparison: Comparison | None = None  #: after the full read, when deletions were missed
    expired_ms: int | None = None  #: when the last change token that expired did so
    token_ms: int | None = None  #: when the change token was asked for; it dies after some days
    recovered_ms: int = 0  #: by when deletions that reading had not told were recovered; see `after_recovery`
    repeats: bool = False  #: whether the full read is a replay, too: what it brings is written even if nothing differs
    walk: Walk | None = None  #: the last one, under way or over
    known: int = 0  #: the largest row version that was seen before this position was put back

    def dump(self) -> str:
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: str) -> "Position":
        """The position of a cursor's text; the beginning for an empty one."""
        if not text:
            return cls()
        fields = orjson.loads(text)
        left, comparison, walk = fields["left"], fields["comparison"], fields.get("walk")
        fields["phase"] = Phase(fields["phase"])
        fields["left"] = Left(**left) if left else None
        fields["comparison"] = Comparison(**comparison) if comparison else None
        fields["walk"] = Walk(**walk) if walk else None
        return cls(**fields)

    @property
    def at_round_start(self) -> bool:
        """Whether the link asks for changes since a token, and is not in the middle of a round of pages."""
        return self.phase is Phase.CHANGES and not self.within_round

    @staticmethod
    def row_version(version: int) -> int:
        """A row's version on the record queue."""
        return 2 * version

    def fetched_version(self, version: int) -> int:
        """The same for a row that was fetched past reading, after this position was looked at.

        No newer than anything that was read: a deletion in the next round, whose version is made up, must count.
        """
        return self.row_version(min(version, self.highest))

    @property
    def deletion_version(self) -> int:
        """A deletion's version on the record queue.

        Dynamics gives deletions no version. It is newer than every row seen in earlier rounds, and older than any row
        that this round brings: a record that was deleted and created again within one round lives.
        """
        return 2 * self.settled + 1

    @property
    def recovered_version(self) -> int:
        """The version of a deletion that a comparison of keys has found: newer than every row seen so far."""
        return 2 * max(self.highest, self.known) + 1

    def after(
        self, highest: int, rows: int, next_link: str | None, delta_link: str | None, asked_ms: int
    ) -> "Position":
        """The position behind a page. `highest` is the page's largest row version, 0 if it has no rows; `asked_ms` is
        when the page was asked for."""
        top = max(self.highest, highest)
        full = self.phase is Phase.FULL
        # What happens between the pages of a round is told by the next one: its token stands for the first page.
        round_ms = self.round_ms if self.within_round else asked_ms
        behind = replace(self, highest=top, rows=self.rows + rows if full else self.rows, round_ms=round_ms)
        if next_link:
            return replace(behind, link=next_link, within_round=True)
        if not delta_link:
            raise ValueError("a last page without a delta link leads nowhere")
        behind = replace(behind, phase=Phase.CHANGES, link=delta_link, within_round=False, repeats=False)
        return replace(behind, settled=top, token_ms=round_ms)

    def begin_again(self, mapping: str, pair: str, now_ms: int) -> "Position":
        """A full read from the beginning, under this mapping. What was seen stays older than what comes.

        A full read brings no deletions: those since the link that is left behind are read after it. A walk through
        everything becomes one with it, another one begins anew after it.
        """
        # With several beginnings in a row the oldest link counts: it knows the deletions since all of them.
        left = self.left or Left(self.link, midway=self.within_round, newest=0)
        highest = max(self.highest, self.known)
        return Position(
            highest=highest,
            settled=self.settled,
            mapping=mapping,
            pair=pair,
            began_ms=now_ms,
            replayed_ms=self.replayed_ms,
            left=left.anew(highest) if left.link else None,
            comparison=replace(self.comparison, bucket=0, last="") if self.comparison else None,
            expired_ms=self.expired_ms,
            recovered_ms=self.recovered_ms,
            repeats=self.repeats or (self.walk is not None and self.walks and self.walk.is_whole),
            walk=None if self.walk is None or (self.walks and self.walk.is_whole) else self.walk.anew(),
        )

    def in_place_of(self, before: "Position", now_ms: int) -> "Position":
        """The same, put back in place of another one, which may have seen more.

        What it tells of deletions is older than what was read since, and would not count where that still waits. So
        those that the other one was yet to tell are read by its link, as after a full read.
        """
        again = before.begin_again(before.mapping, before.pair, now_ms)
        return replace(
            self,
            left=again.left or self.left,
            comparison=again.comparison or self.comparison,
            began_ms=now_ms,
            known=max(self.known, again.highest),
        )

    def with_replay(self, began_ms: int, is_whole: bool, now_ms: int, token: str = "") -> "Position":
        """The position once a replay was taken up; another one that is under way goes no further. `token`: of its ids.

        Where a full read is due or under way, one of everything becomes one with it.
        """
        taken = replace(self, replayed_ms=began_ms)
        if not is_whole or self.phase is Phase.CHANGES:
            return replace(taken, walk=Walk(began_ms, is_whole, token=token))
        again = taken.begin_again(self.mapping, self.pair, now_ms) if self.link else taken
        return replace(again, repeats=True, walk=None)

    def without_replay(self) -> "Position":
        """The same once the last replay was ended: what was read of it is written."""
        return replace(self, repeats=False, walk=None) if self.repeats or self.walks else self

    def begin_after_expiry(self, now_ms: int) -> "Position":
        """A full read from the beginning, since the link is no longer served; the deletions that it would have told are
        found by a comparison of keys after it."""
        again = replace(self, left=None, walk=None).begin_again(self.mapping, self.pair, now_ms)
        # The walk has a link of its own, and goes on after the full read.
        return replace(again, left=None, walk=self.walk, expired_ms=now_ms, comparison=Comparison(now_ms))

    @property
    def reads_what_is_left(self) -> bool:
        """Whether the next page is one of the deletions since the link that was left behind."""
        return self.left is not None and self.at_round_start

    def after_left(self, next_link: str | None, delta_link: str | None) -> "Position":
        """The position behind a page of the link that was left behind."""
        assert self.left is not None
        if next_link:
            return replace(self, left=self.left.led_to(next_link, self.left.midway))
        if self.left.midway and delta_link:
            return replace(self, left=self.left.led_to(delta_link, False))
        return replace(self, left=None)

    def after_recovery(self, now_ms: int) -> "Position":
        """The same, once the last of what was left or missed has been asked for; before that, nothing changes.

        What was deleted and is there again is not told as deleted: that is read by a round that begins later than this.
        """
        return self if self.left or self.comparison else replace(self, recovered_ms=now_ms)

    def without_left(self) -> "Position":
        """The link that was left behind is no longer served: a comparison of keys takes its place."""
        return replace(self, left=None, comparison=Comparison(self.began_ms))

    @property
    def walks(self) -> bool:
        """Whether a walk is under way."""
        return self.walk is not None and not self.walk.is_over

    @property
    def lets_walk(self) -> bool:
        """Whether a page of the walk may be next: between two rounds of changes, when nothing else is to be read first.

        In the middle of a round its version could be newer than that of a deletion which the round is yet to tell.
        """
        return self.walks and self.at_round_start and self.left is None and self.comparison is None

    def after_walk(self, walk: Walk) -> "Position":
        """The position behind a page of the walk."""
        return replace(self, walk=walk)

    @property
    def compares_keys(self) -> bool:
        """Whether the full read is over and the keys are to be compared."""
        return self.comparison is not None and self.phase is Phase.CHANGES
