"""Children wait for their parents, visibly, and follow by themselves; or they are set aside with a reason."""

from typing import Any

import pytest
from redis import Redis

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Row
from connectors.errors import Refused, SchemaRefused, Unavailable
from store.outcome_log import Ending
from store.record_queue import Change, Lane, RecordQueue, Stored
from sync.tables import relatives
from tests.integration.sync.family import CONTACT, INVOICE, MEMBERSHIP, SCHEMAS, Family, the

ANN, BOB, GOLD, BILL = the("ann"), the("bob"), the("gold"), the("bill")
REFERRER = [{"from": "new_referrerid", "to": "referrer", "table": CONTACT}]


def look_after(family: Family, table: str) -> None:
    """A slice of writing after the limit has passed."""
    family.let_limit_pass(table)
    family.write(table)


def orphan(family: Family) -> None:
    """A membership that was read, of a contact that was not."""
    family.start()
    family.read(CONTACT)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="Gold", new_contactid=ANN)
    family.carry(MEMBERSHIP)
    assert family.parked(MEMBERSHIP) == {GOLD}


def test_a_child_that_was_read_first_waits_and_follows_its_parent(family: Family) -> None:
    # Given an invoice of a membership of a contact, read and written from the wrong end
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="Gold", new_contactid=ANN)
    family.dynamics.put(INVOICE, BILL, new_name="Bill", new_membershipid=GOLD)
    family.carry(INVOICE, MEMBERSHIP)
    # Then both are parked, for all to see, and nothing was sent
    assert (family.parked(INVOICE), family.parked(MEMBERSHIP)) == ({BILL}, {GOLD})
    assert family.workflow.queue(INVOICE).backlog().parked == 1
    assert family.campaign.events == []
    # When the contact is written, then the others follow, in order, linked
    family.carry(CONTACT)
    family.write(INVOICE)
    assert family.parked(INVOICE) == {BILL}
    family.write(MEMBERSHIP)
    family.write(INVOICE)
    assert [(event.resource, event.missing) for event in family.campaign.events] == [
        ("profile", ()), ("cusMembership", ()), ("cusInvoice", ()),
    ]  # fmt: skip
    assert family.held(MEMBERSHIP) == {GOLD: {"number": "Gold", "holder": ANN, "sponsor": None}}
    assert family.held(INVOICE) == {BILL: {"number": "Bill", "membershipId": GOLD}}


def test_a_child_of_two_parents_waits_for_both(family: Family) -> None:
    # Given a membership of Ann, sponsored by Bob, and neither is written
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN, new_sponsorid=BOB)
    family.carry(MEMBERSHIP)
    # When one of them is written
    family.read(CONTACT)
    family.write(CONTACT, batch_size=1)
    assert family.held(MEMBERSHIP) == {}
    family.settle()
    # Then it went after both
    assert [event.resource for event in family.campaign.events] == ["profile", "profile", "cusMembership"]
    assert family.held(MEMBERSHIP)[GOLD] == {"number": "", "holder": ANN, "sponsor": BOB}


def test_within_the_limit_nobody_asks_for_the_parent(family: Family) -> None:
    orphan(family)
    asked = len(family.dynamics.asked)
    family.write(MEMBERSHIP)
    assert len(family.dynamics.asked) == asked


def test_after_the_limit_the_parent_is_fetched_and_the_child_follows(family: Family) -> None:
    # Given a membership whose contact no reading has brought
    orphan(family)
    # When it has waited for the limit
    look_after(family, MEMBERSHIP)
    # Then the contact is fetched by itself, and both are written
    assert family.dynamics.asked[-1] == "contact row"
    family.write(CONTACT)
    family.write(MEMBERSHIP)
    assert [event.resource for event in family.campaign.events] == ["profile", "cusMembership"]
    # And when reading brings it too, nothing is sent again
    family.settle()
    assert len(family.campaign.events) == 2


