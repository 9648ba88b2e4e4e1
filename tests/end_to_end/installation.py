"""What the stages of all workflows share: a sandbox, a server for Redis, and the processes of the Procfile."""

import contextlib
import json
import re
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from os import environ
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any, ClassVar

import requests

from config.document import dump
from config.load import load
from config.settings import Settings
from store.client import connect
from store.embedded import EmbeddedServer
from store.lifecycle import Life, State
from store.record_queue import DeadLetter, RecordQueue
from store.store import Store, WorkflowStore
from tasks.runtime import seal_of
from tests.end_to_end import documents
from tests.end_to_end.documents import Plain
from tests.end_to_end.processes import APP, Process
from tests.sandboxes import ROOT, Sandbox

#: Seconds within which everything here happens on a busy machine with two cores.
SOON = 40.0


class Installation(ABC):
    """`settings` are those of `config.settings`, by name; every process gets them.

    An installation `beside` another one is the same for one more workflow: one Redis, one set of processes, and it
    ends with the other.
    """

    name: ClassVar[str]  #: of the workflow
    stream: ClassVar[str]  #: the one that is meant where none is named
    systems: ClassVar[dict[str, str]]  #: those with a secret -> where the sandbox tells it

    def __init__(
        self, sandbox: Sandbox, home: Path, *, beside: "Installation | None" = None, app: str = APP, **settings: object
    ) -> None:
        self.sandbox = sandbox
        self.admin = sandbox.admin
        self.home = home
        self.part: Plain = {}  #: what the two sides are judged by
        if beside is None:
            self.app = app  #: the Celery application that the processes run
            self._settings = {"tick_seconds": 0.2, "log_format": "json", **settings}
            self.processes: list[Process] = []
            self.server = EmbeddedServer(home)
            self.server.start()
            values: dict[str, Any] = {"home": home, **self._settings}
            self.settings = Settings(**values)
            redis = connect(self.settings.effective_redis_url)
            self.store = Store(redis, self.settings.instance, seal_of(self.settings))
        else:
            self.app, self._settings, self.processes = beside.app, beside._settings, beside.processes
            self.server, self.settings, self.store = beside.server, beside.settings, beside.store
        for system, member in self.systems.items():
            self.set_secret(system, sandbox.info[system][member])

    @property
    def workflow(self) -> WorkflowStore:
        return self.store.workflow(self.name)

    @property
    def queue(self) -> RecordQueue:
        return self.queue_of(self.stream)

    def queue_of(self, stream: str) -> RecordQueue:
        return self.workflow.queue(stream)

    @property
    def life(self) -> Life:
        return self.workflow.lifecycle.read()

    def totals(self, stream: str | None = None) -> dict[str, int]:
        return self.workflow.statistics(stream or self.stream, self.store.now_ms()).totals

    # processes

    def run(self, *roles: str, **settings: object) -> list[Process]:
        """Starts processes of the Procfile; the settings are for these alone."""
        started = []
        for role in roles:
            log = self.home / f"{role}-{len(self.processes) + 1}.log"
            started.append(Process(role, self._environment(settings), log, self.app))
            self.processes += started[-1:]
        return started

    def _environment(self, settings: dict[str, object]) -> dict[str, str]:
        ours = {"home": self.home, **self._settings, **settings}
        return {
            **{name: value for name, value in environ.items() if not name.startswith("D365ACS_")},
            "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}",
            **{f"D365ACS_{name.upper()}": str(value) for name, value in ours.items()},
        }

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        self.store.redis.close()
        self.server.stop()

    # what an operator does

    def set_secret(self, system: str, secret: str) -> None:
        (self.home / f"{system}.secret").write_text(secret)

    def file_text(self, part: Plain) -> str:
        """A configuration file for this workflow alone."""
        secrets = {system: f"${{file:{self.home}/{system}.secret}}" for system in self.systems}
        return documents.configuration(self.sandbox.info, secrets, **{self.name: part})

    def _save(self, part: Plain) -> int:
        """Saves the part of a configuration, by which the two sides are judged from now on; its revision."""
        document = load(self.file_text(part), "test.yaml")
        revisions = self.workflow.revisions
        self.part = part
        return revisions.save(revisions.newest(), dump(document.workflows()[self.name]), "tester", "test")

    @abstractmethod
    def configure(self) -> int:
        """Saves a configuration of the usual kind; its revision."""

    def start(self, revision: int | None = None) -> None:
        """Starts the workflow, under the given revision, else the newest, else a new one of the usual kind."""
        revision = revision or self.workflow.revisions.newest() or self.configure()
        assert self.workflow.lifecycle.start("tester", "test", revision)

    def stop(self) -> None:
        assert self.workflow.lifecycle.stop("tester", "test")

    def restart(self, revision: int | None = None) -> None:
        self.stop()
        self.start(revision)

    def d365acs(self, *arguments: str, code: int = 0) -> str:
        """What the command prints, both streams together; AssertionError unless it ends with the code."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / "d365acs"), *arguments],
            cwd=ROOT,
            env=self._environment({"actor": "Olivia"}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, f"{arguments}: exit code {done.returncode}, {done.stdout}"
        return done.stdout if {"json", "jsonl", "csv"} & {*arguments} else " ".join(done.stdout.split())

    def shown(self) -> dict[str, Any]:
        """What `workflow show` tells programs."""
        found: dict[str, Any] = json.loads(self.d365acs("workflow", "show", self.name, "-o", "json"))
        return found

    # what a tester looks at

    @property
    @abstractmethod
    def streams(self) -> list[str]:
        """Those of the configuration that the two sides are judged by."""

    @abstractmethod
    def differences(self) -> list[str]:
        """Where the two sides disagree; empty if they are equal."""

    @abstractmethod
    def writes(self) -> int:
        """How many writes have had their effect in the system that is written to."""

    def letters(self, stream: str | None = None) -> dict[str, DeadLetter]:
        """Records that were set aside, by id."""
        return {letter.id: letter for letter in self.queue_of(stream or self.stream).dead_letters()}

    def is_idle(self, but_for_parked: bool = False) -> bool:
        """Nothing waits or is in flight; what waits for a parent may, if that is said."""
        backlogs = [self.queue_of(stream).backlog() for stream in self.streams]
        return not any(one.waiting + one.leased + one.parked * (not but_for_parked) for one in backlogs)

    def is_settled(self, but_for_parked: bool = False) -> bool:
        """Both sides are equal, and nothing waits or is in flight."""
        return self.is_idle(but_for_parked) and not self.differences()

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = SOON) -> float:
        """Looks until the condition holds; how long that took. AssertionError with everything known if it does not."""
        begun = time.monotonic()
        while not condition():
            if time.monotonic() - begun > seconds:
                raise AssertionError(f"Not within {seconds:g} s: {what}.\n{self.report()}")
            time.sleep(0.03)
        return time.monotonic() - begun

    def wait_for_state(self, state: State, seconds: float = SOON) -> Life:
        self.wait_until(lambda: self.life.state in (state, State.FAILED), f"the workflow is {state}", seconds)
        assert self.life.state is state, self.report()
        return self.life

    def wait_for_failure(self) -> str:
        """Until the workflow has failed at its start or later; the sentence that says why."""
        self.wait_until(lambda: self.life.state is not State.STARTING, "the start-up checks have an outcome")
        assert self.life.state is State.FAILED, self.report()
        return self.life.why

    def wait_until_settled(self, seconds: float = SOON, but_for_parked: bool = False) -> float:
        return self.wait_until(
            lambda: self.is_settled(but_for_parked), "both sides are equal and nothing waits", seconds
        )

    def wait_for_writes(self, count: int) -> None:
        self.wait_until(lambda: self.writes() >= count, f"{count} writes arrived")

    def wait_for_ticks(self, seconds: float) -> None:
        """Until workers have looked at the workflow for so long: time in which they could have done something."""
        until = self.store.now_ms() + seconds * 1000
        self.wait_until(lambda: (self.workflow.ticked_ms() or 0) >= until, f"{seconds:g} s of ticks have passed")

    def kill_at_work(self, worker: Process) -> None:
        """SIGKILL to the worker and its children at a moment at which records are in their hands."""

        def caught() -> bool:
            worker.signal(SIGSTOP)
            if any(self.queue_of(stream).backlog().leased for stream in self.streams):
                return True
            worker.signal(SIGCONT)
            return False

        self.wait_until(caught, "records are in the worker's hands")
        worker.kill()

    def report(self) -> str:
        lines = ["The sandbox does not answer."]
        with contextlib.suppress(requests.RequestException):
            found = self.differences()
            lines = [f"{len(found)} differences", *found[:5], f"calls: {self.admin.get('/calls')}"]
        lines += [
            f"life: {self.life}",
            f"troubles: {self.workflow.troubles.all()}, holds: {self.workflow.holds.all(self.life.generation)}",
        ]
        for stream in self.streams:
            queue = self.queue_of(stream)
            lines += [
                f"{stream}: {queue.backlog()}, totals: {self.totals(stream)}, cursor: {self.workflow.cursor(stream)}",
                f"  dead letters: {[letter.reason for letter in queue.dead_letters(5)]}",
            ]
        for process in self.processes:
            tail = re.sub(r"(?m)^", "  ", process.log.read_text(errors="replace")[-3000:])
            lines.append(f"{process.role} {process.pid} {'alive' if process.is_alive else 'ended'}:\n{tail}")
        return "\n".join(lines)
