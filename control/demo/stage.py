"""The demonstration: real processes against the sandbox, from the first record to the proof that both sides agree.

Here are the processes, and records on their way to Campaign; events on their way to Dynamics are in campaign.py, and
consent on its way in both directions is in consent.py.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from redis.exceptions import RedisError

from config.document import Document
from config.egress import EgressConfig
from config.ingress import IngressConfig
from config.optinout import OptinoutConfig
from config.settings import PREFIX, Settings
from control import configuration, operate
from control.demo.changes import plan
from control.demo.comparison import Agreement, compare_all
from control.demo.sandbox import Sandbox, connections_to
from control.demo.tables import TRUTHS, mappings
from control.errors import DemoFailed
from control.opening import open_store
from control.processes.embedded import revive, server_of
from control.processes.procfile import environment, procfile, read_procfile
from control.processes.supervisor import Supervisor
from control.status.workflow import WorkflowStatus, status_of
from store.embedded import EmbeddedServer
from store.lifecycle import State
from store.store import Store

WORKFLOW = "ingress"

#: Processes of the Procfile that it runs.
PROCESSES = ("worker", "consent", "beat")

#: Variables by which the processes find the sandbox's secrets.
SECRETS = {"dynamics": "DEMO_DYNAMICS_SECRET", "campaign": "DEMO_CAMPAIGN_SECRET"}

LOOK_EVERY = 0.25

Watch = Callable[[WorkflowStatus], None]


class Compared(Protocol):
    @property
    def agrees(self) -> bool: ...


_Found = TypeVar("_Found", bound=Compared)


def rows_for(contacts: int) -> dict[str, int]:
    """How many rows the pretend Dynamics begins with, by option of the sandbox."""
    return {
        "contacts": contacts,
        "memberships": contacts // 5,
        "invoices": contacts // 5,
        "invoice-lines": contacts // 2,
    }


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the demonstration took."""

    inserts: int  #: records that Campaign had to take, to change, to delete
    updates: int
    deletes: int
    seconds: float  #: until both systems agreed
    flowing: float  #: seconds of these in which the workflow was RUNNING
    calls: dict[str, int]  #: calls to Campaign by method
    reads: int  #: calls to Dynamics
    agreement: Agreement

    @property
    def records(self) -> int:
        return self.inserts + self.updates + self.deletes

    @property
    def per_second(self) -> float:
        return self.records / self.flowing if self.flowing else 0.0


@dataclass(frozen=True)
class Demo:
    """A demonstration that is up: sandbox, Redis, workers and beat."""

    settings: Settings
    store: Store
    sandbox: Sandbox
    supervisor: Supervisor
    server: EmbeddedServer | None

    def look_after(self) -> None:
        """Keeps Redis and the processes up. Called every half second or so."""
        revive(self.server, lambda name, text: None)
        self.supervisor.look_after()

    def first_run(self, watch: Watch, timeout: float) -> Part:
        """Starts the workflow and waits until every row is a record of Campaign. Raises DemoFailed."""
        began = time.monotonic()
        operate.start(self.store, WORKFLOW, self.settings.actor, "demonstration", accept_privacy=True)
        flowing, agreement = self.await_agreement(WORKFLOW, self._compare, watch, began + timeout, 0)
        return self._part((agreement.records, 0, 0), began, flowing, agreement)

    def changes(self, watch: Watch, timeout: float) -> Part:
        """Changes and deletes rows, and waits until Campaign agrees. Raises DemoFailed."""
        planned = plan({truth.table: self.sandbox.rows(truth.table) for truth in TRUTHS})
        self.sandbox.ask("DELETE", "/calls")
        settled = self.settled(WORKFLOW)
        began = time.monotonic()
        for table, ids in planned.changed.items():
            self.sandbox.ask("POST", f"/dynamics/tables/{table}/change", {"ids": ids, "seed": 1})
        self.sandbox.ask("POST", "/dynamics/tables/contact/delete", {"ids": planned.deleted})
        flowing, agreement = self.await_agreement(WORKFLOW, self._compare, watch, began + timeout, settled)
        return self._part((0, planned.updates, planned.deletes), began, flowing, agreement)

    def settled(self, workflow: str) -> int:
        """Records of a workflow that reached their end."""
        return _settled(self._status(workflow))

    def await_agreement(
        self, workflow: str, compare: Callable[[], _Found], watch: Watch, give_up: float, settled_before: int
    ) -> tuple[float, _Found]:
        """Seconds in which the workflow was RUNNING, and what was found when all agreed or time was up.

        Raises DemoFailed.
        """
        began = time.monotonic()
        while True:
            self.look_after()
            status = self._status(workflow)
            watch(status)
            if status.state is State.FAILED:
                raise DemoFailed(f"The workflow failed: {status.why}")
            late = time.monotonic() >= give_up
            waiting = status.backlog + status.parked
            # Reading both systems whole is dear: only when all that was read has been written, or time is up.
            if late or (_settled(status) > settled_before and waiting == 0):
                flowing = min(_running_seconds(status), time.monotonic() - began)
                found = compare()
                if found.agrees or late:
                    return flowing, found
            time.sleep(LOOK_EVERY)

    def _part(self, records: tuple[int, int, int], began: float, flowing: float, agreement: Agreement) -> Part:
        seconds = time.monotonic() - began
        calls = self.sandbox.ask("GET", "/calls")
        methods = {method: calls["campaign"].get(method, 0) for method in ("POST", "PATCH", "DELETE", "GET")}
        return Part(*records, seconds, flowing, methods, sum(calls["dynamics"].values()), agreement)

    def _compare(self) -> Agreement:
        rows = {truth.table: self.sandbox.rows(truth.table) for truth in TRUTHS}
        records = {truth.resource: self.sandbox.records(truth.resource) for truth in TRUTHS}
        return compare_all(TRUTHS, rows, records)

    def _status(self, workflow: str) -> WorkflowStatus:
        return status_of(self.store, self.settings, workflow)


