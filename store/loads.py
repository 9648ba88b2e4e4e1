"""Loads: records that wait in a file for Campaign's import, one file of a stream at a time.

    lease -> draft -> commit_load -> the import -> settle, batch by batch -> forget_load

From its commit on a load holds its batches, not the process that made it: whoever works for the stream looks after it,
in any generation, until its end is known. What the ledger will say of each record is kept with the load, since a newer
version may take the record's place on the queue meanwhile.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import orjson
from redis import Redis

from store.client import server_time_ms, text
from store.keys import StreamKeys
from store.ledger import Entry
from store.record_queue import GenerationOver
from store.records import NEVER_MS, Lane
from store.scripts import clock_argument, script

#: What was drafted of a load that was never committed is dropped after so long. Milliseconds.
DRAFT_MS = 3_600_000

_HEAD = struct.Struct(">BQHH")
_LIVE, _REPEATED = 1, 2
#: Fields of a load that tell how it gets on, each a number; 0 where nothing was noted.
_TIMES = (
    "committed_ms", "placed_ms", "triggered_ms", "retry_ms", "taken_ms", "asked_ms", "stopped_ms", "settling_ms",
    "ended_ms",
)  # fmt: skip


class LoadedRecord(NamedTuple):
    """A record in an import file."""

    id: str
    entry: Entry  #: what the ledger says once Campaign is known to hold it
    queued_ms: int  #: when it began to wait
    lane: Lane
    repeated: bool  #: whether it is replayed


@dataclass(frozen=True, slots=True)
class Load:
    """All times are ms since 1970 by the server's clock, 0 for what has not happened."""

    name: str  #: of its file, without the ending
    count: int  #: records
    batches: tuple[int, ...]  #: their numbers
    facts: dict[str, Any]  #: how and where it is imported, as it was at the time
    committed_ms: int
    placed_ms: int = 0  #: its file has come into place
    triggered_ms: int = 0  #: Campaign's workflow was last told of it
    retry_ms: int = 0  #: before this it is not told again
    taken_ms: int = 0  #: the file was found to be taken by Campaign
    asked_ms: int = 0  #: Campaign was last asked how the workflow stands
    stopped_ms: int = 0  #: since when the workflow was found stopped
    settling_ms: int = 0  #: since when the results have been as `seen` says
    ended_ms: int = 0  #: all its records are settled
    seen: str = ""  #: sizes and times of the results
    state: str = ""  #: how the workflow stood when Campaign was last asked

    @property
    def is_hidden(self) -> bool:
        """Whether its file is not known to have come to where Campaign takes it: a start gives it up then."""
        return not (self.placed_ms or self.triggered_ms or self.taken_ms or self.seen or self.ended_ms)


class Off(NamedTuple):
    """Why no load is begun any more in a generation."""

    sentence: str
    at_ms: int


