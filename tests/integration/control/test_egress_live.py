"""What egress needs of the live systems: its activity tables, the journal or the SFTP server, each with its remedy."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.connections import Connections, JournalConnection, SftpConnection
from config.document import Document, dump
from config.egress import EgressConfig
from control.demo.sandbox import Sandbox, connections_to
from control.demo.stage import SECRETS
from store.store import WorkflowStore
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets

#: SHA256 of nothing that any server has.
OTHER_KEY = "SHA256:" + "A" * 43


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    options = {"contacts": 5, "campaign-events": 20}
    sandbox = Sandbox(options, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def key(sandbox: Sandbox, tmp_path: Path) -> Path:
    """The private key for SFTP."""
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(sandbox.info["sftp"]["private_key"])
    return path


@pytest.fixture
def connections(sandbox: Sandbox, key: Path, monkeypatch: pytest.MonkeyPatch) -> Connections:
    """All of them, with their secrets."""
    know_secrets(sandbox, monkeypatch)
    sftp = sandbox.info["sftp"]
    return connections_to(sandbox.info, SECRETS).model_copy(
        update={
            "journal": JournalConnection(url=sandbox.info["journal"]["url"]),
            "sftp": SftpConnection(
                host=sftp["host"],
                port=int(sftp["port"]),
                user=sftp["user"],
                private_key=f"${{file:{key}}}",
                host_key=sftp["host_key"],
            ),
        }
    )


def written(file: Path, connections: Connections, **egress: Any) -> str:
    """A file with egress alone."""
    text = dump(Document(connections=connections, egress=EgressConfig.model_validate(egress)))
    file.write_text(text)
    return text


def applied(run: Run, file: Path, connections: Connections, **egress: Any) -> None:
    written(file, connections, **egress)
    result = run("config", "apply", str(file))
    assert result.exit_code == 0, result.output


def checks(run: Run) -> dict[str, tuple[str, str]]:
    """By name: colour and finding, the last one of a name."""
    return {one["check"]: (one["colour"], one["finding"]) for one in json.loads(run("doctor", "-o", "json").stdout)}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("journal", "20 of 20 events of the journal fit"),
        ("files", "The folder d365_loads/exports/logs has no file like *_[0-9]*.txt* to look at yet"),
    ],
)
def test_a_file_that_fits_is_good(run: Run, file: Path, connections: Connections, source: str, seen: str) -> None:
    written(file, connections, source=source)
    result = run("config", "validate", str(file), "--live")
    assert (result.exit_code, result.stdout) == (0, "")
    fits = "The activity tables of egress are there with their columns, and its source answers. "
    assert result.stderr.startswith(f"{fits}{seen}")


@pytest.mark.usefixtures("answering")
def test_a_path_that_leads_nowhere_in_the_journal_is_told_at_its_line(
    run: Run, file: Path, connections: Connections
) -> None:
    # Given a path with two letters exchanged
    text = written(file, connections, journal={"fields": {"contact": "data.extrenalId"}})
    # When it is held against the journal
    result = run("config", "validate", str(file), "--live")
    # Then the line, how many events lack it, and the key are told
    assert result.exit_code == 1
    _, line, path, sentence = result.stdout.split(":", 3)
    assert text.splitlines()[int(line) - 1].strip() == "contact: data.extrenalId"
    assert path.strip() == "egress.journal.fields.contact"
    lacking = r" (\d+) of 20 events of the journal have no data\.extrenalId: "
    found = re.fullmatch(lacking + r"correct egress\.journal\.fields\.contact, or .*\n", sentence)
    assert found and int(found[1]) > 10
    # And the doctor sees it in what is saved
    run("config", "apply", str(file))
    colour, finding = checks(run)["egress sample"]
    assert (colour, finding) == ("red", sentence.strip())


def test_a_type_that_only_some_events_have_is_a_warning(run: Run, file: Path, connections: Connections) -> None:
    # Given a configuration that does not list what a few events are
    types = EgressConfig().types.model_dump()
    written(file, connections, types={**types, "open": ["seen"]})
    result = run("config", "validate", str(file), "--live")
    # Then it fits, and the others are warned about
    assert result.exit_code == 0, result.stdout
    assert re.search(r"Warning: .*egress\.types: \d+ of 20 events of the journal do(es)? not fit: ", result.stderr)


COLUMNS = ["id", "type", "profile", "eventDate", "campaignName"]
ROW = "4711\tclick\t1d251a79-bac4-49db-8bae-963614d5df27\t2026-11-01\tCamp\n"
HEAD = "\t".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    ("name", "text", "fields", "line", "sentence"),
    [
        (
            "clicks_20261101.txt",
            HEAD + ROW,
            {},
            "egress.files.fields.contact",
            "The newest file, clicks_20261101.txt, has no column externalId; it has: id, type, profile, eventDate, "
            "campaignName; correct egress.files.fields.contact.",
        ),
        (
            "clicks_20261101.txt.gz",
            HEAD + ROW * 3 + "4712\tclick\n",
            {"contact": "campaignName"},
            "egress.files.fields.contact",
            "3 of 4 events of the newest file, clicks_20261101.txt.gz, do not fit: campaignName is not the id of a "
            "contact: it is no GUID.",
        ),
        (
            "clicks_20261101.txt",
            ROW,
            {},
            "egress.files",
            "The newest file, clicks_20261101.txt, does not begin with a line of the columns that egress.files.fields "
            "names: check egress.files.delimiter and quote, or let Campaign export the names of the columns.",
        ),
    ],
)
@pytest.mark.usefixtures("answering")
def test_the_head_of_the_newest_file_is_held_against_the_columns_and_no_value_is_shown(
    run: Run,
    file: Path,
    connections: Connections,
    sandbox: Sandbox,
    name: str,
    text: str,
    fields: dict[str, str],
    line: str,
    sentence: str,
) -> None:
    # Given an older file that fits, and a newer one that does not
    sandbox.ask("PUT", "/sftp/files/heads/clicks_20261031.txt", {"text": "id\n", "age": 3600})
    sandbox.ask("PUT", f"/sftp/files/heads/{name}", {"text": text, "gzip": name.endswith(".gz")})
    # When the configuration is held against the live systems
    written(file, connections, source="files", files={"folder": "heads", "fields": fields})
    result = run("config", "validate", str(file), "--live")
    sandbox.ask("DELETE", f"/sftp/files/heads/{name}")
    # Then it is told what to correct, without anything that stands in a row
    assert result.exit_code == 1, result.output
    [told] = [one.split(":", 3)[2:] for one in result.stdout.splitlines() if one.split(":")[2].strip() == line]
    assert told[1].strip() == sentence
    assert not {"4711", "Camp\n", "1d251a79"} & set(re.split(r"[\s,;:]", result.output))


def test_what_the_sftp_server_does_not_bear_is_told_at_its_line(run: Run, file: Path, connections: Connections) -> None:
    assert connections.sftp is not None
    # Given a folder that is not there
    text = written(file, connections, source="files", files={"folder": "none"})
    told = run("config", "validate", str(file), "--live").stdout.split(":", 3)
    assert (text.splitlines()[int(told[1]) - 1].strip(), told[2]) == ("folder: none", " egress.files.folder")
    # When the pinned key is another one
    other = connections.sftp.model_copy(update={"host_key": OTHER_KEY})
    text = written(file, connections.model_copy(update={"sftp": other}), source="files")
    told = run("config", "validate", str(file), "--live").stdout.split(":", 3)
    assert (text.splitlines()[int(told[1]) - 1].strip(), told[2]) == (
        f"host_key: {OTHER_KEY}",
        " connections.sftp.host_key",
    )


@pytest.mark.usefixtures("answering")
def test_a_system_in_trouble_is_not_blamed_on_the_network(
    run: Run, file: Path, connections: Connections, sandbox: Sandbox
) -> None:
    applied(run, file, connections)
    # Given a journal that answers 503
    sandbox.ask("PUT", "/faults", {"journal": {"rate_503": 1}})
    found = json.loads(run("doctor", "-o", "json").stdout)
    sandbox.ask("PUT", "/faults", {})
    # Then nobody is sent to look at the network
    [journal] = [one for one in found if one["check"] == "Journal"]
    assert journal["colour"] == "red" and "503" in journal["finding"]
    assert journal["remedy"].startswith("It answers, and is in trouble or busy itself")


def test_every_misfit_is_told_at_its_line_and_what_is_switched_off_is_not_asked_for(
    run: Run, file: Path, connections: Connections, egress: WorkflowStore
) -> None:
    # Given a file with a table and a column that are not there, and a journal that is not there
    away = connections.model_copy(update={"journal": JournalConnection(url=f"{connections.journal.url}x")})  # type: ignore[union-attr]  # it is there
    activities = {
        "send": {"table": "adobe_emailsent", "date": "adobe_senton"},
        "open": {"table": "adobe_emailopen", "date": "adobe_opened"},
        "bounce": {"table": "adobe_nothing", "date": "adobe_bouncedon"},
    }
    text = written(file, away, activities=activities, events={"bounces": False})
    # When it is held against the live systems
    result = run("config", "validate", str(file), "--live")
    # Then each misfit is a line of its own
    assert (result.exit_code, egress.revisions.newest()) == (1, 0)
    lines = text.splitlines()
    told = [line.split(":", 3) for line in result.stdout.splitlines()]
    assert [(lines[int(line) - 1].strip(), path.strip()) for _, line, path, _ in told] == [
        ("journal:", "connections.journal"),
        ("table: adobe_emailsent", "egress.activities.send.table"),
        ("date: adobe_opened", "egress.activities.open.date"),
    ]
    assert "activity tables that are there: adobe_emailbounce, adobe_emailopen" in result.stdout
    # And where nothing of ingress is mapped, nothing is wrong with its mappings
    assert run("mapping", "validate", str(file)).stderr == "Nothing is mapped.\n"


def test_activity_tables_are_listed_with_what_is_written_there(run: Run, file: Path, connections: Connections) -> None:
    # Given egress that writes no opens
    applied(run, file, connections, events={"opens": False})
    # Then each table is shown with its set and its events
    found = json.loads(run("schema", "activities", "-o", "json").stdout)
    assert [(one["name"], one["set"], one["events"]) for one in found] == [
        ("adobe_emailbounce", "adobe_emailbounces", ["bounce"]),
        ("adobe_emailopen", "adobe_emailopens", []),
        ("adobe_emailsend", "adobe_emailsends", ["send"]),
        ("adobe_emailurlclick", "adobe_emailurlclicks", ["click"]),
    ]
    assert run("schema", "activities", "URLCLICK").stdout.splitlines()[1].split()[:3] == [
        *("adobe_emailurlclick", "adobe_emailurlclicks", "click")
    ]
    assert run("schema", "activities", "zzz").stderr == "No activity table's name or label holds zzz.\n"
    # And its columns, and the tables, can be seen without a mapping of ingress
    assert "adobe_trackingurl" in run("schema", "fields", "adobe_emailurlclick").stdout
    assert "contact" in run("schema", "tables", "contact").stdout


@pytest.mark.usefixtures("answering")
def test_the_doctor_asks_the_journal_and_not_what_egress_does_not_use(
    run: Run, file: Path, connections: Connections
) -> None:
    applied(run, file, connections)
    found = checks(run)
    assert found["Journal"][0] == "green"
    assert found["Journal"][1].endswith("; it keeps events for 7 days.")
    assert (found["Dynamics"][0], found["egress activities"][0]) == ("green", "green")
    assert found["egress activities"][1] == "The activity tables are there with their columns."
    may = "The application user may create activities and append them to every contact."
    assert found["egress rights"] == ("green", may)
    assert re.fullmatch(r"At most \d\.\d s from that of this machine\.", found["Dynamics clock"][1])
    assert not {"Campaign", "SFTP", "ingress workers"} & found.keys()
    # When the registration is another one, Then that is told with its remedy, and the rest is good
    journal = JournalConnection(url=f"{connections.journal.url}x")  # type: ignore[union-attr]  # it is there
    applied(run, file, connections.model_copy(update={"journal": journal}))
    found = checks(run)
    assert found["Journal"][0] == "red" and "check connections.journal.url" in found["Journal"][1]
    assert found["egress activities"][0] == "green"


@pytest.mark.usefixtures("answering")
def test_the_doctor_looks_at_the_sftp_server_its_key_and_the_folder(
    run: Run, file: Path, connections: Connections, sandbox: Sandbox, key: Path
) -> None:
    # Given a folder with one file that fits the pattern
    sandbox.ask("PUT", "/sftp/files/logs/clicks_20261101.txt", {"text": "id\n"})
    sandbox.ask("PUT", "/sftp/files/logs/readme.md", {"text": "Hello\n"})
    files = {"folder": "logs"}
    applied(run, file, connections, source="files", files=files)
    # Then it is seen, and so is the key file
    found = checks(run)
    assert found["SFTP"][0] == "green" and found["SFTP"][1].endswith("; logs has 1 file like *_[0-9]*.txt*.")
    assert found["SFTP private key"][0] == "green"
    assert "Journal" not in found
    # When others can read the key, Then that is yellow, and the server is asked all the same
    key.chmod(0o644)
    found = checks(run)
    assert (found["SFTP private key"][0], found["SFTP"][0]) == ("yellow", "green")
    # When the folder is not there, Then the remedy is told
    applied(run, file, connections, source="files", files={"folder": "none"})
    assert checks(run)["SFTP"][1].startswith("Campaign's SFTP server has no folder none: create it there")
    # When the server has another key than the pinned one, Then nothing is asked of it
    assert connections.sftp is not None
    other = connections.sftp.model_copy(update={"host_key": OTHER_KEY})
    applied(run, file, connections.model_copy(update={"sftp": other}), source="files", files=files)
    found = checks(run)
    assert found["SFTP"][0] == "red" and "connections.sftp.host_key" in found["SFTP"][1]
    # When the key is not there at all, Then that is one red line, and the server is not asked
    key.unlink()
    found = checks(run)
    assert found["SFTP private key"][0] == "red" and "SFTP" not in found


@pytest.mark.usefixtures("answering")
def test_two_workflows_ask_each_system_once(run: Run, file: Path, connections: Connections) -> None:
    # Given both workflows with the same connections
    document = Document.model_validate({"connections": connections, "ingress": {"tables": []}, "egress": {}})
    file.write_text(dump(document))
    run("config", "apply", str(file))
    names = [one["check"] for one in json.loads(run("doctor", "-o", "json").stdout)]
    assert [names.count(name) for name in ("Dynamics", "Campaign", "Journal", "beat")] == [1, 1, 1, 1]
    # When egress goes to another Dynamics, Then each is asked under its workflow's name
    away = connections.dynamics.model_copy(update={"tenant": "elsewhere.example.com"})
    applied(run, file, connections.model_copy(update={"dynamics": away}))
    names = [one["check"] for one in json.loads(run("doctor", "-o", "json").stdout)]
    assert {"ingress Dynamics", "egress Dynamics", "Campaign", "Journal"} <= set(names)
    assert "Dynamics" not in names


def test_a_table_that_is_not_there_is_told_without_the_words_of_the_wire(
    run: Run, file: Path, connections: Connections
) -> None:
    written(file, connections, activities={"open": {"table": "adobe_emailopened", "date": "adobe_openedon"}})
    told = run("config", "validate", str(file), "--live").stdout
    assert "Dynamics, definition of adobe_emailopened: " in told and "GET" not in told


@pytest.mark.usefixtures("answering")
@pytest.mark.parametrize(
    ("switches", "colour", "finding"),
    [
        (
            {"privileges": {"prvCreateActivity": "None", "prvAppendToContact": "Local"}},
            "red",
            "The application user has not the privilege prvCreateActivity: what takes that is refused.",
        ),
        (
            {"privileges": {"prvAppendadobe_emailopen": "None", "prvAppendToContact": "None"}}
            | {"activity_privileges": "own"},
            "red",
            "The application user has not the privileges prvAppendadobe_emailopen and prvAppendToContact: what takes "
            "that is refused.",
        ),
        (
            {"privileges": {"prvCreateActivity": "Basic", "prvAppendToContact": "Deep"}},
            "yellow",
            "The application user has prvAppendToContact, but not at organization level: rows beyond its reach are "
            "neither seen nor written.",
        ),
    ],
)
def test_the_doctor_asks_whether_activities_may_be_written_and_writes_none(
    run: Run,
    file: Path,
    connections: Connections,
    sandbox: Sandbox,
    switches: dict[str, Any],
    colour: str,
    finding: str,
) -> None:
    applied(run, file, connections)
    # Given an application user that has not all privileges
    before = {"privileges": {}, "activity_privileges": "shared"}
    sandbox.ask("PUT", "/switches", switches)
    try:
        found = checks(run)
    finally:
        sandbox.ask("PUT", "/switches", before)
    # Then the doctor names them
    assert found["egress rights"] == (colour, finding)


@pytest.mark.usefixtures("answering")
def test_privileges_that_are_not_told_are_said_to_be_unchecked(
    run: Run, file: Path, connections: Connections, sandbox: Sandbox
) -> None:
    applied(run, file, connections)
    # Given an application user that may not look at users
    sandbox.ask("PUT", "/switches", {"privileges_told": False})
    try:
        colour, finding = checks(run)["egress rights"]
    finally:
        sandbox.ask("PUT", "/switches", {"privileges_told": True})
    # Then the doctor says that, and why
    assert colour == "yellow"
    assert finding.startswith("Not checked: ") and "prvReadUser" in finding
