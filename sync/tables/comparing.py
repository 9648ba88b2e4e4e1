"""Deletions that a dead change token can no longer tell: found by comparing the ledger's keys with Dynamics.

What the ledger holds of a reading before the full read may be gone from Dynamics, which is asked for these few by their
ids; only its answer counts. It begins once all that was read before has left the queue.
"""

from dataclasses import replace

from store.keys import LEDGER_BUCKETS
from store.record_queue import Change, RecordQueue
from sync.streams import DELETED
from sync.tables.position import Position
from sync.tables.table import Table

#: Ledger buckets that are looked at together: at 15 million records about 60,000 entries.
BUCKETS = 256
#: A step goes on until it has so many to ask about, since each question takes Dynamics a while, however few they are;
#: but no further than so many times as far, so that its process is heard of.
ENOUGH, TIMES = 100, 16
#: Later than any record was parked; ms since 1970.
NEVER = 1 << 52
#: The ledger knows seconds, and takes what a replay writes for as young as the replay: rather ask about too many.
COARSE_MS = 2000


def compare_keys(table: Table, queue: RecordQueue, position: Position, timeout: float) -> tuple[list[Change], Position]:
    """One step: deletions to queue, and the position behind it. `timeout`, in seconds, is for each question."""
    comparison = position.comparison
    assert comparison is not None
    if not table.wants_deletions:
        return [], replace(position, comparison=None)
    suspects: list[str] = []
    behind, end = comparison.bucket, min(comparison.bucket + TIMES * BUCKETS, LEDGER_BUCKETS)
    while behind < end and len(suspects) < ENOUGH:
        suspects += [
            record_id
            for record_id, entry in queue.ledger.scan(behind, BUCKETS)
            if entry.perhaps_present and entry.read_at * 1000 < comparison.since_ms + COARSE_MS
        ]
        behind += BUCKETS
    waiting = queue.waiting(suspects)
    asked = [record_id for record_id in suspects if record_id not in waiting]
    if comparison.bucket == 0:
        # Those that are parked or set aside may have been read long before, and are in no ledger.
        parked = [record.id for record in queue.parked(before_ms=NEVER, limit=queue.total())]
        asked = list(dict.fromkeys([*asked, *parked, *queue.dead_ids()]))
    there = table.existing(asked, lambda: timeout)
    gone = [record_id for record_id in asked if record_id not in there]
    changes = [Change(record_id, position.recovered_version, DELETED) for record_id in gone]
    if behind >= LEDGER_BUCKETS:
        return changes, replace(position, comparison=None)
    found = comparison.found + len(gone)
    return changes, replace(position, comparison=replace(comparison, bucket=behind, found=found))
