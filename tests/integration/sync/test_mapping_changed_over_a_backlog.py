"""A mapping that changes while records of the run before still wait: they are judged as the new mapping says."""

from typing import Any

import pytest
from redis import Redis

from tests.integration.sync import pretend_campaign
from tests.integration.sync.family import CONTACT, INVOICE, MEMBERSHIP, Family, the

ANN, GOLD, BILL = the("ann"), the("gold"), the("bill")
ACTIVE = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}
TITLE_OFF: list[dict[str, Any]] = [
    {"from": "lastname", "to": "lastName"},
    {"from": "jobtitle", "to": "cusJobTitle", "apply_updates": False},
]


@pytest.mark.parametrize("delete", [False, True], ids=["to stay", "to be deleted"])
def test_what_waits_and_does_not_match_a_new_filter_is_not_sent(family: Family, delete: bool) -> None:
    # Given a contact that waits, read without a filter
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=1)
    family.read(CONTACT)
    # When the next run has a filter that it does not match, and the writer is faster than the reader
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": delete})
    family.write(CONTACT)
    family.settle()
    # Then nothing was sent
    assert family.writes(CONTACT) == []


def test_a_new_filter_reaches_a_queue_that_is_too_full_for_reading(redis: Redis) -> None:
    # Given a queue at its high water mark, full of contacts that were read without a filter
    family = Family(redis, high_water=3)
    family.start(new_membership=None, new_invoice=None)
    for number in range(3):
        family.dynamics.put(CONTACT, the(f"contact {number}"), lastname="x", statecode=1)
    family.read(CONTACT)
    # When the next run has a filter that none of them matches
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": False})
    family.carry(CONTACT)
    family.settle()
    # Then nothing was sent
    assert family.writes(CONTACT) == []


def test_a_deletion_that_waits_when_deletions_are_switched_off_is_not_sent(family: Family) -> None:
    # Given a deletion that waits
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    family.dynamics.remove(CONTACT, ANN)
    family.read(CONTACT)
    # When the next run applies none
    family.start(contact={"apply_deletes": False})
    family.settle()
    # Then the contact stays
    assert set(family.held(CONTACT)) == {ANN}


def test_what_waits_to_be_deleted_by_a_filter_stays_when_the_filter_is_taken_away(family: Family) -> None:
    # Given a contact in Campaign that stopped matching, which was read and not written
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True}, new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.read(CONTACT)
    # When the next run has no filter, and the writer is faster than the reader
    family.start(contact={"filter": None})
    family.write(CONTACT)
    family.settle()
    # Then the contact was never deleted
    assert set(family.held(CONTACT)) == {ANN}
    assert ("delete", ANN) not in family.writes(CONTACT)


@pytest.mark.parametrize(
    "contact", [{"filter": None}, {"delete_filtered_out": False}], ids=["no filter", "what it holds back stays"]
)
def test_children_that_wait_to_leave_with_their_parent_stay_when_it_stays(
    family: Family, contact: dict[str, Any]
) -> None:
    # Given a contact that stopped matching, whose children are queued to leave ahead of it
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.dynamics.put(INVOICE, BILL, new_membershipid=GOLD)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.carry(CONTACT)
    # When the next run lets the contact stay
    family.start(contact=contact)
    family.settle()
    # Then all are in Campaign
    assert [set(family.held(table)) for table in (CONTACT, MEMBERSHIP, INVOICE)] == [{ANN}, {GOLD}, {BILL}]


def test_children_of_a_held_table_stay_when_their_parent_left_and_came_back_meanwhile(family: Family) -> None:
    # Given a held table, whose membership is queued to leave with its contact
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.settle()
    family.workflow.holds.hold(MEMBERSHIP, family.generation, "a test")
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.carry(CONTACT)
    # When the contact matches again before the next run, in which nothing is held
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.carry(CONTACT)
    family.start()
    family.settle()
    # Then the membership is in Campaign
    assert set(family.held(MEMBERSHIP)) == {GOLD}


def test_what_waits_without_a_link_that_is_required_now_waits_for_its_parent(family: Family) -> None:
    # Given a membership that waits, read without links
    family.start(new_membership={"links": []})
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN, new_name="Gold")
    family.read(MEMBERSHIP)
    # When the next run requires its contact, which is not written yet
    links = [{"from": "new_contactid", "to": "holder", "table": CONTACT, "required": True}]
    family.start(new_membership={"links": links})
    family.write(MEMBERSHIP)
    # Then it is not sent
    assert family.writes(MEMBERSHIP) == []
    # And it follows its contact, linked
    family.settle()
    assert family.held(MEMBERSHIP)[GOLD] == {"number": "Gold", "holder": ANN}
    assert [event.missing for event in family.campaign.events if event.missing] == []


def test_a_replay_over_a_change_that_waits_writes_a_field_whose_updates_are_off_only_once(family: Family) -> None:
    # Given a field whose updates are off, and a change that has waited since before a replay
    family.start(contact={"fields": TITLE_OFF}, new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", jobtitle="Clerk")
    family.settle()
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.read(CONTACT)
    family.age(CONTACT, ANN, 30)
    family.workflow.replays.ask(CONTACT, "a test", "")
    family.start()
    family.settle()
    # When Campaign knows better, and another field changes
    family.campaign.update("profile", ANN, {"cusJobTitle": "set in Campaign"}, 1)
    family.dynamics.put(CONTACT, ANN, lastname="Anna")
    family.settle()
    # Then what Campaign knows stays
    assert family.held(CONTACT)[ANN] == {"lastName": "Anna", "cusJobTitle": "set in Campaign"}


def test_a_child_that_was_parked_through_a_replay_and_an_expired_token_follows(family: Family) -> None:
    # Given a membership that is parked
    family.start()
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.settle()
    assert family.parked(MEMBERSHIP) == {GOLD}
    # When its table is replayed, the change tokens expire, and its contact comes
    family.workflow.replays.ask(MEMBERSHIP, "a test", "")
    family.start()
    family.dynamics.expire_tokens()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    # Then it is in Campaign
    assert set(family.held(MEMBERSHIP)) == {GOLD}


def test_what_waits_for_a_record_that_is_gone_is_not_written_under_a_new_key(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that waits
    family.start(new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.read(CONTACT)
    # When the next run writes under another key, the contact is deleted, and the writer is faster than the reader
    monkeypatch.setitem(pretend_campaign.KEYS, "profile", "lastName")
    family.start(
        contact={
            "key": {"field": "lastName", "unique": True, "address": "uri"},
            "fields": [{"from": "jobtitle", "to": "cusJobTitle"}],
        }
    )
    family.dynamics.remove(CONTACT, ANN)
    family.write(CONTACT)
    family.settle()
    # Then Campaign does not hold it
    assert family.held(CONTACT) == {}
