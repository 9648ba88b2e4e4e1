"""The demonstration: real processes against the sandbox, from the first record to the proof that both sides agree."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import requests
import yaml
from redis.exceptions import RedisError

from config.connections import CampaignConnection, Connections, DynamicsConnection
from config.defaults import default_contact_mapping
from config.document import Document, dump
from config.ingress import CampaignKey, IngressConfig
from config.settings import PREFIX, Settings
from control import configuration, operate, processes
from control.comparison import Comparison, compare
from control.errors import DemoFailed
from control.opening import open_store
from control.status import WorkflowStatus, status_of
from store.embedded import EmbeddedServer
from store.lifecycle import State
from store.store import Store

WORKFLOW = "ingress"

#: What the demonstration changes and deletes in Dynamics after the first run.
CHANGED, DELETED = 300, 20

#: Variables by which the processes find the sandbox's secrets.
DYNAMICS_SECRET, CAMPAIGN_SECRET = "DEMO_DYNAMICS_SECRET", "DEMO_CAMPAIGN_SECRET"

#: Seconds: for the sandbox to come up, and for one answer of its admin side.
SANDBOX_PATIENCE, ADMIN_PATIENCE = 60.0, 30.0

LOOK_EVERY = 0.25

Watch = Callable[[WorkflowStatus], None]


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the demonstration took."""

    records: int
    seconds: float  #: until both systems agreed
    flowing: float  #: seconds of these in which the workflow was RUNNING
    calls: dict[str, int]  #: calls to Campaign by method
    reads: int  #: calls to Dynamics
    comparison: Comparison

    @property
    def per_second(self) -> float:
        return self.records / self.flowing if self.flowing else 0.0

    @property
    def calls_per_record(self) -> float:
        return sum(self.calls.values()) / self.records if self.records else 0.0