def _running_seconds(status: WorkflowStatus) -> float:
    if status.state is not State.RUNNING or status.since_ms is None:
        return 0.0
    return (status.at_ms - status.since_ms) / 1000


def _settled(status: WorkflowStatus) -> int:
    return sum(status.total(what) for what in ("written", "unchanged", "refused"))


@contextmanager
def _own_redis() -> Iterator[None]:
    """Redis is part of the demonstration: if it does not answer, the demonstration has failed, not a setting."""
    try:
        yield
    except RedisError as error:
        raise DemoFailed(f"The embedded Redis of the demonstration did not answer ({type(error).__name__}).") from None


@contextmanager
def demo(home: Path, contacts: int, consent: OptinoutConfig, tell: Callable[[str], None]) -> Iterator[Demo]:
    """Brings everything up in `home`, a folder of its own, and ends it all again. Raises DemoFailed, CannotStart."""
    settings = Settings(home=home, redis_url=None, instance="demo")
    rows = rows_for(contacts)
    with _own_redis(), ExitStack() as stack:
        sandbox = Sandbox(rows, home / "sandbox.log")
        stack.callback(sandbox.stop)
        filled = ", ".join(f"{count:,} {name.replace('-', ' ')}" for name, count in rows.items())
        tell("Sandbox, on this machine: an empty pretend Campaign, and a pretend Dynamics with")
        tell(f"{filled}.")
        server = stack.enter_context(server_of(settings))
        store = open_store(settings)
        stack.callback(store.redis.close)
        tell("Redis: embedded server, append-only file on.")
        others = {"egress": EgressConfig(), "optinout": consent}
        document = document_for(sandbox.info).model_copy(update=others)
        configuration.apply(store, document, settings.actor, "demonstration")
        path = procfile()
        lines = [line for line in read_procfile(path) if line.name in PROCESSES]
        secrets = {
            **{variable: sandbox.info[system]["client_secret"] for system, variable in SECRETS.items()},
            f"{PREFIX}LOG_FORMAT": "json",
        }
        supervisor = Supervisor(lines, environment(settings, secrets), path.parent, lambda name, text: None, logs=home)
        # The server ends after the processes that use it, the sandbox last.
        stack.callback(supervisor.stop)
        supervisor.start()
        listed = ", ".join(f"{name} (process {pid})" for name, pid in supervisor.pids().items())
        tell(f"Started: {listed}.")
        yield Demo(settings, store, sandbox, supervisor, server)


def document_for(info: dict[str, dict[str, str]]) -> Document:
    """The configuration of ingress that fits a sandbox."""
    return Document(connections=connections_to(info, SECRETS), ingress=IngressConfig(tables=mappings()))
