"""What is remembered of consent is sealed anew with the first payload key, so that an older one can go some day.

What waits on the queue leaves it; a memory stays for as long as the workflow is used, under the key that was the first
when it was written. So all memories are walked through, bucket by bucket, a slice at a time, and with them the open
decisions. A walk that has met anything else than the first key is followed by another one at once: a process that was
not started again yet may have written behind it. Closed decisions stay as they are, since an entry of a stream never
changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from redis import Redis

from store.client import text
from store.consent import memory_of, memory_owner
from store.decisions import Unreadable, resealed
from store.keys import LEDGER_BUCKETS, WorkflowKeys
from store.ledger import id_of
from store.scripts import script
from store.sealing import NoSeal, PayloadSeal, UnknownKey

#: Buckets, and about how many memories, that one slice looks at.
BUCKETS, MEMORIES = 8192, 10_000
#: Buckets that are asked for together.
_TOGETHER = 64
#: How long after a walk that met the first key alone there is another one. Milliseconds.
REST_MS = 86_400_000


class Resealing(NamedTuple):
    """How far the walk under the first key has come."""

    share: float  #: of the memories that the present walk has looked at, from 0 to 1
    closed: int  #: met in it or in the one before, and sealed with a key that is not listed, or damaged
    whole_ms: int | None  #: when a whole walk ended that met nothing but the first key; ms since 1970; None: none yet


class Resealer:
    def __init__(self, redis: Redis, keys: WorkflowKeys, seal: PayloadSeal | None = None) -> None:
        self._redis = redis
        self._keys = keys
        self._seal = seal or NoSeal()
        self._reseal = script(redis, "reseal")

    def go_on(self, now_ms: int, buckets: int = BUCKETS, memories: int = MEMORIES) -> int:
        """The next slice of the walk: at most `buckets`, and no more of them once `memories` were looked at. Answers
        how many were sealed anew. Without keys, and while the walk rests, there is nothing to do.

        Two of them at once do no harm.
        """
        if not self._seal.mark:
            return 0
        state = self._state()
        bucket, closed, changed = state.get("bucket", 0), state.get("closed", 0), 0
        if bucket == 0 and "whole_ms" in state and now_ms - state["whole_ms"] < REST_MS:
            return 0
        last, looked_at = min(bucket + buckets, LEDGER_BUCKETS), 0
        if bucket == 0:
            changed, closed = self._decisions()
        while bucket < last and looked_at < memories:
            some = range(bucket, min(bucket + _TOGETHER, last))
            for key, found in zip(map(self._keys.memories, some), self._buckets(some), strict=True):
                looked_at += len(found)
                done, shut = self._memories(key, found)
                changed, closed = changed + done, closed + shut
            bucket = some[-1] + 1
        self._note(state, bucket, state.get("changed", 0) + changed, closed, now_ms)
        return changed

    def progress(self) -> Resealing | None:
        """None: nothing was looked at under the first key, or there is none."""
        state = self._state() if self._seal.mark else {}
        if not state:
            return None
        closed = max(state.get("closed", 0), state.get("closed_before", 0))
        return Resealing(state.get("bucket", 0) / LEDGER_BUCKETS, closed, state.get("whole_ms"))

    def _state(self) -> dict[str, int]:
        """Of the walk under the first key; empty if the last one was under another."""
        kept = {text(name): value for name, value in self._redis.hgetall(self._keys.resealing).items()}
        if text(kept.pop("key", b"")) != self._seal.mark.hex():
            return {}
        return {name: int(value) for name, value in kept.items()}

    def _note(self, before: Mapping[str, int], bucket: int, changed: int, closed: int, now_ms: int) -> None:
        state = {"bucket": bucket, "changed": changed, "closed": closed}
        if "closed_before" in before:
            state["closed_before"] = before["closed_before"]
        if "whole_ms" in before and not changed and not closed:
            state["whole_ms"] = before["whole_ms"]
        if bucket == LEDGER_BUCKETS:
            state = {"bucket": 0, "closed_before": closed}
            if not changed and not closed:
                state["whole_ms"] = now_ms
        pipeline = self._redis.pipeline()
        pipeline.delete(self._keys.resealing)
        pipeline.hset(self._keys.resealing, "key", self._seal.mark.hex(), mapping=cast(Any, state))
        pipeline.execute()

    def _buckets(self, some: Sequence[int]) -> list[dict[bytes, bytes]]:
        pipeline = self._redis.pipeline(transaction=False)
        for number in some:
            pipeline.hgetall(self._keys.memories(number))
        return cast(list[dict[bytes, bytes]], pipeline.execute())

    def _memories(self, key: str, found: Mapping[bytes, bytes]) -> tuple[int, int]:
        """How many were sealed anew, and how many could not be opened."""
        anew: list[bytes] = []
        closed = 0
        for field, value in found.items():
            memory = memory_of(value)
            if memory.startswith(self._seal.mark):
                continue
            owner = memory_owner(self._keys.prefix, id_of(field))
            try:
                sealed = self._seal.seal(owner, self._seal.open(owner, memory))
            except UnknownKey:
                closed += 1
            else:
                anew += field, value, value[: len(value) - len(memory)] + sealed
        return self._changed(key, anew), closed

    def _decisions(self) -> tuple[int, int]:
        """The same of open decisions."""
        anew: list[bytes] = []
        closed = 0
        for number, packed in self._redis.hscan_iter(self._keys.open_decisions, count=500):
            try:
                sealed = resealed(packed, self._keys.prefix, self._seal)
            except (UnknownKey, Unreadable):
                closed += 1
            else:
                anew += (number, packed, sealed) if sealed is not None else ()
        return self._changed(self._keys.open_decisions, anew), closed

    def _changed(self, key: str, anew: Iterable[bytes]) -> int:
        """One that another writer has changed meanwhile counts, too: it is looked at again."""
        args: list[bytes] = [b"", *anew]
        if len(args) > 1:
            self._reseal(keys=[key], args=cast(Any, args))
        return len(args) // 3
