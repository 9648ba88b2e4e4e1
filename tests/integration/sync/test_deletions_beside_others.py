"""A parent is not deleted before a child that left it, whatever other writers do to that just as it is looked for."""

import pytest

from store.record_queue import Unchanged
from tests.integration.store.meanwhile import beside_asking
from tests.integration.sync.family import CONTACT, MEMBERSHIP, Family, the

ANN, BOB, GOLD, SILVER = the("ann"), the("bob"), the("gold"), the("silver")

just_then = pytest.mark.parametrize("after", [False, True], ids=["before an answer", "after it"])


@just_then
def test_a_child_that_waits_behind_one_that_ends_just_then_is_seen(
    family: Family, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    # Given Ann's membership, and Bob's
    family.start()
    for contact in (ANN, BOB):
        family.dynamics.put(CONTACT, contact, lastname="x")
    family.dynamics.put(MEMBERSHIP, SILVER, new_contactid=BOB)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.settle()
    # And his changed in nothing that is mapped, hers goes to him, and she is deleted; all of that is read
    family.dynamics.put(MEMBERSHIP, SILVER, new_points=7)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB)
    family.dynamics.remove(CONTACT, ANN)
    family.read(CONTACT)
    family.read(MEMBERSHIP)
    queue = family.workflow.queue(MEMBERSHIP)

    def end() -> None:
        batch = queue.lease(family.generation, 1, 60_000)
        assert [record.id for record in batch.records] == [SILVER]
        assert not queue.settle(batch.number, [Unchanged(SILVER, None)])

    # When another writer comes to the end of his while her deletion looks at what waits
    asked = beside_asking(monkeypatch, family.redis, queue.keys.records, end, after)
    family.write(CONTACT)
    # Then she is still there
    assert asked() and ANN in family.held(CONTACT)
    family.settle()
    assert family.orphaned() == [] and set(family.held(CONTACT)) == {BOB}


@just_then
def test_a_child_that_is_released_just_then_is_seen(
    family: Family, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    # Given Ann's membership, which goes to a contact that is not there yet, and Ann, who is deleted
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="x")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.settle()
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB)
    family.dynamics.remove(CONTACT, ANN)
    family.carry(MEMBERSHIP)
    assert family.parked(MEMBERSHIP) == {GOLD}
    family.read(CONTACT)
    family.read(MEMBERSHIP)
    # When the membership goes back to its lane while her deletion looks at what waits
    queue = family.workflow.queue(MEMBERSHIP)
    asked = beside_asking(monkeypatch, family.redis, queue.keys.parked, lambda: queue.unpark([GOLD]), after)
    family.write(CONTACT)
    # Then she is still there
    assert asked() and ANN in family.held(CONTACT)
    family.dynamics.put(CONTACT, BOB, lastname="x")
    family.settle()
    assert family.orphaned() == [] and set(family.held(CONTACT)) == {BOB}
