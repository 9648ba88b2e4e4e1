"""Links as they are written: by PKey or by a text, set, changed and cleared; and what that costs."""

import pytest

from sync.tables import parent_keys
from tests.integration.sync.family import CONTACT, INVOICE, MEMBERSHIP, Family, the

ANN, BOB, GOLD, BILL = the("ann"), the("bob"), the("gold"), the("bill")


def couple(family: Family) -> None:
    """Ann and Bob, and Ann's membership."""
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="Gold", new_contactid=ANN)
    family.settle()


def test_a_link_is_set_changed_and_cleared(family: Family) -> None:
    couple(family)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB, new_sponsorid=ANN)
    family.settle()
    assert family.held(MEMBERSHIP)[GOLD] == {"number": "Gold", "holder": BOB, "sponsor": ANN}
    family.dynamics.put(MEMBERSHIP, GOLD, new_sponsorid=None)
    family.settle()
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] is None


def test_a_text_to_join_by_costs_no_look_up(family: Family) -> None:
    couple(family)
    family.dynamics.put(INVOICE, BILL, new_name="Bill", new_membershipid=GOLD)
    family.campaign.looked_up.clear()
    family.settle()
    assert family.held(INVOICE)[BILL]["membershipId"] == GOLD
    assert family.campaign.looked_up == []


def test_the_children_of_one_parent_ask_for_its_pkey_once(family: Family) -> None:
    couple(family)
    family.campaign.looked_up.clear()
    for number in range(5):
        family.dynamics.put(MEMBERSHIP, the(f"m{number}"), new_contactid=BOB)
    family.settle()
    assert family.campaign.looked_up == [f"profile {BOB}"]


def test_a_child_that_did_not_change_costs_nothing_though_its_pkey_is_forgotten(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    couple(family)
    monkeypatch.setattr(parent_keys, "REMEMBERED_SECONDS", 0.0)
    family.campaign.looked_up.clear()
    family.dynamics.put(MEMBERSHIP, GOLD)
    family.settle()
    assert (family.campaign.looked_up, len(family.writes(MEMBERSHIP))) == ([], 1)


def test_a_remembered_pkey_that_is_out_of_date_is_asked_for_anew(family: Family) -> None:
    # Given a parent that was deleted and made again in Campaign, with another PKey, after it was asked for
    couple(family)
    family.campaign.lose("profile", ANN)
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.carry(CONTACT)
    # When a child is written
    family.dynamics.put(MEMBERSHIP, the("silver"), new_contactid=ANN)
    family.settle()
    # Then it leads to the new one
    assert family.held(MEMBERSHIP)[the("silver")]["holder"] == ANN
    assert family.dead(MEMBERSHIP) == {}


def test_a_parent_that_somebody_deleted_in_campaign_sets_the_child_aside_with_the_way_out(family: Family) -> None:
    # Given a parent that is gone from Campaign alone
    couple(family)
    family.campaign.lose("profile", BOB)
    # When a child is written
    family.dynamics.put(MEMBERSHIP, GOLD, new_sponsorid=BOB)
    family.settle()
    # Then it is a dead letter that says what to do
    assert "replay its table, then this one's" in family.dead(MEMBERSHIP)[GOLD].reason.sentence


def test_children_of_the_same_table_follow_a_record_that_somebody_deleted_in_campaign(family: Family) -> None:
    # Given nothing but contacts, one of which refers to another that is gone from Campaign alone
    refer = [{"from": "new_referrerid", "to": "referrer", "table": CONTACT}]
    family.start(contact={"links": refer}, new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob", new_referrerid=ANN)
    family.settle()
    family.campaign.lose("profile", ANN)
    assert family.held(CONTACT)[BOB]["referrer"] is None
    # When that one is changed, and so made again
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.settle()
    # Then the other leads to it
    assert family.held(CONTACT)[BOB]["referrer"] == ANN


def test_a_required_link_that_is_empty_sets_the_record_aside(family: Family) -> None:
    couple(family)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=None)
    family.settle()
    assert family.dead(MEMBERSHIP)[GOLD].reason.kind == "unmappable"
    assert family.held(MEMBERSHIP)[GOLD]["holder"] == ANN


def test_a_lookup_that_points_to_another_table_parks_nobody(family: Family) -> None:
    # Given a membership held by an account, where the link is not required
    optional = [{"from": "new_contactid", "to": "holder", "table": CONTACT}]
    family.start(new_membership={"links": optional})
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=the("acme"), **{"new_contactid@table": "account"})
    family.settle()
    # Then it is written, without that link
    assert family.held(MEMBERSHIP)[GOLD]["holder"] is None
    assert family.parked(MEMBERSHIP) == set()


def test_calls_are_counted_by_kind(family: Family) -> None:
    couple(family)
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.settle()
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.settle()
    [day] = family.workflow.engine_calls.days(1)
    assert (day.inserts, day.updates, day.deletes) == (3, 1, 1)
    assert day.lookups == 2  # the holder's PKey, and the membership's own for its deletion
