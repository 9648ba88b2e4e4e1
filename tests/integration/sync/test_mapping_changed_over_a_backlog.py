"""A mapping that changes while records of the run before still wait: they are judged as the new mapping says."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from store import ledger
from store.keys import StreamKeys
from sync.streams import ReadEnd
from tests.integration.sync import pretend_campaign
from tests.integration.sync.family import ACTIVE, CONTACT, INVOICE, MEMBERSHIP, RESOURCE, Family, the

ANN, GOLD, BILL = the("ann"), the("gold"), the("bill")
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


#: Where each table is written under another key than that of its mapping.
KEYED_ANEW: dict[str, dict[str, Any]] = {
    CONTACT: {"key": {"field": "cusJobTitle", "unique": True, "address": "uri"}},
    MEMBERSHIP: {
        "key": {"field": "number", "unique": True, "address": "uri"},
        "fields": [{"from": "new_points", "to": "points"}],
    },
    INVOICE: {
        "key": {"field": "number", "unique": True, "address": "uri"},
        "fields": [{"from": "new_name", "to": "crmId"}],
    },
}


@pytest.fixture
def campaign_keyed_anew(monkeypatch: pytest.MonkeyPatch) -> Callable[[Family], None]:
    """Makes the Campaign of a family one that is empty and has those keys, as another one would be."""

    def change(family: Family) -> None:
        family.campaign = pretend_campaign.PretendCampaign()
        for table, mapping in KEYED_ANEW.items():
            monkeypatch.setitem(pretend_campaign.KEYS, RESOURCE[table], mapping["key"]["field"])

    return change


@pytest.mark.parametrize("replayed", [False, True], ids=["", "with a replay"])
def test_a_new_key_reaches_a_queue_that_is_too_full_for_reading(
    redis: Redis, campaign_keyed_anew: Callable[[Family], None], replayed: bool
) -> None:
    # Given a queue at its high-water mark, full of contacts that were read under one key
    family = Family(redis, high_water=3)
    family.start(new_membership=None, new_invoice=None)
    everybody = {the(f"contact {number}") for number in range(3)}
    for record_id in everybody:
        family.dynamics.put(CONTACT, record_id, lastname="x")
    family.read(CONTACT)
    assert family.read(CONTACT) is ReadEnd.FULL
    # When the next run writes under another one
    campaign_keyed_anew(family)
    if replayed:
        family.workflow.replays.ask(CONTACT, "a test", "")
    family.start(contact=KEYED_ANEW[CONTACT])
    family.settle()
    # Then all of them are there under that
    assert set(family.held(CONTACT)) == everybody


def test_new_keys_reach_a_family_whose_queues_are_too_full_for_reading(
    redis: Redis, campaign_keyed_anew: Callable[[Family], None]
) -> None:
    # Given three tables with queues at their high-water mark: contacts that wait, and their children that are parked
    family = Family(redis, high_water=3)
    family.start()
    for number in range(4):
        contact, membership, invoice = (the(f"{table} {number}") for table in family.mappings)
        family.dynamics.put(CONTACT, contact, lastname="x")
        family.dynamics.put(MEMBERSHIP, membership, new_contactid=contact)
        family.dynamics.put(INVOICE, invoice, new_membershipid=membership)
    family.read(CONTACT)
    family.carry(INVOICE, MEMBERSHIP)
    assert (len(family.parked(MEMBERSHIP)), len(family.parked(INVOICE))) == (4, 4)
    assert [family.read(table) for table in family.mappings] == [ReadEnd.FULL] * 3
    # When the next run writes all of them under other keys
    campaign_keyed_anew(family)
    family.start(**KEYED_ANEW)
    family.settle()
    # Then all of them are there, none of them before its parent
    assert [len(family.held(table)) for table in family.mappings] == [4, 4, 4]
    assert [event.missing for event in family.campaign.events if event.missing] == []


def test_a_child_is_not_written_while_its_parents_table_is_yet_to_be_read_for_a_new_key(
    family: Family, campaign_keyed_anew: Callable[[Family], None]
) -> None:
    # Given a membership that waits, and its contact, which was written under one key
    family.start(new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.read(MEMBERSHIP)
    # When the next run writes them under others, and the membership is faster
    campaign_keyed_anew(family)
    family.start(contact=KEYED_ANEW[CONTACT], new_membership=KEYED_ANEW[MEMBERSHIP])
    family.carry(MEMBERSHIP)
    family.settle()
    # Then it was written, linked to its contact
    assert family.held(MEMBERSHIP)[GOLD]["holder"] == ANN
    assert family.dead(MEMBERSHIP) == {}


@pytest.mark.parametrize("portion", [0, 1], ids=["before it forgets", "while it forgets"])
def test_a_reader_that_overslept_takes_nothing_from_what_was_written_under_a_new_key_meanwhile(
    family: Family,
    campaign_keyed_anew: Callable[[Family], None],
    monkeypatch: pytest.MonkeyPatch,
    portion: int,
) -> None:
    # Given contacts that were written under one key, and are to be written under another
    family.start(new_membership=None, new_invoice=None)
    everybody = {the(f"contact {number}") for number in range(20)}
    for record_id in everybody:
        family.dynamics.put(CONTACT, record_id, lastname="x")
    family.settle()
    campaign_keyed_anew(family)
    family.start(contact=KEYED_ANEW[CONTACT])
    # When a reader pauses that is about to forget what was written before
    key_of, pauses = StreamKeys.ledger, [portion * ledger._BUCKETS_AT_ONCE]

    def pausing(keys: StreamKeys, bucket: int) -> str:
        if bucket in pauses:
            pauses.clear()
            # Its right to read runs out: another reader takes everything up, and all is written.
            family.redis.delete(keys.reading)
            family.carry(CONTACT)
        return key_of(keys, bucket)

    monkeypatch.setattr(StreamKeys, "ledger", pausing)
    assert family.read(CONTACT) is ReadEnd.STOPPED
    # Then all that was written since is known
    assert family.workflow.queue(CONTACT).ledger.present(sorted(everybody)) == everybody


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
