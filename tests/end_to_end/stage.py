"""A whole installation on loopback: a sandbox, a server for Redis, and the processes of the Procfile, real ones."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import requests

from config.document import dump
from config.load import load
from config.settings import Settings
from store.client import connect
from store.embedded import EmbeddedServer
from store.lifecycle import Life, State
from store.record_queue import RecordQueue
from store.store import Store, WorkflowStore
from tests.end_to_end.truth import BY_ADDRESS, PAIRS, configuration, differences
from tests.sandboxes import ROOT, Sandbox

#: Seconds within which everything here happens on a busy machine with two cores.
SOON = 40.0


def procfile_command(role: str) -> str:
    """The command of one process type, as the Procfile has it."""
    for line in (ROOT / "Procfile").read_text().splitlines():
        name, mark, command = line.partition(":")
        if mark and name == role:
            return command.strip()
    raise LookupError(f"The Procfile has no {role}.")


class Process:
    """One process of the Procfile with its children, a group of its own; its output goes into a file."""

    def __init__(self, role: str, environment: dict[str, str], log: Path) -> None:
        self.role = role
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", f"exec {procfile_command(role)}"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def pids(self) -> list[int]:
        """The process and its children."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                group = stat.read_text().rpartition(")")[2].split()[2]
                if int(group) == self.pid:
                    found.append(int(stat.parent.name))
        return found

    def command_lines(self) -> list[bytes]:
        found = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                found.append(Path(f"/proc/{pid}/cmdline").read_bytes())
        return found

    def terminate(self, seconds: float) -> int:
        """SIGTERM to the process alone, as a supervisor does it; its exit code. TimeoutExpired if it lingers."""
        self._process.terminate()
        return self._process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL to the process and all its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def talks_to(self, url: str) -> bool:
        """Whether the process or a child of it holds a connection to this server."""
        port = f":{int(url.split(':')[2].split('/')[0]):04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        sockets = {f"socket:[{line[9]}]" for line in lines if line[2].endswith(port) and line[3] == "01"}
        for pid in self.pids():
            for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
                with contextlib.suppress(OSError):
                    if os.readlink(descriptor) in sockets:
                        return True
        return False


class Stage:
    """`settings` are those of `config.settings`, by name; every process of the stage gets them."""

    def __init__(self, sandbox: Sandbox, home: Path, **settings: object) -> None:
        self.sandbox = sandbox
        self.admin = sandbox.admin
        self.home = home
        self._settings = {"tick_seconds": 0.2, "log_format": "json", **settings}
        self.processes: list[Process] = []
        self.server = EmbeddedServer(home)
        self.server.start()
        values: dict[str, Any] = {"home": home, **self._settings}
        self.settings = Settings(**values)
        self.store = Store(connect(self.settings.effective_redis_url), self.settings.instance)
        for system in ("dynamics", "campaign"):
            self.set_secret(system, sandbox.info[system]["client_secret"])

    @property
    def workflow(self) -> WorkflowStore:
        return self.store.workflow("ingress")

    @property
    def queue(self) -> RecordQueue:
        return self.workflow.queue("contact")

    @property
    def life(self) -> Life:
        return self.workflow.lifecycle.read()

    def totals(self) -> dict[str, int]:
        return self.workflow.statistics("contact", self.store.now_ms()).totals

    # processes

    def run(self, *roles: str, **settings: object) -> list[Process]:
        """Starts processes of the Procfile; the settings are for these alone."""
        started = []
        for role in roles:
            log = self.home / f"{role}-{len(self.processes) + 1}.log"
            started.append(Process(role, self._environment(settings), log))
            self.processes += started[-1:]
        return started

    def _environment(self, settings: dict[str, object]) -> dict[str, str]:
        ours = {"home": self.home, **self._settings, **settings}
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("D365ACS_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
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

    def configure(
        self,
        key: dict[str, Any] = BY_ADDRESS,
        fields: Iterable[tuple[str, str]] = PAIRS,
    ) -> int:
        """Saves a configuration; its revision."""
        secrets = {system: f"${{file:{self.home}/{system}.secret}}" for system in ("dynamics", "campaign")}
        document = load(configuration(self.sandbox.info, secrets, key, fields), "test.yaml")
        revisions = self.workflow.revisions
        return revisions.save(revisions.newest(), dump(document.workflows()["ingress"]), "tester", "test")

    def start(self, revision: int | None = None) -> None:
        """Starts the workflow, under the given revision or a new one of the usual kind."""
        assert self.workflow.lifecycle.start("tester", "test", revision or self.configure())

    def stop(self) -> None:
        assert self.workflow.lifecycle.stop("tester", "test")

    # what a tester looks at

    def differences(self) -> list[str]:
        return differences(self.admin.contacts(), self.admin.profiles())

    def writes(self) -> int:
        """How many writes have had their effect in Campaign."""
        return int(self.admin.get("/calls")["engine_calls"])

    def is_settled(self) -> bool:
        """Both sides are equal, and nothing waits or is in flight."""
        return self.queue.backlog().total == 0 and not self.differences()

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

    def wait_until_settled(self, seconds: float = SOON) -> float:
        return self.wait_until(self.is_settled, "both sides are equal and nothing waits", seconds)

    def wait_for_writes(self, count: int) -> None:
        self.wait_until(lambda: self.writes() >= count, f"{count} writes arrived")

    def wait_for_ticks(self, seconds: float) -> None:
        """Until workers have looked at the workflow for so long: time in which they could have done something."""
        until = self.store.now_ms() + seconds * 1000
        self.wait_until(lambda: (self.workflow.ticked_ms() or 0) >= until, f"{seconds:g} s of ticks have passed")

    def report(self) -> str:
        lines = ["The sandbox does not answer."]
        with contextlib.suppress(requests.RequestException):
            found = self.differences()
            lines = [f"{len(found)} differences", *found[:5], f"calls: {self.admin.get('/calls')}"]
        lines += [
            f"life: {self.life}",
            f"troubles: {self.workflow.troubles.all()}",
            f"backlog: {self.queue.backlog()}, totals: {self.totals()}, cursor: {self.workflow.cursor('contact')}",
            f"dead letters: {[letter.reason for letter in self.queue.dead_letters(5)]}",
        ]
        for process in self.processes:
            tail = re.sub(r"(?m)^", "  ", process.log.read_text(errors="replace")[-3000:])
            lines.append(f"{process.role} {process.pid} {'alive' if process.is_alive else 'ended'}:\n{tail}")
        return "\n".join(lines)
