"""A reading position that an operator puts back, while records were deleted since the last reading."""

import orjson
import pytest

from control.positions import import_positions, set_position
from store.store import Store
from sync.tables.position import Position
from tests.integration.sync.family import CONTACT, Family, the

ANN, BOB, CID = the("ann"), the("bob"), the("cid")

#: Where the changed contact is when the workflow is stopped.
STANDS = pytest.mark.parametrize("stands", ["written", "waiting", "set aside"])


def put_back(family: Family, exported: str) -> None:
    """The workflow is stopped, the position is put in place of that of contacts, "" from the beginning."""
    store = Store(family.redis, "test")
    family.workflow.lifecycle.stop("a test", "")
    if exported:
        line = {"workflow": "ingress", "stream": CONTACT, "position": orjson.loads(exported)}
        import_positions(store, [line], "a test")
    else:
        set_position(store, "ingress", CONTACT, {}, "a test")


def changed_since(family: Family, stands: str) -> str:
    """Ann, Bob and Cid are in Campaign, and Ann was changed after the position that is answered."""
    family.start()
    for contact in (ANN, BOB, CID):
        family.dynamics.put(CONTACT, contact, lastname="first")
    family.settle()
    exported = family.workflow.cursor(CONTACT).value
    too_long = stands == "set aside"
    family.dynamics.put(CONTACT, ANN, lastname="x" * 101 if too_long else "second")
    family.read(CONTACT)
    if stands != "waiting":
        family.settle()
    assert (set(family.dead(CONTACT)) == {ANN}) == too_long
    return exported


@pytest.mark.parametrize("where", ["older", "beginning"])
@pytest.mark.parametrize("link", ["serves", "has expired"])
@STANDS
def test_a_deletion_counts_although_the_position_was_put_back(
    family: Family, stands: str, link: str, where: str
) -> None:
    # Given a contact that was changed since positions were exported
    exported = changed_since(family, stands)
    # When it is deleted, and the older position is put back
    family.dynamics.remove(CONTACT, ANN)
    put_back(family, exported if where == "older" else "")
    if link == "has expired":
        family.dynamics.expire_tokens()
    family.start()
    family.settle()
    # Then it is gone in Campaign, and nowhere else
    assert (set(family.held(CONTACT)), family.dead(CONTACT)) == ({BOB, CID}, {})


@pytest.mark.parametrize("where", ["older", "beginning"])
def test_what_was_deleted_and_restored_before_the_position_was_put_back_stays(family: Family, where: str) -> None:
    # Given contacts, one of which was deleted since positions were exported, and one is restored
    exported = changed_since(family, "written")
    for contact in (ANN, BOB):
        family.dynamics.remove(CONTACT, contact)
    family.settle()
    family.dynamics.put(CONTACT, BOB, lastname="restored")
    # When the older position is put back
    put_back(family, exported if where == "older" else "")
    family.start()
    family.settle()
    # Then that one is written
    assert {contact: held["lastName"] for contact, held in family.held(CONTACT).items()} == {
        BOB: "restored",
        CID: "first",
    }


def test_a_position_that_was_put_back_twice_still_tells_every_deletion(family: Family) -> None:
    # Given a contact that was changed since positions were exported, and is deleted
    exported = changed_since(family, "written")
    family.dynamics.remove(CONTACT, ANN)
    # When everything is to be read again, which an operator thinks better of
    put_back(family, "")
    put_back(family, exported)
    family.start()
    family.settle()
    # Then it is gone in Campaign, and reading goes on as ever
    assert set(family.held(CONTACT)) == {BOB, CID}
    position = Position.load(family.workflow.cursor(CONTACT).value)
    assert position.at_round_start and position.left is None and position.comparison is None
    family.dynamics.remove(CONTACT, BOB)
    family.settle()
    assert set(family.held(CONTACT)) == {CID}
