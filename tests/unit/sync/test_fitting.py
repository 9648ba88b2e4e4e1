"""Whether mappings fit the live schemas: every mistake named with its place, guardrails as warnings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from config.defaults import default_contact_mapping
from config.ingress import IngressConfig, TableMapping
from sync.fitting.findings import Findings, Misfitting
from sync.fitting.judgement import judge, judge_all, require_fit
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.schemas import Schemas, TableSchema
from tests.unit.sync.shapes import MEMBERSHIPS, RESOURCES, line, memberships

MEMBER = "new_membership -> cusMembership: "


def found(
    *fields: dict[str, Any], schema: TableSchema = MEMBERSHIPS, resources: Mapping[str, str] = RESOURCES, **more: Any
) -> Findings:
    return judge(memberships(*fields, **more), schema, resources)


def errors(*fields: dict[str, Any], **more: Any) -> list[tuple[tuple[str | int, ...], str]]:
    return [(error.place, error.sentence) for error in found(*fields, **more).errors]


def warnings(*fields: dict[str, Any], **more: Any) -> list[tuple[tuple[str | int, ...], str]]:
    judged = found(*fields, **more)
    assert judged.errors == ()
    return [(warning.place, warning.sentence) for warning in judged.warnings]


def with_field(name: str, shape: FieldShape) -> TableSchema:
    return replace(MEMBERSHIPS, fields={**MEMBERSHIPS.fields, name: shape})


def link(source: str = "new_contactid", target: str = "holder", table: str = "contact", **more: Any) -> dict[str, Any]:
    return {"from": source, "to": target, "table": table, **more}


def test_a_mapping_that_fits_has_no_findings() -> None:
    # Given one of everything
    judged = found(
        line("new_name", "note"),
        line("new_tier", "tier", replace={"1": "bronze", "2": "silver", "3": "gold", "": "none"}),
        line("new_interests", "interests", technical_value=False, replace={"Sports": "sport"}),
        line("new_seen", "seen"),
        line("new_membershipid", "holderId"),
        links=[link(), link("new_holderid", "sponsor")],
        filter={"any": [{"field": "new_tier", "is": "one_of", "value": [1, 2]}, {"field": "new_note", "is": "empty"}]},
    )
    # Then there is nothing to say
    assert judged == ((), ())


def test_every_field_that_does_not_fit_is_named_at_once() -> None:
    pair = "new_membership.{} -> cusMembership.{}: "
    assert errors(
        line("new_absent", "number"),
        line("new_name", "absent"),
        line("new_seen", "created"),
        line("new_since", "points"),
        line("new_contactid", "holder"),
        line("new_nickname", "nowhere.name"),
        line("new_active", "note", technical_value=False),
        line("new_membershipid", "short"),
    ) == [
        (
            ("fields", 0, "from"),
            pair.format("new_absent", "number") + "the table new_membership has no column new_absent; "
            "change the mapping.",
        ),
        (
            ("fields", 1, "to"),
            pair.format("new_name", "absent") + "the resource cusMembership has no field absent; change the mapping.",
        ),
        (
            ("fields", 2, "to"),
            pair.format("new_seen", "created") + "Campaign does not let anyone write created; "
            "remove it from the mapping.",
        ),
        (
            ("fields", 3, "to"),
            pair.format("new_since", "points") + "a Dynamics DateOnly cannot become a Campaign long; "
            "map it to a field of another type.",
        ),
        (
            ("fields", 4, "to"),
            pair.format("new_contactid", "holder") + "a Dynamics Lookup cannot become a Campaign link; "
            "list it under links.",
        ),
        (
            ("fields", 5, "from"),
            pair.format("new_nickname", "nowhere.name") + "the table new_membership has no column new_nickname; "
            "change the mapping.",
        ),
        (
            ("fields", 5, "to"),
            pair.format("new_nickname", "nowhere.name") + "the resource cusMembership has no field nowhere.name; "
            "change the mapping.",
        ),
        (
            ("fields", 6, "technical_value"),
            pair.format("new_active", "note")
            + "columns of type Boolean have no display label to travel; remove technical_value.",
        ),
        (
            ("fields", 7, "to"),
            pair.format("new_membershipid", "short") + "the field takes 5 characters, and each value has 36; "
            "make it longer or map another.",
        ),
    ]


def test_a_wrong_replacement_is_named_by_its_own_place() -> None:
    assert errors(line("new_tier", "tier", replace={"1": "iron", "Gold": "gold"})) == [
        (
            ("fields", 0, "replace", "1"),
            "new_membership.new_tier -> cusMembership.tier: in replace, the new value of 1 is not one of the names "
            "that the field takes (none, bronze, silver, gold).",
        ),
        (
            ("fields", 0, "replace", "Gold"),
            "new_membership.new_tier -> cusMembership.tier: in replace, Gold never travels, since the number does: "
            "write 3.",
        ),
    ]


def test_a_condition_that_does_not_fit_is_named_by_its_own_place() -> None:
    conditions = [
        {"field": "new_absent", "is": "not_empty"},
        {"field": "new_active", "is": "contains", "value": "x"},
        {"field": "new_tier", "is": "equals", "value": "Gold"},
    ]
    assert errors(filter={"any": conditions}) == [
        (
            ("filter", "any", 0, "field"),
            "new_membership: the filter's condition on new_absent: the table new_membership has no such column; "
            "change the condition.",
        ),
        (
            ("filter", "any", 1, "is"),
            "new_membership: the filter's condition on new_active: contains does not go with columns of type Boolean: "
            "use one of equals, not_equals, one_of, none_of, empty, not_empty.",
        ),
        (
            ("filter", "any", 2, "value"),
            "new_membership: the filter's condition on new_tier: its value Gold is a display label: "
            "write its number, 3.",
        ),
    ]
    assert errors(filter={"all": conditions[:1]})[0][0] == ("filter", "all", 0, "field")


@pytest.mark.parametrize(
    ("written", "key", "reason"),
    [
        (link("new_absent"), "from", "the table new_membership has no column new_absent; change the link."),
        (
            link("new_name"),
            "from",
            "new_name is of type String, and a link begins at a lookup; choose a lookup.",
        ),
        (
            link(table="account"),
            "table",
            "new_contactid leads to contact, not to account; change the link's table.",
        ),
        (link(target="absent"), "to", "the resource cusMembership has no link or field absent; change the link."),
        (
            link(target="created"),
            "to",
            "Campaign does not let anyone write created; choose another link or field.",
        ),
        (
            link("new_holderid", table="account"),
            "to",
            "holder leads to profile, and account is mapped to cusCompany; choose another.",
        ),
        (
            link(target="tier"),
            "to",
            "tier is of type enumeration: a link ends at a link, or at a text field to join by.",
        ),
        (
            link(target="invoices"),
            "to",
            "invoices is of type collection: a link ends at a link, or at a text field to join by.",
        ),
        (
            link(target="number"),
            "to",
            "number takes 20 characters, and a record's id has 36; make it longer.",
        ),
    ],
)
def test_a_link_leads_from_a_lookup_to_a_link_or_a_text_to_join_by(
    written: dict[str, Any], key: str, reason: str
) -> None:
    found_errors = errors(links=[written])
    pair = f"new_membership.{written['from']} -> cusMembership.{written['to']}: "
    assert (("links", 0, key), pair + reason) in found_errors


def test_a_link_may_end_at_a_text_field_long_enough() -> None:
    assert errors(links=[link(target="holderId")]) == []


def test_a_link_that_takes_a_pkey_cannot_travel_in_a_file() -> None:
    files = {"workflow": "WKF201"}
    [(place, sentence)] = errors(links=[link()], file_import=files)
    assert place == ("file_import",) and "its link holder takes a PKey" in sentence
    assert errors(links=[link(target="holderId")], file_import=files) == []


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("absent", "the resource cusMembership has no key field absent; add it or choose another."),
        ("created", "Campaign does not let anyone write the key field created; choose another."),
        ("points", "the key field points is of type long, and a record's id is text; choose another."),
        ("tier", "the key field tier is of type enumeration, and a record's id is text; choose another."),
        ("number", "the key field number takes 20 characters, and a record's id has 36; choose another."),
    ],
)
def test_a_key_field_must_be_able_to_hold_an_id(field: str, reason: str) -> None:
    key = {"field": field, "filter": "byKey", "parameter": "key_parameter"}
    assert errors(key=key) == [(("key", "field"), MEMBER + reason)]


def test_a_mandatory_field_must_be_written_by_key_field_or_link() -> None:
    mandatory = FieldShape("string", 100, mandatory=True)
    wanted = with_field("label", mandatory)
    # Given a field that Campaign wants in every record, Then leaving it out is a mistake
    assert errors(schema=wanted) == [
        (
            ("fields",),
            MEMBER + "Campaign wants label in every cusMembership; map a column to it, or make it optional in "
            "Campaign.",
        )
    ]
    # And writing it is none, whatever writes it; what cannot be written is not asked for
    assert errors(line("new_name", "label"), schema=wanted) == []
    assert errors(schema=with_field("crmId", mandatory)) == []
    assert errors(links=[link(required=True)], schema=with_field("holder", FieldShape("link", mandatory=True))) == []
    nested = with_field("place.city", mandatory)
    assert errors(line("new_name", "place.city"), schema=nested) == []
    assert len(errors(line("new_name", "place.zip"), schema=nested)) == 1
    assert (
        errors(line("new_name", "place.zip"), schema=with_field("place", FieldShape("element", mandatory=True))) == []
    )


def test_what_would_refuse_some_records_is_a_warning() -> None:
    assert warnings(
        line("new_name", "number"),
        line("new_seen", "since"),
        line("new_tier", "tier", replace={"1": "bronze"}),
        line("new_interests", "short", technical_value=False),
        line("new_tier", "note", technical_value=False),
    ) == [
        (
            ("fields", 0),
            "new_membership.new_name -> cusMembership.number: the column holds up to 100 characters and the field "
            "takes 20; a record with a longer text is refused.",
        ),
        (
            ("fields", 1),
            "new_membership.new_seen -> cusMembership.since: the time of day is dropped, and the day is the one in "
            "UTC; map it to a datetime to keep both.",
        ),
        (
            ("fields", 2),
            "new_membership.new_tier -> cusMembership.tier: a record with 2 (Silver), 3 (Gold) is refused, since it "
            "is not one of the names that the field takes (none, bronze, silver, gold); replace it, or change the "
            "field.",
        ),
        (
            ("fields", 3),
            "new_membership.new_interests -> cusMembership.short: a record with 1 (Sports) is refused, since it is 6 "
            "characters long, and the field takes 5 at most; replace it, or change the field.",
        ),
    ]


def test_the_length_of_an_enumeration_is_the_business_of_its_names() -> None:
    schema = with_field("tier", FieldShape("enumeration", 10, values=("none", "gold")))
    assert warnings(line("new_name", "tier"), schema=schema) == []


def test_a_link_that_campaign_wants_is_to_be_called_required() -> None:
    wanted = with_field("holder", FieldShape("link", target="profile", mandatory=True))
    assert warnings(links=[link()], schema=wanted) == [
        (
            ("links", 0),
            "new_membership.new_contactid -> cusMembership.holder: Campaign wants this link in every cusMembership; "
            "say required: true.",
        )
    ]
    assert warnings(links=[link(required=True)], schema=wanted) == []


def test_guardrails_of_one_table_are_warnings() -> None:
    # Given a table with 49 columns and 6 links
    columns = {f"new_c{n}": ColumnShape("String", 10) for n in range(49)}
    lookups = {f"new_l{n}": ColumnShape("Lookup", targets=("contact",)) for n in range(6)}
    texts = {f"c{n}": FieldShape("string", 10) for n in range(49)} | {
        f"l{n}": FieldShape("link", target="profile") for n in range(6)
    }
    schema = TableSchema("s", "new_membershipid", columns | lookups, {**texts, "crmId": FieldShape("string")})
    fields = [line(f"new_c{n}", f"c{n}") for n in range(49)]
    links = [link(f"new_l{n}", f"l{n}") for n in range(6)]
    # Then both are more than Adobe recommends
    assert warnings(*fields, links=links, schema=schema) == [
        (("fields",), MEMBER + "55 columns are mapped; Adobe recommends 50 at most."),
        (("links",), MEMBER + "6 links leave it; Adobe recommends 5 at most."),
    ]
    # And 50 columns, 5 of them links, are not
    assert warnings(*fields[:45], links=links[:5], schema=schema) == []


def chain(tables: int) -> IngressConfig:
    """Contacts, then custom tables each linked to the one before."""
    custom = [
        {
            "table": f"new_t{n}",
            "resource": f"cusT{n}",
            "key": {},
            "links": [{"from": "new_parent", "to": "parent", "table": f"new_t{n - 1}" if n else "contact"}],
        }
        for n in range(tables)
    ]
    return IngressConfig.model_validate({"tables": [{"table": "contact", "resource": "profile", "key": {}}, *custom]})


def test_guardrails_of_all_tables_are_warnings() -> None:
    assert judge_all(chain(3), Schemas({})) == ((), ())
    four = judge_all(chain(4), Schemas({})).warnings
    assert four == (
        (
            ("tables", 4, "links"),
            "new_t3: the links new_t3 -> new_t2 -> new_t1 -> new_t0 are 4 tables deep; Adobe recommends 3 at most.",
        ),
    )
    many = judge_all(chain(21), Schemas({})).warnings
    assert many[0] == (
        ("tables",),
        "21 custom resources are mapped; Adobe recommends 20 custom tables at most.",
    )
    assert judge_all(chain(20), Schemas({})).warnings[0].place != ("tables",)


def test_all_tables_are_judged_and_each_finding_tells_its_table() -> None:
    # Given two tables with a mistake each, and one whose schema nobody knows
    bad = memberships(line("new_absent", "number"))
    other = bad.model_copy(update={"table": "new_other"})
    unknown = bad.model_copy(update={"table": "new_unknown"})
    config = IngressConfig(tables=(unknown, bad, other))
    schemas = Schemas({"new_membership": MEMBERSHIPS, "new_other": MEMBERSHIPS})
    # Then both mistakes are found, where they stand
    judged = judge_all(config, schemas)
    assert [error.place for error in judged.errors] == [
        ("tables", 1, "fields", 0, "from"),
        ("tables", 2, "fields", 0, "from"),
    ]


def test_the_mapping_out_of_the_box_fits_a_plain_contact_and_profile() -> None:
    # Given the columns and fields that every organisation and instance has
    mapping: TableMapping = default_contact_mapping()
    columns = {
        **{rule.source: ColumnShape("String", 30) for rule in mapping.fields},
        "birthdate": ColumnShape("DateOnly"),
        "gendercode": ColumnShape("Picklist", options={1: "Male", 2: "Female"}),
    }
    fields = {
        **{rule.target: FieldShape("string", 30) for rule in mapping.fields if "." not in rule.target},
        "externalId": FieldShape("string", 100),
        "birthDate": FieldShape("date"),
        "gender": FieldShape("enumeration", values=("unknown", "male", "female")),
        "location": FieldShape("element"),
    }
    # Then it fits them
    schema = TableSchema("contacts", "contactid", columns, fields)
    assert judge(mapping, schema, {"contact": "profile"}) == ((), ())


def test_a_start_is_refused_with_every_reason_of_every_table() -> None:
    # Given two tables, each with a mistake
    other = memberships(line("new_name", "absent")).model_copy(update={"table": "new_other"})
    config = IngressConfig(tables=(memberships(line("new_absent", "number")), other))
    # When a start holds them against the schemas
    with pytest.raises(Misfitting) as caught:
        require_fit(config, Schemas({"new_membership": MEMBERSHIPS, "new_other": MEMBERSHIPS}))
    # Then both are named, with the way out
    assert [sentence.partition(":")[0] for sentence in caught.value.sentences] == [
        "new_membership.new_absent -> cusMembership.number",
        "new_other.new_name -> cusMembership.absent",
        "Edit with d365acs mapping edit new_membership and d365acs mapping edit new_other, then start again.",
    ]
