"""What the ledger knows, as a test wants it."""

from redis import Redis

from store.ledger import field_of
from store.record_queue import RecordQueue


def written_ahead(redis: Redis, queue: RecordQueue, record_id: str) -> None:
    """The record was confirmed in a version that is newer than anything reading has seen."""
    [entry] = queue.ledger.entries([record_id])
    assert entry is not None
    field = field_of(record_id)
    redis.hset(queue.ledger.bucket_of(field), field, entry._replace(version=entry.version + 1000).pack())
