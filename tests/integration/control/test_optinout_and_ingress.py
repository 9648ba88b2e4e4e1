"""Opt-in/out beside ingress: a flag is written by one of them, and pairs can be handed to the other."""

from pathlib import Path

import pytest

from config.ingress import TableMapping
from control import configuration, history
from control.configuration import newest_document
from control.errors import PairedTwice
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import CONNECTIONS, INGRESS, Run

PAIRS = """\
  flags:
    - {dynamics: donotemail, campaign: denyListEmail}
    - {dynamics: followemail, campaign: blackListMobile, opted_out: false}
"""
#: Which ingress does not read and opt-in/out may.
SFTP = f"""\
  sftp: {{host: sftp.test, user: u, private_key: "${{env:K}}", host_key: "SHA256:{"A" * 43}"}}
"""


def optinout(direction: str) -> str:
    return f"optinout:\n  direction: {direction}\n{PAIRS}"


@pytest.fixture
def applied(run: Run, file: Path) -> Path:
    """Ingress with a mapping of contacts."""
    assert run("config", "apply", str(file)).exit_code == 0
    return file


def carried(ingress: WorkflowStore) -> TableMapping:
    document = newest_document(ingress)
    assert document is not None
    assert document.ingress is not None
    return document.ingress.tables[0]


def test_a_direction_in_which_nothing_moves_says_where_consent_is_configured(run: Run, file: Path) -> None:
    # Given a file in which consent travels with the contacts
    file.write_text(CONNECTIONS + INGRESS + optinout("dynamics_to_campaign"))
    sentence = (
        "optinout moves nothing with direction: dynamics_to_campaign; consent travels with the contacts, by the "
        "mapping of contact in ingress; how many opt-outs made in Campaign that undoes is counted by: d365acs consent "
        "preview; add blackListEmail and blackListMobile there with: "
        "d365acs mapping add-flags contact\n"
    )
    # When it is held against the live systems, alone, then nobody is asked, and this is said at its line
    validated = run("config", "validate", str(alone(file)), "--live")
    assert (validated.exit_code, f":13: optinout.direction: {sentence}" in validated.stderr) == (0, True)
    # And when it is saved, then this is said, too
    assert sentence in run("config", "apply", str(file)).stderr
    # And what is disabled says so
    file.write_text(CONNECTIONS + "optinout: {direction: disabled}\n")
    assert "optinout is disabled and moves nothing" in run("config", "apply", str(file)).stderr


def test_pairs_are_added_to_the_mapping_of_contacts_as_a_revision_of_ingress(
    run: Run, applied: Path, ingress: WorkflowStore
) -> None:
    # Given pairs for that direction, one of which the mapping has already
    mapped = applied.read_text() + "        - {from: donotbulkemail, to: blackListEmail}\n"
    applied.write_text(mapped + optinout("dynamics_to_campaign"))
    assert run("config", "apply", str(applied)).exit_code == 0
    # When they are added
    result = run("mapping", "add-flags", "contact", "--why", "ask Ann")
    # Then the mapping has the other one, with the values of a column that means the opposite replaced
    assert result.exit_code == 0, result.output
    assert "Mapped before, and left as they are: blackListEmail.\n" in result.stderr
    assert "Added to the mapping of contact: blackListMobile.\n" in result.stderr
    fields = {field.target: field for field in carried(ingress).fields}
    assert fields["blackListEmail"].source == "donotbulkemail"
    assert fields["blackListMobile"].source == "followemail"
    assert fields["blackListMobile"].replace == {"true": False, "false": True}
    newest = ingress.revisions.get(ingress.revisions.newest())
    assert newest is not None
    assert (newest.number, newest.why, newest.by) == (3, "ask Ann", "ann")
    # And when it is asked once more, then nothing is saved
    again = run("mapping", "add-flags", "contact")
    assert "Nothing was added." in again.stderr
    assert ingress.revisions.newest() == 3
    # And opt-in/out has nothing more to ask for
    told = run("config", "apply", str(alone(applied))).stderr
    assert "by the mapping of contact in ingress, which has all pairs.\n" in told


