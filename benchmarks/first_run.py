"""Memory during a first run of 200,000 contacts, once the backlog has reached its high-water mark.

Real processes: a worker and a beat, the pretend systems, the embedded server. Sampled from the moment the mark was
reached until reading is over: the resident memory of the worker's largest process, and what the server holds beyond its
ledger, which by design grows with every record that is confirmed. The last quarter of the samples is compared with the
second one: what grows with the table shows there.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from benchmarks.harness import Figure
from benchmarks.pretend import ROOT, pretend
from config.document import dump
from config.settings import PREFIX
from store.client import connect
from store.embedded import EmbeddedServer
from store.store import Store, WorkflowStore

CONTACTS = 200_000
HIGH_WATER = 20_000
INSTANCE, WORKFLOW, STREAM = "bench", "ingress", "contact"
SAMPLE_EVERY = 0.5
PATIENCE_SECONDS = 1200.0
#: The last quarter may hold so many times what the second one holds.
GROWTH = 1.1


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
        worker = stack.enter_context(_processes(home))
        empty = _used(redis)
        workflow.revisions.save(0, dump(there.document().workflows()[WORKFLOW]), "benchmark", "measure")
        workflow.lifecycle.start("benchmark", "measure", 1)
        samples = list(_samples(workflow, redis, worker))
        ledger = (_used(redis) - empty) / CONTACTS
    beyond = [sample.server - empty - ledger * sample.confirmed for sample in samples]
    return [
        _growth("first run: a worker's memory, last quarter : second", [sample.worker for sample in samples]),
        _growth("first run: Redis beyond its ledger, the same", beyond),
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
            yield Sample(totals["written"], _largest_of_group(worker), _used(redis))
        if totals["written"] >= CONTACTS:
            return
        if time.monotonic() > give_up:
            raise RuntimeError(f"Only {totals['written']:,} of {CONTACTS:,} contacts were written in time.")
        time.sleep(SAMPLE_EVERY)


def _growth(name: str, values: list[float] | list[int]) -> Figure:
    quarter = len(values) // 4
    second, last = values[quarter : 2 * quarter], values[-quarter:]
    before, after = statistics.median(second), statistics.median(last)
    value = after / before
    return Figure(name, "bytes", after, before, value, min(last) / before, max(last) / before, GROWTH, "at most")


def _used(redis: Redis) -> int:
    """Buffers of connections and of the append-only file come and go, however many records wait."""
    memory = redis.info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"])


def _largest_of_group(group: int) -> int:
    """Resident bytes of the largest process of a process group."""
    page, largest = os.sysconf("SC_PAGE_SIZE"), 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                largest = max(largest, page * int((folder / "statm").read_text().split()[1]))
        except OSError:  # it has ended meanwhile
            continue
    return largest


@contextmanager
def _processes(home: Path) -> Iterator[int]:
    """A worker and a beat; gives the worker's process group."""
    environment = {
        **os.environ,
        f"{PREFIX}HOME": str(home),
        f"{PREFIX}INSTANCE": INSTANCE,
        f"{PREFIX}HIGH_WATER": str(HIGH_WATER),
    }
    started = []
    for role, options in (("worker", ("-c", "4", "--without-gossip", "--without-mingle")), ("beat", ())):
        with (home / f"{role}.log").open("wb") as log:
            command = [sys.executable, "-m", "celery", "-A", "workers.app", role, *options]
            started.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
            )
    try:
        yield started[0].pid
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)
