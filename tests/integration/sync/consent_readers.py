"""The readers of consent on a sandbox and a real store; what they queue is written by the real target."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson

from config.optinout import OptinoutConfig
from config.sftp_connection import SftpConnection
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.http import NoThrottle
from connectors.sftp import Sftp
from store.record_queue import Lane
from store.store import Store, WorkflowStore
from sync.consent import fitting
from sync.consent.position import ConsentPosition, PartPosition
from sync.consent.reading import ConsentSource
from sync.consent.target import ConsentTarget
from sync.reading import read_slice
from sync.streams import ReadEnd, Slice, Stream
from sync.writing import write_slice
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.sandboxes import Sandbox

FLAGS = [
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "followemail", "campaign": "blackListMobile", "opted_out": False},
]


class ConsentReaders:
    """`read` reads as one task does; the sandbox has three contacts with profiles, opted in everywhere."""

    def __init__(self, sandbox: Sandbox, store: Store, **config: Any) -> None:
        self.admin = sandbox.admin
        self.store: WorkflowStore = store.workflow("optinout")
        self.store.lifecycle.add_streams(["consent"])
        self.store.lifecycle.start("a test", "", 1)
        assert self.store.lifecycle.run(1, "a test", "")
        self.queue = self.store.queue("consent")
        sandbox.admin.put("/switches", {"profile_key": ""})
        self.dynamics = Dynamics(dynamics_connection(sandbox), NoThrottle())
        self.campaign = Campaign(campaign_connection(sandbox), NoThrottle())
        given = sandbox.info["sftp"]
        known: dict[str, Any] = {name: given[name] for name in ("host", "user", "host_key")}
        self.sftp = Sftp(SftpConnection(**known, port=sandbox.sftp_port, private_key="${env:SFTP_KEY}"))
        self.systems: Any = SimpleNamespace(dynamics=self.dynamics, campaign=self.campaign, sftp=self.sftp)
        self.table = self.dynamics.table("contact", 10)
        self.ann, self.bob, self.carol, *_ = sorted(self.admin.contacts())
        for contact in (self.ann, self.bob, self.carol):
            self.contact(contact, donotemail=False, followemail=True)
            self.campaign.create("profile", {"externalId": contact, "email": "a@example.com"}, 10)
        self.wait(10)
        self.settings: dict[str, Any] = {}
        self.use(**config)

    def use(self, **config: Any) -> None:
        """The configuration, in a process that has just begun; what was stored stays."""
        self.settings = {**self.settings, **config}
        self.config = OptinoutConfig.model_validate({"direction": "bidirectional", "flags": FLAGS, **self.settings})
        self.shapes = fitting.read_shapes(self.config, self.dynamics, self.campaign, 10)
        self.restart()

    def restart(self) -> None:
        self.source = self.process()
        self.stream = self.stream_of(self.source)

    def process(self) -> ConsentSource:
        return ConsentSource(self.config, self.shapes, self.systems, self.store, 100)

    def stream_of(self, source: ConsentSource) -> Stream:
        consent = self.store.consent
        target = ConsentTarget(self.dynamics, self.campaign, self.table, self.config, consent, 2)
        return Stream("consent", source, target)

    def close(self) -> None:
        for system in (self.dynamics, self.campaign, self.sftp):
            system.close()

    # People.

    def wait(self, seconds: float) -> None:
        self.admin.post("/clock", {"advance": seconds})

    def contact(self, contact: str, **columns: bool) -> None:
        row = self.dynamics.current(self.table, [contact], ["donotemail"], 10)[contact]
        self.dynamics.update(self.table, contact, columns, row.etag, 10)

    def profile(self, contact: str, **values: Any) -> None:
        [pkey] = [one["PKey"] for one in self.admin.profiles() if one["externalId"] == contact]
        self.campaign.update("profile", pkey, values, 10)

    def put(self, name: str, *rows: str, first: str = "externalId,blackListEmail,blackListMobile") -> None:
        """A file of the export."""
        text = "\n".join([first, *rows, ""])
        self.admin.put(f"/sftp/files/d365_loads/exports/{name}", {"text": text})

    # Readers and writers.

    def read(self, stream: Stream | None = None, seconds: float = 10) -> ReadEnd:
        return read_slice(stream or self.stream, self.store, 1, Slice(seconds, lambda: False))

    def read_all(self) -> None:
        """Until nothing is busy, and what is due has answered."""
        self.make_due()
        for _ in range(200):
            before = self.store.cursor("consent").number
            self.read()
            if self.store.cursor("consent").number == before and not any(
                part.busy for part in self.position.parts.values()
            ):
                return
        raise AssertionError("the readers never come to an end")

    def make_due(self) -> None:
        """Every source is asked by the next reader; the export workflow has a time of its own."""
        position = self.position
        for name, part in position.parts.items():
            if name != "export":
                position = position.with_part(name, replace(part, due_ms=0))
        if position != self.position:
            self.queue.put_page(1, self.store.cursor("consent").number, [], position.dump())

    def write(self) -> None:
        write_slice(self.stream, {"consent": self.stream}, self.store, 1, 0, Slice(3, lambda: False), 30, 200)

    def settle(self) -> None:
        """Reads and writes until there is nothing more to do."""
        self.read_all()
        while self.waiting():
            self.write()
            self.read_all()

    def waiting(self) -> dict[str, Any]:
        """What waits, by contact."""
        found = self.store.queue("consent")
        ids = [*self.admin.contacts(), *self.strangers]
        return {id_: orjson.loads(payload) for id_ in ids if (payload := found.peek(id_)) is not None}

    strangers: tuple[str, ...] = ()

    def lanes(self) -> set[Lane]:
        batch = self.queue.lease(1, 500, 1)
        return {record.lane for record in batch.records}

    @property
    def position(self) -> ConsentPosition:
        return ConsentPosition.load(self.store.cursor("consent").value)

    def part(self, name: str) -> PartPosition:
        return self.position.parts[name]

    def troubles(self) -> dict[str, str]:
        return {trouble.where: trouble.sentence for trouble in self.store.troubles.all()}

    def flags(self, contact: str) -> tuple[bool, bool]:
        """Opted out of email, in Dynamics and in Campaign."""
        [profile] = [one for one in self.admin.profiles() if one["externalId"] == contact]
        return bool(self.admin.contacts()[contact]["donotemail"]), profile["blackListEmail"]

    def writes(self) -> int:
        """What was written of consent to either system, by whomever."""
        return len(self.admin.get("/consent/writes")["value"])