def alone(file: Path) -> Path:
    """A file with opt-in/out alone."""
    path = file.with_name("alone.yaml")
    path.write_text(CONNECTIONS + optinout("dynamics_to_campaign"))
    return path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Error: optinout has no configuration yet; save one with: d365acs config apply FILE\n"),
        (
            optinout("bidirectional"),
            "Error: optinout writes these flags itself, with direction: bidirectional; to let ingress carry them, say "
            "direction: dynamics_to_campaign with: d365acs workflow edit optinout\n",
        ),
        (
            "optinout: {direction: dynamics_to_campaign}\n",
            "Error: optinout has no pairs; add them under flags with: d365acs workflow edit optinout\n",
        ),
    ],
)
def test_what_cannot_be_added_is_told_with_the_way_out(
    run: Run, applied: Path, ingress: WorkflowStore, text: str, sentence: str
) -> None:
    if text:
        applied.write_text(CONNECTIONS + text)
        assert run("config", "apply", str(applied)).exit_code == 0
    result = run("mapping", "add-flags", "contact")
    assert (result.exit_code, result.stderr, ingress.revisions.newest()) == (1, sentence, 1)


def test_flags_are_added_to_mappings_of_profiles_only(run: Run, file: Path) -> None:
    file.write_text(
        CONNECTIONS + INGRESS.replace("resource: profile", "resource: cusPerson") + optinout("dynamics_to_campaign")
    )
    assert run("config", "apply", str(file)).exit_code == 0
    result = run("mapping", "add-flags", "contact")
    assert result.stderr == "Error: contact is mapped to cusPerson, and consent flags are those of profile.\n"


def test_what_was_saved_apart_does_not_write_one_flag_twice(
    run: Run, applied: Path, store: Store, ingress: WorkflowStore
) -> None:
    # Given ingress that writes a flag
    mapped = applied.read_text() + "        - {from: donotbulkemail, to: blackListEmail}\n"
    applied.write_text(mapped)
    assert run("config", "apply", str(applied)).exit_code == 0
    # When opt-in/out is saved from a file of its own, then it is refused with both ways out
    file = applied.with_name("alone.yaml")
    file.write_text(CONNECTIONS + optinout("bidirectional"))
    refused = run("config", "apply", str(file))
    sentence = (
        "blackListEmail is written by ingress, too, from donotbulkemail of contact, and would be overwritten there: "
        "remove that field from the mapping of contact, or this pair from optinout."
    )
    assert (refused.exit_code, refused.stderr) == (1, f"Error: {sentence}\n")
    assert store.workflow("optinout").revisions.newest() == 0
    # And when ingress no longer writes it, then opt-in/out is saved
    assert history.rollback(store, "ingress", 1, "ann").revision == 3
    assert run("config", "apply", str(file)).exit_code == 0
    # And then neither an edit of the mapping nor a way back brings the flag again
    fragment = applied.with_name("contact.yaml")
    fragment.write_text(
        "table: contact\nresource: profile\nkey: {field: externalId}\nfields: [{from: donotfax, to: blackListMobile}]\n"
    )
    edited = run("mapping", "edit", "contact", "--file", str(fragment))
    assert (edited.exit_code, "blackListMobile is written by ingress, too, from donotfax" in edited.stderr) == (1, True)
    with pytest.raises(PairedTwice, match="blackListEmail is written by ingress, too"):
        history.rollback(store, "ingress", 2, "ann")
    assert ingress.revisions.newest() == 3


def test_each_workflow_is_saved_with_the_sources_that_it_may_read(run: Run, file: Path, store: Store) -> None:
    # Given a file with the SFTP server, and two workflows of which one may read it
    file.write_text(CONNECTIONS + SFTP + INGRESS + optinout("bidirectional"))
    document = configuration.validate(file)
    # When it is saved
    configuration.apply(store, document, "ann")
    # Then the server is known to that one alone
    saved = {name: newest_document(store.workflow(name)) for name in ("ingress", "optinout")}
    assert {name: one.connections.sftp is not None for name, one in saved.items() if one} == {
        "ingress": False,
        "optinout": True,
    }
