"""A replay writes everything once more, and never puts an older copy over a newer one. Fields whose updates are off."""

from typing import Any

import pytest

from store.record_queue import Unsent
from sync.streams import Slice
from tests.integration.sync.family import CONTACT, MEMBERSHIP, Family, the

ANN, BOB = the("ann"), the("bob")
TITLE_OFF: list[dict[str, Any]] = [
    {"from": "lastname", "to": "lastName"},
    {"from": "jobtitle", "to": "cusJobTitle", "apply_updates": False},
]


def contacts(family: Family, **contact: Any) -> Family:
    return family.start(contact=contact, new_membership=None, new_invoice=None)


def replay(family: Family, table: str) -> None:
    """Asked for, and begun by the next start."""
    assert family.workflow.replays.ask(table, "a test", "")
    family.start()


def test_a_replay_writes_every_record_once_more_and_only_once(family: Family) -> None:
    # Given two contacts in Campaign, one of which somebody changed there
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.settle()
    # When the table is replayed
    replay(family, CONTACT)
    family.settle()
    # Then each was written again
    assert family.writes(CONTACT)[2:] == [("update", key) for key in sorted([ANN, BOB])]
    # And further readings and starts write nothing
    family.start()
    family.settle()
    assert len(family.writes(CONTACT)) == 4


def test_a_replay_that_was_asked_for_while_running_waits_for_the_next_start(family: Family) -> None:
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    assert family.workflow.replays.ask(CONTACT, "a test", "")
    assert not family.workflow.replays.ask(CONTACT, "a test", "again")
    family.connect()
    family.settle()
    assert len(family.writes(CONTACT)) == 1


def test_a_replay_of_one_table_leaves_the_others_alone(family: Family) -> None:
    family.start(new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, BOB, new_contactid=ANN)
    family.settle()
    replay(family, CONTACT)
    family.settle()
    assert (len(family.writes(CONTACT)), len(family.writes(MEMBERSHIP))) == (2, 1)


def test_a_replay_brings_back_what_somebody_deleted_in_campaign(family: Family) -> None:
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    family.campaign.lose("profile", ANN)
    replay(family, CONTACT)
    family.settle()
    assert family.held(CONTACT) == {ANN: {"lastName": "Ann"}}


def test_a_live_change_overtakes_the_replay_and_stays(family: Family) -> None:
    # Given a replay of which everything was read and nothing written
    contacts(family)
    for name in ("Ann", "Bob"):
        family.dynamics.put(CONTACT, the(name.lower()), lastname=name)
    family.settle()
    replay(family, CONTACT)
    family.read(CONTACT)
    # When one contact changes
    last = max(ANN, BOB)
    family.dynamics.put(CONTACT, last, lastname="changed")
    family.read(CONTACT)
    # Then it goes first, and its replayed copy does not follow
    queue = family.workflow.queue(CONTACT)
    batch = queue.lease(family.generation, 1, 60_000)
    assert [record.id for record in batch.records] == [last]
    queue.settle(batch.number, [Unsent(last)])
    family.write(CONTACT)
    assert sorted(family.writes(CONTACT)[2:]) == sorted([("update", last), ("update", min(ANN, BOB))])
    assert family.held(CONTACT)[last] == {"lastName": "changed"}


def test_a_replay_that_is_interrupted_goes_on_and_writes_nothing_twice(family: Family) -> None:
    # Given five contacts, in pages of two
    family.dynamics.page_size = 2
    contacts(family)
    names = [the(f"c{number}") for number in range(5)]
    for name in names:
        family.dynamics.put(CONTACT, name, lastname="x")
    family.settle()
    # When a replay is stopped in its middle, some of it written, and the workflow started again
    replay(family, CONTACT)
    family.read(CONTACT, Slice(0, lambda: False))
    family.write(CONTACT)
    assert len(family.writes(CONTACT)) == 7
    family.start()
    family.settle()
    # Then the rest was written, too, and nothing twice
    assert sorted(key for _, key in family.writes(CONTACT)[5:]) == sorted(names)


def test_a_replay_forgets_no_deletion(family: Family) -> None:
    # Given a contact that is deleted while the workflow stands still
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.settle()
    family.dynamics.remove(CONTACT, ANN)
    # When the table is replayed
    replay(family, CONTACT)
    family.settle()
    # Then it is gone
    assert family.held(CONTACT).keys() == {BOB}


