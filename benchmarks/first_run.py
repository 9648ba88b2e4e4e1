"""Memory during a first run of 200,000 contacts, once the backlog has reached its high-water mark.

Real processes: a worker and a beat, the pretend systems, the embedded server. Sampled from the moment the mark was
reached until reading is over: the resident memory of the worker's largest process, and what the server holds beyond its
ledger, which by design grows with every record that is confirmed. The last quarter of the samples is compared with the
second one: what grows with the table shows there.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from redis import Redis

from benchmarks.harness import Figure
from benchmarks.pretend import pretend
from benchmarks.steady import SAMPLE_EVERY, growth, largest_of_group, running, used
from store.store import WorkflowStore

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
    with pretend(CONTACTS) as there, running(WORKFLOW, there.document().workflows()[WORKFLOW]) as here:
        samples = list(_samples(here.workflow, here.redis, here.worker))
        ledger = (used(here.redis) - here.empty) / CONTACTS
    beyond = [sample.server - here.empty - ledger * sample.confirmed for sample in samples]
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
