"""What a schema change while running means for a mapping: nothing, a line in the log, or held writes."""

from dataclasses import replace

import pytest

from sync.fitting.drift import differences
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.schemas import TableSchema
from tests.unit.sync.shapes import MEMBERSHIPS, line, memberships

MAPPING = memberships(
    line("new_name", "number"),
    line("new_tier", "tier", technical_value=False, replace={"Gold": "gold"}),
    line("new_interests", "interests", technical_value=False, replace={"Music": "music"}),
    line("new_note", "place.city"),
    filter={"all": [{"field": "new_points", "is": "more_than", "value": 0}]},
    links=[{"from": "new_contactid", "to": "holder", "table": "contact"}],
)
TIERS, INTERESTS = MEMBERSHIPS.columns["new_tier"].options, MEMBERSHIPS.columns["new_interests"].options


def column(name: str, shape: ColumnShape | None) -> TableSchema:
    columns = {**MEMBERSHIPS.columns, name: shape}
    return replace(MEMBERSHIPS, columns={key: value for key, value in columns.items() if value is not None})


def field(name: str, shape: FieldShape | None) -> TableSchema:
    fields = {**MEMBERSHIPS.fields, name: shape}
    return replace(MEMBERSHIPS, fields={key: value for key, value in fields.items() if value is not None})


@pytest.mark.parametrize(
    ("live", "sentence"),
    [
        (column("new_name", None), "new_membership.new_name is gone"),
        (column("new_points", None), "new_membership.new_points is gone"),
        (column("new_contactid", None), "new_membership.new_contactid is gone"),
        (
            column("new_name", ColumnShape("Integer")),
            "new_membership.new_name was of type String and is of type Integer",
        ),
        (
            column("new_points", ColumnShape("Decimal")),
            "new_membership.new_points was of type Integer and is of type Decimal",
        ),
        (
            column("new_contactid", ColumnShape("Lookup", targets=("account",))),
            "new_membership.new_contactid does not lead to contact any more",
        ),
        (
            column("new_contactid", ColumnShape("Lookup")),
            "new_membership.new_contactid does not lead to contact any more",
        ),
        (
            column("new_interests", ColumnShape("MultiSelectPicklist", options={**INTERESTS, 2: "Tunes"})),
            "new_membership.new_interests: the display label of 2 was Music and is Tunes",
        ),
        (
            column("new_tier", ColumnShape("Picklist", options={**TIERS, 1: "Iron"})),
            "new_membership.new_tier: the display label of 1 was Bronze and is Iron",
        ),
        (field("number", None), "cusMembership.number is gone"),
        (field("crmId", None), "cusMembership.crmId is gone"),
        (field("holder", None), "cusMembership.holder is gone"),
        (
            field("place.city", FieldShape("string", 10)),
            "cusMembership.place.city takes 10 characters at most, and took",
        ),
        (field("number", FieldShape("int")), "cusMembership.number was of type string and is of type int"),
        (
            field("number", FieldShape("string", 19)),
            "cusMembership.number takes 19 characters at most, and took 20 characters at most",
        ),
        (field("number", FieldShape("string", 20, read_only=True)), "cusMembership.number cannot be written any more"),
        (
            field("tier", FieldShape("enumeration", values=("none", "gold", "silver"))),
            "cusMembership.tier does not take bronze any more",
        ),
        (
            field("holder", FieldShape("link", target="cusPerson")),
            "cusMembership.holder led to profile and leads to cusPerson",
        ),
        (
            field("label", FieldShape("string", mandatory=True)),
            "cusMembership.label is mandatory now, and nothing is mapped to it",
        ),
        (
            field("note", FieldShape("string", 255, mandatory=True)),
            "cusMembership.note is mandatory now, and nothing is mapped to it",
        ),
    ],
)
def test_what_would_lose_or_change_records_breaks(live: TableSchema, sentence: str) -> None:
    drift = differences(MAPPING, MEMBERSHIPS, live)
    assert len(drift.breaking) == 1
    assert drift.breaking[0].startswith(sentence)
    assert drift.harmless == []


