"""What operators see of loads through Campaign's file import: before one, while it is under way, and where none is."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from config.connections import Connections
from config.ingress import IngressConfig
from config.sftp_connection import SftpConnection
from control.doctor.checks import Check, Colour
from control.doctor.loads import load_checks
from store.loads import Load, LoadedRecord
from store.record_queue import Change
from store.store import Store, WorkflowStore
from sync.systems import Systems
from sync.tables.position import Position
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection, tell_secrets
from tests.integration.control.conftest import Run
from tests.integration.store.records import entry
from tests.sandboxes import Sandbox

FACTS = {"workflow": "WKF201", "folder": "d365_loads/imports"}
RECORD = "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"


@pytest.fixture
def load(run: Run, file: Path, ingress: WorkflowStore, acknowledged: None, answering: None) -> Load:
    """Of one contact, committed a moment ago."""
    run("config", "apply", str(file))
    run("workflow", "start", "ingress")
    generation = ingress.lifecycle.read().generation
    assert ingress.lifecycle.run(generation, "start-up checks", "both systems answer")
    ingress.lifecycle.add_streams(["contact"])
    queue, loads = ingress.queue("contact"), ingress.loads("contact")
    queue.put_page(generation, 0, [Change(RECORD, 2, b"{}")], Position().dump())
    batch = queue.lease(generation, 1, 60_000)
    [one] = batch.records
    loads.draft("profile_1", batch.number, [LoadedRecord(RECORD, entry(2), one.queued_ms, one.lane, False)])
    assert loads.commit(generation, "profile_1", {batch.number: 1}, FACTS)
    found = loads.read()
    assert found is not None
    return found


def notes(run: Run) -> str:
    return " ".join(json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["notes"])


@pytest.mark.parametrize(
    ("noted", "said"),
    [
        ({}, "its file is about to come into place."),
        ({"placed_ms": 1}, "the file is in its place, and the workflow WKF201 is to take it."),
        ({"placed_ms": 1, "retry_ms": 2**52}, "the workflow WKF201 can be told of the file in "),
        ({"triggered_ms": 1}, "and has not taken the file yet."),
        ({"triggered_ms": 1, "taken_ms": 1}, "the workflow WKF201 has taken the file."),
        ({"seen": "1:2 -"}, "its results are there, and are read when they change no more."),
        ({"ended_ms": 1}, "its records are settled, and its files are taken away."),
    ],
)
def test_an_import_that_is_under_way_is_told_with_what_it_waits_for(
    run: Run, ingress: WorkflowStore, load: Load, noted: dict[str, Any], said: str
) -> None:
    assert not noted or ingress.loads("contact").note(load, **noted)
    told = notes(run)
    assert "ingress: an import of 1 records of contact by Campaign is under way, begun " in told
    assert said in told
    # And it is told while the workflow is stopped, too, since Campaign goes on
    run("workflow", "stop", "ingress")
    assert said in notes(run)
    stream = json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["streams"][0]
    assert (stream["import"]["file"], stream["import"]["records"]) == ("profile_1.csv", 1)


def test_why_no_more_loads_are_made_is_told_until_the_next_start(run: Run, ingress: WorkflowStore, load: Load) -> None:
    ingress.loads("contact").switch_off(ingress.lifecycle.read().generation, "Half of it was lost")
    assert "ingress writes contact singly until the next stop and start: Half of it was lost." in notes(run)
    run("workflow", "stop", "ingress")
    assert "singly until" not in notes(run)


def test_a_record_in_a_file_is_explained_so(run: Run, load: Load) -> None:
    told = " ".join(run("record", "explain", RECORD).stdout.split())
    assert "It is in a file for Campaign's import since 20" in told


@pytest.fixture
def checked(sandbox: Sandbox, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Check]]]:
    """What doctor says of an import with these settings."""
    tell_secrets(sandbox, monkeypatch)
    given = sandbox.info["sftp"]
    sftp = SftpConnection(
        host=given["host"], port=sandbox.sftp_port, user=given["user"], host_key=given["host_key"],
        private_key="${env:SFTP_KEY}",
    )  # fmt: skip
    connections = Connections(dynamics=dynamics_connection(sandbox), campaign=campaign_connection(sandbox), sftp=sftp)
    store = Store(redis, "test")
    systems = Systems(connections, store)

    def check(**settings: Any) -> list[Check]:
        table = {
            "table": "contact",
            "resource": "profile",
            "key": {"field": "externalId"},
            "file_import": {"workflow": "WKF201", **settings},
        }
        config = IngressConfig.model_validate({"tables": [table]})
        return list(load_checks(store.workflow("ingress"), config, systems, 5))

    yield check
    systems.close()


def test_doctor_sees_folders_the_workflow_and_its_signal(sandbox: Sandbox, checked: Callable[..., list[Check]]) -> None:
    # Given all as it should be
    found = checked()
    assert {one.name for one in found} == {"ingress import of contact"}
    assert [one.colour for one in found] == [Colour.GREEN] * 3 and found[-1].finding.endswith(
        "WKF201 of Campaign runs."
    )
    # When anything is not
    assert "correct ingress.tables[contact].file_import.workflow" in checked(workflow="WKF9")[-1].finding
    assert "no external signal signal9; it has: signal1." in checked(signal="signal9")[-1].finding
    assert [one.colour for one in checked(folder="d365_loads/new")] == [Colour.YELLOW, Colour.GREEN, Colour.GREEN]
    for state, colour in (("paused", Colour.RED), ("stopped", Colour.RED)):
        sandbox.admin.put("/imports/WKF201", {"state": state})
        assert checked()[-1].colour is colour
    # Then that is told, unless it is meant so
    assert checked(trigger="start")[-1].colour is Colour.GREEN
    sandbox.admin.put("/switches", {"workflow_states": {"stopped": "odd"}})
    assert checked()[-1].finding == "The workflow WKF201 of Campaign says odd."


def test_an_import_without_an_end_can_be_abandoned(run: Run, ingress: WorkflowStore, load: Load) -> None:
    # Given an import of which nobody will know the end; when somebody who has not been asked gives it up
    refused = run("load", "abandon", "contact")
    # Then nothing is done
    assert refused.exit_code == 2 and "--yes" in refused.stderr
    assert ingress.loads("contact").read() is not None
    # When it is meant
    done = run("load", "abandon", "contact", "--yes", "--why", "the server is gone")
    # Then its record waits again, people know which file is to be deleted, and who did it is on record
    assert done.exit_code == 0 and "1 record of contact wait again" in " ".join(done.stdout.split())
    assert f"d365_loads/imports/{load.name}.csv" in " ".join(done.stderr.split())
    assert ingress.loads("contact").read() is None
    backlog = ingress.queue("contact").backlog()
    assert (backlog.waiting, backlog.leased) == (1, 0)
    [act] = [event for event in ingress.acts.newest() if event.action == "abandon import"]
    assert (act.stream, act.why) == ("contact", "the server is gone")
    # And there is nothing more to give up
    again = run("load", "abandon", "contact", "--yes")
    assert again.exit_code == 1 and "No import of contact is under way" in again.stderr


def test_doctor_names_what_is_left_of_imports_that_nobody_knows(
    sandbox: Sandbox, redis: Redis, checked: Callable[..., list[Check]]
) -> None:
    # Given a load, an hour and more ago, its file, and others beside it
    under_way, lost = "profile_20200101T000000_000001", "profile_20200101T000000_000002"
    store = Store(redis, "test").workflow("ingress")
    redis.hset(store.keys.stream("contact").load, mapping={
        "name": under_way, "known": json.dumps({"batches": [], "facts": {"workflow": "WKF201"}}),
        "count": 48_210, "committed_ms": store.now_ms() - 7_200_000,
    })  # fmt: skip
    folder = "d365_loads/imports"
    names = [f"{under_way}.csv", f".{lost}.csv.part", f".{lost}.given-up", "profile_mine.csv",
             ".profile_29990101T000000_000003.csv.part", f"results/{lost}.written.csv"]  # fmt: skip
    for name in names:
        sandbox.admin.put(f"/sftp/files/{folder}/{name}", {"text": "x"})
    # When they are looked at
    found = [one for one in checked() if one.colour is not Colour.GREEN]
    # Then the load is told with its age, and what nobody knows any more by its names
    assert [one.finding for one in found] == [
        "An import of 48,210 records has been under way for 2 h.",
        f"In {folder} lies what no import of this installation is about: .{lost}.csv.part and .{lost}.given-up.",
        f"In {folder}/results lies what no import of this installation is about: {lost}.written.csv.",
    ]
