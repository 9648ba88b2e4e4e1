"""`d365acs consent preview`: what a first run would write, counted by reading both systems, and nothing written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.connections import Connections
from config.document import Document, dump
from config.optinout import OptinoutConfig
from control.demo.sandbox import Sandbox, connections_to
from control.demo.stage import SECRETS
from store.store import WorkflowStore
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets
from tests.sandboxes import Admin

MAIL = {"dynamics": "donotemail", "campaign": "blackListEmail"}
PEOPLE = 7


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """With a profile for each contact, both saying that nobody has opted out; one page holds three profiles."""
    sandbox = Sandbox({"contacts": PEOPLE}, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    admin = Admin(sandbox.info["admin"]["url"])
    admin.post("/consent/profiles", {"pairs": [MAIL]})
    yield sandbox
    sandbox.stop()


@pytest.fixture
def admin(sandbox: Sandbox) -> Admin:
    return Admin(sandbox.info["admin"]["url"])


@pytest.fixture
def connections(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Connections:
    know_secrets(sandbox, monkeypatch)
    return connections_to(sandbox.info, SECRETS)


def written(file: Path, connections: Connections, **given: Any) -> None:
    settings = {"direction": "bidirectional", "flags": [MAIL], "poll": {"page_size": 3}, **given}
    file.write_text(dump(Document(connections=connections, optinout=OptinoutConfig.model_validate(settings))))


def counted(run: Run, file: Path, *options: str) -> dict[str, Any]:
    result = run("consent", "preview", str(file), "-o", "json", *options)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def opted_out(admin: Admin) -> tuple[int, int]:
    """How many have opted out of email, in Dynamics and in Campaign."""
    contacts = admin.contacts().values()
    return sum(bool(row["donotemail"]) for row in contacts), sum(one["blackListEmail"] for one in admin.profiles())


def differing(admin: Admin) -> int:
    rows = admin.contacts()
    return sum(one["blackListEmail"] is not bool(rows[one["externalId"]]["donotemail"]) for one in admin.profiles())


def test_what_would_be_written_is_counted_and_nothing_is_written(
    run: Run, file: Path, connections: Connections, admin: Admin, optinout: WorkflowStore
) -> None:
    # Given people of whom some have changed their minds on one side, over several pages
    admin.post("/consent/changes", {"pairs": [MAIL], "changes": 4, "conflicts": 0, "seed": 3})
    before, writes = opted_out(admin), len(admin.get("/consent/writes")["value"])
    written(file, connections)
    # When it is counted
    found = counted(run, file)
    # Then everybody was read, and what differs stands by pair, direction and rule
    assert (found["profiles"], found["all"]) == (PEOPLE, True)
    assert sum(one["contacts"] for one in found["changes"]) == differing(admin) > 0
    assert {(one["column"], one["flag"]) for one in found["changes"]} == {("donotemail", "blackListEmail")}
    assert {one["written_to"] for one in found["changes"]} <= {"dynamics", "campaign"}
    # And neither system was written, and nothing is on record or remembered
    assert opted_out(admin) == before and len(admin.get("/consent/writes")["value"]) == writes
    assert optinout.consent.stats().decided == 0
    assert optinout.consent.memories(list(admin.contacts())) == [None] * PEOPLE
    # And people see the same
    shown = run("consent", "preview", str(file))
    assert "donotemail" in shown.stdout and f"{PEOPLE} profiles of Campaign were read" in shown.stdout


def test_a_pair_the_wrong_way_round_shows_before_it_does_harm(
    run: Run, file: Path, connections: Connections, admin: Admin
) -> None:
    # Given a column that says who wants it, paired as if it said who does not
    wrong = {"dynamics": "followemail", "campaign": "blackListEmail"}
    written(file, connections, flags=[wrong])
    rows = admin.contacts()
    reached = [one for one in admin.profiles() if not one["blackListEmail"]]
    wanting = sum(bool(rows[one["externalId"]]["followemail"]) for one in reached)
    assert wanting > PEOPLE / 2
    # When it is held against the systems, counted, and saved, then each says so
    assert "say opted_out: false" in run("config", "validate", str(file), "--live").stderr
    found = counted(run, file)
    [out] = [one for one in found["changes"] if one["opted_out"] and one["written_to"] == "campaign"]
    assert out["contacts"] == wanting
    assert "say opted_out: false" in run("config", "apply", str(file)).stderr
    # But once is enough
    assert "say opted_out: false" not in run("config", "apply", str(file)).stderr


def test_opt_outs_that_ingress_would_undo_are_counted_and_told(
    run: Run, file: Path, connections: Connections, admin: Admin
) -> None:
    # Given people who have opted out in Campaign alone
    written(file, connections, direction="dynamics_to_campaign")
    admin.post("/consent/changes", {"pairs": [MAIL], "side": "dynamics", "opted_out": False})
    admin.post("/consent/changes", {"pairs": [MAIL], "side": "campaign", "opted_out": True, "contacts": 3})
    in_campaign = [one for one in admin.profiles() if one["blackListEmail"]]
    rows = admin.contacts()
    wiped = [one for one in in_campaign if not rows[one["externalId"]]["donotemail"]]
    assert wiped
    # When it is counted what ingress would write
    found = counted(run, file)
    # Then they are among it, and told
    undone = sum(one["contacts"] for one in found["changes"] if one["opted_out"] is False)
    assert undone == len(wiped)
    assert "Ingress would undo" in run("consent", "preview", str(file)).stderr


def test_it_may_stop_early_and_says_so(run: Run, file: Path, connections: Connections) -> None:
    written(file, connections)
    found = counted(run, file, "--limit", "2")
    assert (found["profiles"], found["all"]) == (3, False)


def test_without_polling_nobody_can_be_counted(run: Run, file: Path, connections: Connections) -> None:
    written(file, connections, direction="disabled")
    assert "is disabled" in run("consent", "preview", str(file)).stderr
    written(file, connections, poll=None, files=None, direction="dynamics_to_campaign")
    result = run("consent", "preview", str(file))
    assert result.exit_code != 0 and "poll is null" in result.stderr
