"""What is asked of both live systems: their tables and fields, drafts, and whether mappings fit."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import editing
from config.document import Document, dump
from config.ingress import IngressConfig
from control.demo.sandbox import Sandbox
from control.demo.stage import document_for
from store.store import WorkflowStore
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox({"contacts": 5}, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def document(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Document:
    """The configuration of the demonstration, which fits the sandbox; its secrets are in the environment."""
    sandbox.ask("POST", "/reset")
    know_secrets(sandbox, monkeypatch)
    return document_for(sandbox.info)


@pytest.fixture
def nothing_mapped(run: Run, document: Document, file: Path) -> None:
    file.write_text(dump(document.model_copy(update={"ingress": IngressConfig(tables=())})))
    assert run("config", "apply", str(file)).exit_code == 0


@pytest.mark.usefixtures("nothing_mapped")
def test_tables_and_resources_of_both_systems_are_listed_with_what_is_mapped(run: Run) -> None:
    run("mapping", "add", "contact", "profile")
    found = {one["name"]: one for one in json.loads(run("schema", "tables", "-o", "json").stdout)}
    assert (found["contact"]["mapped"], found["profile"]["mapped"]) == (["profile"], ["contact"])
    assert (found["new_membership"]["change_tracking"], found["new_membership"]["custom"]) == (True, True)
    assert found["cusMembership"]["system"] == "campaign"
    # And people find a table by a part of its name or label
    assert run("schema", "tables", "mbershi", "--system", "dynamics").stdout == (
        "SYSTEM    NAME            CHANGE TRACKING  MAPPED  LABEL\n"
        "dynamics  new_membership  on               -       Membership\n"
    )


@pytest.mark.usefixtures("nothing_mapped")
def test_fields_are_listed_with_their_types_on_either_side(run: Run) -> None:
    columns = {one["name"]: one for one in json.loads(run("schema", "fields", "new_membership", "-o", "json").stdout)}
    assert columns["new_membershipid"]["notes"] == ["primary key"]
    assert columns["new_contactid"]["notes"] == ["leads to contact"]
    assert columns["new_active"]["values"] == ["false No", "true Yes"]  # as replacements and filters name them
    assert columns["new_tier"]["values"] == ["1 Bronze", "2 Silver", "3 Gold"]
    assert (columns["new_number"]["type"], columns["new_number"]["length"]) == ("String", 20)
    assert run("schema", "fields", "cusMembership", "tier").stdout.splitlines()[1].split()[:3] == [
        "campaign",
        "tier",
        "enumeration",
    ]
    result = run("schema", "fields", "nonsense")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: Neither Dynamics nor Campaign knows a table nonsense; "
        "see those there are with: d365acs schema tables\n",
    )


@pytest.mark.usefixtures("nothing_mapped")
def test_a_draft_of_three_levels_fits_both_systems_at_once(run: Run, ingress: WorkflowStore) -> None:
    # When four tables are added, parents first, as they are drafted
    printed = run("mapping", "add", "contact", "profile", "--draft")
    assert (printed.exit_code, ingress.revisions.newest()) == (0, 1)
    for pair in ("contact profile", "new_membership cusMembership", "new_invoice cusInvoice"):
        assert run("mapping", "add", *pair.split()).exit_code == 0
    assert run("mapping", "add", "new_invoiceline", "cusInvoiceLine").exit_code == 0
    # Then links and choices are found
    found = {one["table"]: one for one in json.loads(run("mapping", "ls", "-o", "json").stdout)}
    assert [(link["from"], link["to"], link["table"]) for link in found["new_membership"]["links"]] == [
        ("new_contactid", "holder", "contact"),
        ("new_sponsorid", "sponsor", "contact"),
    ]
    assert found["new_invoice"]["links"][0]["to"] == "membershipId"
    assert {"from": "new_name", "to": "label"}.items() <= found["new_invoiceline"]["fields"][-1].items()
    # And all of it fits
    fits = run("mapping", "validate")
    assert (fits.exit_code, fits.stdout) == (0, "")
    assert fits.stderr.endswith("4 mappings fit both live systems.\n")


@pytest.mark.usefixtures("nothing_mapped")
def test_on_a_terminal_the_draft_is_finished_in_the_editor_and_an_emptied_text_saves_nothing(
    run: Run, ingress: WorkflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "on_terminal", lambda: True)
    # When somebody takes all out again
    emptied = run("mapping", "add", "contact", "profile", EDITOR="truncate -s 0", VISUAL=None)
    # Then nothing is saved
    assert (emptied.exit_code, emptied.stderr, ingress.revisions.newest()) == (
        0,
        "Nothing was changed; nothing is saved.\n",
        1,
    )
    # When somebody leaves the draft as it is, Then that is what they wanted
    assert "saved" in run("mapping", "add", "contact", "profile", EDITOR="true", VISUAL=None).stdout
    assert run("mapping", "show", "contact").exit_code == 0


def test_every_misfit_of_a_file_is_told_at_its_line_and_nothing_is_saved(
    run: Run, file: Path, document: Document, ingress: WorkflowStore
) -> None:
    # Given a file that is good by itself, and fits the systems in all but four places
    text = dump(document)
    for old, new in (
        ("to: middleName", "to: fristName"),
        ("from: fax,", "from: faxx,"),
        ("resource: cusInvoiceLine", "resource: cusInvoiceLines"),
        ("filter: byCrmId", "filter: byCrmID"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)
    assert run("config", "validate", str(file)).exit_code == 0
    # When it is held against both live systems
    result = run("config", "validate", str(file), "--live")
    # Then each misfit is a line of its own
    assert (result.exit_code, ingress.revisions.newest()) == (1, 0)
    lines = text.splitlines()
    told = [line.split(":", 3) for line in result.stdout.splitlines()]
    assert [lines[int(line) - 1].strip().split(",")[0] for _, line, *_ in told] == [
        "- {from: middlename",
        "- {from: faxx",
        "filter: byCrmID",
        "resource: cusInvoiceLines",
    ]
    assert result.stderr.endswith("4 mistakes found.\n")
    # And programs get the same from the other command
    found = json.loads(run("mapping", "validate", str(file), "-o", "json").stdout)
    assert [one["path"] for one in found if one["severity"] == "error"][-1] == "ingress.tables.3.resource"


def test_a_misfit_of_the_saved_configuration_is_told_by_its_table(run: Run, file: Path, document: Document) -> None:
    # Given a saved mapping with a misfit
    file.write_text(dump(document).replace("to: middleName", "to: fristName"))
    run("config", "apply", str(file))
    # When the saved mappings are judged, then no line is named that nobody has before them
    result = run("mapping", "validate")
    assert result.exit_code == 1
    assert result.stdout.startswith("contact.fields.3.to: contact.middlename -> profile.fristName: ")
    found = json.loads(run("mapping", "validate", "-o", "json").stdout)
    assert (found[0]["file"], found[0]["line"], found[0]["path"]) == (None, None, "contact.fields.3.to")


def test_a_table_without_change_tracking_is_told_with_its_remedy(
    run: Run, file: Path, document: Document, sandbox: Sandbox
) -> None:
    sandbox.ask("POST", "/dynamics/publish", {"table": "new_invoice", "change_tracking": False})
    file.write_text(dump(document))
    result = run("config", "validate", str(file), "--live")
    assert result.exit_code == 1
    assert "change tracking is off for new_invoice" in result.stdout
