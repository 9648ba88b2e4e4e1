"""Does a long queue cost more? A put and a lease with 1,000,000 records waiting, against 10,000 waiting.

Both queues stand on the same server. A turn puts 2,000 records and leases 2,000; those are settled off the clock, so
that the backlog stays as long as it was. Turns wait until the server has finished rewriting its append-only file.
"""

import time

from benchmarks.harness import Figure, ratio, say, take_turns
from benchmarks.queue import LEASE_MS, written
from benchmarks.stage import Stage, new_changes, stage
from store.record_queue import BATCH, RecordQueue

FEW, MANY = 10_000, 1_000_000
#: Turns are short and many, so that a busy moment of the machine meets both.
TURN, TURNS_A_ROUND = 2_000, 5


def run(rounds: int) -> list[Figure]:
    with stage() as here:
        few, many = here.queue("few"), here.queue("many")
        here.put(few, new_changes(FEW))
        say(f"filling a queue with {MANY:,} records")
        for _ in range(MANY // 50_000):
            here.put(many, new_changes(50_000))
        found = take_turns(rounds * TURNS_A_ROUND, lambda: _turn(here, few, "few"), lambda: _turn(here, many, "many"))
        assert many.backlog().waiting == MANY
    return [
        ratio(f"cost per {verb}, {MANY:,} : {FEW:,}", "us", found[f"{verb} many"], found[f"{verb} few"], 1.2, "at most")
        for verb in ("put", "lease")
    ]


def _turn(here: Stage, queue: RecordQueue, name: str) -> dict[str, float]:
    changes = new_changes(TURN)
    _wait_for_rewrite(here)
    begun = time.perf_counter()
    here.put(queue, changes)
    put = time.perf_counter() - begun
    lease = 0.0
    for _ in range(TURN // BATCH):
        begun = time.perf_counter()
        batch = queue.lease(here.generation, BATCH, LEASE_MS)
        lease += time.perf_counter() - begun
        queue.settle(batch.number, written(batch))
    return {f"put {name}": put / TURN * 1e6, f"lease {name}": lease / TURN * 1e6}


def _wait_for_rewrite(here: Stage) -> None:
    while here.redis.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.05)
