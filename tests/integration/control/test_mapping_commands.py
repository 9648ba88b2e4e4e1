"""d365acs mapping: each table's mapping by itself, edited as text, every change a revision."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from cli import confirming, editing
from store.store import WorkflowStore
from tests.integration.control.conftest import Run

CHILD = """\
table: new_membership
resource: cusMembership
key: {field: crmId, filter: byCrmId, parameter: crmId_parameter}
links:
  - {from: new_contactid, to: holder, table: contact, required: true}
fields:
  - {from: new_number, to: number}
"""


def editor(old: str, new: str) -> str:
    """An editor that replaces one text by another."""
    script = "import pathlib, sys; f = pathlib.Path(sys.argv[3]); f.write_text(f.read_text().replace(*sys.argv[1:3]))"
    return shlex.join([sys.executable, "-c", script, old, new])


def kept(stderr: str) -> Path:
    """The file in which a text that was not saved is kept."""
    return Path(stderr.split()[-1])


@pytest.fixture
def applied(run: Run, file: Path) -> Path:
    assert run("config", "apply", str(file)).exit_code == 0
    return file


@pytest.fixture
def child(run: Run, applied: Path, tmp_path: Path) -> Path:
    """A table that links to contact, mapped."""
    path = tmp_path / "membership.yaml"
    path.write_text(CHILD)
    assert run("mapping", "add", "new_membership", "cusMembership", "--file", str(path)).exit_code == 0
    return path


@pytest.mark.usefixtures("child")
def test_mappings_are_listed_and_shown_line_by_line_and_as_the_text_that_is_edited(run: Run) -> None:
    assert run("mapping", "ls").stdout == (
        "TABLE           RESOURCE       KEY         FIELDS  LINKS TO  FILTER  DELETES\n"
        "contact         profile        externalId       1  -         -       -\n"
        "new_membership  cusMembership  crmId            1  contact   -       -\n"
    )
    assert run("mapping", "show", "new_membership").stdout == (
        "Table                new_membership -> cusMembership\n"
        "Key                  crmId; looked up by byCrmId (crmId_parameter)\n"
        "Filter               every record travels\n"
        "Deleted in Dynamics  stays in Campaign\n"
        "Filtered out         stays in Campaign\n"
        "\n"
        "FROM               TO      UPDATES  NOTES\n"
        "new_membership id  crmId   -        key\n"
        "new_contactid      holder  yes      link to contact, required\n"
        "new_number         number  yes      -\n"
    )
    assert "  - {from: new_number, to: number}\n" in run("mapping", "show", "new_membership", "-o", "yaml").stdout
    assert [one["table"] for one in json.loads(run("mapping", "ls", "-o", "json").stdout)] == [
        "contact",
        "new_membership",
    ]


@pytest.mark.usefixtures("applied")
def test_what_the_editor_leaves_is_saved_as_a_revision_and_the_text_goes(
    run: Run, ingress: WorkflowStore, tmp_path: Path
) -> None:
    # When a mapping is edited
    result = run("mapping", "edit", "contact", EDITOR=editor("to: firstName", "to: lastName"), VISUAL=None)
    # Then it is saved
    assert result.stdout == "WORKFLOW  REVISION  RESULT\ningress          2  saved\n", result.stderr
    revision = ingress.revisions.get(2)
    assert revision is not None
    assert (revision.by, revision.why) == ("ann", "mapping of contact edited")
    assert "to: lastName" in revision.document
    # And no text is left behind
    assert list((tmp_path / "edits").iterdir()) == []


@pytest.mark.usefixtures("applied")
def test_an_unchanged_text_saves_nothing_and_so_does_an_emptied_one(run: Run, ingress: WorkflowStore) -> None:
    for does_nothing in ("true", "truncate -s 0"):
        result = run("mapping", "edit", "contact", EDITOR=does_nothing, VISUAL=None)
        assert (result.exit_code, result.stderr) == (0, "Nothing was changed; nothing is saved.\n")
    assert ingress.revisions.newest() == 1


@pytest.mark.usefixtures("applied")
def test_the_editor_shows_how_to_filter_where_nothing_is_filtered(run: Run, tmp_path: Path) -> None:
    # Given the line as the text above a mapping shows it
    run("mapping", "edit", "contact", EDITOR=f"cp -t {tmp_path}/edits/..", VISUAL=None)
    [text] = tmp_path.glob("mapping-contact-*")
    [shown] = [line for line in text.read_text().splitlines() if line.startswith("#   filter: ")]
    # When somebody takes it over, then it is a filter
    taken = editor("fields:", f"{shown.removeprefix('#   ')}\nfields:")
    assert "saved" in run("mapping", "edit", "contact", EDITOR=taken, VISUAL=None).stdout
    assert "statecode equals 0" in run("mapping", "show", "contact").stdout
    # And it is not shown again
    text.unlink()
    run("mapping", "edit", "contact", EDITOR=f"cp -t {tmp_path}/edits/..", VISUAL=None)
    [text] = tmp_path.glob("mapping-contact-*")
    assert "# Only" not in text.read_text() and "#   filter" not in text.read_text()


@pytest.mark.usefixtures("applied")
def test_every_mistake_is_told_at_its_line_and_the_text_is_kept_for_another_try(
    run: Run, ingress: WorkflowStore
) -> None:
    # When three mistakes are made, one of them against another mapping
    wrong = editor("fields:", "links: [{from: a, to: b, table: account}]\nfelds: 1\nfields:\n  - {from: B, to: c}")
    result = run("mapping", "edit", "contact", EDITOR=wrong, VISUAL=None)
    # Then nothing is saved, and each is told at the line where it stands in the kept text
    assert (result.exit_code, result.stdout, ingress.revisions.newest()) == (1, "", 1)
    text = kept(result.stderr)
    lines = text.read_text().splitlines()
    told = {re.match(r"(.*):(\d+): ([\w.]+): ", line) for line in result.stderr.splitlines()[:-1]}
    found = {(place[3], lines[int(place[2]) - 1].split(":")[0].strip()) for place in told if place}
    assert found == {("links.0.table", "links"), ("felds", "felds"), ("fields.0.from", "- {from")}
    # And the way on is one: put right, the text is taken
    assert f"d365acs mapping edit contact --file {text}" in result.stderr
    right = [line for line in lines if not any(wrong in line for wrong in ("links:", "felds", "B,"))]
    text.write_text("\n".join(right).replace("firstName", "lastName"))
    assert "saved" in run("mapping", "edit", "contact", "--file", str(text)).stdout


@pytest.mark.usefixtures("applied")
def test_on_a_terminal_a_text_with_a_mistake_can_be_edited_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given somebody at a terminal, whose editor leaves a mistake at first and then puts it right
    monkeypatch.setattr(editing, "on_terminal", lambda: True)
    script = tmp_path / "editor.sh"
    script.write_text(
        f"if [ -e {tmp_path}/again ]; then sed -i s/frist:/from:/ $1; else touch {tmp_path}/again; "
        "sed -i 's/from:/frist:/; s/firstName/lastName/' $1; fi\n"
    )
    # When they edit again
    result = run("mapping", "edit", "contact", answer="y\n", EDITOR=f"sh {script}", VISUAL=None)
    # Then it is saved
    assert "Edit again? [Y/n]" in result.stderr
    assert "saved" in result.stdout, result.stderr
    assert "to: lastName" in run("mapping", "show", "contact", "-o", "yaml").stdout


@pytest.mark.usefixtures("applied")
def test_who_edits_while_another_saves_keeps_the_text(run: Run, ingress: WorkflowStore, tmp_path: Path) -> None:
    # Given an editor during which bob saves a revision
    other = tmp_path / "other.yaml"
    other.write_text((tmp_path / "d365acs.yaml").read_text().replace("to: firstName", "to: middleName"))
    home = tmp_path
    bob = f"{sys.executable} -c 'from cli.main import main; main()' --home {home} --redis-url {_url(ingress)}"
    script = tmp_path / "editor.sh"
    script.write_text(f"{bob} config apply {other} && sed -i s/firstName/lastName/ $1\n")
    result = run("mapping", "edit", "contact", EDITOR=f"sh {script}", VISUAL=None)
    # Then ann is told, nothing of bob's is overwritten, and her text is kept
    assert (result.exit_code, ingress.revisions.newest()) == (1, 2)
    assert "Somebody else saved a revision" in result.stderr
    assert "lastName" in kept(result.stderr).read_text()


def _url(ingress: WorkflowStore) -> str:
    return f"unix://{ingress._redis.connection_pool.connection_kwargs['path']}"


@pytest.mark.usefixtures("applied")
def test_pair_and_key_of_a_saved_mapping_cannot_be_edited(run: Run, ingress: WorkflowStore) -> None:
    for old, new in (("resource: profile", "resource: service"), ("table: contact", "table: account")):
        result = run("mapping", "edit", "contact", EDITOR=editor(old, new), VISUAL=None)
        assert result.exit_code == 1
        kept(result.stderr).unlink()
    assert ingress.revisions.newest() == 1


@pytest.mark.usefixtures("child")
def test_a_table_is_mapped_once(run: Run, child: Path) -> None:
    result = run("mapping", "add", "new_membership", "cusMembership", "--file", str(child))
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: new_membership is mapped to cusMembership already, and a table is mapped once; change that with: "
        "d365acs mapping edit new_membership\n",
    )


@pytest.mark.usefixtures("applied")
def test_a_file_for_another_pair_is_not_taken(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "membership.yaml"
    path.write_text(CHILD)
    result = run("mapping", "add", "new_invoice", "cusInvoice", "--file", str(path))
    assert result.stderr == (
        f"Error: {path}:1: table: is not new_invoice, whose mapping this is to be\n"
        f"Error: {path}:2: resource: is not cusInvoice, whose mapping this is to be\n"
    )


@pytest.mark.usefixtures("child")
def test_a_mapping_to_which_others_link_is_not_deleted_and_a_delete_is_asked_about(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a child of contact
    assert run("mapping", "delete", "contact", "--yes").stderr == (
        "Error: new_membership links to contact; remove these links first with: d365acs mapping edit new_membership\n"
    )
    # When the child is deleted where nobody can be asked
    silent = run("mapping", "delete", "new_membership")
    assert (silent.exit_code, "add --yes" in silent.stderr) == (2, True)
    # And where somebody says no, then yes
    monkeypatch.setattr(confirming, "on_terminal", lambda: True)
    assert run("mapping", "delete", "new_membership", answer="n\n").exit_code == 1
    assert run("mapping", "delete", "new_membership", answer="y\n").exit_code == 0
    # Then it is gone, and contact may go too
    assert run("mapping", "delete", "contact", "--yes").exit_code == 0
    assert run("mapping", "ls").stderr == "Nothing is mapped; begin with: d365acs mapping add contact profile\n"
    assert run("mapping", "show", "contact").stderr == (
        "Error: No mapping leads from contact; add one with: d365acs mapping add contact RESOURCE\n"
    )


@pytest.mark.usefixtures("applied")
def test_a_whole_workflow_is_edited_checked_and_kept_alike(run: Run, ingress: WorkflowStore) -> None:
    # When the whole configuration is edited well, then badly
    good = run(
        "workflow", "edit", "ingress", "--why", "test", EDITOR=editor("to: firstName", "to: lastName"), VISUAL=None
    )
    bad = run("workflow", "edit", "ingress", EDITOR=editor("tenant:", "tennant:"), VISUAL=None)
    # Then the first is saved, the second kept with its mistakes told
    assert "saved" in good.stdout
    assert (bad.exit_code, ingress.revisions.newest()) == (1, 2)
    assert "connections.dynamics.tennant: is not a known key" in bad.stderr
    assert "d365acs config apply" in bad.stderr and "tennant" in kept(bad.stderr).read_text()


def test_without_connections_there_is_nothing_to_add_a_mapping_to(run: Run) -> None:
    result = run("mapping", "add", "contact", "profile")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: ingress has no configuration yet; save the connections first (with tables: [] under ingress): "
        "d365acs config apply FILE\n",
    )


@pytest.mark.usefixtures("applied")
def test_an_editor_that_is_missing_or_fails_is_named(run: Run) -> None:
    assert "name one in the variable EDITOR" in run("mapping", "edit", "contact", EDITOR=None, VISUAL=None).stderr
    assert "no-such-editor cannot be started" in run("mapping", "edit", "contact", VISUAL="no-such-editor").stderr
    failed = run("mapping", "edit", "contact", VISUAL="false")
    assert (failed.exit_code, "ended with exit code 1. Nothing is saved.\n" in failed.stderr) == (1, True)
