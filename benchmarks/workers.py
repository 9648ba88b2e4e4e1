"""One worker process, as the Procfile starts it, for benchmarks that give it its work by hand."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

from celery import Celery, chain

from benchmarks.pretend import ROOT
from benchmarks.stage import Stage
from config.settings import Settings
from workers.app import celery_settings

#: A worker process that has not emptied the queue by then never will.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Nudge:
    """Sends a worker process its tasks."""

    group: int  #: of its processes: the parent and its children
    send: Callable[[], None]

    def __call__(self) -> None:
        self.send()


@contextmanager
def worker_process(
    here: Stage,
    settings: Settings,
    workflow: str,
    streams: Sequence[str],
    tasks: Sequence[str],
    children: int = 1,
    seats: int = 1,
) -> Iterator[Nudge]:
    """A worker process that has only these tasks to do; what it gives sends them, a chain for each stream and seat."""
    environment = {**os.environ, "D365ACS_HOME": str(settings.home), "D365ACS_INSTANCE": settings.instance}
    environment |= {
        f"D365ACS_{name}_SECONDS": str(getattr(settings, f"{name.lower()}_seconds")) for name in ("SLICE", "LEASE")
    }
    environment["D365ACS_READ_PAGE_SIZE"] = str(settings.read_page_size)
    queues = ",".join(f"{workflow}.{task}" for task in tasks)
    options = ("worker", "-Q", queues, "-c", str(children), "--without-gossip", "--without-mingle")
    with (here.home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "workers.app", *options],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a group of its own
        )
    client = Celery(set_as_current=False)
    client.conf.update(celery_settings(settings))

    def send() -> None:
        for stream, seat in product(streams, range(seats)):
            where = {"workflow": workflow, "stream": stream, "generation": here.generation}
            steps = [
                client.signature(
                    task, kwargs={**where, "seat": seat} if task == "write" else where, immutable=True, app=client
                ).set(queue=f"{workflow}.{task}")
                for task in tasks
            ]
            chain(*steps, app=client).apply_async()

    try:
        yield Nudge(process.pid, send)
    finally:
        client.close()
        process.terminate()
        process.wait(30)
