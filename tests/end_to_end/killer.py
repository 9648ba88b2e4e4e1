"""Kills what a seed says; beside that a supervisor, as `d365acs up` is one."""

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from random import Random

from tests.end_to_end.installation import SOON, Installation
from tests.end_to_end.processes import Process


def seeds(usual: str) -> list[int]:
    """`KILL_SEEDS=100` are the first hundred, `KILL_SEEDS=40-60` are those."""
    first, _, last = os.environ.get("KILL_SEEDS", usual).rpartition("-")
    return list(range(int(first or 1), int(last) + 1))


class Killer:
    """`roles` are the processes that run from the beginning, by their names in the Procfile."""

    def __init__(self, stage: Installation, seed: int, roles: Sequence[str] = ("worker", "beat")) -> None:
        self.stage = stage
        self.chance = Random(seed)
        self.crew: list[Process] = stage.run(*roles)

    def of(self, *roles: str) -> list[Process]:
        """Those of these roles that should run now."""
        return [process for process in self.crew if process.role in roles]

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = SOON) -> None:
        """A worker that has ended meanwhile is started again: Celery gives up if Redis is away while children die."""

        def holds() -> object:
            self.supervise()
            return condition()

        self.stage.wait_until(holds, what, seconds)

    def supervise(self) -> None:
        """Whoever has ended is started again."""
        for process in self.crew:
            if not process.is_alive:
                self.replace(process)

    def replace(self, process: Process) -> None:
        self.crew[self.crew.index(process)] = self.stage.run(process.role)[0]

    def kill(self, what: str) -> None:
        match what:
            case "redis":
                self.stage.server.kill()
                self.stage.server.start()
            case "worker" | "beat":
                doomed = self._one_of(self.of("worker", "consent") if what == "worker" else self.of(what))
                doomed.kill()
                self.replace(doomed)
            case "children" | "a child":
                worker = self._one_of(self.of("worker", "consent"))
                children = [pid for pid in worker.pids() if pid != worker.pid]
                for pid in children if what == "children" else children[:1]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def _one_of(self, processes: list[Process]) -> Process:
        return self.chance.choice(processes) if len(processes) > 1 else processes[0]
