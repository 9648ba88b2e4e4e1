"""Dry runs against the sandbox: what they count is what happens then, and they write nothing."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.document import Document, dump
from config.ingress import FieldMapping, IngressConfig, TableMapping
from control.demo.sandbox import Sandbox
from control.demo.stage import document_for
from control.errors import ControlError, UnknownTable
from control.rehearsal import rehearse_replay
from control.rehearsal.counting import Fate
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets, with_active_contacts
from tests.integration.control.flowing import flow, run_ingress
from tests.integration.store.known import written_ahead

#: Methods of Campaign's API, by what a rehearsal calls them.
METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    rows = {"contacts": 12, "memberships": 8, "invoices": 5}
    sandbox = Sandbox(rows, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def document(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Document:
    """The demonstration's configuration; contacts that are filtered out are deleted."""
    sandbox.ask("POST", "/reset")
    know_secrets(sandbox, monkeypatch)
    return with_active_contacts(document_for(sandbox.info), delete_filtered_out=True)


@pytest.fixture(autouse=True)
def configured(run: Run, sandbox: Sandbox, document: Document, file: Path, acknowledged: None) -> None:
    """All contacts are active at first."""
    file.write_text(dump(document))
    assert run("config", "apply", str(file)).exit_code == 0
    for row in sandbox.rows("contact"):
        sandbox.ask("PATCH", f"/dynamics/tables/contact/{row['contactid']}", {"statecode": 0})


def rehearsed(run: Run, *options: str) -> dict[str, dict[str, Any]]:
    """What a start would do, by table."""
    result = run("workflow", "start", "ingress", "--dry-run", *options, "-o", "json")
    assert result.exit_code == 0, result.stderr
    return {one["table"]: one for one in json.loads(result.stdout)["tables"]}


def written(sandbox: Sandbox) -> Counter[tuple[str, str]]:
    """Writes that Campaign has had, by resource and method."""
    entries = sandbox.ask("GET", "/journal")
    return Counter((entry["resource"], entry["method"]) for entry in entries)


def counted(found: dict[str, dict[str, Any]]) -> Counter[tuple[str, str]]:
    """The same, as a rehearsal has it."""
    told = Counter({(one["resource"], method): one[fate] for one in found.values() for fate, method in METHODS.items()})
    return +told


def everything(store: Store) -> dict[bytes, object]:
    """All that the store holds of ingress."""
    keys = sorted(key for key in store.redis.scan_iter("*{*ingress*}*"))
    assert keys
    return {key: store.redis.dump(key) for key in keys}


def test_a_dry_run_counts_what_the_first_start_then_writes(run: Run, store: Store, sandbox: Sandbox) -> None:
    # Given contacts of which one does not pass the filter, and so its memberships must wait
    member = sandbox.rows("new_membership")[0]
    sandbox.ask("PATCH", f"/dynamics/tables/contact/{member['_new_contactid_value']}", {"statecode": 1})
    before = everything(store)
    # When the start is rehearsed
    found = rehearsed(run)
    # Then nothing was written, on either side of us
    assert written(sandbox) == Counter()
    assert everything(store) == before
    assert (found["contact"]["filtered"], found["contact"]["create"], found["contact"]["records"]) == (1, 11, 12)
    assert found["new_membership"]["waits"] >= 1
    # And what was counted is what happens
    run_ingress(store)
    flow(store)
    assert written(sandbox) == counted(found)


def test_a_dry_run_of_changes_counts_what_then_happens(
    run: Run, store: Store, sandbox: Sandbox, file: Path, document: Document
) -> None:
    # Given contacts alone, all written; then two are changed, one is filtered out, one deleted, one left as it is
    applied(run, file, document, contacts(document))
    run_ingress(store)
    flow(store)
    first, second, third, fourth, fifth, *_ = [row["contactid"] for row in sandbox.rows("contact")]
    for contact, values in (
        (first, {"lastname": "Changed"}),
        (second, {"lastname": "Changed"}),
        (third, {"statecode": 1}),
        (fifth, {"description": "not mapped"}),
    ):
        sandbox.ask("PATCH", f"/dynamics/tables/contact/{contact}", values)
    # The deleted one was written ahead of reading
    written_ahead(store.redis, store.workflow("ingress").queue("contact"), fourth)
    sandbox.ask("POST", "/dynamics/tables/contact/delete", {"ids": [fourth]})
    sandbox.ask("DELETE", "/journal")
    before = everything(store)
    # When the start is rehearsed, as it would be after a stop
    found = rehearsed(run)
    # Then only changes are read, and neither they nor the reading position are used up
    contact = found["contact"]
    assert contact["reads"].startswith("what has changed since ")
    assert [contact[fate] for fate in ("update", "delete", "unchanged", "create")] == [2, 2, 1, 0]
    assert (contact["engine_calls"], written(sandbox)) == (6, Counter())
    assert everything(store) == before
    # And what was counted is what happens
    flow(store)
    assert written(sandbox) == counted(found)


