"""Deletions that a dead change token can no longer tell: found by comparing the ledger's keys with Dynamics.

What the ledger holds of a reading before the full read may be gone from Dynamics, which is asked for these few by their
ids; only its answer counts. It begins once all that was read before has left the queue.
"""

from collections.abc import Callable
from dataclasses import replace

from connectors.errors import TryAgain
from store.keys import LEDGER_BUCKETS
from store.record_queue import Change, RecordQueue
from sync.streams import DELETED
from sync.tables.position import Comparison, Position
from sync.tables.table import Table

#: Ledger buckets that are looked at together: at 15 million records about 60,000 entries.
BUCKETS = 256
#: Ids of one question. A step goes on until it has so many to ask about, since each question takes Dynamics a while,
#: however few they are; but no further than so many times as far, so that its process is heard of.
ENOUGH, TIMES = 100, 16
#: Ids that a step asks about at most: all that it finds gone goes onto the queue at once, as a page of rows does.
AT_MOST = 5000
#: The ledger knows seconds, and takes what a replay writes for as young as the replay: rather ask about too many.
COARSE_MS = 2000


def kept_aside(queue: RecordQueue, position: Position) -> set[str]:
    """Those that are parked or set aside: they may have been read long before, and are in no ledger. The first step
    asks about them. To be looked at before it is seen that nothing older waits: one that waits by then is seen."""
    if position.comparison is None or not position.compares_keys or position.comparison.bucket > 0:
        return set()
    return {*queue.parked_ids(), *queue.dead_ids()}


def compare_keys(
    table: Table,
    queue: RecordQueue,
    position: Position,
    aside: set[str],
    timeout: float,
    is_over: Callable[[], bool],
) -> tuple[list[Change], Position]:
    """One step: deletions to queue, and the position behind it. `aside`: see `kept_aside`.

    `timeout`, in seconds, is for each question; once `is_over`, no further one is asked. Raises TryAgain if the first
    question fails. If another one does, the step ends before it.
    """
    comparison = position.comparison
    assert comparison is not None
    if not table.wants_deletions:
        return [], replace(position, comparison=None)
    behind, end = comparison.bucket, min(comparison.bucket + TIMES * BUCKETS, LEDGER_BUCKETS)
    suspects: list[tuple[int, str]] = []  # each with the first bucket of those it was looked at with
    while behind < end and len(suspects) < ENOUGH:
        found = _suspects(queue, behind, comparison.since_ms) | (aside if behind == 0 else set())
        after = comparison.last if behind == comparison.bucket else ""
        suspects += [(behind, record_id) for record_id in sorted(found) if record_id > after]
        behind += BUCKETS
    gone: list[str] = []
    asked = 0
    while asked < min(len(suspects), AT_MOST) and not (asked and is_over()):
        part = [record_id for _, record_id in suspects[asked : asked + ENOUGH]]
        waiting = queue.waiting(part)
        doubtful = [record_id for record_id in part if record_id in aside or record_id not in waiting]
        try:
            there = table.existing(doubtful, lambda: timeout)
        except TryAgain:
            if not asked:
                raise
            break  # what was asked before is kept; the next step meets the trouble, if it lasts
        gone += [record_id for record_id in doubtful if record_id not in there]
        asked += len(part)
    changes = [Change(record_id, position.recovered_version, DELETED) for record_id in gone]
    bucket, last = suspects[asked - 1] if asked < len(suspects) else (behind, "")
    if bucket >= LEDGER_BUCKETS:
        return changes, replace(position, comparison=None)
    on = Comparison(comparison.since_ms, bucket, comparison.found + len(gone), last)
    return changes, replace(position, comparison=on)


def _suspects(queue: RecordQueue, bucket: int, since_ms: int) -> set[str]:
    """What these buckets hold of records that may be in the target and were not read since."""
    return {
        record_id
        for record_id, entry in queue.ledger.scan(bucket, BUCKETS)
        if entry.perhaps_present and entry.read_at * 1000 < since_ms + COARSE_MS
    }