def test_a_parent_that_was_fetched_and_then_deleted_does_not_stay(family: Family) -> None:
    # Given a contact that was fetched for its child, ahead of reading
    orphan(family)
    look_after(family, MEMBERSHIP)
    family.write(CONTACT)
    family.write(MEMBERSHIP)
    assert family.held(CONTACT).keys() == {ANN}
    # When both are deleted before reading has come so far
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.dynamics.remove(CONTACT, ANN)
    family.settle()
    # Then Campaign holds neither
    assert (family.held(CONTACT), family.held(MEMBERSHIP)) == ({}, {})


def test_a_parent_that_is_deleted_while_whoever_fetches_it_sleeps_is_not_written(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a membership whose contact is to be fetched
    orphan(family)
    fetch, fetched = family.dynamics.row, list[str]()

    def oversleep(table: DynamicsTable, id_: str, *args: Any, **options: Any) -> Row | None:
        row = fetch(table, id_, *args, **options)
        if not fetched:
            fetched.append(id_)
            family.redis.delete(family.workflow.queue(CONTACT).keys.reading)
            family.dynamics.remove(MEMBERSHIP, GOLD)
            family.dynamics.remove(CONTACT, ANN)
            family.read(CONTACT)
        return row

    # When it is deleted, and another process reads that, while the one that has fetched it sleeps
    monkeypatch.setattr(family.dynamics, "row", oversleep)
    look_after(family, MEMBERSHIP)
    family.settle()
    # Then it is not in Campaign
    assert (fetched, family.held(CONTACT)) == ([ANN], {})
    assert ("create", ANN) not in family.writes(CONTACT)


def test_a_parent_whose_deletion_is_on_its_way_to_the_queue_when_it_was_fetched_does_not_stay(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a membership whose contact was asked for, and then deleted
    orphan(family)
    stale = family.dynamics.row(SCHEMAS.tables[CONTACT].table(CONTACT), ANN, ("lastname",), timeout=1)
    monkeypatch.setattr(family.dynamics, "row", lambda *args, **options: stale)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.dynamics.remove(CONTACT, ANN)
    put_page, fed = RecordQueue.put_page, list[str]()

    def put_late(self: RecordQueue, *args: Any, **options: Any) -> Stored:
        if self.keys.stream == CONTACT and not fed:
            family.redis.delete(self.keys.reading)
            look_after(family, MEMBERSHIP)
            fed.extend(self.waiting([ANN]))
        return put_page(self, *args, **options)

    # When it is queued after its reader has found that nobody knew of it, and before the deletion's page is stored
    monkeypatch.setattr(RecordQueue, "put_page", put_late)
    family.settle()
    # Then it is not in Campaign
    assert (fed, family.held(CONTACT)) == ([ANN], {})


def test_a_child_whose_parent_waits_itself_waits_on(family: Family) -> None:
    # Given an invoice of a membership that is parked itself
    orphan(family)
    family.dynamics.put(INVOICE, BILL, new_membershipid=GOLD)
    family.carry(INVOICE)
    # When the limit has passed
    look_after(family, INVOICE)
    # Then nothing is asked for, and it waits anew
    assert family.dynamics.asked[-1] == "new_invoice scan"
    [parked] = family.workflow.queue(INVOICE).parked(1 << 52)
    assert parked.since_ms > 0


def test_a_child_whose_parents_table_is_still_being_read_waits_on(family: Family) -> None:
    # Given contacts of which nothing was read yet
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.carry(MEMBERSHIP)
    # When the limit has passed
    look_after(family, MEMBERSHIP)
    # Then the full read will bring it: it is not asked for
    assert "contact row" not in family.dynamics.asked
    assert family.parked(MEMBERSHIP) == {GOLD}


def test_a_full_queue_fetches_parents_at_once(redis: Redis) -> None:
    # Given contacts that refer to each other, read in the wrong order until the queue is full
    family = Family(redis, page_size=1, high_water=1)
    by_id = sorted([ANN, BOB])
    family.dynamics.put(CONTACT, by_id[0], lastname="First", new_referrerid=by_id[1])
    family.dynamics.put(CONTACT, by_id[1], lastname="Second")
    family.start(contact={"links": REFERRER}, new_membership=None, new_invoice=None)
    family.carry(CONTACT)
    assert family.parked(CONTACT) == {by_id[0]}
    assert family.read(CONTACT) == "full"
    # When the next slice writes, long before the limit
    family.write(CONTACT)
    # Then the referrer was fetched past the full queue, and both are written
    family.settle()
    assert [event.key for event in family.campaign.events] == [by_id[1], by_id[0]]


def reason_of(family: Family, table: str, record_id: str) -> tuple[str, str]:
    reason = family.dead(table)[record_id].reason
    return reason.kind, reason.sentence


def test_a_child_whose_parent_is_not_in_dynamics_is_set_aside(family: Family) -> None:
    orphan(family)
    family.dynamics.remove(CONTACT, ANN)
    look_after(family, MEMBERSHIP)
    kind, sentence = reason_of(family, MEMBERSHIP, GOLD)
    assert (kind, "contact" in sentence) == ("parent-missing", True)
    assert family.parked(MEMBERSHIP) == set()
    # And what became of it is kept: it waited, and then no attempt was made
    past = family.workflow.outcomes(MEMBERSHIP).of(GOLD)
    assert [(one.ending, one.cause, one.attempts) for one in past] == [
        (Ending.REFUSED, "parent-missing", 0), (Ending.PARKED, "", 0),
    ]  # fmt: skip
    # And a change that leads it elsewhere brings it back
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB)
    family.settle()
    assert family.held(MEMBERSHIP)[GOLD]["holder"] == BOB
    assert family.dead(MEMBERSHIP) == {}


def test_a_child_whose_parent_is_filtered_out_is_set_aside(family: Family) -> None:
    active = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}
    family.start(contact={"filter": active})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=1)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.carry(CONTACT, MEMBERSHIP)
    look_after(family, MEMBERSHIP)
    assert reason_of(family, MEMBERSHIP, GOLD)[0] == "parent-filtered-out"


