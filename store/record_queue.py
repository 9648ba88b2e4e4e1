"""The record queue: what was read and is not confirmed yet, one per stream.

    put_page | feed -> ready | replay -> lease -> settle: written | unchanged | filtered | refused (dead letter)
                            ^                      |----: again (delayed) | parked, until its parent is confirmed
                            |---- reap, when a holder dies
                            '---- revive, when an operator retries a dead letter; with drop it is given up

Where a record stands is its state. Between `lease` and `settle`, `sending` tells the ledger what is about to be sent.
Every verb is one Lua script of the same name; its header says what it guarantees.
Record ids are texts without a NUL, versions whole numbers up to 2^53, payloads bytes of the caller's making.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from redis import Redis

from store.client import server_time_ms
from store.cursors import Cursor
from store.keys import StreamKeys
from store.ledger import NEVER_CONFIRMED, Ledger, bucket_number, field_of
from store.outcomes import (
    Again,
    Filtered,
    Outcome,
    Parent,
    Parked,
    Reason,
    Refused,
    Unchanged,
    Unsent,
    Written,
)
from store.queue_view import QueueView
from store.records import Backlog, Batch, Change, DeadLetter, Lane, Leased, ParkedRecord, Revived, Stored
from store.scripts import clock_argument, script
from store.sealing import PayloadSeal, UnknownKey

#: The queue and all its words, from one door.
__all__ = [
    "BATCH",
    "DEATHS_TOO_MANY",
    "Again",
    "Backlog",
    "Batch",
    "Change",
    "CursorMoved",
    "DeadLetter",
    "Filtered",
    "GenerationOver",
    "Lane",
    "Leased",
    "Outcome",
    "Parent",
    "Parked",
    "ParkedRecord",
    "QueueFull",
    "Reason",
    "RecordQueue",
    "Refused",
    "Revived",
    "Stored",
    "Unchanged",
    "Unsent",
    "Written",
]

T = TypeVar("T")

#: Records per script, and per batch: 500 keep the server busy for about 3 ms, so that nobody else waits longer.
BATCH = 500

#: Holders a record may outlive. A worker that dies takes a whole batch with it, so innocent records collect deaths too.
DEATHS_TOO_MANY = 25

_LANES = {b"l": Lane.LIVE, b"r": Lane.REPLAY}
_CONFIRMED = (Written, Unchanged)
#: Keys of `settle` before those of its records.
_FIXED_KEYS = 17


class GenerationOver(Exception):
    """The workflow was stopped or started meanwhile; this work belongs to an earlier generation."""


class CursorMoved(Exception):
    """Another reader has stored this page; nothing was stored twice."""


class QueueFull(Exception):
    """The backlog is at its high-water mark; reading pauses until writers have drained it."""


class RecordQueue(QueueView):
    def __init__(
        self, redis: Redis, keys: StreamKeys, seal: PayloadSeal | None = None, high_water: int = 100_000
    ) -> None:
        super().__init__(redis, keys, seal, high_water)
        self.ledger = Ledger(redis, keys)
        self._put_page = script(redis, "put_page")
        self._lease = script(redis, "lease")
        self._renew = script(redis, "renew")
        self._sending = script(redis, "sending")
        self._settle = script(redis, "settle")
        self._reap = script(redis, "reap")
        self._unpark = script(redis, "unpark")
        self._revive = script(redis, "revive")
        self._drop = script(redis, "drop")

    def put_page(
        self,
        generation: int,
        cursor_number: int,
        changes: Sequence[Change],
        next_cursor: str,
        lane: Lane = Lane.LIVE,
        now_ms: int | None = None,
        filtered: int = 0,
    ) -> Stored:
        """Stores a page of any length and, in one step with its last part, the cursor that follows it.

        `cursor_number` is the number of the cursor the page was read from; `filtered` says how many more rows the page
        had that the filter kept back. A crash between two parts leaves the cursor where it was: the page is read again
        and the parts that are there already are recognised. A page begun below the high-water mark is stored to its
        end; one without changes is stored above it, too. Raises GenerationOver, CursorMoved, QueueFull.
        """
        now_ms = server_time_ms(self._redis) if now_ms is None else now_ms
        stored = Stored(0, 0, 0)
        parts = list(_parts(changes, BATCH)) or [[]]
        for part in parts:
            first, last = part is parts[0], part is parts[-1]
            high_water = self._high_water if first and part else ""
            cursor, kept_back = (next_cursor, filtered) if last else ("", 0)
            answer = self._put_part(generation, cursor_number, part, cursor, lane, now_ms, high_water, kept_back)
            stored = Stored(*(sum(pair) for pair in zip(stored, answer, strict=True)))
        return stored

    def feed(
        self,
        generation: int,
        changes: Sequence[Change],
        lane: Lane,
        now_ms: int | None = None,
        cursor: Cursor | None = None,
    ) -> Stored:
        """Stores records that were fetched outside reading: as a page, but past the high-water mark.

        The mark must not hold up what a parked record waits for. `cursor`, as it was before they were asked for: they
        are stored only if nothing was read since, and it gets another number with each 500 of them, so that a reader
        that has passed over their deletion, since nobody knew of them, cannot store its page. Raises GenerationOver,
        CursorMoved.
        """
        now_ms = server_time_ms(self._redis) if now_ms is None else now_ms
        stored = Stored(0, 0, 0)
        for past, part in enumerate(_parts(changes, BATCH)):
            number, place = (cursor.number + past, cursor.value) if cursor else ("", "")
            answer = self._put_part(generation, number, part, place, lane, now_ms, "")
            stored = Stored(*(sum(pair) for pair in zip(stored, answer, strict=True)))
        return stored

    def _put_part(
        self,
        generation: int,
        cursor_number: int | str,
        changes: Sequence[Change],
        next_cursor: str,
        lane: Lane,
        now_ms: int,
        high_water: int | str,
        filtered: int = 0,
    ) -> list[int]:
        keys = self.keys
        arguments: list[Any] = [
            now_ms, generation, cursor_number, next_cursor, high_water, lane.value, len(changes) + filtered, filtered
        ]  # fmt: skip
        # Put together here: the script only passes them on, and a record is made once, not twice.
        behind_version = f" {now_ms} {lane.value} ".encode()
        for record_id, version, payload in changes:
            sealed = self._seal.seal(self._owner(record_id), payload)
            arguments += (record_id, b"%d%b%b" % (version, behind_version, sealed))
        code, *numbers = self._put_page(
            keys=[
                keys.workflow.lifecycle, keys.cursor, keys.records, keys.ready, keys.replay, keys.delayed,
                keys.leases, keys.followed, keys.attempts, keys.tried, keys.dead, keys.counters, keys.pulse,
                keys.parked, keys.awaits, keys.by_parent, keys.load,
            ],
            args=arguments,
        )  # fmt: skip
        if code == -1:
            raise GenerationOver(GenerationOver.__doc__)
        if code == -2:
            raise CursorMoved(CursorMoved.__doc__)
        if code == -3:
            raise QueueFull(QueueFull.__doc__)
        return [int(number) for number in numbers]

    def lease(self, generation: int, how_many: int, lease_ms: int, now_ms: int | None = None) -> Batch:
        """The right to at most `how_many` (500) records for `lease_ms`.

        Raises GenerationOver, and UnknownKey if a payload cannot be opened; then all of them wait again.
        """
        keys = self.keys
        code, *answer = self._lease(
            keys=[
                keys.workflow.lifecycle, keys.records, keys.ready, keys.replay, keys.delayed, keys.leases, keys.batches,
                keys.attempts, keys.tried, keys.counters, keys.parked, keys.awaits, keys.by_parent,
                keys.workflow.released,
            ],
            args=[clock_argument(now_ms), generation, min(how_many, BATCH), lease_ms, keys.stream],
        )  # fmt: skip
        if code == -1:
            raise GenerationOver(GenerationOver.__doc__)
        raw_number, raw_ids, records, tries = answer
        number = int(raw_number)
        try:
            return Batch(number, self._opened(raw_ids, records, tries or [None] * len(raw_ids)))
        except UnknownKey:
            # Left to run out, this lease would count as a death of each record, and innocent ones would be set aside.
            self.settle(number, [Unsent(raw_id.decode()) for raw_id in raw_ids], now_ms)
            raise

    def _opened(
        self, raw_ids: Iterable[bytes], records: Iterable[bytes], tries: Iterable[bytes | None]
    ) -> list[Leased]:
        open_payload, prefix, leased = self._seal.open, self.keys.prefix, []
        for raw_id, record, attempts in zip(raw_ids, records, tries, strict=True):
            record_id = raw_id.decode()
            version, queued, lane, payload = record.split(b" ", 3)
            payload = open_payload(prefix + record_id, payload)
            tried, died = map(int, attempts.split()) if attempts else (0, 0)
            leased.append(Leased(record_id, int(version), int(queued), _LANES[lane], payload, tried, died))
        return leased

    def renew(self, generation: int, number: int, lease_ms: int, now_ms: int | None = None) -> bool:
        """More time, from now, for a whole batch. False: its lease has run out, or nothing of it is held any more.

        Raises GenerationOver: then nothing was renewed.
        """
        keys = self.keys
        code = self._renew(
            keys=[keys.workflow.lifecycle, keys.batches],
            args=[clock_argument(now_ms), generation, number, lease_ms],
        )
        if code == -1:
            raise GenerationOver(GenerationOver.__doc__)
        return bool(code)

    def sending(
        self,
        number: int,
        coming: Collection[str],
        leaving: Collection[str] = (),
        changing: Collection[str] = (),
        now_ms: int | None = None,
    ) -> int:
        """Says what is about to be sent of a batch: records that the target is not known to hold, deletions, and
        changes of what it holds.

        From then on, until they are settled, the ledger vouches neither for the presence nor for the absence of the
        first two, and for no values of the others: the answer may be lost that would tell. Answers how many entries of
        the ledger changed; -1 if the batch was not heard, because its lease has run out: then nothing may be sent.
        """
        told = (("c", coming), ("l", leaving), ("u", changing))
        return self._tell(number, [(letter, record_id) for letter, ids in told for record_id in ids], now_ms)

    def not_sent(self, number: int, ids: Collection[str], now_ms: int | None = None) -> int:
        """Takes back what `sending` said of records of a batch that are to come: nothing was sent of them.

        Only of those that the ledger did not know before. Answers how many it does not know any more, -1 as above.
        """
        return self._tell(number, [("n", record_id) for record_id in ids], now_ms)

    def _tell(self, number: int, letters: Sequence[tuple[str, str]], now_ms: int | None) -> int:
        keys, changed = self.keys, 0
        for part in _parts(letters, BATCH):
            ids = [record_id for _, record_id in part]
            fields = [field_of(record_id) for record_id in ids]
            code = self._sending(
                keys=[keys.leases, keys.batches, *(self.ledger.bucket_of(field) for field in fields)],
                args=[
                    clock_argument(now_ms), number, "".join(letter for letter, _ in part), NEVER_CONFIRMED.pack(),
                    *ids, *fields,
                ],
            )  # fmt: skip
            if code == -1:
                return -1
            changed += code
        return changed

    def settle(self, number: int, outcomes: Iterable[Outcome], now_ms: int | None = None) -> set[str]:
        """Says what became of records of a batch. Answers the ids that were not believed.

        Those are ids that the batch does not hold, and all of them once its lease has run out. A record that is to be
        parked while its parent is confirmed already waits in its lane instead, and so does one that changed meanwhile.
        """
        keys, bucket_of = self.keys, self.ledger.bucket_of
        no_bucket = keys.records  # any key of the stream keeps the place
        doubted: set[str] = set()
        for part in _parts(list(outcomes), BATCH):
            letters: list[str] = []
            buckets: list[str] = []
            ids: list[str] = []
            xs: list[Any] = []
            ys: list[Any] = []
            awaited: dict[str, int] = {}  # of the parents' streams: key -> its place among the script's keys
            for outcome in part:
                record_id = outcome.id
                ids.append(record_id)
                if isinstance(outcome, _CONFIRMED):
                    letters.append("w" if isinstance(outcome, Written) else "u")
                    if outcome.entry is None:
                        buckets.append(no_bucket)
                        xs.append("")
                        ys.append("")
                        continue
                    field = field_of(record_id)
                    buckets.append(bucket_of(field))
                    xs.append(field)
                    ys.append(outcome.entry.pack())
                elif isinstance(outcome, Parked):
                    parent = outcome.parent
                    field, theirs = field_of(parent.id), keys.workflow.stream(parent.stream)
                    place = 0
                    if outcome.released:
                        place = awaited.setdefault(theirs.awaited, _FIXED_KEYS + len(part) + len(awaited) + 1)
                    buckets.append(theirs.ledger(bucket_number(field)))
                    letters.append("p")
                    xs.append(field)
                    ys.append(f"{place} {parent.stream} {parent.id}")
                else:
                    letter, x, y = _arguments_of(outcome)
                    buckets.append(no_bucket)
                    letters.append(letter)
                    xs.append(x)
                    ys.append(y)
            answer = self._settle(
                keys=[
                    keys.records, keys.ready, keys.replay, keys.delayed, keys.leases, keys.batches, keys.followed,
                    keys.attempts, keys.tried, keys.dead, keys.counters, keys.pulse, keys.parked, keys.awaits,
                    keys.by_parent, keys.awaited, keys.workflow.released, *buckets, *awaited,
                ],
                args=[clock_argument(now_ms), number, "".join(letters), keys.stream, *ids, *xs, *ys],
            )  # fmt: skip
            doubted.update(raw.decode() for raw in answer)
        return doubted

    def reap(self, now_ms: int | None = None) -> int:
        """Ends batches whose lease has run out; their records, at most 500, wait again. Answers how many."""
        keys = self.keys
        reason = Reason("holders-died", f"{DEATHS_TOO_MANY} workers died or hung while they held this record.")
        ended: int = self._reap(
            keys=[
                keys.records, keys.ready, keys.replay, keys.leases, keys.batches, keys.followed, keys.attempts,
                keys.tried, keys.dead, keys.counters, keys.pulse, keys.following,
            ],
            args=[clock_argument(now_ms), BATCH, DEATHS_TOO_MANY, orjson.dumps(reason)],
        )  # fmt: skip
        return ended

    def unpark(
        self,
        ids: Collection[str],
        reason: Reason | None = None,
        now_ms: int | None = None,
        *,
        parent: Parent | None = None,
    ) -> int:
        """Parked records return to their lane or, with a reason, are set aside. Answers of how many that is true.

        Ids that are not parked any more are passed over, and so are those that wait for another parent by now, where
        one is named. None is set aside whose parent was confirmed meanwhile.
        """
        keys, packed = self.keys, orjson.dumps(reason) if reason else b""
        meant = f"{parent.stream} {parent.id}" if parent else ""
        moved = 0
        for part in _parts(list(dict.fromkeys(ids)), BATCH):
            moved += self._unpark(
                keys=[
                    keys.records, keys.ready, keys.replay, keys.attempts, keys.tried, keys.dead, keys.counters,
                    keys.pulse, keys.parked, keys.awaits, keys.by_parent, keys.workflow.released, keys.returned,
                    keys.following,
                ],
                args=[clock_argument(now_ms), keys.stream, packed, meant, *part],
            )  # fmt: skip
        return moved

    def revive(self, ids: Collection[str], now_ms: int | None = None) -> Revived:
        """Dead letters go back to their lanes, as old as they are; ids that are none are passed over."""
        keys, revived = self.keys, Revived([], [])
        for part in _parts(list(dict.fromkeys(ids)), BATCH):
            became = self._revive(
                keys=[
                    keys.records, keys.ready, keys.replay, keys.tried, keys.dead, keys.returned,
                    keys.answer(secrets.token_hex(8)),
                ],
                args=[clock_argument(now_ms), *part],
            )  # fmt: skip
            told = list(zip(part, became.decode(), strict=True))
            revived.back.extend(record_id for record_id, what in told if what == "b")
            revived.superseded.extend(record_id for record_id, what in told if what == "s")
        return revived

    def drop(self, letters: Mapping[str, int]) -> list[str]:
        """Gives dead letters up: by id, when each was set aside. One that came since then stays. Answers which went."""
        dropped = []
        for part in _parts(list(letters.items()), BATCH):
            became = self._drop(
                keys=[self.keys.dead, self.keys.answer(secrets.token_hex(8))],
                args=["", *(word for letter in part for word in letter)],
            )
            dropped += [record_id for (record_id, _), what in zip(part, became.decode(), strict=True) if what == "d"]
        return dropped

    def rearm(self, ids: Collection[str], now_ms: int) -> None:
        """Parked records begin their wait for the parent anew; the others stay as they are."""
        if ids:
            self._redis.zadd(self.keys.parked, dict.fromkeys(ids, now_ms), xx=True)


def _arguments_of(outcome: Again | Refused | Unsent | Filtered) -> tuple[str, Any, Any]:
    match outcome:
        case Again():
            return "a", outcome.wait_ms, int(outcome.counts)
        case Refused():
            return "d", orjson.dumps(outcome.reason), ""
        case Unsent():
            return "b", "", ""
        case Filtered():
            return "f", "", ""


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