class Sandbox:
    """The pretend systems, another program on loopback."""

    def __init__(self, contacts: int, log: Path) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between us and our own loopback
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "up", "-o", "json", "--contacts", str(contacts)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches us first; what uses the sandbox ends before it
            )
        try:
            self.info: dict[str, dict[str, str]] = orjson.loads(self._first_line())
        except (orjson.JSONDecodeError, queue.Empty):
            self.stop()
            raise DemoFailed(f"The sandbox did not come up; {log} says why.") from None

    def _first_line(self) -> bytes:
        lines: queue.Queue[bytes] = queue.Queue()
        stdout = self._process.stdout
        assert stdout is not None
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        return lines.get(timeout=SANDBOX_PATIENCE)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request to the admin side. Raises DemoFailed."""
        url = self.info["admin"]["url"] + path
        try:
            answer = self._session.request(method, url, json=body, timeout=ADMIN_PATIENCE)
            answer.raise_for_status()
            return orjson.loads(answer.content) if answer.content else None
        except (requests.RequestException, orjson.JSONDecodeError) as error:
            raise DemoFailed(f"The sandbox did not answer {method} {path} ({type(error).__name__}).") from None

    def stop(self) -> None:
        self._session.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


@dataclass(frozen=True)
class Demo:
    """A demonstration that is up: sandbox, Redis, worker and beat."""

    settings: Settings
    store: Store
    sandbox: Sandbox
    supervisor: processes.Supervisor
    server: EmbeddedServer | None

    def look_after(self) -> None:
        """Keeps Redis and the processes up. Called every half second or so."""
        processes.revive(self.server, lambda name, text: None)
        self.supervisor.look_after()

    def first_run(self, watch: Watch, timeout: float) -> Part:
        """Starts the workflow and waits until every contact is a profile. Raises DemoFailed."""
        began = time.monotonic()
        operate.start(self.store, WORKFLOW, self.settings.actor, "demonstration")
        return self._await_agreement(began, watch, timeout, 0)

    def changes(self, watch: Watch, timeout: float) -> Part:
        """Changes and deletes contacts, and waits until Campaign agrees. Raises DemoFailed."""
        self.sandbox.ask("DELETE", "/calls")
        ids = [contact["contactid"] for contact in self.sandbox.ask("GET", "/dynamics/contacts")["value"]]
        settled = _settled(self._status())
        began = time.monotonic()
        changed = set(self.sandbox.ask("POST", "/dynamics/change", {"count": CHANGED, "seed": 1})["ids"])
        # Others than the changed ones: a record that is changed and then deleted is one deletion, not two writes.
        self.sandbox.ask("POST", "/dynamics/delete", {"ids": [one for one in ids if one not in changed][:DELETED]})
        return self._await_agreement(began, watch, timeout, settled)

    def document(self) -> str:
        """The configuration that runs, as YAML."""
        return dump(configuration.show(self.store))

    def _await_agreement(self, began: float, watch: Watch, timeout: float, settled_before: int) -> Part:
        give_up = time.monotonic() + timeout
        runs_since: float | None = None
        while True:
            self.look_after()
            status = self._status()
            if status.state is State.RUNNING and runs_since is None:
                runs_since = time.monotonic()
            watch(status)
            if status.state is State.FAILED:
                raise DemoFailed(f"The workflow failed: {status.why}")
            settled = _settled(status) - settled_before
            late = time.monotonic() >= give_up
            # Reading both systems whole is dear: only when all that was read has been written, or time is up.
            if late or (settled > 0 and status.backlog == 0):
                now = time.monotonic()
                comparison = self._compare()
                if comparison.agrees or late:
                    flowing = now - (now if runs_since is None else runs_since)
                    return self._part(settled, now - began, flowing, comparison)
            time.sleep(LOOK_EVERY)

    def _part(self, records: int, seconds: float, flowing: float, comparison: Comparison) -> Part:
        calls = self.sandbox.ask("GET", "/calls")
        return Part(records, seconds, flowing, calls["campaign"], sum(calls["dynamics"].values()), comparison)

    def _compare(self) -> Comparison:
        contacts = self.sandbox.ask("GET", "/dynamics/contacts")["value"]
        profiles = self.sandbox.ask("GET", "/campaign/profiles")["value"]
        table = yaml.safe_load(self.document())["ingress"]["tables"][0]
        return compare(contacts, profiles, {rule["from"]: rule["to"] for rule in table["fields"]})

    def _status(self) -> WorkflowStatus:
        return status_of(self.store, self.settings, WORKFLOW)


def _settled(status: WorkflowStatus) -> int:
    """Records that reached their end."""
    return sum(status.total(what) for what in ("written", "unchanged", "refused"))


@contextmanager
def _own_redis() -> Iterator[None]:
    """Redis is part of the demonstration: if it does not answer, the demonstration has failed, not a setting."""
    try:
        yield
    except RedisError as error:
        raise DemoFailed(f"The embedded Redis of the demonstration did not answer ({type(error).__name__}).") from None


@contextmanager
def demo(home: Path, contacts: int, tell: Callable[[str], None]) -> Iterator[Demo]:
    """Brings everything up in `home`, a folder of its own, and ends it all again. Raises DemoFailed, CannotStart."""
    settings = Settings(home=home, redis_url=None, instance="demo")
    with _own_redis(), ExitStack() as stack:
        sandbox = Sandbox(contacts, home / "sandbox.log")
        stack.callback(sandbox.stop)
        tell(f"Sandbox: Dynamics with {contacts:,} contacts, and an empty Campaign, on this machine.")
        server = stack.enter_context(processes.server_of(settings))
        store = open_store(settings)
        stack.callback(store.redis.close)
        tell("Redis: embedded server, append-only file on.")
        configuration.apply(store, document_for(sandbox.info), settings.actor, "demonstration")
        path = processes.procfile()
        lines = [line for line in processes.read_procfile(path) if line.name in ("worker", "beat")]
        secrets = {
            DYNAMICS_SECRET: sandbox.info["dynamics"]["client_secret"],
            CAMPAIGN_SECRET: sandbox.info["campaign"]["client_secret"],
            f"{PREFIX}LOG_FORMAT": "json",
        }
        supervisor = processes.Supervisor(
            lines, processes.environment(settings, secrets), path.parent, lambda name, text: None, logs=home
        )
        # The server ends after the processes that use it, the sandbox last.
        stack.callback(supervisor.stop)
        supervisor.start()
        listed = ", ".join(f"{name} (process {pid})" for name, pid in supervisor.pids().items())
        tell(f"Started: {listed}.")
        yield Demo(settings, store, sandbox, supervisor, server)


def document_for(info: dict[str, dict[str, str]]) -> Document:
    """The configuration that fits a sandbox: the mapping out of the box, deletions applied, keys in the address."""
    dynamics, campaign = info["dynamics"], info["campaign"]
    mapping = default_contact_mapping().model_copy(
        update={"key": CampaignKey(field="externalId", unique=True, address="uri"), "apply_deletes": True}
    )
    return Document(
        connections=Connections(
            dynamics=DynamicsConnection(
                url=dynamics["url"],
                tenant=dynamics["tenant"],
                client_id=dynamics["client_id"],
                client_secret=f"${{env:{DYNAMICS_SECRET}}}",
                token_url=dynamics["token_url"],
            ),
            campaign=CampaignConnection(
                url=campaign["url"],
                client_id=campaign["client_id"],
                client_secret=f"${{env:{CAMPAIGN_SECRET}}}",
                org_id=campaign["org_id"],
                token_url=campaign["token_url"],
            ),
        ),
        ingress=IngressConfig(tables=(mapping,)),
    )
