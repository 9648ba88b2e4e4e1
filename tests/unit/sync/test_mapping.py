"""Mapping a record: the bodies that go to Campaign."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.mapping.mapper import Mapper, Unmappable, fingerprint
from tests.unit.sync.shapes import ID, MEMBERSHIPS, line, memberships


def mapper(*fields: dict[str, Any], **more: Any) -> Mapper:
    return Mapper(memberships(*fields, **more), MEMBERSHIPS)


def test_a_record_becomes_a_nested_body_with_the_key_first() -> None:
    # Given a mapping with two fields of one element
    membership = mapper(
        line("new_name", "place.city"),
        line("new_tier", "number"),
        line("new_note", "place.zip"),
        line("new_since", "since"),
    )
    # When a record is mapped
    values = {"new_name": "Lyon", "new_tier": 2, "new_note": "69001", "new_since": "2020-05-07"}
    body = membership.map(ID, values).whole
    # Then the key leads and the element's members are together
    assert list(body) == ["crmId", "place", "number", "since"]
    assert body == {
        "crmId": ID,
        "place": {"city": "Lyon", "zip": "69001"},
        "number": "2",
        "since": "2020-05-07",
    }


def test_nothing_clears_a_field_and_an_absent_column_leaves_it_alone() -> None:
    # Given one column of each kind
    membership = mapper(
        line("new_name", "number"),
        line("new_active", "active"),
        line("new_points", "points"),
        line("new_discount", "discount"),
        line("new_since", "since"),
        line("new_tier", "tier"),
        line("new_interests", "interests"),
        line("new_note", "note"),
    )
    # When all of them but the last hold nothing
    nothing = dict.fromkeys(membership.columns[:-1])
    # Then each field takes what Campaign holds where nothing is set
    assert membership.map(ID, nothing).whole == {
        "crmId": ID,
        "number": "",
        "active": False,
        "points": 0,
        "discount": 0,
        "since": "",
        "tier": "none",
        "interests": "",
    }


def test_empty_text_is_nothing_whatever_the_field() -> None:
    membership = mapper(line("new_name", "points"), line("new_note", "seen"))
    assert membership.map(ID, {"new_name": "", "new_note": ""}).whole == {"crmId": ID, "points": 0, "seen": ""}


def test_a_value_that_does_not_fit_names_its_field_and_not_itself() -> None:
    with pytest.raises(Unmappable) as caught:
        mapper(line("new_name", "number"), line("new_note", "place.zip")).map(
            ID, {"new_name": "a", "new_note": "Llanfairpwllgwyngyll"}
        )
    assert caught.value.field == "place.zip"
    assert caught.value.sentence == (
        "new_note does not fit place.zip: it is 20 characters long, and the field takes 10 at most."
    )


def test_columns_are_read_once_in_order_and_without_the_primary_key() -> None:
    membership = mapper(
        line("new_note", "note"),
        line("new_membershipid", "holderId"),
        line("new_tier", "number"),
        line("new_note", "short"),
    )
    assert membership.columns == ("new_note", "new_tier")
    # And the primary key, where it is mapped, is the record's id
    assert membership.map(ID, {}).whole == {"crmId": ID, "holderId": ID}


def test_a_field_whose_updates_are_off_is_in_the_whole_and_not_in_the_update() -> None:
    # Given a table whose updates are off but for one field
    membership = mapper(
        line("new_name", "place.city", apply_updates=True),
        line("new_note", "place.zip"),
        line("new_points", "points"),
        apply_updates=False,
    )
    # When a record is mapped
    mapped = membership.map(ID, {"new_name": "Lyon", "new_note": "69001", "new_points": 3})
    # Then a first load takes everything and a change that field alone
    assert mapped.whole == {"crmId": ID, "place": {"city": "Lyon", "zip": "69001"}, "points": 3}
    assert mapped.update == {"crmId": ID, "place": {"city": "Lyon"}}


def test_whole_and_update_are_one_where_all_updates_are_applied() -> None:
    mapped = mapper(line("new_name", "number")).map(ID, {"new_name": "a"})
    assert mapped.whole is mapped.update


def test_a_label_travels_where_the_mapping_wants_it_and_is_asked_for_there_only() -> None:
    # Given a table whose labels travel, but for one field
    membership = mapper(
        line("new_tier", "short"),
        line("new_tier", "number", technical_value=True),
        line("new_interests", "interests"),
        line("new_active", "note"),
        technical_values=False,
    )
    assert membership.columns == ("new_tier", "new_interests", "new_active")
    assert membership.labelled == ("new_tier", "new_interests")
    # When a record is mapped, Then choices are labels, and a yes/no is no choice
    values = {
        "new_tier": 3,
        "new_tier@label": "Gold",
        "new_interests": "1,2",
        "new_interests@label": "Sports; Music",
        "new_active": True,
    }
    assert membership.map(ID, values).whole == {
        "crmId": ID,
        "short": "Gold",
        "number": "3",
        "interests": "Sports; Music",
        "note": "true",
    }


def test_a_replacement_is_applied_to_values_and_to_nothing() -> None:
    replace = {"1": "bronze", "2": "silver", "3": "gold", "": "bronze"}
    membership = mapper(line("new_tier", "tier", replace=replace))
    tiers = [membership.map(ID, {"new_tier": tier}).whole["tier"] for tier in (3, None)]
    assert tiers == ["gold", "bronze"]
    with pytest.raises(Unmappable, match=r"^new_tier does not fit tier: it is not one of the names"):
        membership.map(ID, {"new_tier": 4})


def test_mapping_leaves_the_queued_values_and_earlier_bodies_alone() -> None:
    membership = mapper(line("new_name", "place.city"), line("new_note", "place.zip", apply_updates=False))
    values = {"new_name": "Lyon"}
    first = membership.map(ID, values)
    membership.map(ID, {"new_note": "69001", "new_name": "Nice"})
    assert (first.whole, first.update, values) == (
        {"crmId": ID, "place": {"city": "Lyon"}},
        {"crmId": ID, "place": {"city": "Lyon"}},
        {"new_name": "Lyon"},
    )


def test_links_are_not_among_the_fields() -> None:
    membership = mapper(
        line("new_name", "number"), links=[{"from": "new_contactid", "to": "holder", "table": "contact"}]
    )
    assert membership.columns == ("new_name",)
    assert membership.map(ID, {"new_name": "a", "new_contactid": ID}).whole == {"crmId": ID, "number": "a"}


def test_a_fingerprint_knows_values_but_not_their_order() -> None:
    one = fingerprint({"a": 1, "b": {"c": "x", "d": False}})
    assert one == fingerprint({"b": {"d": False, "c": "x"}, "a": 1})
    assert len(one) == 8
    assert len({one, fingerprint({"a": 1, "b": {"c": "x", "d": 0}}), fingerprint({"a": "1"}), fingerprint({})}) == 4


EVERYTHING = Mapper(
    memberships(
        line("new_name", "number", apply_updates=False, replace={"": "none"}),
        line("new_since", "since"),
        line("new_active", "active", apply_updates=False),
        line("new_points", "points"),
        line("new_tier", "short", technical_value=False),
        line("new_interests", "interests", technical_value=False, replace={"Sports": ""}),
        line("new_discount", "place.zip", apply_updates=False),
        line("new_seen", "place.city"),
    ),
    MEMBERSHIPS,
)


@given(
    st.dictionaries(
        st.sampled_from([*EVERYTHING.columns, *(f"{name}@label" for name in EVERYTHING.labelled)]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=2),
    )
)
def test_any_values_give_a_body_or_a_refusal(values: dict[str, object]) -> None:
    before = dict(values)
    try:
        mapped = EVERYTHING.map(ID, values)
    except Unmappable as refused:
        assert refused.field in MEMBERSHIPS.fields
    else:
        assert mapped.whole["crmId"] == mapped.update["crmId"] == ID
        assert None not in mapped.whole.values()
        assert mapped.update.keys() <= mapped.whole.keys()
    assert values == before