def test_what_waits_on_the_queue_is_rehearsed_and_not_counted_twice(
    run: Run, store: Store, sandbox: Sandbox, file: Path, document: Document
) -> None:
    # Given contacts, all written; two changes that were read and wait, one of which has changed once more since
    applied(run, file, document, contacts(document))
    run_ingress(store)
    flow(store)
    first, second, *_ = [row["contactid"] for row in sandbox.rows("contact")]
    for contact in (first, second):
        sandbox.ask("PATCH", f"/dynamics/tables/contact/{contact}", {"lastname": "Changed"})
    flow(store, write=False)
    sandbox.ask("PATCH", f"/dynamics/tables/contact/{second}", {"lastname": "Changed again"})
    sandbox.ask("DELETE", "/journal")
    before = everything(store)
    # When the start is rehearsed, Then each counts once
    found = rehearsed(run)
    assert [found["contact"][word] for word in ("update", "records", "waiting", "queued")] == [2, 2, 2, 1]
    assert everything(store) == before
    flow(store)
    assert written(sandbox) == counted(found)


def contacts(document: Document) -> TableMapping:
    """The mapping of contacts."""
    assert document.ingress is not None
    return document.ingress.tables[0]


def applied(run: Run, file: Path, document: Document, *tables: TableMapping) -> None:
    """Ingress is saved with these tables alone."""
    file.write_text(dump(document.model_copy(update={"ingress": IngressConfig(tables=tables)})))
    result = run("config", "apply", str(file))
    assert result.exit_code == 0, result.stderr


def test_a_saved_change_of_a_mapping_is_rehearsed_before_it_starts(
    run: Run, store: Store, sandbox: Sandbox, file: Path, document: Document
) -> None:
    run_ingress(store)
    flow(store, ["contact"])
    # Given a mapping that is changed and saved, and does not run yet
    more = FieldMapping.model_validate({"from": "statecode", "to": "cusLoyaltyPoints", "replace": {"0": 7}})
    mapping = contacts(document)
    applied(run, file, document, mapping.model_copy(update={"fields": (*mapping.fields, more)}))
    # When the start is rehearsed, Then everything would be read and written anew
    contact = rehearsed(run)["contact"]
    assert contact["reads"] == "everything, since the mapping has changed"
    assert (contact["update"], contact["unchanged"]) == (12, 0)
    # And the sample of one that is looked up tells the field
    exact = rehearsed(run, "--exact", "--limit", "3")["contact"]
    assert (exact["records"], exact["whole"], exact["expected"]) == (3, False, 12)
    assert exact["looked_up"]["records"] == exact["looked_up"]["there"] == 3
    assert exact["looked_up"]["fields"]["cusLoyaltyPoints"] == 3


def test_people_see_counts_reasons_and_how_long_it_takes(run: Run, sandbox: Sandbox) -> None:
    result = run("workflow", "start", "ingress", "--dry-run")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "TABLE", "RECORDS", "CREATE", "UPDATE", "DELETE", "UNCHANGED", "FILTERED", "WAITS", "INVALID", "ENGINE",
        "CALLS", "READS",
    ]  # fmt: skip
    assert lines[1].split()[:3] == ["contact", "12", "12"]
    assert lines[1].endswith("everything, for the first time")
    assert lines[-1].startswith("That is 25 engine calls, in ")
    assert lines[-1].endswith(" ms each, as one look took. Nothing was written.")
    # And what only a dry run understands is no part of a start
    wrong = run("workflow", "start", "ingress", "--exact")
    assert (wrong.exit_code, "add --dry-run" in wrong.stderr) == (2, True)
    assert run("workflow", "start", "optinout", "--dry-run").stderr == (
        "Error: See what optinout would write with: d365acs consent preview\n"
    )


