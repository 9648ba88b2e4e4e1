"""A change token that died while records were deleted: a full read, and a comparison of keys that finds them."""

from collections.abc import Callable

import pytest

from store import ledger
from store.record_queue import Backlog, RecordQueue
from sync.streams import Slice
from sync.tables import comparing
from sync.tables import reading as table_reading
from sync.tables.position import Comparison, Position
from tests.integration.sync.family import CONTACT, FOREVER, MEMBERSHIP, Family, the

ANN, BOB, CID, GOLD = the("ann"), the("bob"), the("cid"), the("gold")


@pytest.fixture(autouse=True)
def small_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Walked through in a few steps."""
    monkeypatch.setattr(ledger, "LEDGER_BUCKETS", 16)
    monkeypatch.setattr(comparing, "LEDGER_BUCKETS", 16)
    monkeypatch.setattr(comparing, "BUCKETS", 4)
    monkeypatch.setattr(comparing, "ENOUGH", 1)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch, family: Family) -> Callable[[], None]:
    """What the ledger has confirmed so far was read long ago: its entries are as old as seconds can tell."""

    def pass_time() -> None:
        for table in family.mappings:
            family.forget_when(table)

    return pass_time


def contacts(family: Family, **changes: object) -> Family:
    return family.start(contact=changes, new_membership=None, new_invoice=None)


def position(family: Family, table: str = CONTACT) -> Position:
    return Position.load(family.workflow.cursor(table).value)


def test_deletions_in_the_gap_are_recovered_and_nothing_else_is_written(
    family: Family, later: Callable[[], None]
) -> None:
    # Given three contacts in Campaign, one of which is deleted and one changed when the token dies
    contacts(family)
    for record_id, name in ((ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")):
        family.dynamics.put(CONTACT, record_id, lastname=name)
    family.settle()
    later()
    family.dynamics.remove(CONTACT, ANN)
    family.dynamics.put(CONTACT, BOB, lastname="Bobby")
    family.dynamics.expire_tokens()
    # When reading goes on
    family.settle()
    # Then the one is deleted, the other changed, and the third costs nothing
    assert family.held(CONTACT) == {BOB: {"lastName": "Bobby"}, CID: {"lastName": "Cid"}}
    assert sorted(family.writes(CONTACT)[3:]) == [("delete", ANN), ("update", BOB)]
    assert position(family).comparison is None


def test_few_keys_are_asked_about_together(
    family: Family, later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given six contacts, each in another corner of the ledger
    monkeypatch.setattr(comparing, "BUCKETS", 1)
    monkeypatch.setattr(comparing, "ENOUGH", 100)
    contacts(family)
    ids = [the(f"contact {number}") for number in range(6)]
    assert len({family.workflow.queue(CONTACT).ledger.bucket_of(ledger.field_of(one)) for one in ids}) == 6
    for record_id in ids:
        family.dynamics.put(CONTACT, record_id, lastname="Ann")
    family.settle()
    later()
    # When all of them are deleted, and their keys compared
    for record_id in ids:
        family.dynamics.remove(CONTACT, record_id)
    family.dynamics.expire_tokens()
    family.settle()
    # Then Dynamics was asked once
    assert family.dynamics.asked.count("contact existing") == 1
    assert family.held(CONTACT) == {}


def test_without_deletions_nothing_is_compared(family: Family, later: Callable[[], None]) -> None:
    contacts(family, apply_deletes=False)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    later()
    family.dynamics.remove(CONTACT, ANN)
    family.dynamics.expire_tokens()
    family.settle()
    assert family.held(CONTACT).keys() == {ANN}
    assert "contact existing" not in family.dynamics.asked


def test_the_comparison_waits_until_what_was_read_before_has_reached_the_ledger(
    family: Family, later: Callable[[], None]
) -> None:
    # Given a contact that waited through the gap, in which it was deleted
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.read(CONTACT)
    family.age(CONTACT, ANN, seconds=3600)
    family.dynamics.remove(CONTACT, ANN)
    family.dynamics.expire_tokens()
    # When everything is read anew before it was written
    family.read(CONTACT)
    assert position(family).comparison is not None
    assert "contact existing" not in family.dynamics.asked
    # And it is written then, of all times
    family.write(CONTACT)
    assert family.held(CONTACT).keys() == {ANN}
    # Then the comparison finds it
    family.settle()
    assert family.held(CONTACT) == {}


def test_a_record_that_was_parked_through_the_gap_and_is_gone_is_not_written(family: Family) -> None:
    # Given a membership that waits for its holder, and is deleted while the token dies
    family.start(new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.carry(MEMBERSHIP)
    assert family.parked(MEMBERSHIP) == {GOLD}
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.dynamics.expire_tokens()
    # When reading goes on before the holder comes
    family.read(MEMBERSHIP)
    family.write(MEMBERSHIP)
    # Then it does not wait any more, and never appears
    assert family.parked(MEMBERSHIP) == set()
    family.settle()
    assert family.held(MEMBERSHIP) == {}
    assert all(method == "delete" for method, _ in family.writes(MEMBERSHIP))


def test_a_record_that_ceases_to_be_parked_as_the_comparison_begins_and_is_gone_is_not_written(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a membership that waits for its holder, and is deleted while the token dies
    family.start(new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.carry(MEMBERSHIP)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.dynamics.expire_tokens()
    queue, backlog = family.workflow.queue(MEMBERSHIP), RecordQueue.backlog
    looked: list[set[str]] = []

    def looked_at(self: RecordQueue) -> Backlog:
        found = backlog(self)
        if self.keys.records == queue.keys.records and position(family, MEMBERSHIP).compares_keys:
            looked.append(family.parked(MEMBERSHIP))
            if len(looked) == 2:
                family.carry(CONTACT)
                queue.unpark([GOLD])
        return found

    # When the holder comes right after a step has seen that nothing older waits
    monkeypatch.setattr(RecordQueue, "backlog", looked_at)
    family.read(MEMBERSHIP)
    family.settle()
    # Then it never appears
    assert (looked[:2], family.held(MEMBERSHIP), set(family.held(CONTACT))) == ([{GOLD}, {GOLD}], {}, {ANN})
    assert all(method == "delete" for method, _ in family.writes(MEMBERSHIP))


def test_a_comparison_that_is_interrupted_goes_on_where_it_was(family: Family, later: Callable[[], None]) -> None:
    # Given many deletions in the gap
    contacts(family)
    names = [the(f"c{number}") for number in range(20)]
    for name in names:
        family.dynamics.put(CONTACT, name, lastname="x")
    family.settle()
    later()
    for name in names[:15]:
        family.dynamics.remove(CONTACT, name)
    family.dynamics.expire_tokens()
    # When it is stopped after its first step, and the workflow started again
    while (now := position(family).comparison) is None or now.bucket == 0:
        family.read(CONTACT, Slice(0, lambda: False))
        family.write(CONTACT)
    family.start()
    assert isinstance(position(family).comparison, Comparison)
    family.settle()
    # Then each was found, once
    assert family.held(CONTACT).keys() == set(names[15:])
    assert sorted(key for method, key in family.writes(CONTACT) if method == "delete") == sorted(names[:15])


def test_a_record_that_comes_back_after_the_comparison_lives(family: Family, later: Callable[[], None]) -> None:
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    later()
    family.dynamics.remove(CONTACT, ANN)
    family.dynamics.expire_tokens()
    family.settle()
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.settle()
    assert family.held(CONTACT) == {ANN: {"lastName": "Anne"}}


def test_what_was_filtered_out_and_stayed_survives_the_comparison(family: Family, later: Callable[[], None]) -> None:
    # Given a contact that stopped matching, and stays as the mapping says
    contacts(family, filter={"all": [{"field": "statecode", "is": "equals", "value": 0}]})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    later()
    # When the token dies
    family.dynamics.expire_tokens()
    family.settle()
    # Then it stays: it is there in Dynamics
    assert family.held(CONTACT).keys() == {ANN}


def test_the_deletions_left_behind_by_a_changed_mapping_are_compared_where_their_link_has_died(
    family: Family, later: Callable[[], None]
) -> None:
    # Given a deletion that nobody has read when the mapping changes, and a token that dies then, too
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.settle()
    later()
    family.dynamics.remove(CONTACT, ANN)
    family.dynamics.expire_tokens()
    # When it is read under the new mapping
    contacts(family, fields=[{"from": "jobtitle", "to": "cusJobTitle"}])
    family.settle()
    # Then it is gone
    assert family.held(CONTACT).keys() == {BOB}


def test_a_token_that_dies_again_after_a_while_is_no_trouble(
    family: Family, later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_reading, "FULL_READ_EVERY_MS", 0)
    contacts(family)
    for record_id in (ANN, BOB):
        family.dynamics.put(CONTACT, record_id, lastname="x")
        family.settle()
    for record_id in (ANN, BOB):
        later()
        family.dynamics.remove(CONTACT, record_id)
        family.dynamics.expire_tokens()
        family.read(CONTACT, FOREVER)
    family.settle()
    assert family.held(CONTACT) == {}
    assert family.workflow.troubles.all() == []


# Where a table is written changes: its mapping was deleted, and made anew.


def test_a_table_that_is_written_elsewhere_begins_anew_there(family: Family) -> None:
    # Given contacts that were written under one key field
    contacts(family)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    # When they are mapped anew, under another key field
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    contacts(family, key={"field": "cusJobTitle", "unique": True, "filter": "byTitle", "parameter": "title"})
    family.read(CONTACT)
    # Then nothing is known of what is there, and everything waits to be written
    assert family.workflow.queue(CONTACT).ledger.entries([ANN, BOB]) == [None, None]
    assert family.workflow.queue(CONTACT).waiting([ANN, BOB]) == {ANN, BOB}
