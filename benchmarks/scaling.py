"""What more processes are worth, where each answer takes Campaign a tenth of a second.

One process can have `concurrency` requests under way, so that `concurrency` / 0.1 s is all it could do. Four have four
times as many, as long as Campaign answers without delay: the shares that they have of what all may ask together are
part of what is measured. Each is a child of one Celery worker.
"""

import time

from benchmarks.connected import configured
from benchmarks.harness import Figure, ratio
from benchmarks.people import contacts
from benchmarks.pretend import Pretend, pretend
from benchmarks.stage import WORKFLOW, Stage, stage
from benchmarks.workers import PATIENCE_SECONDS, worker_process
from config.settings import Settings

LATENCY_SECONDS = 0.1
PROCESSES = 4
#: So many seconds' worth of what could be done at most, and the part of them, in the middle, that counts.
SECONDS, COUNTED = 8, (0.75, 0.15)


def run(rounds: int) -> list[Figure]:
    alone, together, ceilings = [], [], []
    with pretend(contacts=0) as there:
        ceiling = there.connections.campaign.concurrency / LATENCY_SECONDS
        there.latency("campaign", LATENCY_SECONDS)
        for _ in range(min(rounds, 3)):
            alone.append(rate_of(there, 1, LATENCY_SECONDS))
            together.append(rate_of(there, PROCESSES, LATENCY_SECONDS))
            ceilings.append(ceiling)
    return [
        ratio("one process : its connections", "profiles/s", alone, ceilings, 0.9),
        ratio(f"{PROCESSES} processes : one", "profiles/s", together, alone, 3.6),
    ]


def rate_of(there: Pretend, processes: int, latency_seconds: float) -> float:
    """Profiles a second of so many processes, in a fresh store; `latency_seconds`: what Campaign's answers take."""
    ceiling = processes * there.connections.campaign.concurrency / latency_seconds
    with stage() as here:
        stream = "contact"
        with configured(here, there.document().workflows()[WORKFLOW]):
            pass  # the processes have systems of their own
        # One slice is enough for all of it.
        settings = Settings(home=here.home, instance=here.instance, slice_seconds=60, lease_seconds=120)
        many = int(SECONDS * ceiling)
        here.put(here.queue(stream), contacts(many))
        with worker_process(here, settings, WORKFLOW, [stream], ("write",), processes, processes) as nudge:
            nudge()
            first, last = (_reached(here, stream, int(many * part)) for part in COUNTED)
            return (first[1] - last[1]) / (last[0] - first[0])


def _reached(here: Stage, stream: str, left: int) -> tuple[float, int]:
    """When no more than so many were left, and how many that was."""
    queue, begun = here.queue(stream), time.perf_counter()
    while (total := queue.backlog().total) > left:
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            raise RuntimeError(f"The worker processes left records behind; their log is {here.home}/worker.log.")
        time.sleep(0.01)
    return time.perf_counter(), total
