"""Memory of the ledger: what the server counts for the entries of 1,000,000 confirmed records, and nothing else.

The records, with GUIDs as their ids, are put, leased and settled as readers and writers do it. Then the queue is empty
again, and what is left of `used_memory` (without buffers) is the ledger, buckets' names included.
"""

from benchmarks.harness import Figure, say
from benchmarks.queue import LEASE_MS, written
from benchmarks.stage import Stage, new_changes, stage
from benchmarks.steady import used
from store.record_queue import BATCH, RecordQueue

RECORDS, STEP = 1_000_000, 50_000
TARGET_MB = 70.0
MB = 1_000_000


def run(rounds: int) -> list[Figure]:
    """Runs once, however many rounds are asked for: sizes do not vary."""
    with stage() as here:
        queue = here.queue("contact")
        empty = used(here.redis)
        say(f"confirming {RECORDS:,} records")
        for _ in range(RECORDS // STEP):
            _confirm(here, queue, STEP)
        held = used(here.redis) - empty
    size, each = held / MB, held / RECORDS
    return [
        Figure(f"ledger of {RECORDS:,} records", "MB", size, None, size, size, size, TARGET_MB, "at most"),
        Figure("the same, a record", "bytes", each, None, each, each, each, None),
    ]


def _confirm(here: Stage, queue: RecordQueue, many: int) -> None:
    here.put(queue, new_changes(many))
    for _ in range(many // BATCH):
        batch = queue.lease(here.generation, BATCH, LEASE_MS)
        assert not queue.settle(batch.number, written(batch))
    assert not queue.backlog().total
