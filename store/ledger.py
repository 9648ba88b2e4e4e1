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

_GUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ENTRY = struct.Struct(">BQI8s")


class Standing(IntEnum):
    """What the target holds of a record, as far as we have confirmed it."""

    PRESENT = 1
    DELETED = 2  # kept as a tombstone, so that an old copy cannot bring the record back


class Entry(NamedTuple):
    standing: Standing
    version: int
    confirmed_at: int  #: seconds since 1970
    fingerprint: bytes  #: 8 bytes of the mapped payload, zeros for a deletion

    def pack(self) -> bytes:
        return _ENTRY.pack(self.standing, self.version, self.confirmed_at, self.fingerprint)

    @classmethod
    def unpack(cls, packed: bytes) -> "Entry":
        standing, version, confirmed_at, fingerprint = _ENTRY.unpack(packed)
        return cls(Standing(standing), version, confirmed_at, fingerprint)


def field_of(record_id: str) -> bytes:
    """The record's name inside its bucket: 16 bytes for a GUID, the text itself for anything else."""
    if _GUID.fullmatch(record_id):
        return bytes.fromhex(record_id.replace("-", ""))
    return record_id.encode()


class Ledger:
    def __init__(self, redis: Redis, keys: StreamKeys) -> None:
        self._redis = redis
        self._keys = keys

    def bucket_of(self, field: bytes) -> str:
        return self._keys.ledger(crc32(field) % LEDGER_BUCKETS)

    def entries(self, record_ids: Sequence[str]) -> list[Entry | None]:
        """The entry of each record in the order given, None where nothing was ever confirmed."""
        pipeline = self._redis.pipeline(transaction=False)
        for record_id in record_ids:
            field = field_of(record_id)
            pipeline.hget(self.bucket_of(field), field)
        return [Entry.unpack(packed) if packed else None for packed in pipeline.execute()]
