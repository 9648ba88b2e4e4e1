"""Logs on the sandbox's SFTP server: told once, whole, in time, and at nobody's expense."""

import base64
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis import Redis

from config.connections import Connections
from config.document import WorkflowDocument, dump
from config.ingress import IngressConfig
from config.settings import Settings
from config.sftp_connection import LogExport, SftpConnection
from connectors.sftp import Sftp
from store.log_export import LogLines, Told
from store.record_queue import Change, Reason, Refused, Written
from store.store import Store, WorkflowStore
from store.trouble import LOGS
from tasks.export_logs import export_logs
from tasks.runtime import Runtime
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.sandboxes import Sandbox

CONTACTS: dict[str, Any] = {
    "table": "contact",
    "resource": "profile",
    "key": {"field": "externalId", "unique": True, "address": "uri"},
    "fields": [{"from": "lastname", "to": "lastName"}],
}
FOLDER = "d365_loads/logs"
SECRET = "hunter2 hunter2"


class Exporting:
    """A workflow whose logs are exported, and what is on the server. A test says when an hour is over."""

    def __init__(self, redis: Redis, sandbox: Sandbox, home: Path) -> None:
        self.redis = redis
        self.sandbox = sandbox
        self.runtime = Runtime(Settings(home=home), Store(redis, "production"))
        self.workflow: WorkflowStore = self.runtime.workflow("ingress")
        self.queue = self.workflow.queue("contact")
        self.hours = 0
        self.pages = 0

    def connection(self, logs: LogExport | None) -> SftpConnection:
        given = self.sandbox.info["sftp"]
        known = {name: given[name] for name in ("host", "user", "host_key")}
        return SftpConnection(**known, port=self.sandbox.sftp_port, private_key="${env:SFTP_KEY}", logs=logs)

    def configure(self, logs: LogExport | None) -> int:
        connections = Connections(
            dynamics=dynamics_connection(self.sandbox),
            campaign=campaign_connection(self.sandbox),
            sftp=self.connection(logs),
        )
        document = WorkflowDocument(
            connections=connections, ingress=IngressConfig.model_validate({"tables": [CONTACTS]})
        )
        return self.workflow.revisions.save(self.workflow.revisions.newest(), dump(document), "ann", "a test")

    def start(self, why: str = "it is Monday") -> int:
        self.workflow.lifecycle.add_streams(["contact"])
        self.workflow.lifecycle.start("ann", why, self.workflow.revisions.newest())
        generation = self.workflow.lifecycle.read().generation
        assert self.workflow.lifecycle.run(generation, "start-up checks", "both systems answer")
        return generation

    def work(self, generation: int, *ids: str, refused: bool = False) -> None:
        """These are read, and written or refused."""
        changes = [Change(one, 1, SECRET.encode()) for one in ids]
        self.queue.put_page(generation, self.pages, changes, "c")
        self.pages += 1
        batch = self.queue.lease(generation, len(ids), 10_000)
        reason = Reason("refused", "Campaign does not take the email", "campaign")
        self.queue.settle(
            batch.number,
            [Refused(one.id, reason) if refused else Written(one.id, None) for one in batch.records],
        )

    def hour(self) -> None:
        """An hour is over: there is something to tell once more."""
        told = self.workflow.log_lines.told()
        self.hours = (told.number if told else 0) + 1

    def is_due(self, logs: LogExport, told: Told | None, now_ms: int) -> bool:
        return (told.number if told else 0) < self.hours

    def export(self, later: bool = True) -> None:
        """An hour later, unless it is the same hour."""
        if later:
            self.hour()
        export_logs(self.runtime, "ingress")

    def files(self) -> dict[str, bytes]:
        """All files of the server that are not in the folders of others, by path."""
        found = self.sandbox.admin.get("/sftp/files")["value"]
        return {
            file["path"]: base64.b64decode(self.sandbox.admin.get(f"/sftp/files/{file['path']}")["base64"])
            for file in found
        }

    def lines(self) -> list[dict[str, Any]]:
        """All that was told, in the order of the files."""
        return [orjson.loads(line) for _, content in sorted(self.files().items()) for line in content.splitlines()]

    def counted(self) -> Counter[str]:
        """The sums of what was counted."""
        found: Counter[str] = Counter()
        for line in self.lines():
            if line["event"] == "counts":
                found.update({name: line[name] for name in ("read", "written", "set_aside")})
        return found

    def set_aside(self) -> list[str]:
        return sorted(line["id"] for line in self.lines() if line["event"] == "set_aside")

    def fault(self, **plan: float) -> None:
        self.sandbox.admin.put("/faults", {"sftp": plan})


