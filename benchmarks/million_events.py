"""Memory while a million events become activities, once a tenth of them have been read.

Real processes: a worker and a beat, the pretend journal and Dynamics, the embedded server. Sampled until the last event
is confirmed: the resident memory of the worker's largest process, and what the server holds; egress remembers nothing
of an event that has appeared. The last quarter of the samples is compared with the second one.
"""

import time
from collections.abc import Iterator

from redis import Redis

from benchmarks.harness import Figure
from benchmarks.pretend import pretend
from benchmarks.steady import SAMPLE_EVERY, growth, largest_of_group, running, used
from config.document import Document
from config.egress import EgressConfig
from store.store import WorkflowStore
from sync.egress import STREAM

WORKFLOW = "egress"
EVENTS = 1_000_000
CONTACTS = 20_000
PATIENCE_SECONDS = 3600.0


def run(rounds: int) -> list[Figure]:
    """Runs once, however many rounds are asked for: it lasts minutes, and compares itself with itself."""
    with pretend(CONTACTS) as there:
        there.campaign(EVENTS)
        document = Document(connections=there.connections, egress=EgressConfig())
        with running(WORKFLOW, document.workflows()[WORKFLOW]) as here:
            begun = time.monotonic()
            samples = list(_samples(here.workflow, here.redis, here.worker))
            per_second = EVENTS / (time.monotonic() - begun)
    return [
        growth("a million events: a worker's memory, last quarter : second", [worker for worker, _ in samples]),
        growth("a million events: Redis, the same", [server for _, server in samples]),
        Figure(
            "a million events, four children", "events/s", per_second, None, per_second, per_second, per_second, None
        ),
    ]


def _samples(workflow: WorkflowStore, redis: Redis, worker: int) -> Iterator[tuple[int, int]]:
    """Bytes of the worker's largest process and of the server, from the first tenth to the end of reading."""
    queue = workflow.queue(STREAM)
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        totals = workflow.statistics(STREAM, workflow.now_ms()).totals
        if EVENTS // 10 < totals["read"] < EVENTS:
            yield largest_of_group(worker), used(redis)
        if totals["read"] >= EVENTS and not queue.total():
            return
        if time.monotonic() > give_up:
            raise RuntimeError(f"Only {totals['written']:,} events were written in time.")
        time.sleep(SAMPLE_EVERY)
