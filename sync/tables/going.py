"""Which of the records that go have anything to end."""

from collections.abc import Sequence

from store.record_queue import Change, RecordQueue
from sync.streams import FILTERED_OUT


def concerned(queue: RecordQueue, going: Sequence[Change], deletes_filtered_out: bool) -> list[Change]:
    """Those of these deletions, and records that a filter keeps back, of which the record waits, was refused, or may be
    in the target. `deletes_filtered_out`: whether one that is kept back is deleted there."""
    if not going:
        return []
    ids = [change.id for change in going]
    # First the queue, then the ledger: a record that leaves the one in between is found in the other.
    waiting = queue.at_hand(ids)
    present = queue.ledger.perhaps_present(ids)
    return [
        change
        for change in going
        if change.id in waiting
        or (change.id in present and (deletes_filtered_out or change.payload is not FILTERED_OUT))
    ]