def test_a_changed_mapping_costs_nothing_where_nothing_differs(family: Family) -> None:
    # Given contacts without a job title
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob", jobtitle="Boss")
    family.settle()
    # When the job title is mapped, under another order of the lines
    contacts(family, fields=[{"from": "jobtitle", "to": "cusJobTitle"}, {"from": "lastname", "to": "lastName"}])
    family.settle()
    assert family.held(CONTACT)[BOB] == {"lastName": "Bob", "cusJobTitle": "Boss"}
    before = len(family.writes(CONTACT))
    contacts(family, fields=[{"from": "lastname", "to": "lastName"}, {"from": "jobtitle", "to": "cusJobTitle"}])
    family.settle()
    # Then the order of the lines costs nothing
    assert len(family.writes(CONTACT)) == before


# Fields whose updates are off.


def test_a_field_whose_updates_are_off_is_written_by_the_first_load_and_not_by_changes(family: Family) -> None:
    # Given such a field
    contacts(family, fields=TITLE_OFF)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", jobtitle="Clerk")
    family.settle()
    assert family.held(CONTACT)[ANN] == {"lastName": "Ann", "cusJobTitle": "Clerk"}
    # When it changes alone, then that costs nothing
    family.dynamics.put(CONTACT, ANN, jobtitle="Boss")
    family.settle()
    assert len(family.writes(CONTACT)) == 1
    # When another one changes, then it alone is written
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.settle()
    assert family.campaign.events[-1].body == {"lastName": "Anne"}
    assert family.held(CONTACT)[ANN]["cusJobTitle"] == "Clerk"


def test_a_new_record_brings_the_field_with_it_although_it_comes_as_a_change(family: Family) -> None:
    contacts(family, fields=TITLE_OFF)
    family.settle()
    family.dynamics.put(CONTACT, ANN, lastname="Ann", jobtitle="Clerk")
    family.settle()
    assert family.held(CONTACT)[ANN]["cusJobTitle"] == "Clerk"


def test_a_replay_writes_the_field(family: Family) -> None:
    contacts(family, fields=TITLE_OFF)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", jobtitle="Clerk")
    family.settle()
    family.dynamics.put(CONTACT, ANN, jobtitle="Boss")
    family.settle()
    replay(family, CONTACT)
    family.settle()
    assert family.held(CONTACT)[ANN]["cusJobTitle"] == "Boss"


@pytest.mark.parametrize("read_first", [True, False], ids=["while its copy waits", "before its copy is read"])
def test_a_live_change_that_overtakes_the_replay_of_its_record_brings_the_field_with_it(
    family: Family, read_first: bool
) -> None:
    # Given a replay that is to bring a job title
    contacts(family, fields=TITLE_OFF)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", jobtitle="Clerk")
    family.settle()
    family.dynamics.put(CONTACT, ANN, jobtitle="Boss")
    family.settle()
    replay(family, CONTACT)
    if read_first:
        family.read(CONTACT)
    # When the contact changes before the replay has written it
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.settle()
    # Then both are there, with one request
    assert family.held(CONTACT)[ANN] == {"lastName": "Anne", "cusJobTitle": "Boss"}
    assert len(family.writes(CONTACT)) == 2


def test_a_field_that_is_new_and_not_updated_is_loaded_once_for_every_record(family: Family) -> None:
    # Given contacts that were written without the job title
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", jobtitle="Clerk")
    family.settle()
    # When it is mapped without updates
    contacts(family, fields=TITLE_OFF)
    family.settle()
    # Then the reading that follows a changed mapping loads it
    assert family.held(CONTACT)[ANN]["cusJobTitle"] == "Clerk"
    # And once only
    family.dynamics.put(CONTACT, ANN, jobtitle="Boss")
    family.settle()
    family.start()
    family.settle()
    assert len(family.writes(CONTACT)) == 2


def test_updates_that_are_switched_off_change_nothing_in_campaign(family: Family) -> None:
    # Given a job title that was updated so far
    contacts(family, fields=[{**line, "apply_updates": True} for line in TITLE_OFF])
    family.dynamics.put(CONTACT, ANN, lastname="Ann", jobtitle="Clerk")
    family.settle()
    # When its updates are switched off, and it changes together with another field
    contacts(family, fields=TITLE_OFF)
    family.dynamics.put(CONTACT, ANN, lastname="Anne", jobtitle="Boss")
    family.settle()
    # Then it stays as it was
    assert family.held(CONTACT)[ANN] == {"lastName": "Anne", "cusJobTitle": "Clerk"}


def test_a_record_that_somebody_deleted_in_campaign_comes_back_with_all_its_fields(family: Family) -> None:
    contacts(family, fields=TITLE_OFF)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", jobtitle="Clerk")
    family.settle()
    family.campaign.lose("profile", ANN)
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.settle()
    assert family.held(CONTACT)[ANN] == {"lastName": "Anne", "cusJobTitle": "Clerk"}
