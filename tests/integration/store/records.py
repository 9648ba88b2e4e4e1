"""Made-up records, and a writer to whom everything succeeds."""

import uuid

from store.ledger import Entry, Standing
from store.record_queue import Batch, Change, RecordQueue, Written


def record_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def changes(count: int, version: int = 1, payload: bytes = b"{}") -> list[Change]:
    return [Change(record_id(number), version, payload) for number in range(count)]


def entry(version: int) -> Entry:
    return Entry(Standing.PRESENT, version, 1_700_000_000, version.to_bytes(8))


def confirm(queue: RecordQueue, batch: Batch, now_ms: int | None = None) -> set[str]:
    """All of the batch was written. Answers the ids that were not believed."""
    return queue.settle(batch.number, [Written(record.id, entry(record.version)) for record in batch.records], now_ms)
