"""What became of records lately, for who asks what happened to one last night: its id, the outcome and the time.

The last 100,000 outcomes of a stream are kept, in 17 bytes each. No value, reason or version is among them. A crash may
cut off the last ones: nothing depends on them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from redis import Redis

from store.keys import StreamKeys
from store.ledger import GUID_BYTES, Standing, field_of
from store.outcomes import Again, Filtered, Outcome, Parked, Refused, Unchanged, Written
from store.scripts import clock_argument, script

#: Outcomes of a stream.
KEPT = 100_000

_WIDTH = GUID_BYTES + 1
#: Parts of the log that are looked through at once.
_AT_ONCE = 200


class Ending(StrEnum):
    WRITTEN = "w"
    DELETED = "x"  # in the target
    UNCHANGED = "u"
    FILTERED = "f"
    PARKED = "p"
    AGAIN = "a"  # an attempt failed, or it was too early
    REFUSED = "d"  # set aside


@dataclass(frozen=True, slots=True)
class Past:
    at_ms: int
    ending: Ending


class OutcomeLog:
    def __init__(self, redis: Redis, keys: StreamKeys, kept: int = KEPT) -> None:
        self._redis = redis
        self._keys = keys
        self._kept = kept
        self._remember = script(redis, "remember")

    def note(self, outcomes: Iterable[Outcome], doubted: Collection[str] = (), now_ms: int | None = None) -> None:
        """These were settled just now, but for those that were not believed. One step a batch of up to 500."""
        packed = b"".join(
            field + ending.encode()
            for outcome in outcomes
            if outcome.id not in doubted
            and (ending := _ending(outcome))
            # All ids are guids but those of what cannot be read.
            and len(field := field_of(outcome.id)) == GUID_BYTES
        )
        if packed:
            self._remember(
                keys=[self._keys.outcomes, self._keys.remembered],
                args=[clock_argument(now_ms), self._kept, packed],
            )

    def of(self, record_id: str, limit: int = 20) -> list[Past]:
        """What became of one record, the newest first, as far as that is kept."""
        wanted, found, end = field_of(record_id), list[Past](), -1
        if len(wanted) != GUID_BYTES:
            return []
        while len(found) < limit:
            raw = cast(list[bytes], self._redis.lrange(self._keys.outcomes, end - _AT_ONCE + 1, end))
            for part in reversed(raw):
                at, _, packed = part.partition(b" ")
                found += [Past(int(at), ending) for ending in reversed(_among(packed, wanted))]
            if len(raw) < _AT_ONCE:
                break
            end -= _AT_ONCE
        return found[:limit]


def _among(packed: bytes, wanted: bytes) -> list[Ending]:
    endings, start = [], 0
    while (start := packed.find(wanted, start)) >= 0:
        if start % _WIDTH == 0:
            endings.append(Ending(chr(packed[start + GUID_BYTES])))
        start += 1
    return endings


def _ending(outcome: Outcome) -> Ending | None:
    match outcome:
        case Written():
            gone = outcome.entry is not None and outcome.entry.standing is Standing.DELETED
            return Ending.DELETED if gone else Ending.WRITTEN
        case Unchanged():
            return Ending.UNCHANGED
        case Filtered():
            return Ending.FILTERED
        case Parked():
            return Ending.PARKED
        case Again():
            return Ending.AGAIN
        case Refused():
            return Ending.REFUSED
    return None  # given back untouched
