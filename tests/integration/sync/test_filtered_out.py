"""A record that the filter does not let travel: before, while and after it is in Campaign."""

from typing import Any

import pytest

from connectors.errors import Unavailable
from store.record_queue import Change, Lane
from sync.streams import Slice, values_of
from tests.integration.sync.family import ACTIVE, CONTACT, Family, the

ANN, BOB = the("ann"), the("bob")


def filtering(family: Family, delete: bool, **more: Any) -> Family:
    """Contacts alone, only the active ones."""
    contact = {"filter": ACTIVE, "delete_filtered_out": delete, **more}
    return family.start(contact=contact, new_membership=None, new_invoice=None)


both = pytest.mark.parametrize("delete", [False, True], ids=["they stay", "they are deleted"])


@both
def test_a_record_that_never_travelled_costs_nothing(family: Family, delete: bool) -> None:
    # Given a contact that the filter keeps back, and one that it lets through
    filtering(family, delete)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=1)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", statecode=0)
    # When both are read, and change, and the first is deleted
    family.settle()
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.settle()
    family.dynamics.remove(CONTACT, ANN)
    family.settle()
    # Then nothing was ever sent for the first, nor queued, and it is counted as filtered each time
    assert family.writes(CONTACT) == [("create", BOB)]
    counts = family.counts(CONTACT)
    assert (counts["filtered"], counts["read"], counts["written"]) == (2, 3, 1)


@both
def test_a_record_that_stops_matching_in_campaign_stays_or_goes_as_the_mapping_says(
    family: Family, delete: bool
) -> None:
    # Given a contact in Campaign
    filtering(family, delete)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.settle()
    # When it stops matching
    family.dynamics.put(CONTACT, ANN, lastname="Anne", statecode=1)
    family.settle()
    # Then it is deleted or stays as it was
    assert family.held(CONTACT) == ({} if delete else {ANN: {"lastName": "Ann"}})
    # And when it matches again, it is there as it is now
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    assert family.held(CONTACT) == {ANN: {"lastName": "Anne"}}
    assert family.writes(CONTACT)[1:] == ([("delete", ANN), ("create", ANN)] if delete else [("update", ANN)])


@both
def test_a_record_that_stops_matching_while_it_waits_is_not_sent(family: Family, delete: bool) -> None:
    # Given a contact that waits to be written
    filtering(family, delete)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.read(CONTACT)
    # When it stops matching before anybody wrote it
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    # Then Campaign holds nothing of it, and nothing waits
    assert family.held(CONTACT) == {}
    assert family.counts(CONTACT)["read"] == 2


def test_a_record_that_stops_matching_after_a_write_nobody_confirmed_is_deleted(family: Family) -> None:
    # Given a contact that was written, and the answer was lost
    filtering(family, delete=True)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)

    def lose_the_answer(method: str, resource: str) -> None:
        family.campaign.after = lambda method, resource: None
        raise Unavailable("campaign", "no answer")

    family.campaign.after = lose_the_answer
    family.carry(CONTACT)
    assert family.held(CONTACT).keys() == {ANN}
    # When it stops matching before it was tried again
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    # Then it is gone
    assert family.held(CONTACT) == {}


def test_a_record_that_stops_matching_in_flight_is_deleted_after_its_write(family: Family) -> None:
    # Given a contact that stops matching, and is read again, while its write is under way
    filtering(family, delete=True)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.read(CONTACT)

    def meanwhile(method: str, resource: str) -> None:
        family.campaign.before = lambda method, resource: None
        family.dynamics.put(CONTACT, ANN, statecode=1)
        family.read(CONTACT)

    family.campaign.before = meanwhile
    family.write(CONTACT)
    # Then it was written and, right after that, deleted
    assert family.writes(CONTACT) == [("create", ANN), ("delete", ANN)]
    assert family.workflow.queue(CONTACT).total() == 0


def test_a_record_that_leaves_the_queue_while_its_page_is_looked_at_is_not_missed(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that waits, and stops matching
    filtering(family, delete=True)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.read(CONTACT)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    # When a writer confirms it between the reader's look at the queue and its look at the ledger
    queue_class = type(family.workflow.queue(CONTACT))
    refused = queue_class.refused

    def and_then_written(queue: Any, ids: Any) -> set[str]:
        monkeypatch.setattr(queue_class, "refused", refused)
        family.write(CONTACT)
        found: set[str] = refused(queue, ids)
        return found

    monkeypatch.setattr(queue_class, "refused", and_then_written)
    family.read(CONTACT)
    family.write(CONTACT)
    # Then it is deleted all the same
    assert family.held(CONTACT) == {}


@both
def test_a_dead_letter_that_stops_matching_is_one_no_more(family: Family, delete: bool) -> None:
    # Given a contact that does not fit
    filtering(family, delete)
    family.dynamics.put(CONTACT, ANN, lastname="x" * 200, statecode=0)
    family.settle()
    assert family.dead(CONTACT).keys() == {ANN}
    # When it stops matching
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    # Then nobody needs to mend it
    assert family.dead(CONTACT) == {}


def test_what_is_deleted_in_dynamics_goes_though_it_was_filtered_out_before(family: Family) -> None:
    # Given a contact that stopped matching and stayed
    filtering(family, delete=False)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    # When it is deleted
    family.dynamics.remove(CONTACT, ANN)
    family.settle()
    # Then it goes
    assert family.held(CONTACT) == {}


@both
def test_a_filter_that_is_new_reaches_what_is_in_campaign(family: Family, delete: bool) -> None:
    # Given two contacts that were written without a filter
    family.start(new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=1)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", statecode=0)
    family.settle()
    # When a filter keeps one of them back from the next run on
    filtering(family, delete)
    family.settle()
    # Then it goes, if the mapping says so, and the other costs nothing
    assert family.held(CONTACT).keys() == ({BOB} if delete else {ANN, BOB})
    assert family.writes(CONTACT)[2:] == ([("delete", ANN)] if delete else [])


def test_what_only_the_filter_asks_for_does_not_wait_on_the_queue(family: Family) -> None:
    filtering(family, delete=False)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.read(CONTACT)
    [record] = family.workflow.queue(CONTACT).lease(family.generation, 1, 60_000).records
    assert values_of(record.payload) == {"lastname": "Ann"}
    assert b"statecode" not in record.payload


def test_a_crash_between_a_page_and_its_position_counts_and_deletes_once(family: Family) -> None:
    # Given a contact in Campaign that stops matching, and a page that is stored twice
    filtering(family, delete=True)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    row = family.streams[CONTACT].table.row(ANN, 1)
    assert row is not None and row.version is not None
    version = 2 * row.version
    family.workflow.queue(CONTACT).feed(family.generation, [Change(ANN, version, b"false")], Lane.LIVE)
    # When the page is read again
    family.read(CONTACT, Slice(10, lambda: False))
    family.settle()
    # Then it was deleted once
    assert family.writes(CONTACT) == [("create", ANN), ("delete", ANN)]