def test_a_mapping_from_a_file_is_previewed_on_live_records_and_saved_nowhere(
    run: Run, ingress: WorkflowStore, sandbox: Sandbox, tmp_path: Path
) -> None:
    # Given a mapping in a file, one line of which fits no value
    candidate = tmp_path / "contact.yaml"
    text = run("mapping", "show", "contact", "-o", "yaml").stdout
    assert "lastName" in text
    candidate.write_text(text.replace("to: lastName", "to: cusLoyaltyPoints"))
    # When it is previewed
    result = run("mapping", "preview", "contact", "--file", str(candidate), "--limit", "10", "-o", "json")
    found = json.loads(result.stdout)
    # Then each record would be set aside, and the line says why, without a value
    assert (found["records"], found["invalid"], found["saved"]) == (10, 10, False)
    fields = {one["to"]: one for one in found["fields"]}
    assert fields["cusLoyaltyPoints"]["unfit"] == 10
    assert fields["cusLoyaltyPoints"]["misfit"] == (
        "lastname does not fit cusLoyaltyPoints: it is not a plain whole number."
    )
    assert fields["firstName"]["value"].endswith("characters)")
    assert (ingress.revisions.newest(), written(sandbox)) == (1, Counter())
    # And the saved one fits, and shows values only on record
    assert not [act for act in ingress.acts.newest() if act.action == "reveal"]
    people = run("mapping", "preview", "contact", "--reveal")
    first = sandbox.rows("contact")[0]["firstname"]
    assert any(first in line or "firstName" in line for line in people.stdout.splitlines())
    [act] = [act for act in ingress.acts.newest() if act.action == "reveal"]
    assert (act.stream, act.why) == ("contact", "previewed the mapping of contact")
    assert run("mapping", "preview", "account").stderr.startswith("Error: No mapping leads from account;")


def test_a_replay_of_a_part_is_rehearsed(store: Store, sandbox: Sandbox) -> None:
    run_ingress(store)
    flow(store, ["contact"])
    ids = [row["contactid"] for row in sandbox.rows("contact")]
    before = everything(store)
    # When a replay of everything, of a condition, and of some ids is rehearsed
    [whole] = rehearse_replay(store, "contact", 5).tallies
    [named] = rehearse_replay(store, "contact", 5, ids=[ids[0].upper(), ids[1], "0" * 32]).tallies
    [none] = rehearse_replay(store, "contact", 5, where=["statecode equals 1"]).tallies
    # Then each of them would be written although nothing differs
    assert (whole.fates[Fate.UPDATE], whole.engine_calls) == (12, 24)
    assert (named.fates[Fate.UPDATE], named.notes) == (2, ["Dynamics does not have 1 of the ids."])
    assert (none.rows, none.engine_calls) == (0, 0)
    assert everything(store) == before
    with pytest.raises(ControlError, match="the table has no column nonsense"):
        rehearse_replay(store, "contact", 5, where=["nonsense equals 1"])
    with pytest.raises(UnknownTable):
        rehearse_replay(store, "account", 5)


def test_a_replay_is_rehearsed_by_its_command_and_not_asked_for(run: Run, store: Store, ingress: WorkflowStore) -> None:
    run_ingress(store)
    flow(store, ["contact"])
    result = run("replay", "create", "contact", "--where", "statecode equals 0", "--rate", "2", "--dry-run")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[1].split()[:4] == ["contact", "12", "0", "12"]
    assert lines[-1].endswith("about 6 s, at 2 records a second. Nothing was written.")
    assert ingress.replays.both() == ({}, {})
    # And programs get it as they ask for it
    for output, read in (("json", json.loads), ("yaml", yaml.safe_load), ("jsonl", json.loads)):
        told = run("replay", "create", "contact", "--rate", "2", "--dry-run", "-o", output)
        [table] = read(told.stdout)["tables"]
        assert (table["table"], table["records"], table["update"]) == ("contact", 12, 12)
    assert ingress.replays.both() == ({}, {})
    # And so the request itself
    asked = json.loads(run("replay", "create", "contact", "-o", "json").stdout)
    assert (asked["table"], asked["new"], asked["began"], asked["warnings"]) == ("contact", True, False, [])
    assert asked["message"] == ("The replay of contact is pending; begin it with: d365acs workflow restart ingress")
