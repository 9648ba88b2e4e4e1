"""Memory of a run that lasts: a worker with its children and a beat, sampled, and its quarters compared."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from benchmarks.harness import Figure
from benchmarks.pretend import ROOT
from config.document import WorkflowDocument, dump
from config.settings import PREFIX
from store.client import connect
from store.embedded import EmbeddedServer
from store.store import Store, WorkflowStore

INSTANCE = "bench"
HIGH_WATER = 20_000
SAMPLE_EVERY = 0.5
#: The last quarter may hold so many times what the second one holds.
GROWTH = 1.1


def growth(name: str, values: Sequence[float]) -> Figure:
    quarter = len(values) // 4
    second, last = values[quarter : 2 * quarter], values[-quarter:]
    before, after = statistics.median(second), statistics.median(last)
    value = after / before
    return Figure(name, "bytes", after, before, value, min(last) / before, max(last) / before, GROWTH, "at most")


def used(redis: Redis) -> int:
    """Buffers of connections and of the append-only file come and go, however many records wait."""
    memory = redis.info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"])


def largest_of_group(group: int) -> int:
    """Resident bytes of the largest process of a process group."""
    return max((resident(member) for member in group_members(group)), default=0)


def group_members(group: int) -> list[int]:
    """The processes of a process group, by their ids."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                found.append(int(folder.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def resident(process: int) -> int:
    """Resident bytes (RSS) of a process, 0 if it has ended."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * int((Path("/proc") / str(process) / "statm").read_text().split()[1])
    except OSError:
        return 0


def peak(process: int) -> int:
    """The most resident bytes that a process ever had, 0 if it has ended (man 5 proc_pid_status: VmHWM, kB)."""
    return _counted(process, "status", "VmHWM")


def proportional(process: int) -> int:
    """Proportional bytes (PSS) of a process, 0 if it has ended (man 5 proc_pid_smaps: smaps_rollup, kB)."""
    return _counted(process, "smaps_rollup", "Pss")


def _counted(process: int, file: str, name: str) -> int:
    try:
        lines = (Path("/proc") / str(process) / file).read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


@dataclass(frozen=True, slots=True)
class Running:
    """An installation whose workflow has just been started."""

    home: Path
    redis: Redis
    workflow: WorkflowStore
    worker: int  #: its process group
    empty: int  #: what the server held before, in bytes


@contextmanager
def running(name: str, part: WorkflowDocument) -> Iterator[Running]:
    """The workflow of this name on real processes, with a server and a home of its own; gone afterwards."""
    # A short path: Unix sockets have a length limit.
    with (
        tempfile.TemporaryDirectory(prefix="d365acs-") as folder,
        EmbeddedServer(Path(folder)) as server,
        connect(server.url) as redis,
        processes(Path(folder)) as worker,
    ):
        workflow = Store(redis, INSTANCE, high_water=HIGH_WATER).workflow(name)
        empty = used(redis)
        workflow.revisions.save(0, dump(part), "benchmark", "measure")
        workflow.lifecycle.start("benchmark", "measure", 1)
        yield Running(Path(folder), redis, workflow, worker, empty)


@contextmanager
def processes(home: Path, high_water: int = HIGH_WATER) -> Iterator[int]:
    """A worker and a beat; gives the worker's process group."""
    environment = {
        **os.environ,
        f"{PREFIX}HOME": str(home),
        f"{PREFIX}INSTANCE": INSTANCE,
        f"{PREFIX}HIGH_WATER": str(high_water),
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
