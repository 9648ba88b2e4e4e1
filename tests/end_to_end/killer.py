"""Kills what a seed says; beside that a supervisor, as `d365acs up` is one."""

import contextlib
import os
import signal
from collections.abc import Callable
from random import Random

from tests.end_to_end.installation import SOON, Installation
from tests.end_to_end.processes import Process


def seeds(usual: str) -> list[int]:
    """`KILL_SEEDS=100` are the first hundred, `KILL_SEEDS=40-60` are those."""
    first, _, last = os.environ.get("KILL_SEEDS", usual).rpartition("-")
    return list(range(int(first or 1), int(last) + 1))


class Killer:
    def __init__(self, stage: Installation, seed: int) -> None:
        self.stage = stage
        self.chance = Random(seed)
        self.worker: Process = stage.run("worker", "beat")[0]

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = SOON) -> None:
        """A worker that has ended meanwhile is started again: Celery gives up if Redis is away while children die."""

        def holds() -> object:
            if not self.worker.is_alive:
                (self.worker,) = self.stage.run("worker")
            return condition()

        self.stage.wait_until(holds, what, seconds)

    def kill(self, what: str) -> None:
        match what:
            case "redis":
                self.stage.server.kill()
                self.stage.server.start()
            case "worker":
                self.worker.kill()
                (self.worker,) = self.stage.run("worker")
            case "children" | "a child":
                children = [pid for pid in self.worker.pids() if pid != self.worker.pid]
                for pid in children if what == "children" else children[:1]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
