"""Records of one table that refer to each other leave the target and come back, whatever becomes of the answers."""

from collections.abc import Mapping, Sequence

import pytest

from connectors.errors import Unreachable
from store.record_queue import Change, Lane, Parent
from store.store import WorkflowStore
from sync import writing
from sync.streams import FOLLOWS, Link, Send
from sync.tables import relatives
from sync.tables.position import Position
from tests.integration.sync.family import ACTIVE, CONTACT, Family, the

ANN, BOB, CARL = the("ann"), the("bob"), the("carl")
REFERRER = [{"from": "new_referrerid", "to": "referrer", "table": CONTACT}]
CIRCLES = {"itself": [ANN], "each other": [ANN, BOB], "three": [ANN, BOB, CARL]}


def circle_that_left(family: Family, names: Sequence[str]) -> dict[str, str]:
    """Contacts that refer to each other in a circle were in Campaign, and left it; who refers to whom."""
    circle = dict(zip(names, [*names[1:], *names[:1]], strict=True))
    family.start(
        contact={"links": REFERRER, "filter": ACTIVE, "delete_filtered_out": True},
        new_membership=None,
        new_invoice=None,
    )
    for name in circle:
        family.dynamics.put(CONTACT, name, lastname="x", statecode=0)
    family.settle()
    for name, referrer in circle.items():
        family.dynamics.put(CONTACT, name, new_referrerid=referrer)
    family.settle()
    assert referrers(family) == circle
    for name in circle:
        family.dynamics.put(CONTACT, name, statecode=1)
    family.settle()
    assert family.held(CONTACT) == {}
    return circle


def come_back_unanswered(family: Family, names: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """They match again and are sent, and Campaign's answers are lost."""

    def lost(method: str, resource: str) -> None:
        raise Unreachable("campaign", "no answer in time")

    for name in names:
        family.dynamics.put(CONTACT, name, statecode=0)
    family.read(CONTACT)
    with monkeypatch.context() as patched:
        patched.setattr(family.campaign, "before", lost)
        family.write(CONTACT)
    family.workflow.troubles.clear_all()


def referrers(family: Family) -> dict[str, str | None]:
    return {name: held["referrer"] for name, held in family.held(CONTACT).items()}


@pytest.mark.parametrize("names", CIRCLES.values(), ids=CIRCLES)
def test_records_that_refer_to_each_other_come_back_although_the_first_answers_were_lost(
    family: Family, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    # Given contacts that refer to each other, or to themselves, and have left Campaign
    circle = circle_that_left(family, names)
    # When they match again, and the first answers are lost
    come_back_unanswered(family, names, monkeypatch)
    family.settle()
    # Then they are back, refer to each other again, and nobody had to wait for the limit
    assert (family.parked(CONTACT), family.dead(CONTACT)) == (set(), {})
    assert referrers(family) == circle


def test_records_that_were_parked_for_each_other_beside_each_other_are_let_go_after_the_limit(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two contacts that refer to each other and are back, and no answers
    circle = circle_that_left(family, [ANN, BOB])
    come_back_unanswered(family, [ANN, BOB], monkeypatch)
    closes_circle, seats = relatives._closes_circle, iter([1])

    def meanwhile(store: WorkflowStore, link: Link, send: Send, missing: Mapping[str, Parent]) -> bool:
        closes = closes_circle(store, link, send, missing)
        for seat in seats:
            family.write(CONTACT, seat, batch_size=1)
        return closes

    # When two writers look at them at the same time, each of which does not know yet that the other one is parked
    monkeypatch.setattr(relatives, "_closes_circle", meanwhile)
    monkeypatch.setattr(writing, "LANES", 1)
    family.hurry(CONTACT)
    family.write(CONTACT, batch_size=1)
    assert family.parked(CONTACT) == {ANN, BOB}
    # And another refers to one of them
    family.dynamics.put(CONTACT, CARL, lastname="Carl", statecode=0, new_referrerid=ANN)
    family.carry(CONTACT)
    assert family.parked(CONTACT) == {ANN, BOB, CARL}
    # Then, once they have waited for the limit, all of them are written, and refer to whom they should
    family.let_limit_pass(CONTACT)
    family.settle()
    assert (family.parked(CONTACT), family.dead(CONTACT)) == (set(), {})
    assert referrers(family) == {**circle, CARL: ANN}


@pytest.mark.parametrize("name", [ANN, BOB], ids=["Ann", "Bob"])
def test_one_of_a_circle_that_follows_does_not_wait_for_whom_it_brings_along(
    family: Family, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # Given two contacts that refer to each other and are back without an answer; one of them is told to follow
    circle = circle_that_left(family, [ANN, BOB])
    come_back_unanswered(family, [ANN, BOB], monkeypatch)
    queue, seen = family.workflow.queue(CONTACT), Position.load(family.workflow.cursor(CONTACT).value).highest
    for one in sorted([ANN, BOB], key=name.__eq__):  # it comes last
        payload = queue.peek(one) or b""
        follows = FOLLOWS + payload if one == name else payload
        queue.feed(family.generation, [Change(one, Position.row_version(seen), follows)], Lane.REPLAY)
    # When both come in one batch
    family.write(CONTACT)
    # Then none is left waiting for the other one until the limit
    family.settle()
    assert (family.parked(CONTACT), referrers(family)) == (set(), circle)


def test_who_was_passed_over_when_the_children_were_asked_for_is_asked_for_once_more(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two contacts that refer to each other and are back without an answer; their children were asked for up to a
    # page behind the other one
    circle = circle_that_left(family, [ANN, BOB])
    come_back_unanswered(family, [ANN, BOB], monkeypatch)
    places = family.workflow.following(CONTACT)
    places.put({name: f"{family.generation} returns 0 1 0 0 linked:{name}:ffff" for name in (ANN, BOB)})
    # When they are tried again, Then they wait for each other, since nobody would bring the other one along
    family.hurry(CONTACT)
    family.write(CONTACT)
    assert family.parked(CONTACT) == {ANN, BOB}
    # And after the limit their children are asked for from the beginning
    family.let_limit_pass(CONTACT)
    family.settle()
    assert (family.parked(CONTACT), family.dead(CONTACT)) == (set(), {})
    assert referrers(family) == circle


def test_a_link_that_nobody_would_bring_back_is_not_left_empty(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two new contacts that were sent without an answer, and refer to each other since then
    family.start(contact={"links": REFERRER, "filter": ACTIVE}, new_membership=None, new_invoice=None)
    for name in (ANN, BOB):
        family.dynamics.put(CONTACT, name, lastname="x")
    come_back_unanswered(family, [ANN, BOB], monkeypatch)
    for name, referrer in ((ANN, BOB), (BOB, ANN)):
        family.dynamics.put(CONTACT, name, new_referrerid=referrer)
    family.settle()
    # When they have waited for the limit, Then they are set aside, and say why, as any circle of new records
    family.let_limit_pass(CONTACT)
    family.settle()
    assert {letter.reason.kind for letter in family.dead(CONTACT).values()} == {"parent-circle"}
    assert family.held(CONTACT) == {}
