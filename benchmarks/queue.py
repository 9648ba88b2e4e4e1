"""The record queue against the plainest thing Redis can do: one pipelined HSET per record, and one HDEL.

Ours also keeps order, versions, leases, ages, the ledger and counts, and gives the payloads to a writer. Both sides
move 500 records at a time from one process over one connection; the clock runs for client and server together. What
a writer makes of its records between lease and settle, their outcomes, is not in our time.
"""

import time
from collections.abc import Sequence

from redis import Redis
from redis.client import Pipeline

from benchmarks.harness import Figure, ratio, take_turns
from benchmarks.stage import Stage, new_changes, stage
from store.ledger import Entry, Standing
from store.record_queue import BATCH, Batch, Change, Outcome, RecordQueue, Written

#: Turns are short and many, so that a busy moment of the machine meets both.
RECORDS, TURNS_A_ROUND = 4_000, 5
LEASE_MS = 60_000


def run(rounds: int) -> list[Figure]:
    with stage() as here:
        queue = here.queue("contact")
        found = take_turns(rounds * TURNS_A_ROUND, lambda: ours(here, queue), lambda: plain(here.redis))
    reading = [1 / (1 / hget + 1 / hdel) for hget, hdel in zip(found["hget"], found["hdel"], strict=True)]
    return [
        ratio("put : HSET", "records/s", found["put"], found["hset"], 0.4),
        ratio("lease + settle : HDEL", "records/s", found["drain"], found["hdel"], 0.4),
        ratio("lease + settle : HGET + HDEL", "records/s", found["drain"], reading, None),
    ]


def ours(here: Stage, queue: RecordQueue) -> dict[str, float]:
    changes = new_changes(RECORDS)
    begun = time.perf_counter()
    here.put(queue, changes)
    put = time.perf_counter() - begun
    drain = 0.0
    for _ in range(RECORDS // BATCH):
        begun = time.perf_counter()
        batch = queue.lease(here.generation, BATCH, LEASE_MS)
        drain += time.perf_counter() - begun
        outcomes = written(batch)
        begun = time.perf_counter()
        doubted = queue.settle(batch.number, outcomes)
        drain += time.perf_counter() - begun
        assert not doubted
    assert queue.backlog().total == 0
    return {"put": RECORDS / put, "drain": RECORDS / drain}


def written(batch: Batch) -> list[Outcome]:
    """Outcomes as a writer's threads would say them."""
    return [
        Written(record.id, Entry(Standing.PRESENT, record.version, record.queued_ms // 1000, b"8 bytes."))
        for record in batch.records
    ]


def plain(redis: Redis) -> dict[str, float]:
    changes = new_changes(RECORDS)
    parts = [changes[start : start + BATCH] for start in range(0, RECORDS, BATCH)]
    pipeline, took = redis.pipeline(transaction=False), {}
    for verb in ("hset", "hget", "hdel"):
        begun = time.perf_counter()
        for part in parts:
            _add(pipeline, verb, part)
            answers = pipeline.execute()
        took[verb] = time.perf_counter() - begun
        assert len(answers) == BATCH and all(answers)
    return {verb: RECORDS / seconds for verb, seconds in took.items()}


def _add(pipeline: Pipeline, verb: str, part: Sequence[Change]) -> None:
    if verb == "hset":
        for change in part:
            pipeline.hset("plain", change.id, change.payload)
    elif verb == "hget":
        for change in part:
            pipeline.hget("plain", change.id)
    else:
        for change in part:
            pipeline.hdel("plain", change.id)
