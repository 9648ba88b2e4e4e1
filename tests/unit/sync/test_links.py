"""What a lookup becomes: a link, a text to join by, nothing; and which parents a record needs."""

from typing import Any

import pytest

from store.record_queue import Parent
from sync.mapping.mapper import Unmappable
from sync.streams import Link
from sync.tables.links import Links
from tests.unit.sync.shapes import ID, MEMBERSHIPS, OTHER_ID, memberships

HOLDER = {"from": "new_contactid", "to": "holder", "table": "contact"}
JOINED = {"from": "new_contactid", "to": "holderId", "table": "contact"}
HOLDERS = Link(Parent("contact", ID), "holder", None, required=False)
CUSTOMER = {"from": "new_holderid", "to": "holder", "table": "contact"}


def links(*rules: dict[str, Any]) -> Links:
    return Links(memberships(links=list(rules)), MEMBERSHIPS.columns, MEMBERSHIPS.fields)


def test_a_link_names_the_parent_and_its_field_takes_a_pkey() -> None:
    found = links(HOLDER)
    assert found.resolve({"new_contactid": ID}) == ({"holder": ID}, (HOLDERS,))
    assert found.references.keys() == {"holder"}


def test_a_text_field_takes_the_parents_id_to_join_by() -> None:
    found = links(JOINED)
    assert found.resolve({"new_contactid": ID}) == (
        {"holderId": ID}, (Link(Parent("contact", ID), "holderId", "", required=False),),
    )  # fmt: skip
    assert found.references == {}


@pytest.mark.parametrize(("rule", "nothing"), [(HOLDER, {"holder": None}), (JOINED, {"holderId": ""})])
def test_an_empty_lookup_clears_the_link_and_needs_no_parent(rule: dict[str, Any], nothing: dict[str, Any]) -> None:
    assert links(rule).resolve({"new_contactid": None}) == (nothing, ())


def test_a_required_link_that_is_empty_is_refused_with_the_way_out() -> None:
    with pytest.raises(Unmappable, match="leads to no contact, and holder must: fill it in Dynamics") as refused:
        links({**HOLDER, "required": True}).resolve({"new_contactid": None})
    assert refused.value.field == "holder"


def test_a_lookup_that_points_to_another_table_is_no_link() -> None:
    # Given a lookup to accounts and contacts, of which the link means contacts
    found = links(CUSTOMER)
    assert found.several_tables == ("new_holderid",)
    there, elsewhere = ({"new_holderid": ID, "new_holderid@table": table} for table in ("contact", "account"))
    assert found.resolve(there) == ({"holder": ID}, (HOLDERS,))
    assert found.resolve(elsewhere) == ({"holder": None}, ())


def test_a_required_link_that_points_to_another_table_is_refused() -> None:
    with pytest.raises(Unmappable, match="leads to no contact"):
        links({**CUSTOMER, "required": True}).resolve({"new_holderid": ID, "new_holderid@table": "account"})


def test_a_lookup_to_one_table_alone_need_not_say_which() -> None:
    assert links(HOLDER).several_tables == ()


def test_a_record_that_was_queued_before_the_link_was_mapped_leaves_it_out() -> None:
    assert links(HOLDER).resolve({"new_name": "x"}) == ({}, ())


def test_one_lookup_may_lead_to_two_tables_by_two_links() -> None:
    # Given a customer that is an account or a contact, with a link for each
    found = links(CUSTOMER, {"from": "new_holderid", "to": "sponsor", "table": "account"})
    assert found.columns == ("new_holderid",)
    assert found.resolve({"new_holderid": OTHER_ID, "new_holderid@table": "account"}) == (
        {"holder": None, "sponsor": OTHER_ID}, (Link(Parent("account", OTHER_ID), "sponsor", None, required=False),),
    )  # fmt: skip
