"""What became of records lately, for who asks what happened to one last night: its id, what was done to it or why
nothing was, and the time. Who dropped a dead letter or retried it stands in the history, under the same time.

The last 100,000 outcomes of a stream are kept, in 20 bytes each. No value, sentence or version is among them. A crash
may cut off the last ones: nothing depends on them.
"""

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from redis import Redis

from store.keys import StreamKeys
from store.ledger import GUID_BYTES, Standing, field_of
from store.outcomes import Again, Filtered, Outcome, Parked, Refused, Unchanged, Written
from store.records import SetAside
from store.scripts import clock_argument, script

#: Outcomes of a stream.
KEPT = 100_000

#: Its outcome, the place of its cause among CAUSES, attempts, and the status of the HTTP answer, see `_packed`. One
#: byte more, and the parts of busy streams are of a size for which Redis takes a fifth more memory.
_TAIL = struct.Struct("cBBB")
#: The first so many of each hundred statuses are told apart.
_STATUSES = 40
_WIDTH = GUID_BYTES + _TAIL.size
#: Parts of the log that are looked through at once.
_AT_ONCE = 200
#: Outcomes of one part at most.
_PART = 500

#: Classes of errors, as `Reason.kind` has them; one that is not among them is kept as the last. Their places are kept.
CAUSES = (
    "", "unreachable", "throttled", "unavailable", "cooling-down", "malformed", "refused", "not-found",
    "already-exists", "conflict", "changed", "link-missing", "related-missing", "schema-refused", "unmappable",
    "parent-missing", "parent-filtered-out", "parent-refused", "parent-unmapped", "parent-circle", "another",
)  # fmt: skip
_CODES = {cause: code for code, cause in enumerate(CAUSES)}


class Ending(StrEnum):
    CREATED = "c"  # in the target
    UPDATED = "w"
    DELETED = "x"
    UNCHANGED = "u"
    FILTERED = "f"
    PARKED = "p"
    AGAIN = "a"  # an attempt failed, or it was too early
    REFUSED = "d"  # set aside
    RETRIED = "r"  # by people: it waits again
    DROPPED = "g"  # by people: it was given up


@dataclass(frozen=True, slots=True)
class Past:
    at_ms: int
    ending: Ending
    cause: str = ""  #: of one that failed: a class of errors, one of CAUSES
    attempts: int = 0  #: those that counted, this one with them; 0: none was made
    status: int = 0  #: of the HTTP answer to one that failed; 0: not known


class OutcomeLog:
    def __init__(self, redis: Redis, keys: StreamKeys, kept: int = KEPT) -> None:
        self._redis = redis
        self._keys = keys
        self._kept = kept
        self._remember = script(redis, "remember")

    def note(
        self,
        outcomes: Iterable[Outcome],
        doubted: Collection[str] = (),
        tried: Mapping[str, int] | None = None,
        now_ms: int | None = None,
    ) -> None:
        """These were settled just now, but for those that were not believed. One step a batch of up to 500.

        `tried`: attempts that had failed before, by id; none of those that are not there.
        """
        before = tried or {}
        self._add(
            b"".join(
                field + tail
                for outcome in outcomes
                if outcome.id not in doubted
                and (tail := _tail(outcome, before))
                # All ids are guids but those of what cannot be read.
                and len(field := field_of(outcome.id)) == GUID_BYTES
            ),
            now_ms,
        )

    def note_set_aside(self, letters: Iterable[SetAside]) -> None:
        """These waited for something that does not come, and have just become dead letters."""
        known = list(letters)
        refused = [Refused(letter.id, letter.reason) for letter in known]
        self.note(refused, tried={letter.id: letter.attempts - 1 for letter in known})

    def note_deed(self, ending: Ending, record_ids: Iterable[str], now_ms: int) -> None:
        """People have retried or dropped these; `now_ms`: as the history has it."""
        tail = _TAIL.pack(ending.encode(), 0, 0, 0)
        fields = [field for record_id in record_ids if len(field := field_of(record_id)) == GUID_BYTES]
        for start in range(0, len(fields), _PART):
            self._add(b"".join(field + tail for field in fields[start : start + _PART]), now_ms)

    def _add(self, packed: bytes, now_ms: int | None) -> None:
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
                found += reversed(_among(packed, wanted, int(at)))
            if len(raw) < _AT_ONCE:
                break
            end -= _AT_ONCE
        return found[:limit]


def _among(packed: bytes, wanted: bytes, at_ms: int) -> list[Past]:
    found, start = [], 0
    while (start := packed.find(wanted, start)) >= 0:
        if start % _WIDTH == 0:
            ending, cause, attempts, status = _TAIL.unpack_from(packed, start + GUID_BYTES)
            found.append(Past(at_ms, Ending(ending.decode()), CAUSES[cause], attempts, _unpacked(status)))
        start += 1
    return found


def _tail(outcome: Outcome, tried: Mapping[str, int]) -> bytes | None:
    if type(outcome) is Unchanged:
        return _UNCHANGED
    attempts = min(tried.get(outcome.id, 0), 254) + 1 if tried else 1
    if type(outcome) is Written:
        entry = outcome.entry
        gone = entry is not None and entry.standing is _GONE
        ending = b"x" if gone else b"c" if outcome.inserted else b"w"
        return _FIRST[ending] if attempts == 1 else _TAIL.pack(ending, 0, attempts, 0)
    match outcome:
        case Filtered():
            return _FILTERED
        case Parked():
            return _PARKED
        case Again():
            # A system that was away is no attempt of the record's.
            return _failed(b"a", outcome.cause, attempts if outcome.counts else attempts - 1, outcome.status)
        case Refused():
            return _failed(b"d", outcome.reason.kind, attempts, outcome.status)
    return None  # given back untouched


def _failed(ending: bytes, cause: str, attempts: int, status: int) -> bytes:
    return _TAIL.pack(ending, _CODES.get(cause, len(CAUSES) - 1), attempts, _packed(status))


def _packed(status: int) -> int:
    hundreds, rest = divmod(status, 100)
    return hundreds * _STATUSES + rest if rest < _STATUSES and hundreds <= 5 else 0


def _unpacked(code: int) -> int:
    hundreds, rest = divmod(code, _STATUSES)
    return hundreds * 100 + rest


_GONE = Standing.DELETED
# Nearly all are among these.
_FIRST = {ending: _TAIL.pack(ending, 0, 1, 0) for ending in (b"c", b"w", b"x")}
_UNCHANGED, _FILTERED, _PARKED = (_TAIL.pack(ending, 0, 0, 0) for ending in (b"u", b"f", b"p"))
