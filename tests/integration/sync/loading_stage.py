"""Ingress of contacts with loads through the sandbox's import workflow, driven call by call as the workers do."""

import base64
from pathlib import Path
from typing import Any

from redis import Redis

from config.connections import Connections
from config.document import WorkflowDocument, dump
from config.ingress import IngressConfig
from config.settings import Settings
from config.sftp_connection import SftpConnection
from store.ledger import Entry
from store.lifecycle import State
from store.loads import Load, Loads
from store.store import Store, WorkflowStore
from sync.writing import WriteEnd
from tasks.read import read
from tasks.runtime import Runtime
from tasks.tick import tick
from tasks.write import write
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.sandboxes import Sandbox

WORKFLOW = "WKF201"
IMPORTS, RESULTS = "d365_loads/imports", "d365_loads/imports/results"
FIELDS = {"firstname": "firstName", "lastname": "lastName", "address1_city": "location.city"}


class LoadStage:
    """`runtime` is one process; `another()` a second one beside it."""

    def __init__(self, redis: Redis, sandbox: Sandbox, home: Path) -> None:
        self.redis = redis
        self.sandbox = sandbox
        self.admin = sandbox.admin
        self._home = home
        self._runtimes: list[Runtime] = []
        self.runtime = self.another()
        self.workflow: WorkflowStore = self.runtime.workflow("ingress")
        self.queue = self.workflow.queue("contact")
        self.loads: Loads = self.workflow.loads("contact")
        self.generation = 0
        # Each first write is told by its name, so that old ones over new ones would be seen.
        self.admin.put("/switches", {"journal_field": "lastName", "signal_cool_down_seconds": 0})

    def another(self, **changed: Any) -> Runtime:
        settings = Settings(home=self._home, slice_seconds=5, **changed)
        runtime = Runtime(settings, Store(self.redis, "production", high_water=settings.high_water))
        self._runtimes.append(runtime)
        return runtime

    def close(self) -> None:
        for runtime in self._runtimes:
            runtime.forget("ingress")
            runtime.end_awaiting("ingress")

    def connections(self, **changed: Any) -> Connections:
        given = self.sandbox.info["sftp"]
        known: dict[str, Any] = {name: given[name] for name in ("host", "user", "host_key")}
        sftp = SftpConnection(**known, port=self.sandbox.sftp_port, private_key="${env:SFTP_KEY}")
        parts: dict[str, Any] = {
            "dynamics": dynamics_connection(self.sandbox), "campaign": campaign_connection(self.sandbox), "sftp": sftp
        }  # fmt: skip
        return Connections(**{**parts, **changed})

    def configure(self, connections: Connections | None = None, fields: dict[str, str] = FIELDS, **given: Any) -> None:
        """`given`: of `file_import`; None for all of it takes it away."""
        settings = {
            "workflow": WORKFLOW, "threshold": 20, "settled_seconds": 0, "cool_down_seconds": 0, **given
        }  # fmt: skip
        contacts: dict[str, Any] = {
            "table": "contact",
            "resource": "profile",
            "key": {"field": "externalId", "unique": True, "address": "uri"},
            "fields": [{"from": source, "to": target} for source, target in fields.items()],
        }
        if given.get("workflow", WORKFLOW) is not None:
            contacts["file_import"] = settings
        document = WorkflowDocument(
            connections=connections or self.connections(),
            ingress=IngressConfig.model_validate({"tables": [contacts]}),
        )
        self.workflow.revisions.save(self.workflow.revisions.newest(), dump(document), "ann", "a test")

    def press_start(self) -> None:
        assert self.workflow.lifecycle.start("ann", "", self.workflow.revisions.newest())
        self.generation = self.workflow.lifecycle.read().generation

    def start(self) -> None:
        self.press_start()
        self.tick_until(State.RUNNING)

    def tick_until(self, state: State) -> None:
        for _ in range(20):
            tick(self.runtime, "ingress")
            if self.state is state:
                return
            self.redis.hdel(self.workflow.keys.trouble, "load")  # so much later that it is looked at again
        raise AssertionError(f"{self.state}: {self.workflow.lifecycle.read().why} {self.workflow.troubles.all()}")

    def stop(self) -> None:
        self.workflow.lifecycle.stop("ann", "")
        tick(self.runtime, "ingress")

    @property
    def state(self) -> State:
        return self.workflow.lifecycle.read().state

    def create(self, count: int) -> list[str]:
        ids: list[str] = self.admin.post("/dynamics/create", {"count": count})["ids"]
        return ids

    def rename(self, record_id: str, name: str) -> None:
        self.admin.patch(f"/dynamics/tables/contact/{record_id}", {"lastname": name})

    def read(self) -> None:
        """All that there is, and what has changed since."""
        for _ in range(2):
            read(self.runtime, "ingress", "contact", self.generation)

    def start_with(self, count: int) -> list[str]:
        """So many new contacts, which are read and wait to be written. Answers their ids."""
        ids = self.create(count)
        self.start()
        self.read()
        return ids

    def write(self, runtime: Runtime | None = None) -> WriteEnd:
        return write(runtime or self.runtime, "ingress", "contact", self.generation, 0)

    def write_until_done(self, runtime: Runtime | None = None) -> None:
        for _ in range(200):
            self.write(runtime)
            if self.queue.total() == 0:
                return
        raise AssertionError(f"{self.queue.backlog()} {self.loads.read()} {self.workflow.troubles.all()}")

    def write_until_loaded(self) -> Load:
        """A load is committed; nothing of it is in its place yet."""
        for _ in range(20):
            self.write()
            if (load := self.loads.read()) is not None:
                return load
        raise AssertionError(f"{self.queue.backlog()} {self.workflow.troubles.all()}")

    def make_load(self, count: int) -> Load:
        """A load of so many new contacts, and of those that were there; as `write_until_loaded` leaves it."""
        self.start_with(count)
        return self.write_until_loaded()

    def imports(self, **changed: Any) -> dict[str, Any]:
        """Campaign's workflow, changed or as it is."""
        path = f"/imports/{WORKFLOW}"
        found: dict[str, Any] = self.admin.patch(path, changed) if changed else self.admin.get(path)
        return found

    def stand(self, state: str) -> None:
        self.admin.put(f"/imports/{WORKFLOW}", {"state": state})

    def files(self) -> dict[str, str]:
        """What is in the folders of the imports, by path."""
        return {
            file["path"]: base64.b64decode(self.admin.get(f"/sftp/files/{file['path']}")["base64"]).decode()
            for file in self.admin.get("/sftp/files")["value"]
            if file["path"].startswith(IMPORTS)
        }

    def put_file(self, path: str, text: str) -> None:
        self.admin.put(f"/sftp/files/{path}", {"text": text})

    def names(self) -> dict[str, str]:
        """In Campaign: the last names by key."""
        return {one["externalId"]: one["lastName"] for one in self.admin.profiles() if one["externalId"]}

    def wanted(self) -> dict[str, str]:
        return {id_: row["lastname"] for id_, row in self.admin.contacts().items()}

    def journal(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.admin.get("/journal")
        return [entry for entry in found if entry["resource"] == "profile"]

    def in_files(self) -> int:
        """Writes that came out of files."""
        return sum("file" in entry and bool(entry["file"]) for entry in self.journal())

    def entries(self) -> list[Entry | None]:
        return list(self.queue.ledger.entries(sorted(self.wanted())))

    def trouble(self) -> str:
        found = self.workflow.troubles.get("contact.load")
        return found.sentence if found else ""

    def off(self) -> str:
        found = self.loads.off(self.generation)
        return found.sentence if found else ""