@pytest.fixture
def exporting(redis: Redis, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exporting]:
    monkeypatch.setenv("SFTP_KEY", sandbox.info["sftp"]["private_key"])
    found = Exporting(redis, sandbox, tmp_path)
    monkeypatch.setattr("tasks.export_logs._is_due", found.is_due)
    found.configure(LogExport())
    yield found


def test_the_file_of_a_day_tells_who_did_what_how_much_was_done_and_what_was_set_aside(exporting: Exporting) -> None:
    # Given a workflow that is exported from its start on
    exporting.export()
    generation = exporting.start()
    # When it has written two records and set one aside, and is stopped
    exporting.work(generation, "c-1", "c-2")
    exporting.work(generation, "c-3", refused=True)
    exporting.workflow.lifecycle.stop("bob", "a deploy")
    exporting.export()
    # Then all of that is told, in files of the day, in the order of time
    assert all(path.startswith(f"{FOLDER}/d365acs_production_ingress_2") for path in exporting.files())
    assert all(len(path) == len(f"{FOLDER}/d365acs_production_ingress_20261101.jsonl") for path in exporting.files())
    lines = exporting.lines()
    assert all((line["instance"], line["workflow"]) == ("production", "ingress") for line in lines)
    told = [(line["action"], line["by"], line["why"]) for line in lines if line["event"] in ("state", "action")]
    assert told == [
        ("edit", "ann", "a test"),
        ("start", "ann", "it is Monday"),
        ("run", "start-up checks", "both systems answer"),
        ("stop", "bob", "a deploy"),
    ]
    states = [(line["from"], line["to"]) for line in lines if line["event"] == "state"]
    assert states == [("STOPPED", "STARTING"), ("STARTING", "RUNNING"), ("RUNNING", "STOPPED")]
    (aside,) = (line for line in lines if line["event"] == "set_aside")
    assert {name: aside[name] for name in ("stream", "id", "kind", "why", "system")} == {
        "stream": "contact",
        "id": "c-3",
        "kind": "refused",
        "why": "Campaign does not take the email",
        "system": "campaign",
    }
    (counts,) = (line for line in lines if line["event"] == "counts")
    assert {name: counts[name] for name in ("read", "written", "unchanged", "filtered", "set_aside", "waiting")} == {
        "read": 3,
        "written": 2,
        "unchanged": 0,
        "filtered": 0,
        "set_aside": 1,
        "waiting": 0,
    }
    assert counts["since"] < counts["at"]
    # And neither content nor secrets
    for content in exporting.files().values():
        assert SECRET.encode() not in content
        assert b"PRIVATE KEY" not in content and b"client_secret" not in content


def test_every_hour_tells_what_is_new_and_nothing_twice(exporting: Exporting) -> None:
    # Given exports while records are written and set aside
    exporting.export()
    generation = exporting.start()
    for number in range(5):
        exporting.work(generation, f"w-{number}")
        exporting.work(generation, f"r-{number}", refused=True)
        exporting.export()
        # Within the hour nothing more is told
        exporting.export(later=False)
    # Then the counts add up, and each record was told once
    assert exporting.counted() == {"read": 10, "written": 5, "set_aside": 5}
    assert exporting.set_aside() == [f"r-{number}" for number in range(5)]


def test_a_stopped_workflow_is_told_as_long_as_there_is_something_new(exporting: Exporting) -> None:
    # Given a workflow that was stopped, and whose end was told
    exporting.start()
    exporting.workflow.lifecycle.stop("ann", "")
    exporting.export()
    before = exporting.files()
    asked = exporting.sandbox.admin.get("/calls")["sftp"]
    # When hours go by, then the server is not even asked
    for _ in range(3):
        exporting.export()
    assert exporting.sandbox.admin.get("/calls")["sftp"] == asked
    # When somebody saves a configuration, then it is told
    exporting.configure(LogExport())
    exporting.export()
    assert [line["action"] for line in exporting.lines()][-1] == "edit"
    assert before.keys() == exporting.files().keys()


def test_a_server_that_is_away_disturbs_nothing_and_gets_everything_later(exporting: Exporting) -> None:
    # Given a server that refuses every request
    exporting.export()
    generation = exporting.start()
    exporting.fault(rate_500=1.0)
    for number in range(3):
        exporting.work(generation, f"c-{number}", refused=True)
        # When an hour's logs are to be exported, then that is a trouble, and nothing fails
        exporting.export()
    trouble = exporting.workflow.troubles.get(LOGS)
    assert trouble is not None and "Campaign's SFTP server" in trouble.sentence
    assert exporting.workflow.lifecycle.is_running(generation)
    assert exporting.set_aside() == []
    # When it is back, then the next look, within the hour, brings everything, and ends the trouble
    exporting.fault(rate_500=0)
    exporting.redis.hdel(exporting.workflow.keys.trouble, LOGS)
    exporting.export(later=False)
    assert exporting.set_aside() == ["c-0", "c-1", "c-2"]
    assert exporting.counted() == {"read": 3, "written": 0, "set_aside": 3}
    assert exporting.workflow.troubles.get(LOGS) is None


