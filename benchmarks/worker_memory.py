"""Memory of a worker, however much waits: 10,000 and 1,000,000 records, while they are written and more are read.

Real processes: a worker with four children and a beat, the pretend systems, the embedded server. The records wait
before the worker starts, and the high-water mark is their number: as they are written others are read, so that the
backlog stays as long as it is. Sampled every half second: the resident memory (RSS) of the worker's largest process,
which counts in full what it shares with its siblings; and the proportional one (PSS) of the parent and all children
together, in which what they share counts once. The largest sample counts.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.connected import configured
from benchmarks.harness import Figure, say
from benchmarks.people import contacts
from benchmarks.pretend import Pretend, pretend
from benchmarks.stage import WORKFLOW, Stage, stage
from benchmarks.steady import SAMPLE_EVERY, group_members, processes, proportional, resident
from store.record_queue import RecordQueue

STREAM = "contact"
FEW, MANY = 10_000, 1_000_000
#: Contacts of the pretend Dynamics: more than are written meanwhile.
CONTACTS = 100_000
#: From the first confirmed write on.
SAMPLED_SECONDS = 30.0
PATIENCE_SECONDS = 120.0
TARGET_MB = 200.0
MB = 1_000_000
STEP = 50_000


def run(rounds: int) -> list[Figure]:
    """Runs once with each backlog, however many rounds are asked for: it fills a queue with a million records."""
    with pretend(CONTACTS) as there:
        few, many = _sampled(there, FEW), _sampled(there, MANY)
    largest, together = "a worker's largest process", "a worker with four children, all its processes (PSS)"
    return [
        _size(f"{largest}, {FEW:,} records wait", few.largest, TARGET_MB),
        _size(f"{largest}, {MANY:,} records wait", many.largest, TARGET_MB),
        _compared(f"the same, {MANY:,} : {FEW:,}", many.largest, few.largest),
        _size(f"{together}, {FEW:,} records wait", few.together),
        _size(f"{together}, {MANY:,} records wait", many.together),
        _compared(f"the same, {MANY:,} : {FEW:,}", many.together, few.together),
    ]


def _size(name: str, megabytes: float, target: float | None = None) -> Figure:
    return Figure(name, "MB", megabytes, None, megabytes, megabytes, megabytes, target, "at most")


def _compared(name: str, many: float, few: float) -> Figure:
    return Figure(name, "MB", many, few, many / few, many / few, many / few, None, "at most")


@dataclass(frozen=True, slots=True)
class _Most:
    """The largest samples, MB."""

    largest: float  #: of one process, RSS
    together: float  #: of all of them, PSS


def _sampled(there: Pretend, backlog: int) -> _Most:
    with ExitStack() as stack:
        here = stack.enter_context(stage())
        queue = _configured(here, there)
        say(f"filling a queue with {backlog:,} records")
        for start in range(0, backlog, STEP):
            here.put(queue, contacts(min(STEP, backlog - start)))
        worker = stack.enter_context(processes(here.home, high_water=backlog))
        before = _await_writes(here)
        largest, together, end = 0, 0, time.monotonic() + SAMPLED_SECONDS
        while time.monotonic() < end:
            members = group_members(worker)
            largest = max(largest, *(resident(member) for member in members))
            together = max(together, sum(proportional(member) for member in members))
            time.sleep(SAMPLE_EVERY)
        totals = _totals(here)
        read, waiting = totals["read"] - backlog, queue.backlog().total
        say(f"written {totals['written'] - before:,}, read {read:,} meanwhile; {waiting:,} wait")
        if not read:
            raise RuntimeError(f"Nothing was read meanwhile, so that nothing was measured; see {here.home}/worker.log.")
    return _Most(largest / MB, together / MB)


def _configured(here: Stage, there: Pretend) -> RecordQueue:
    with configured(here, there.document().workflows()[WORKFLOW]):
        return here.queue(STREAM)


def _totals(here: Stage) -> dict[str, int]:
    return dict(here.workflow.statistics(STREAM, here.workflow.now_ms()).totals)


def _await_writes(here: Stage) -> int:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (written := _totals(here)["written"]):
        if time.monotonic() > give_up:
            raise RuntimeError(f"The worker wrote nothing; its log is {here.home}/worker.log.")
        time.sleep(0.1)
    return written