def test_a_child_whose_parent_was_refused_is_set_aside(family: Family) -> None:
    # Given a contact that Campaign refuses
    orphan(family)

    def refuse(method: str, resource: str) -> None:
        raise Refused("campaign", "the value is not valid")

    family.campaign.before = refuse
    family.carry(CONTACT)
    # When its membership has waited for the limit
    look_after(family, MEMBERSHIP)
    # Then it is set aside beside its parent
    assert reason_of(family, CONTACT, ANN)[0] == "refused"
    assert reason_of(family, MEMBERSHIP, GOLD)[0] == "parent-refused"


def test_a_child_whose_parents_table_is_not_mapped_any_more_is_set_aside(family: Family) -> None:
    # Given a membership that waits for a sponsor, and a run without contacts in which it is still parked
    orphan(family)
    family.start(contact=None, new_membership={"links": []}, new_invoice=None)
    stream = family.streams[MEMBERSHIP]
    family.let_limit_pass(MEMBERSHIP)
    # When the limit has passed
    relatives.Orphanage(stream, family.streams, family.workflow, family.generation).look_after(lambda: False)
    # Then it is set aside
    assert reason_of(family, MEMBERSHIP, GOLD)[0] == "parent-unmapped"


@pytest.mark.parametrize("names", [["ann"], ["ann", "bob"], ["ann", "bob", "cid"]])
def test_records_that_wait_for_themselves_in_a_circle_are_set_aside(family: Family, names: list[str]) -> None:
    # Given contacts that refer to each other in a circle, one of them referred to by another, who is in none
    ids = [the(name) for name in names]
    for record_id, next_id in zip(ids, [*ids[1:], ids[0]], strict=True):
        family.dynamics.put(CONTACT, record_id, lastname="x", new_referrerid=next_id)
    family.dynamics.put(CONTACT, the("dan"), lastname="Dan")
    family.start(contact={"links": REFERRER}, new_membership=None, new_invoice=None)
    family.carry(CONTACT)
    assert family.parked(CONTACT) == set(ids)
    # When they have waited for the limit
    look_after(family, CONTACT)
    # Then they are set aside, and say why
    assert {record_id: letter.reason.kind for record_id, letter in family.dead(CONTACT).items()} == dict.fromkeys(
        ids, "parent-circle"
    )
    assert family.held(CONTACT).keys() == {the("dan")}