class Loads:
    def __init__(self, redis: Redis, keys: StreamKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._commit_load = script(redis, "commit_load")
        self._note_load = script(redis, "note_load")
        self._forget_load = script(redis, "forget_load")

    def draft(self, name: str, batch: int, records: Sequence[LoadedRecord]) -> None:
        """Keeps what is in a file of records that are still leased; nothing comes of it before the commit."""
        key, pipeline = self._keys.load_draft(name), self._redis.pipeline()
        pipeline.hset(key, f"batch:{batch}", pack(records))
        pipeline.pexpire(key, DRAFT_MS)
        pipeline.execute()

    def drop_draft(self, name: str) -> None:
        self._redis.delete(self._keys.load_draft(name))

    def commit(
        self, generation: int, name: str, batches: Mapping[int, int], facts: dict[str, Any], now_ms: int | None = None
    ) -> bool:
        """Leaves leased batches to the load: by number, how many records of each were drafted, which must be all that
        it still holds. False: nothing has changed, since a lease has run out, a draft is not whole, or another load is
        there. Raises GenerationOver, and what Redis fails with; then it may have happened."""
        keys, count = self._keys, sum(batches.values())
        known = orjson.dumps({"batches": list(batches), "facts": facts})
        code = self._commit_load(
            keys=[keys.workflow.lifecycle, keys.batches, keys.load, keys.load_draft(name), keys.leases],
            args=[
                clock_argument(now_ms), generation, NEVER_MS, name, known, count,
                *(word for batch in batches.items() for word in batch),
            ],
        )  # fmt: skip
        if code == -1:
            raise GenerationOver(GenerationOver.__doc__)
        return bool(code == 1)

    def read(self) -> Load | None:
        """The load that is under way; None if none is."""
        raw = self._redis.hmget(self._keys.load, ["name", "known", "count", "seen", "state", *_TIMES])
        name, known, count, seen, state, *times = cast(list[bytes | None], raw)
        if name is None or known is None or count is None:
            return None
        told = orjson.loads(known)
        noted = {field: int(value or 0) for field, value in zip(_TIMES, times, strict=True)}
        return Load(
            text(name), int(count), tuple(told["batches"]), told["facts"], seen=text(seen or b""),
            state=text(state or b""), **noted,
        )  # fmt: skip

    def again(self, load: Load) -> Load | None:
        """The same one, as it is by now; None if it is over, whatever came after it."""
        now = self.read()
        return now if now is not None and now.name == load.name else None

    def records(self, load: Load, batch: int) -> list[LoadedRecord]:
        """What is in the file of one batch; nothing if the load is over."""
        packed = self._redis.hget(self._keys.load, f"batch:{batch}")
        return unpack(packed) if isinstance(packed, bytes) else []

    def holds(self, batch: int) -> bool:
        """Whether records of the batch are still to be settled."""
        return self._redis.zscore(self._keys.batches, str(batch)) is not None

    def held(self, batch: int) -> list[str]:
        """Ids of the records of a batch that are still to be settled, whatever the load knows of them."""
        return [text(raw) for raw in self._redis.zrangebyscore(self._keys.leases, batch, batch)]

    def note(self, load: Load, **found: int | str) -> bool:
        """Keeps what was found out: fields of `Load`. False: the load is over."""
        words = [word for item in found.items() for word in item]
        return bool(self._note_load(keys=[self._keys.load], args=["", load.name, *words]))

    def forget(self, load: Load) -> bool:
        """The load is over. False: it was so already, or records of it are still to be settled."""
        keys = [self._keys.load, self._keys.batches]
        return bool(self._forget_load(keys=keys, args=["", load.name, *load.batches]))

    # What outlives a load.

    def note_trigger(self, at_ms: int) -> None:
        """Campaign's workflow was signalled."""
        self._redis.hset(self._keys.load_notes, "triggered_ms", at_ms)

    def triggered_ms(self) -> int:
        """When the workflow was last signalled; 0: never."""
        return self._number("triggered_ms")

    def note_tidied(self, at_ms: int) -> None:
        """What was left of loads that nobody knows was looked for then."""
        self._redis.hset(self._keys.load_notes, "tidied_ms", at_ms)

    def tidied_ms(self) -> int:
        """0: never."""
        return self._number("tidied_ms")

    def wait_until(self, at_ms: int) -> None:
        """Before this no load is begun."""
        self._redis.hset(self._keys.load_notes, "later_ms", at_ms)

    def later_ms(self) -> int:
        return self._number("later_ms")

    def switch_off(self, generation: int, sentence: str) -> None:
        """No load is begun any more in this generation."""
        off = {"generation": generation, "sentence": sentence, "at_ms": server_time_ms(self._redis)}
        self._redis.hset(self._keys.load_notes, "off", orjson.dumps(off))

    def off(self, generation: int) -> Off | None:
        """None: loads may be begun in this generation."""
        packed = self._redis.hget(self._keys.load_notes, "off")
        told = orjson.loads(packed) if packed else {}
        return Off(told["sentence"], told["at_ms"]) if told.get("generation") == generation else None

    def _number(self, field: str) -> int:
        return int(self._redis.hget(self._keys.load_notes, field) or 0)


def pack(records: Sequence[LoadedRecord]) -> bytes:
    parts: list[bytes] = []
    for record_id, entry, queued_ms, lane, repeated in records:
        raw_id, packed = record_id.encode(), entry.pack()
        flags = (_LIVE if lane is Lane.LIVE else 0) | (_REPEATED if repeated else 0)
        parts += (_HEAD.pack(flags, queued_ms, len(raw_id), len(packed)), raw_id, packed)
    return b"".join(parts)


def unpack(packed: bytes) -> list[LoadedRecord]:
    found, at = [], 0
    while at < len(packed):
        flags, queued_ms, id_bytes, entry_bytes = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        record_id = packed[at : at + id_bytes].decode()
        at += id_bytes
        entry = Entry.unpack(packed[at : at + entry_bytes])
        at += entry_bytes
        lane = Lane.LIVE if flags & _LIVE else Lane.REPLAY
        found.append(LoadedRecord(record_id, entry, queued_ms, lane, bool(flags & _REPEATED)))
    return found
