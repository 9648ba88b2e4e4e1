"""Memory during a first run of 200,000 contacts, once the backlog has reached its high-water mark.

Real processes: a worker and a beat, the pretend systems, the embedded server. Sampled from the moment the mark was
reached until reading is over: the resident memory of the worker's largest process, and what the server holds beyond its
ledger, which by design grows with every record that is confirmed. The last quarter of the samples is compared with the
second one: what grows with the table shows there.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from benchmarks.harness import Figure
from benchmarks.pretend import pretend
from benchmarks.steady import HIGH_WATER, INSTANCE, SAMPLE_EVERY, growth, largest_of_group, processes, used
from config.document import dump
from store.client import connect
from store.embedded import EmbeddedServer
from store.store import Store, WorkflowStore

CONTACTS = 200_000
WORKFLOW, STREAM = "ingress", "contact"
PATIENCE_SECONDS = 1200.0


@dataclass(frozen=True, slots=True)
class Sample:
    confirmed: int  #: contacts
    worker: int  #: bytes
    server: int  #: bytes, the ledger among them


def run(rounds: int) -> list[Figure]:
    """Runs once, however many rounds are asked for: it lasts minutes, and compares itself with itself."""
    with ExitStack() as stack:
        # A short path: Unix sockets have a length limit.
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="d365acs-")))
        there = stack.enter_context(pretend(CONTACTS))
        server = stack.enter_context(EmbeddedServer(home))
        redis = stack.enter_context(connect(server.url))
        workflow = Store(redis, INSTANCE, high_water=HIGH_WATER).workflow(WORKFLOW)
        worker = stack.enter_context(processes(home))
        empty = used(redis)
        workflow.revisions.save(0, dump(there.document().workflows()[WORKFLOW]), "benchmark", "measure")
        workflow.lifecycle.start("benchmark", "measure", 1)
        samples = list(_samples(workflow, redis, worker))
        ledger = (used(redis) - empty) / CONTACTS
    beyond = [sample.server - empty - ledger * sample.confirmed for sample in samples]
    return [
        growth("first run: a worker's memory, last quarter : second", [sample.worker for sample in samples]),
        growth("first run: Redis beyond its ledger, the same", beyond),
        Figure("first run: ledger, a contact", "bytes", ledger, None, ledger, ledger, ledger, None),
    ]


def _samples(workflow: WorkflowStore, redis: Redis, worker: int) -> Iterator[Sample]:
    """From the high-water mark to the end of reading; returns when everything is confirmed."""
    queue = workflow.queue(STREAM)
    give_up = time.monotonic() + PATIENCE_SECONDS
    full = False
    while True:
        totals = workflow.statistics(STREAM, workflow.now_ms()).totals
        full = full or queue.is_full()
        if full and totals["read"] < CONTACTS:
            yield Sample(totals["written"], largest_of_group(worker), used(redis))
        if totals["written"] >= CONTACTS:
            return
        if time.monotonic() > give_up:
            raise RuntimeError(f"Only {totals['written']:,} of {CONTACTS:,} contacts were written in time.")
        time.sleep(SAMPLE_EVERY)