def test_a_link_to_the_same_table_is_written_after_what_it_leads_to(family: Family) -> None:
    # Given contacts that refer to each other, read in any order
    family.start(contact={"links": REFERRER}, new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", new_referrerid=BOB)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", new_referrerid=the("cid"))
    family.dynamics.put(CONTACT, the("cid"), lastname="Cid")
    family.settle()
    # Then the referrers came first
    assert [event.key for event in family.campaign.events] == [the("cid"), BOB, ANN]
    assert family.held(CONTACT)[ANN]["referrer"] == BOB


def test_a_newer_version_with_another_parent_does_not_wait_for_the_old_one(family: Family) -> None:
    # Given a membership that waits for Ann
    orphan(family)
    # When it changes hands to Bob, who is written
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB)
    family.carry(CONTACT, MEMBERSHIP)
    # Then it is written
    assert family.held(MEMBERSHIP)[GOLD]["holder"] == BOB


def test_an_outage_while_a_parent_is_fetched_is_shown_and_sets_nobody_aside(family: Family) -> None:
    # Given a Dynamics that is down when a parent is to be fetched
    orphan(family)
    family.dynamics.failing = Unavailable("dynamics", "Dynamics is not available (503)", wait=0)
    look_after(family, MEMBERSHIP)
    # Then the child waits on, and the trouble says why
    assert family.parked(MEMBERSHIP) == {GOLD}
    [trouble] = family.workflow.troubles.all()
    assert (trouble.where, trouble.sentence) == ("new_membership.parents", "Dynamics is not available (503)")
    # And when it is over, all goes on
    look_after(family, MEMBERSHIP)
    family.settle()
    assert family.held(MEMBERSHIP).keys() == {GOLD}


def test_a_parents_table_that_lost_a_column_stops_no_other_child(family: Family) -> None:
    # Given a parent that cannot be fetched, since Dynamics refuses a column of its table, and another child's change
    orphan(family)
    other = the("other")
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.workflow.queue(CONTACT).feed(family.generation, [Change(BOB, 1, b'{"lastname":"Bob"}')], Lane.LIVE)
    family.write(CONTACT)
    family.dynamics.put(MEMBERSHIP, other, new_name="Other", new_contactid=BOB)
    family.read(MEMBERSHIP)
    family.dynamics.failing = SchemaRefused("dynamics", "table contact has no column lastname", field="lastname")
    # When the limit has passed
    look_after(family, MEMBERSHIP)
    # Then the schemas are looked at, the child waits on, and the other one is written
    assert family.workflow.holds.doubted() == {CONTACT}
    assert family.parked(MEMBERSHIP) == {GOLD}
    assert family.held(MEMBERSHIP).keys() == {other}


def test_a_circle_is_found_although_its_records_pass_the_limit_one_after_another(family: Family) -> None:
    # Given two contacts that refer to each other
    family.start(contact={"links": REFERRER}, new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", new_referrerid=BOB)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", new_referrerid=ANN)
    family.carry(CONTACT)
    assert family.parked(CONTACT) == {ANN, BOB}
    # When each of them passes the limit while the other has not
    parked = family.workflow.queue(CONTACT).keys.parked
    for _ in range(6):
        for record_id in (ANN, BOB):
            family.redis.zadd(parked, {record_id: 0}, xx=True)
            family.write(CONTACT)
    # Then both are set aside, and one says why
    kinds = [letter.reason.kind for letter in family.dead(CONTACT).values()]
    assert sorted(kinds) == ["parent-circle", "parent-refused"]
    assert family.parked(CONTACT) == set()
