"""An answer that was lost hides nothing: until a write is confirmed, nobody takes for certain what it has changed."""

import time
from unittest import mock

import pytest

from connectors.errors import Refused, Unavailable
from store.ledger import Standing
from store.record_queue import RecordQueue
from sync.streams import Slice
from sync.tables.position import Phase, Position
from tests.integration.sync.family import ACTIVE, CONTACT, INVOICE, MEMBERSHIP, Family, the

ANN, BOB, GOLD, SILVER, BILL = the("ann"), the("bob"), the("gold"), the("silver"), the("bill")


def lose_the_next_answer(family: Family) -> None:
    def lose(method: str, resource: str) -> None:
        family.campaign.after = lambda method, resource: None
        raise Unavailable("campaign", "the answer was lost")

    family.campaign.after = lose


def orphaned(family: Family) -> list[tuple[str, ...]]:
    """What led to a record when it was deleted in Campaign."""
    return [event.orphaned for event in family.campaign.events if event.orphaned]


def missing(family: Family) -> list[tuple[str, ...]]:
    """What led nowhere when it was written."""
    return [event.missing for event in family.campaign.events if event.missing]


def half_written(family: Family) -> None:
    """Ann's membership is in Campaign, and nobody knows: the answer was lost."""
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.carry(CONTACT)
    family.read(MEMBERSHIP)
    lose_the_next_answer(family)
    family.write(MEMBERSHIP)
    assert family.held(MEMBERSHIP).keys() == {GOLD}
    assert family.workflow.queue(MEMBERSHIP).ledger.present([GOLD]) == set()


def move_to_bob(family: Family) -> None:
    """The membership moves to Bob, who is not read yet, and waits for him."""
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB)
    family.carry(MEMBERSHIP)
    assert family.parked(MEMBERSHIP) == {GOLD}


def test_the_old_parent_of_a_parked_child_that_may_be_in_campaign_stays(family: Family) -> None:
    # Given a membership that was sent, whose answer was lost, and whose newer version is parked for another contact
    half_written(family)
    move_to_bob(family)
    # When its first contact is deleted, and that is due
    family.dynamics.remove(CONTACT, ANN)
    family.read(CONTACT)
    family.read(MEMBERSHIP)
    for _ in range(3):
        family.hurry(CONTACT)
        family.write(CONTACT)
        family.read(MEMBERSHIP)
    # Then the contact goes only after the membership has left it
    family.settle()
    assert (orphaned(family), missing(family)) == ([], [])
    assert (set(family.held(CONTACT)), family.held(MEMBERSHIP)[GOLD]["holder"]) == ({BOB}, BOB)


def test_that_a_record_was_sent_is_known_whatever_becomes_of_it(family: Family) -> None:
    # Given a membership that was sent, whose answer was lost
    half_written(family)
    ledger = family.workflow.queue(MEMBERSHIP).ledger
    assert ledger.perhaps_present([GOLD, BILL]) == {GOLD}
    # When a newer version is parked, the workflow is stopped and started, and the newer version is set aside
    move_to_bob(family)
    family.start()
    family.dynamics.remove(CONTACT, BOB)
    family.let_limit_pass(MEMBERSHIP)
    family.read(CONTACT)
    family.write(MEMBERSHIP)
    assert family.dead(MEMBERSHIP).keys() == {GOLD}
    # Then that is still known
    assert ledger.perhaps_present([GOLD]) == {GOLD}
    # And until it is confirmed that it is gone
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.settle()
    assert (ledger.perhaps_present([GOLD]), family.held(MEMBERSHIP)) == (set(), {})


def test_a_child_is_not_written_while_nobody_knows_whether_its_parent_is_gone(family: Family) -> None:
    # Given a contact that left because of its filter, and the answer was lost
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.read(CONTACT)
    family.read(MEMBERSHIP)
    lose_the_next_answer(family)
    family.write(CONTACT)
    assert family.held(CONTACT) == {}
    [entry] = family.workflow.queue(CONTACT).ledger.entries([ANN])
    assert entry is not None and entry.standing is Standing.LEAVING
    # When a membership of it comes
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.carry(MEMBERSHIP)
    # Then it is not sent, and once it is confirmed that its contact is gone, it does not wait for that either
    assert (family.held(MEMBERSHIP), family.workflow.queue(MEMBERSHIP).backlog().delayed) == ({}, 1)
    family.settle()
    assert [family.held(table) for table in (CONTACT, MEMBERSHIP)] == [{}, {}]
    # And it follows when its contact is back
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    assert (set(family.held(MEMBERSHIP)), missing(family)) == ({GOLD}, [])