@pytest.mark.parametrize(
    ("live", "sentence"),
    [
        (
            column("new_name", ColumnShape("String", 200)),
            "new_membership.new_name holds 200 characters at most, and held 100 characters at most",
        ),
        (
            column("new_contactid", ColumnShape("Lookup", targets=("account", "contact"))),
            "new_membership.new_contactid may lead to account, too",
        ),
        (
            column("new_tier", ColumnShape("Picklist", options={**TIERS, 4: "Platinum"})),
            "new_membership.new_tier has new choices: 4 (Platinum)",
        ),
        (
            column("new_tier", ColumnShape("Picklist", options={1: "Bronze", 3: "Gold"})),
            "new_membership.new_tier has lost choices: 2 (Silver)",
        ),
        (
            column("new_interests", ColumnShape("MultiSelectPicklist", options={**INTERESTS, 1: "Sport"})),
            "new_membership.new_interests: the display label of 1 was Sports and is Sport",
        ),
        (
            field("number", FieldShape("string", 21)),
            "cusMembership.number takes 21 characters at most, and took 20 characters at most",
        ),
        (
            field("number", FieldShape("string")),
            "cusMembership.number takes any number of characters, and took 20 characters at most",
        ),
        (
            field("tier", FieldShape("enumeration", values=(*MEMBERSHIPS.fields["tier"].values, "diamond"))),
            "cusMembership.tier takes new names: diamond",
        ),
        (field("number", FieldShape("string", 20, mandatory=True)), "cusMembership.number is mandatory now"),
    ],
)
def test_what_loses_nothing_is_harmless(live: TableSchema, sentence: str) -> None:
    assert differences(MAPPING, MEMBERSHIPS, live) == ([], [sentence])


def test_a_lookup_that_loses_a_table_to_which_no_link_leads_is_harmless() -> None:
    both = column("new_contactid", ColumnShape("Lookup", targets=("account", "contact")))
    assert differences(MAPPING, both, MEMBERSHIPS) == (
        [],
        ["new_membership.new_contactid does not lead to account any more"],
    )


def test_where_a_lookup_leads_matters_to_links_only() -> None:
    live = column("new_holderid", ColumnShape("Customer", targets=("contact",)))
    assert differences(memberships(line("new_holderid", "holderId")), MEMBERSHIPS, live) == ([], [])


def test_a_mandatory_field_that_is_so_no_more_is_harmless() -> None:
    kept = field("note", FieldShape("string", 255, mandatory=True))
    assert differences(MAPPING, kept, MEMBERSHIPS) == ([], ["cusMembership.note is not mandatory any more"])


@pytest.mark.parametrize(
    "live",
    [
        MEMBERSHIPS,
        column("new_since", None),
        column("new_new", ColumnShape("String", 10)),
        column("new_holderid", ColumnShape("Customer")),
        field("points", None),
        field("discount", FieldShape("string", 1, read_only=True)),
        field("added", FieldShape("string", 10)),
        field("stamp", FieldShape("datetime", read_only=True, mandatory=True)),
    ],
)
def test_what_the_mapping_does_not_touch_is_not_compared(live: TableSchema) -> None:
    assert differences(MAPPING, MEMBERSHIPS, live) == ([], [])


def test_a_field_that_could_not_be_written_before_does_not_drift_by_it() -> None:
    assert differences(memberships(line("new_seen", "created")), MEMBERSHIPS, MEMBERSHIPS) == ([], [])


def test_a_label_that_does_not_travel_may_change() -> None:
    numbers = memberships(line("new_tier", "number"))
    live = column("new_tier", ColumnShape("Picklist", options={**TIERS, 1: "Iron"}))
    assert differences(numbers, MEMBERSHIPS, live) == ([], [])


def test_every_difference_is_named_at_once() -> None:
    live = replace(column("new_name", None), fields=field("tier", FieldShape("string", 10)).fields)
    assert differences(MAPPING, MEMBERSHIPS, live).breaking == [
        "new_membership.new_name is gone",
        "cusMembership.tier was of type enumeration and is of type string",
    ]
