"""A whole installation on loopback: a sandbox, a server for Redis, and the processes of the Procfile, real ones."""

import contextlib
import json
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
from store.record_queue import DeadLetter, RecordQueue
from store.store import Store, WorkflowStore
from tests.end_to_end import documents
from tests.end_to_end.documents import BY_ADDRESS, PAIRS, Plain
from tests.end_to_end.truth import Row, Travels, differences, orphans
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

    def signal(self, number: signal.Signals) -> None:
        """This signal to the process and all its children."""
        os.killpg(self.pid, number)

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
        self.part: Plain = documents.ingress(documents.contacts())  #: what the two sides are judged by
        self.travels: Travels = {}
        self.stays: set[str] = set()  #: keys of records that Campaign keeps although they do not travel
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
    def tables(self) -> list[str]:
        """The mapped ones."""
        return [mapping["table"] for mapping in self.part["tables"]]

    @property
    def queue(self) -> RecordQueue:
        return self.queue_of("contact")

    def queue_of(self, table: str) -> RecordQueue:
        return self.workflow.queue(table)

    @property
    def life(self) -> Life:
        return self.workflow.lifecycle.read()

    def totals(self, table: str = "contact") -> dict[str, int]:
        return self.workflow.statistics(table, self.store.now_ms()).totals

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
        """Saves a configuration of contacts alone; its revision."""
        return self.save(documents.ingress(documents.contacts(key, fields)))

    def save(self, part: Plain, travels: Travels | None = None) -> int:
        """Saves an ingress part, by which the two sides are judged from now on; its revision.

        `travels` says in Python once more what its filters say; without it every row travels.
        """
        document = load(self.file_text(part), "test.yaml")
        revisions = self.workflow.revisions
        saved = revisions.save(revisions.newest(), dump(document.workflows()["ingress"]), "tester", "test")
        self.part, self.travels = part, travels or {}
        return saved

    def file_text(self, part: Plain) -> str:
        """A configuration file for this stage."""
        secrets = {system: f"${{file:{self.home}/{system}.secret}}" for system in ("dynamics", "campaign")}
        return documents.configuration(self.sandbox.info, secrets, part)

    def start(self, revision: int | None = None) -> None:
        """Starts the workflow, under the given revision, else the newest, else a new one of the usual kind."""
        revision = revision or self.workflow.revisions.newest() or self.configure()
        assert self.workflow.lifecycle.start("tester", "test", revision)

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
        return " ".join(done.stdout.split()) if "json" not in arguments else done.stdout

    def shown(self) -> dict[str, Any]:
        """What `workflow show` tells programs."""
        found: dict[str, Any] = json.loads(self.d365acs("workflow", "show", "ingress", "-o", "json"))
        return found

    def stop(self) -> None:
        assert self.workflow.lifecycle.stop("tester", "test")

    # what a tester looks at

    def rows(self, table: str) -> dict[str, Row]:
        """Dynamics' rows of a table by id."""
        return self.admin.rows(table)

    def records(self, resource: str) -> dict[str, Row]:
        """Campaign's records of a resource by key, hidden ones too."""
        key = "externalId" if resource == "profile" else "crmId"
        return {record[key]: record for record in self.admin.records(resource)}

    def differences(self) -> list[str]:
        rows = {table: self.rows(table) for table in self.tables}
        records = {mapping["resource"]: self.admin.records(mapping["resource"]) for mapping in self.part["tables"]}
        return differences(self.part, rows, records, self.travels, self.stays)

    def orphans(self) -> list[str]:
        return orphans(self.admin.get("/journal"))

    def letters(self, table: str = "contact") -> dict[str, DeadLetter]:
        """Records that were set aside, by id."""
        return {letter.id: letter for letter in self.queue_of(table).dead_letters()}

    def writes(self) -> int:
        """How many writes have had their effect in Campaign."""
        return int(self.admin.get("/calls")["engine_calls"])

    def is_idle(self, but_for_parked: bool = False) -> bool:
        """Nothing waits or is in flight; what waits for a parent may, if that is said."""
        backlogs = [self.queue_of(table).backlog() for table in self.tables]
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

    def wait_until_settled(self, seconds: float = SOON, but_for_parked: bool = False) -> float:
        return self.wait_until(
            lambda: self.is_settled(but_for_parked), "both sides are equal and nothing waits", seconds
        )

    def wait_for_writes(self, count: int) -> None:
        self.wait_until(lambda: self.writes() >= count, f"{count} writes arrived")

    def kill_at_work(self, worker: Process) -> None:
        """SIGKILL to the worker and its children at a moment at which records are in their hands."""

        def caught() -> bool:
            worker.signal(signal.SIGSTOP)
            if any(self.queue_of(table).backlog().leased for table in self.tables):
                return True
            worker.signal(signal.SIGCONT)
            return False

        self.wait_until(caught, "records are in the worker's hands")
        worker.kill()

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
            f"troubles: {self.workflow.troubles.all()}, holds: {self.workflow.holds.all(self.life.generation)}",
        ]
        for table in self.tables:
            queue = self.queue_of(table)
            lines += [
                f"{table}: {queue.backlog()}, totals: {self.totals(table)}, cursor: {self.workflow.cursor(table)}",
                f"  dead letters: {[letter.reason for letter in queue.dead_letters(5)]}",
            ]
        for process in self.processes:
            tail = re.sub(r"(?m)^", "  ", process.log.read_text(errors="replace")[-3000:])
            lines.append(f"{process.role} {process.pid} {'alive' if process.is_alive else 'ended'}:\n{tail}")
        return "\n".join(lines)