@pytest.mark.parametrize(
    ("owner", "step"), [(LogLines, "keep"), (LogLines, "content"), (Sftp, "write"), (LogLines, "note_written")]
)
def test_a_crash_neither_loses_nor_doubles_a_line(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch, owner: type, step: str
) -> None:
    # Given an exporter that dies at one step
    exporting.export()
    generation = exporting.start()
    exporting.work(generation, "c-1", refused=True)
    with monkeypatch.context() as patched:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(owner, step, die)
        with pytest.raises(KeyboardInterrupt):
            exporting.export()
    # When another looks within the hour, then it takes up what was left
    exporting.export(later=False)
    assert exporting.set_aside() == ["c-1"]
    exporting.work(generation, "c-2", refused=True)
    exporting.export()
    # And everything is told once
    assert exporting.set_aside() == ["c-1", "c-2"]
    assert exporting.counted() == {"read": 2, "written": 0, "set_aside": 2}


def test_faults_of_all_kinds_leave_whole_files_and_nothing_beside_them(exporting: Exporting) -> None:
    # Given a server that fails and tears connections
    exporting.export()
    generation = exporting.start()
    exporting.fault(rate_reset=0.1, rate_reset_after=0.1, rate_500=0.1)
    for number in range(12):
        exporting.work(generation, f"c-{number:02}", refused=True)
        exporting.export()
        exporting.redis.hdel(exporting.workflow.keys.trouble, LOGS)
        # Then what is there is whole lines, at any time
        assert exporting.set_aside() == [f"c-{one:02}" for one in range(len(exporting.set_aside()))]
    # When the server is well, then all is there, and nothing else
    exporting.fault(rate_reset=0, rate_reset_after=0, rate_500=0)
    exporting.export()
    assert exporting.set_aside() == [f"c-{number:02}" for number in range(12)]
    assert exporting.counted()["set_aside"] == 12
    assert all(path.endswith(".jsonl") for path in exporting.files())


def test_exporters_beside_each_other_tell_everything_once(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given four exporters whose right does not keep them apart
    exporting.export()
    generation = exporting.start()
    with monkeypatch.context() as patched:
        patched.setattr(WorkflowStore, "exporting_right", lambda self: Everybody())
        for number in range(4):
            exporting.work(generation, f"c-{number}", refused=True)
            exporting.hour()
            threads = [threading.Thread(target=export_logs, args=(exporting.runtime, "ingress")) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    # When one alone goes on, then everything was told once
    exporting.redis.hdel(exporting.workflow.keys.trouble, LOGS)
    exporting.export()
    assert exporting.set_aside() == [f"c-{number}" for number in range(4)]
    assert exporting.counted()["set_aside"] == 4


class Everybody:
    def __enter__(self) -> bool:
        return True

    def __exit__(self, *exc: object) -> None:
        pass


def test_one_exporter_works_at_a_time(exporting: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an exporter at work
    written: list[str] = []
    original: Callable[..., None] = Sftp.write

    def write(self: Sftp, path: str, *given: Any) -> None:
        written.append(path)
        # When another looks meanwhile, an hour later
        exporting.export()
        original(self, path, *given)

    monkeypatch.setattr(Sftp, "write", write)
    exporting.export()
    # Then it leaves the work to the first
    assert len(written) == 1


def test_what_is_switched_off_is_forgotten_with_its_trouble(exporting: Exporting) -> None:
    # Given a workflow whose logs could not be exported
    exporting.fault(rate_500=1.0)
    exporting.export()
    assert exporting.workflow.troubles.get(LOGS) is not None
    # When the export is switched off, then nothing is left of it
    exporting.fault(rate_500=0)
    exporting.configure(None)
    exporting.export()
    assert exporting.workflow.troubles.get(LOGS) is None
    assert [key for key in exporting.redis.scan_iter() if b"log-" in key] == []
    assert exporting.files() == {}


def test_a_running_workflow_exports_as_it_was_started_and_a_stopped_one_as_it_is_saved(exporting: Exporting) -> None:
    # Given a workflow that runs, and another folder that is saved
    exporting.start()
    exporting.configure(LogExport(folder="elsewhere"))
    exporting.export()
    assert all(path.startswith(f"{FOLDER}/") for path in exporting.files())
    # When it is stopped, then its logs of today go there, whole
    exporting.workflow.lifecycle.stop("ann", "")
    exporting.export()
    (content,) = (content for path, content in exporting.files().items() if path.startswith("elsewhere/"))
    assert [orjson.loads(line)["action"] for line in content.splitlines() if b'"action"' in line] == [
        *("edit", "start", "run", "edit", "stop")
    ]
