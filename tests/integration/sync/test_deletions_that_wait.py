"""A parent is not deleted while nobody has read, or may write, what has become of its children; and people are told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from connectors.errors import Unavailable
from store.keys import LEDGER_BUCKETS
from store.store import WorkflowStore
from store.trouble import Trouble
from sync.patience import Patience
from sync.streams import Slice, Stream
from sync.tables import comparing
from sync.tables.deletions import Departures
from sync.tables.position import Position
from tests.integration.sync.family import CONTACT, INVOICE, MEMBERSHIP, Family, the

ANN, BOB, GOLD, SILVER = the("ann"), the("bob"), the("gold"), the("silver")
BILL, PAUL, LAST = the("bill"), the("paul"), the("last")
ONE_PAGE = Slice(0, lambda: False)


def invoiced_family(family: Family) -> None:
    """Ann's membership with one invoice, and Bob's with two others, all in Campaign."""
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    for membership, contact, invoice in ((GOLD, ANN, BILL), (SILVER, BOB, PAUL), (SILVER, BOB, LAST)):
        family.dynamics.put(MEMBERSHIP, membership, new_contactid=contact)
        family.dynamics.put(INVOICE, invoice, new_membershipid=membership)
    family.settle()
    family.campaign.events.clear()


def overdue(family: Family, table: str) -> None:
    """The limit has passed for deletions of this table, and their writer looks at them."""
    family.streams[table] = replace(family.streams[table], park_limit_s=0)
    family.hurry(table)
    family.write(table)


def troubles(family: Family, table: str) -> list[Trouble]:
    return [trouble for trouble in family.workflow.troubles.all() if trouble.where == f"{table}.deletions"]


def nobody_reads(family: Family) -> None:
    pass


def read_anew(family: Family) -> None:
    """The first page of a full read."""
    family.start_anew(INVOICE)
    family.read(INVOICE, ONE_PAGE)


def read_in_full(family: Family) -> None:
    family.dynamics.page_size = 1
    read_anew(family)


def recovered(family: Family) -> None:
    """The full read is over, and no more than that."""
    read_anew(family)


def held(family: Family) -> None:
    family.read(INVOICE)
    family.workflow.holds.hold(INVOICE, family.generation, "cusInvoice.number is gone")


def not_written(family: Family) -> None:
    family.read(INVOICE)
    Patience(family.workflow.troubles, f"{INVOICE}.write").note("Campaign is not available", None)


def behind(family: Family) -> None:
    """The deletion waits on the queue, behind nothing but time: no writer has come to it."""
    family.read(INVOICE)
    family.age(INVOICE, BILL, seconds=1000)


OBSTACLES: dict[Callable[[Family], None], str] = {
    nobody_reads: "it has not been read so far",
    read_in_full: "it is being read in full",
    recovered: "its own deletions are being recovered",
    held: "it is held",
    not_written: "it cannot be written",
    behind: "what was read of it before still waits",
}


@pytest.mark.parametrize("obstacle", OBSTACLES, ids=lambda obstacle: obstacle.__name__.replace("_", " "))
def test_a_deletion_waits_beyond_the_limit_for_children_that_would_be_out_of_reach(
    family: Family, obstacle: Callable[[Family], None]
) -> None:
    # Given a membership that was deleted with its invoice, and invoices that nobody reads, or writes
    invoiced_family(family)
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.read(MEMBERSHIP)
    obstacle(family)
    # When the limit has passed
    overdue(family, MEMBERSHIP)
    # Then it waits, and people are told why
    assert family.campaign.events == []
    [trouble] = troubles(family, MEMBERSHIP)
    assert trouble.sentence == (
        f"Deletions wait for new_invoice, whose records link to what is to be deleted: {OBSTACLES[obstacle]}"
    )
    # And it looks again with a growing pause, without a word more
    family.hurry(MEMBERSHIP)
    family.write(MEMBERSHIP)
    assert troubles(family, MEMBERSHIP) == [trouble]
    # When that is over, as after a restart, then both go, the invoice first, and the trouble with them
    Patience(family.workflow.troubles, f"{INVOICE}.write").end()
    family.start()
    family.settle()
    gone = [(event.resource, event.orphaned) for event in family.campaign.events if event.method == "delete"]
    assert gone == [("cusInvoice", ()), ("cusMembership", ())]
    assert troubles(family, MEMBERSHIP) == []


@pytest.mark.parametrize("obstacle", [held, not_written], ids=["held", "not written"])
def test_a_deletion_waits_for_the_children_of_children_for_as_long(
    family: Family, obstacle: Callable[[Family], None]
) -> None:
    # Given a contact that was deleted with its membership and its invoice, and invoices that nobody may write
    invoiced_family(family)
    for table, one in ((INVOICE, BILL), (MEMBERSHIP, GOLD), (CONTACT, ANN)):
        family.dynamics.remove(table, one)
    family.read(CONTACT)
    family.read(MEMBERSHIP)
    obstacle(family)
    # When the limit has passed, for the membership and for the contact
    overdue(family, MEMBERSHIP)
    overdue(family, CONTACT)
    # Then both wait: without the contact the membership could never be deleted any more
    assert family.campaign.events == []
    assert [trouble.sentence.split(",")[0] for trouble in troubles(family, CONTACT)] == [
        "Deletions wait for new_invoice"
    ]
    # And when that is over, all go, the last of the line first
    Patience(family.workflow.troubles, f"{INVOICE}.write").end()
    family.start()
    family.settle()
    gone = [(event.resource, event.orphaned) for event in family.campaign.events if event.method == "delete"]
    assert gone == [("cusInvoice", ()), ("cusMembership", ()), ("profile", ())]


def fail_once(family: Family) -> None:
    """Campaign does not answer the next write."""

    def fail(method: str, resource: str) -> None:
        family.campaign.before = lambda method, resource: None
        raise Unavailable("campaign", "no answer")

    family.campaign.before = fail


def stuck(family: Family) -> None:
    """The change of another invoice is tried in vain."""
    family.dynamics.put(INVOICE, PAUL, new_name="changed")
    family.read(INVOICE)
    fail_once(family)
    family.write(INVOICE)
    # Others went well meanwhile.
    Patience(family.workflow.troubles, f"{INVOICE}.write").end()
    assert family.workflow.queue(INVOICE).backlog().delayed == 1


def test_a_deletion_waits_no_longer_than_the_limit_for_a_child_that_is_tried_in_vain(family: Family) -> None:
    # Given a membership that was deleted with its invoice, which is gone, while another invoice cannot be written
    invoiced_family(family)
    stuck(family)
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.carry(MEMBERSHIP, INVOICE)
    family.read(INVOICE)
    family.hurry(MEMBERSHIP)
    family.write(MEMBERSHIP)
    assert family.writes(MEMBERSHIP) == []
    # When the limit has passed, then it goes, and nobody was told of any trouble
    overdue(family, MEMBERSHIP)
    assert family.writes(MEMBERSHIP) == [("delete", GOLD)]
    assert troubles(family, MEMBERSHIP) == []


def test_what_an_obstacle_has_held_up_has_the_limit_to_go_once_it_is_gone(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a membership and its invoice that were deleted, and a Campaign that takes no invoices
    invoiced_family(family)
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.read(MEMBERSHIP)
    fail_once(family)
    family.carry(INVOICE)
    not_written(family)
    # When that takes longer than the limit
    now_ms = WorkflowStore.now_ms
    monkeypatch.setattr(WorkflowStore, "now_ms", lambda store: now_ms(store) + 901_000)
    family.write(MEMBERSHIP)
    assert troubles(family, MEMBERSHIP)
    # Then the membership still waits when Campaign is back, and the invoice has yet to be tried again
    Patience(family.workflow.troubles, f"{INVOICE}.write").end()
    family.hurry(MEMBERSHIP)
    family.write(MEMBERSHIP)
    assert (family.campaign.events, troubles(family, MEMBERSHIP)) == ([], [])
    assert family.workflow.queue(INVOICE).backlog().delayed == 1
    family.settle()
    assert [(event.resource, event.orphaned) for event in family.campaign.events] == [
        ("cusInvoice", ()), ("cusMembership", ()),
    ]  # fmt: skip


def test_a_deletion_waits_no_longer_than_the_limit_for_children_that_can_do_without_it(family: Family) -> None:
    # Given memberships that need no contact, and a contact that was deleted, while nobody reads memberships
    links = [{"from": "new_contactid", "to": "holder", "table": CONTACT}]
    family.start(new_membership={"links": links})
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    family.dynamics.remove(CONTACT, ANN)
    family.carry(CONTACT)
    assert family.held(CONTACT).keys() == {ANN}
    # When the limit has passed, then it goes
    overdue(family, CONTACT)
    assert (family.held(CONTACT), troubles(family, CONTACT)) == ({}, [])


def test_the_trouble_is_over_when_the_deletion_is_taken_back(family: Family) -> None:
    # Given a deletion that waits beyond the limit
    invoiced_family(family)
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.read(MEMBERSHIP)
    overdue(family, MEMBERSHIP)
    assert troubles(family, MEMBERSHIP)
    # When its row is restored, and so is the limit
    family.connect()
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.carry(MEMBERSHIP)
    # Then nobody is told any more
    assert troubles(family, MEMBERSHIP) == []
    assert family.held(MEMBERSHIP).keys() == {GOLD, SILVER}


def test_the_trouble_is_over_when_the_deletion_goes_although_others_wait(family: Family) -> None:
    # Given a deletion that waits beyond the limit, and a change that cannot be written
    invoiced_family(family)
    family.dynamics.put(MEMBERSHIP, SILVER, new_name="changed")
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(MEMBERSHIP, GOLD)

    def fail(method: str, resource: str) -> None:
        if (method, resource) == ("update", "cusMembership"):
            raise Unavailable("campaign", "no answer")

    family.campaign.before = fail
    family.read(MEMBERSHIP)
    overdue(family, MEMBERSHIP)
    assert troubles(family, MEMBERSHIP)
    # When the invoices are read and written
    family.carry(INVOICE)
    family.hurry(MEMBERSHIP)
    family.write(MEMBERSHIP)
    # Then it has gone, the other waits on, and nobody is told any more
    assert family.writes(MEMBERSHIP) == [("delete", GOLD)]
    assert (family.workflow.queue(MEMBERSHIP).total(), troubles(family, MEMBERSHIP)) == (1, [])


def test_tables_that_require_each_other_in_a_circle_wait_for_the_limit_only(family: Family) -> None:
    # Given tables that require each other in a circle, and one that hangs on it
    def table(name: str, *, requires: tuple[str, ...] = (), children: tuple[str, ...] = ()) -> Stream:
        nothing = cast(Any, None)
        return Stream(name, nothing, nothing, parents=requires, requires=requires, children=children)

    family.start()
    streams = {
        stream.name: stream
        for stream in (
            table("a", requires=("c",), children=("b", "leaf")),
            table("b", requires=("a",), children=("c",)),
            table("c", requires=("b",), children=("a",)),
            table("leaf", requires=("a",)),
        )
    }

    # Then their deletions wait without a limit for that one alone: the others may wait for each other
    def waits_for(name: str) -> list[str]:
        return Departures(streams[name], streams, family.workflow, family.generation)._dependants()

    assert {name: waits_for(name) for name in streams} == {"a": ["leaf"], "b": ["leaf"], "c": ["leaf"], "leaf": []}


def test_a_round_of_several_pages_does_not_tell_everything(family: Family) -> None:
    # Given invoices that changed more than a page of them, one of them led to another membership
    invoiced_family(family)
    family.dynamics.page_size = 2
    family.dynamics.put(INVOICE, PAUL, new_name="changed")
    family.dynamics.put(INVOICE, LAST, new_name="changed")
    family.dynamics.put(INVOICE, BILL, new_membershipid=SILVER)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.read(MEMBERSHIP)
    # When that one changes once more between the two pages, and the deletion of its first membership is due
    family.read(INVOICE, ONE_PAGE)
    family.dynamics.put(INVOICE, BILL, new_name="again")
    family.read(INVOICE, ONE_PAGE)
    family.write(INVOICE)
    family.write(MEMBERSHIP)
    # Then the membership waits until the next round has told of it
    assert family.writes(MEMBERSHIP) == []
    family.settle()
    assert [event.orphaned for event in family.campaign.events if event.orphaned] == []
    assert family.writes(MEMBERSHIP) == [("delete", GOLD)]


def test_a_deletion_waits_for_a_child_that_was_restored_before_its_deletion_was_recovered(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a membership that was deleted with its invoice, of which no token tells; keys are compared in one step
    monkeypatch.setattr(comparing, "BUCKETS", LEDGER_BUCKETS)
    invoiced_family(family)
    stuck(family)
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.read(MEMBERSHIP)
    family.dynamics.expire_tokens()
    family.forget_when(INVOICE)
    # When the invoice is restored for another membership after a round of changes and before keys are compared
    family.read(INVOICE)
    family.read(INVOICE)
    assert Position.load(family.workflow.cursor(INVOICE).value).comparison
    family.dynamics.put(INVOICE, BILL, new_membershipid=SILVER)
    family.hurry(INVOICE)
    family.write(INVOICE)
    family.read(INVOICE, ONE_PAGE)
    assert not Position.load(family.workflow.cursor(INVOICE).value).comparison
    family.write(MEMBERSHIP)
    # Then its first membership waits until that is read
    assert family.writes(MEMBERSHIP) == []
    family.settle()
    assert [event.orphaned for event in family.campaign.events if event.orphaned] == []
    assert family.writes(MEMBERSHIP) == [("delete", GOLD)]


def test_a_deletion_that_another_beginning_cuts_off_is_not_lost(family: Family) -> None:
    # Given invoices that are read anew, and two deletions since, of which the first page is read
    invoiced_family(family)
    read_anew(family)
    family.dynamics.page_size = 1
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(INVOICE, PAUL)
    family.read(INVOICE, ONE_PAGE)
    # When they are to be read anew once more
    read_anew(family)
    family.settle()
    # Then both are gone
    assert family.held(INVOICE).keys() == {LAST}
