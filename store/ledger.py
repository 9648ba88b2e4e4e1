"""The ledger: what was last confirmed for each record, compact enough for tens of millions.

An entry makes an unchanged update free, an update one call, an older version recognisable. It is written by `settle`,
in the same step that takes the record off the queue. Records are spread over buckets, small hashes that the server
stores as one flat block each: about 50 bytes a record.
"""

import re
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple
from zlib import crc32

from redis import Redis

from store.keys import LEDGER_BUCKETS, StreamKeys
from store.scripts import script

_GUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
GUID_BYTES = 16
_HEAD = struct.Struct(">BQI")

#: Buckets that one command forgets; a divisor of LEDGER_BUCKETS.
_BUCKETS_AT_ONCE = 1024
#: Records that one command disbelieves.
_RECORDS_AT_ONCE = 500


class Standing(IntEnum):
    """What the target holds of a record, as far as we have confirmed it."""

    PRESENT = 1  # `settle` tells by this number that children may follow
    DELETED = 2  # kept as a tombstone, so that an old copy cannot bring the record back
    # `sending` sets these two. They last for as long as an answer is missing, whatever becomes of the record meanwhile.
    LEAVING = 3  # it was present, and its deletion was sent
    COMING = 4  # it was not, and it was sent


class Entry(NamedTuple):
    standing: Standing
    version: int
    read_at: int  #: when what was confirmed had been read, seconds since 1970
    fingerprint: bytes  #: 8 or 16 bytes of what was mapped, zeros for a deletion

    def pack(self) -> bytes:
        return _HEAD.pack(self.standing, self.version, self.read_at) + self.fingerprint

    @property
    def perhaps_present(self) -> bool:
        """Whether the target may hold it: all that is certain is that it does not hold one that was deleted."""
        return self.standing is not Standing.DELETED

    @property
    def was_confirmed(self) -> bool:
        """Whether anything ever was; otherwise it was only sent."""
        return self.read_at > 0

    @classmethod
    def unpack(cls, packed: bytes) -> "Entry":
        standing, version, read_at = _HEAD.unpack_from(packed)
        return cls(Standing(standing), version, read_at, packed[_HEAD.size :])


def field_of(record_id: str) -> bytes:
    """The record's name inside its bucket: 16 bytes for a GUID, the text itself for anything else.

    A text that happens to have 16 bytes gets a NUL behind it, so that it is not taken for a GUID.
    """
    if _GUID.fullmatch(record_id):
        return bytes.fromhex(record_id.replace("-", ""))
    field = record_id.encode()
    return field + b"\0" if len(field) == GUID_BYTES else field


def id_of(field: bytes) -> str:
    """The record that a field of a bucket belongs to: the way back from `field_of`."""
    if len(field) == GUID_BYTES:
        digits = field.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return field.removesuffix(b"\0").decode()


def bucket_number(field: bytes) -> int:
    return crc32(field) % LEDGER_BUCKETS


#: The entry of a record of which nothing was ever confirmed, before it is sent.
NEVER_CONFIRMED = Entry(Standing.COMING, 0, 0, bytes(8))


class Ledger:
    def __init__(self, redis: Redis, keys: StreamKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._disbelieve = script(redis, "disbelieve")
        self._forget_ledger = script(redis, "forget_ledger")

    def bucket_of(self, field: bytes) -> str:
        return self._keys.ledger(bucket_number(field))

    def entries(self, record_ids: Sequence[str]) -> list[Entry | None]:
        """The entry of each record in the order given, None where nothing was ever confirmed."""
        pipeline = self._redis.pipeline(transaction=False)
        for record_id in record_ids:
            field = field_of(record_id)
            pipeline.hget(self.bucket_of(field), field)
        return [Entry.unpack(packed) if packed else None for packed in pipeline.execute()]

    def present(self, record_ids: Sequence[str]) -> set[str]:
        """Those of the records that the target is known to hold."""
        return {
            record_id
            for record_id, entry in zip(record_ids, self.entries(record_ids), strict=True)
            if entry is not None and entry.standing is Standing.PRESENT
        }

    def perhaps_present(self, record_ids: Sequence[str]) -> set[str]:
        """Those that the target is known to hold, or may hold: they were sent, and that was never confirmed."""
        return {
            record_id
            for record_id, entry in zip(record_ids, self.entries(record_ids), strict=True)
            if entry is not None and entry.perhaps_present
        }

    def scan(self, first_bucket: int, buckets: int) -> list[tuple[str, Entry]]:
        """Everything in `buckets` buckets from number `first_bucket` on, in no particular order.

        There are LEDGER_BUCKETS of them, numbered from 0; whoever has walked through all has seen every record.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for bucket in range(first_bucket, min(first_bucket + buckets, LEDGER_BUCKETS)):
            pipeline.hgetall(self._keys.ledger(bucket))
        return [(id_of(field), Entry.unpack(packed)) for found in pipeline.execute() for field, packed in found.items()]

    def disbelieve(self, record_ids: Sequence[str]) -> None:
        """What was confirmed of these is not what the target holds now: the next version is written, changed or not."""
        for start in range(0, len(record_ids), _RECORDS_AT_ONCE):
            fields = [field_of(record_id) for record_id in record_ids[start : start + _RECORDS_AT_ONCE]]
            self._disbelieve(keys=[self.bucket_of(field) for field in fields], args=["", *fields])

    def forget(self, generation: int, cursor_number: int) -> None:
        """Everything: what was confirmed says nothing about another target.

        Once the generation is over, or the cursor is no longer the one of this number, nothing more is forgotten: what
        is there then may be of the new target. `put_page` says so to whoever goes on with that cursor.
        """
        keys = self._keys
        for first in range(0, LEDGER_BUCKETS, _BUCKETS_AT_ONCE):
            buckets = (keys.ledger(bucket) for bucket in range(first, first + _BUCKETS_AT_ONCE))
            answer = self._forget_ledger(
                keys=[keys.workflow.lifecycle, keys.cursor, *buckets], args=["", generation, cursor_number]
            )
            if answer < 0:
                return
