"""What the doctor and a live validation find out about imports: folders, Campaign's workflow, what was left behind."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from config.connections import Connections
from config.defaults import default_contact_mapping
from config.document import Document, dump
from config.file_import import FileImport
from config.ingress import CampaignKey, FieldMapping, IngressConfig
from config.sftp_connection import SftpConnection
from connectors.campaign_workflows import Workflows, WorkflowState
from connectors.errors import Unavailable
from control.doctor.checks import Check, Colour
from control.doctor.loads import load_checks
from store.store import Store
from sync.systems import Systems
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection, tell_secrets
from tests.integration.control.conftest import Run
from tests.sandboxes import Sandbox


@pytest.fixture
def connections(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Connections:
    """To a sandbox, with their secrets."""
    tell_secrets(sandbox, monkeypatch)
    given = sandbox.info["sftp"]
    sftp = SftpConnection(
        host=given["host"], port=sandbox.sftp_port, user=given["user"], host_key=given["host_key"],
        private_key="${env:SFTP_KEY}",
    )  # fmt: skip
    return Connections(dynamics=dynamics_connection(sandbox), campaign=campaign_connection(sandbox), sftp=sftp)


@pytest.fixture
def checked(connections: Connections, redis: Redis) -> Iterator[Callable[..., list[Check]]]:
    """What doctor says of an import with these settings."""
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
    assert checked(workflow="WKF9")[-1].remedy == (
        "Until then a start fails; while ingress runs, records are written singly."
    )
    assert "no external signal signal9; it has: signal1." in checked(signal="signal9")[-1].finding
    assert [one.colour for one in checked(folder="d365_loads/new")] == [Colour.YELLOW, Colour.GREEN, Colour.GREEN]
    for state, colour in (("paused", Colour.RED), ("stopped", Colour.RED)):
        sandbox.admin.put("/imports/WKF201", {"state": state})
        assert checked()[-1].colour is colour
    # Then that is told, unless it is meant so
    assert checked(trigger="start")[-1].colour is Colour.GREEN
    sandbox.admin.put("/switches", {"workflow_states": {"stopped": "odd"}})
    assert checked()[-1].finding == "The workflow WKF201 of Campaign says odd."


def test_doctor_names_what_is_left_of_imports_that_nobody_knows(
    sandbox: Sandbox, redis: Redis, checked: Callable[..., list[Check]]
) -> None:
    # Given a load, an hour and more ago, its file, and others beside it
    under_way, lost = "profile_test_20200101T000000_000001", "profile_test_20200101T000000_000002"
    store = Store(redis, "test").workflow("ingress")
    redis.hset(store.keys.stream("contact").load, mapping={
        "name": under_way, "known": json.dumps({"batches": [], "facts": {"workflow": "WKF201"}}),
        "count": 48_210, "committed_ms": store.now_ms() - 7_200_000, "placed_ms": store.now_ms() - 7_190_000,
    })  # fmt: skip
    folder = "d365_loads/imports"
    names = [
        f"{under_way}.csv",
        f".{lost}.csv.part",
        f".{lost}.given-up",
        f"results/{lost}.written.csv",
        "profile_mine.csv",
        "profile_other_20200101T000000_000003.csv",
        ".profile_test_29990101T000000_000004.csv.part",
    ]
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


def test_doctor_says_what_an_import_that_nobody_answers_about_waits_for(
    sandbox: Sandbox, checked: Callable[..., list[Check]]
) -> None:
    sandbox.admin.put("/faults", {"sftp": {"rate_reset": 1}})
    [found] = checked()
    assert found.colour is Colour.RED and "it broke off the login" in found.finding
    assert found.remedy == "Until then records are written singly."


def test_doctor_does_not_look_for_an_import_whose_file_never_came_into_its_place(
    redis: Redis, checked: Callable[..., list[Check]]
) -> None:
    # Given a workflow that was stopped before a file was in its place, a moment or two hours ago
    store = Store(redis, "test").workflow("ingress")
    for hours, colour in ((0, Colour.GREEN), (2, Colour.YELLOW)):
        redis.hset(store.keys.stream("contact").load, mapping={
            "name": "profile_test_20200101T000000_000001", "count": 48_210,
            "known": json.dumps({"batches": [], "facts": {"workflow": "WKF201"}}),
            "committed_ms": store.now_ms() - hours * 3_600_000 - 1000,
        })  # fmt: skip
        # When doctor looks at it
        found = checked()[0]
        # Then it says what the next start does, and after a while what lies there until then
        assert found.finding.startswith("An import of 48,210 records was begun ")
        assert found.finding.endswith("its file is not in its place, and is given up at the next start.")
        assert (found.colour, "personal data" in found.remedy) == (colour, bool(hours))


def written(file: Path, connections: Connections, fields: tuple[FieldMapping, ...] = (), **settings: Any) -> list[str]:
    """A file whose contacts are imported with these settings, with more fields: its lines."""
    contacts = default_contact_mapping()
    mapping = contacts.model_copy(
        update={
            "fields": (*contacts.fields, *fields),
            "key": CampaignKey(field="externalId", unique=True, address="uri"),
            "file_import": FileImport.model_validate({"workflow": "WKF201", **settings}),
        }
    )
    text = dump(Document(connections=connections, ingress=IngressConfig(tables=(mapping,))))
    file.write_text(text)
    return [line.strip() for line in text.splitlines()]


def test_an_import_that_can_be_made_is_good(run: Run, file: Path, connections: Connections) -> None:
    written(file, connections)
    result = run("config", "validate", str(file), "--live")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("The mapping fits both live systems.\n")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"workflow": "WKF9"}, "no workflow with this ID; correct ingress.tables[contact].file_import.workflow."),
        (
            {"signal": "signal9"},
            "no external signal signal9 (it has: signal1); correct ingress.tables[contact].file_import.signal.",
        ),
    ],
)
def test_a_live_validation_tells_what_a_start_would_fail_of(
    run: Run, file: Path, connections: Connections, settings: dict[str, str], said: str
) -> None:
    # Given an import that nobody can make as it is configured
    lines = written(file, connections, (), **settings)
    # When the file is held against the live systems, or its mappings alone are
    for command in (("config", "validate", str(file), "--live"), ("mapping", "validate", str(file))):
        result = run(*command)
        # Then it is told where it stands
        assert result.exit_code == 1
        _, line, path, sentence = result.stdout.split(":", 3)
        assert (lines[int(line) - 1], path.strip()) == ("file_import:", "ingress.tables.0.file_import")
        assert sentence.rstrip().endswith(said)


@pytest.mark.parametrize("away", ["sftp", "workflows"])
@pytest.mark.parametrize("mistaken", [False, True])
def test_an_import_that_nobody_answers_about_is_a_warning_beside_every_mistake(
    run: Run,
    file: Path,
    connections: Connections,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    away: str,
    mistaken: bool,
) -> None:
    # Given a mapping, with a column that is not there or without, and a server that does not answer about its import
    lines = written(file, connections, (FieldMapping(source="faxes", target="lineage"),) if mistaken else ())

    def silent(self: Workflows, id_: str, timeout: float) -> WorkflowState:
        raise Unavailable("campaign", "the workflows of Campaign are not available")

    if away == "sftp":
        sandbox.admin.put("/faults", {"sftp": {"rate_reset": 1}})
    else:
        monkeypatch.setattr(Workflows, "state", silent)
    # When the file is held against the live systems, or its mappings alone are
    for command in (("config", "validate", str(file), "--live"), ("mapping", "validate", str(file))):
        result = run(*command)
        # Then the mistake is told, if there is one
        assert (result.exit_code, "faxes" in result.stdout) == (int(mistaken), mistaken)
        # And the import is a warning where it stands
        [told] = [line for line in result.stderr.splitlines() if "could not be asked" in line]
        _, _, line, path, sentence = told.split(":", 4)
        assert (lines[int(line) - 1], path.strip()) == ("file_import:", "ingress.tables.0.file_import")
        assert ("it broke off the login" if away == "sftp" else "are not available") in sentence


def test_a_folder_that_takes_no_files_is_told_where_it_stands(
    run: Run, file: Path, connections: Connections, sandbox: Sandbox
) -> None:
    # Given a file where a folder should be
    sandbox.admin.put("/sftp/files/d365_loads/taken", {"text": "x"})
    lines = written(file, connections, folder="d365_loads/taken")
    result = run("config", "validate", str(file), "--live")
    # Then the folder is named, and the place
    assert result.exit_code == 1
    _, line, path, sentence = result.stdout.split(":", 3)
    assert (lines[int(line) - 1], path.strip()) == ("file_import:", "ingress.tables.0.file_import")
    assert "writing to d365_loads/taken" in sentence


@pytest.mark.parametrize(
    ("folders", "keys"),
    [
        ({"folder": "d365_loads/import"}, ["folder"]),
        ({"results_folder": "d365_loads/import/results"}, ["results_folder"]),
        ({"folder": "d365_load/imports", "results_folder": "d365_load/results"}, ["folder", "results_folder"]),
    ],
)
def test_a_folder_that_is_not_there_is_a_warning_where_it_is_named(
    run: Run, file: Path, connections: Connections, folders: dict[str, str], keys: list[str]
) -> None:
    # Given a slip of the pen in the name of a folder
    lines = written(file, connections, (), **folders)
    # When the file is held against the live systems, or its mappings alone are
    for command in (("config", "validate", str(file), "--live"), ("mapping", "validate", str(file))):
        result = run(*command)
        # Then the mapping fits, and the folder is told where it stands
        assert (result.exit_code, result.stdout) == (0, "")
        told = [line.split(":", 4) for line in result.stderr.splitlines() if "is not there on the SFTP server" in line]
        assert [path.strip() for _, _, _, path, _ in told] == [f"ingress.tables.0.file_import.{key}" for key in keys]
        assert [lines[int(line) - 1] for _, _, line, _, _ in told] == [f"{key}: {folders[key]}" for key in keys]


def test_a_login_that_the_server_refuses_is_told_where_the_server_stands(
    run: Run, file: Path, connections: Connections, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the host key of another server
    assert connections.sftp is not None
    kind, key = connections.sftp.host_key.split()[:2]
    other = connections.sftp.model_copy(update={"host_key": f"{kind} {key[:-4]}AAAA"})
    lines = written(file, connections.model_copy(update={"sftp": other}))
    # When it is held against the live systems
    [told] = run("config", "validate", str(file), "--live").stdout.splitlines()
    # Then it is the key that is to be corrected, and no import
    _, line, path, _ = told.split(":", 3)
    assert (lines[int(line) - 1].partition(":")[0], path.strip()) == ("host_key", "connections.sftp.host_key")