def test_a_record_that_may_be_gone_and_is_back_as_it_was_is_written(family: Family) -> None:
    # Given a contact that left because of its filter, and the answer was lost
    mapping = {"filter": ACTIVE, "delete_filtered_out": True}
    family.start(contact=mapping, new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.read(CONTACT)
    lose_the_next_answer(family)
    family.write(CONTACT)
    assert family.held(CONTACT) == {}
    # When it matches again, with the values that it had
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    # Then Campaign holds it
    assert family.held(CONTACT) == {ANN: {"lastName": "Ann"}}


expired = pytest.mark.parametrize("expired", [False, True], ids=["told", "recovered"])


@expired
def test_a_record_that_may_be_in_campaign_and_does_not_match_any_more_is_deleted_with_its_row(
    family: Family, expired: bool
) -> None:
    # Given a contact whose answer was lost, and that stops matching its filter before it is sent again
    family.start(contact={"filter": ACTIVE}, new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.read(CONTACT)
    lose_the_next_answer(family)
    family.write(CONTACT)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    assert family.held(CONTACT).keys() == {ANN}
    # When it is deleted in Dynamics, and perhaps no token tells of that
    family.dynamics.remove(CONTACT, ANN)
    if expired:
        family.dynamics.expire_tokens()
    family.settle()
    # Then it is gone
    assert family.held(CONTACT) == {}


@expired
def test_a_first_write_that_is_tried_again_asks_nobody_for_children(family: Family, expired: bool) -> None:
    # Given a contact that was sent for the first time, and the answer was lost
    family.start()
    family.settle()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.read(CONTACT)
    lose_the_next_answer(family)
    family.write(CONTACT)
    # When it is sent again
    family.hurry(CONTACT)
    family.write(CONTACT)
    # Then nobody was asked what links to it: it cannot have had children
    assert "new_membership linked" not in family.dynamics.asked
    # And its deletion finds it, even where no token tells of that
    family.dynamics.remove(CONTACT, ANN)
    if expired:
        family.dynamics.expire_tokens()
        family.forget_when(CONTACT)
    family.settle()
    assert family.held(CONTACT) == {}


def test_children_of_children_are_as_safe(family: Family) -> None:
    # Given a membership that may be in Campaign, and its invoice, read before anybody knows
    half_written(family)
    family.dynamics.put(INVOICE, BILL, new_membershipid=GOLD)
    family.carry(INVOICE)
    # Then the invoice waits until the membership is confirmed
    assert family.parked(INVOICE) == {BILL}
    family.settle()
    assert (set(family.held(INVOICE)), missing(family)) == ({BILL}, [])


def test_a_deletion_that_was_sent_before_waits_for_nobody(family: Family) -> None:
    # Given a membership that was deleted after its invoice, and the answer was lost
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.dynamics.put(MEMBERSHIP, SILVER, new_contactid=ANN)
    for name, membership in (("bill", GOLD), ("paul", SILVER), ("last", SILVER)):
        family.dynamics.put(INVOICE, the(name), new_membershipid=membership)
    family.settle()
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.read(MEMBERSHIP)
    family.carry(INVOICE)
    lose_the_next_answer(family)
    family.write(MEMBERSHIP)
    assert (set(family.held(MEMBERSHIP)), orphaned(family)) == ({SILVER}, [])
    # When invoices are being read anew before it is sent again
    family.dynamics.page_size = 1
    family.start_anew(INVOICE)
    family.read(INVOICE, Slice(0, lambda: False))
    assert Position.load(family.workflow.cursor(INVOICE).value).phase is Phase.FULL
    family.hurry(MEMBERSHIP)
    family.write(MEMBERSHIP)
    # Then it is sent all the same: whoever links to it has waited for it since
    assert family.workflow.queue(MEMBERSHIP).total() == 0


def test_a_deletion_that_had_no_effect_is_sent_again(family: Family) -> None:
    # Given a contact that the filter of the next run does not let travel, in the version that Campaign holds
    family.start(new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=1)
    family.settle()
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    # When Campaign does not answer the first attempt to delete it

    def fail(method: str, resource: str) -> None:
        family.campaign.before = lambda method, resource: None
        raise Unavailable("campaign", "no answer")

    family.campaign.before = fail
    family.carry(CONTACT)
    assert family.held(CONTACT).keys() == {ANN}
    family.settle()
    # Then the next one does it
    assert family.held(CONTACT) == {}


def test_a_parent_whose_deletion_was_refused_is_linked_to_as_before(family: Family) -> None:
    # Given a sponsor who stopped matching, and whom Campaign refuses to delete
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN, new_sponsorid=BOB)
    family.settle()

    def refuse(method: str, resource: str) -> None:
        if method == "delete":
            raise Refused("campaign", "profiles are not deleted")

    family.campaign.before = refuse
    family.dynamics.put(CONTACT, BOB, statecode=1)
    family.settle()
    assert family.dead(CONTACT).keys() == {BOB}
    # When a membership of his changes, then it is written
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="changed")
    family.settle()
    assert family.held(MEMBERSHIP)[GOLD] == {"number": "changed", "holder": ANN, "sponsor": BOB}


@pytest.mark.parametrize("how", ["the answer is lost", "the writer dies"])
def test_a_record_whose_change_may_have_arrived_and_that_is_as_it_was_is_written(family: Family, how: str) -> None:
    # Given a contact that Campaign holds, and a change of which nobody knows whether it has arrived
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    family.dynamics.put(CONTACT, ANN, lastname="Ann Other")
    family.read(CONTACT)
    if how == "the answer is lost":
        lose_the_next_answer(family)
        family.write(CONTACT)
    else:
        with mock.patch.object(RecordQueue, "settle", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            family.write(CONTACT)
        family.workflow.queue(CONTACT).reap(now_ms=int(time.time() * 1000) + 600_000)
    assert family.held(CONTACT)[ANN]["lastName"] == "Ann Other"
    # When it is as it was before
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    # Then it is so in Campaign, too
    assert family.held(CONTACT)[ANN]["lastName"] == "Ann"
    # And what comes once more as it is costs no request
    before = len(family.campaign.events)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    assert len(family.campaign.events) == before
