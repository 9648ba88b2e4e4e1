"""A drafted mapping finds what belongs together by names, labels and types, and says what is left to do."""

from collections.abc import Mapping

import pytest

from config.ingress import LinkMapping
from connectors.campaign_metadata import CampaignField, CampaignResource
from connectors.dynamics_metadata import DynamicsColumn, DynamicsTable
from control.errors import NoDraft
from control.mappings.drafting import Draft, draft
from control.mappings.likeness import likeness, plain


def column(name: str, type_: str = "String", label: str = "", **more: object) -> DynamicsColumn:
    return DynamicsColumn(name=name, type=type_, property=name, label=label, **more)  # type: ignore[arg-type]


def table(*columns: DynamicsColumn, name: str = "new_vehicle") -> DynamicsTable:
    key = column(f"{name}id", "Uniqueidentifier")
    return DynamicsTable(name, f"{name}s", key.name, True, {one.name: one for one in (key, *columns)})


def field(name: str, type_: str = "string", **more: object) -> CampaignField:
    return CampaignField(name=name, type=type_, **more)  # type: ignore[arg-type]


def resource(*fields: CampaignField, name: str = "cusVehicle") -> CampaignResource:
    key = field("crmId", length=100)
    return CampaignResource(name, "profileAndServicesExt", {one.name: one for one in (key, *fields)})


def drafted(source: DynamicsTable, target: CampaignResource, mapped: Mapping[str, str] | None = None) -> Draft:
    return draft(source, target, ["byCrmId"], mapped or {})


def pairs(found: Draft) -> list[tuple[str, str]]:
    return [(rule.source, rule.target) for rule in found.mapping.fields]


def test_names_are_alike_without_what_only_one_system_writes() -> None:
    assert plain("new_firstregistration") == plain("cusFirstRegistration") == plain("location.firstRegistration")
    assert [likeness(one, "number", label) for one, label in (("number", ""), ("new_number", ""), ("x", "Number"))] == [
        4,
        3,
        1,
    ]
    assert likeness("new_issuedon", "issued") == 2
    assert likeness("new_color", "colour") == 0


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("number", "number takes 30 characters, and the ids of Dynamics have 36"),
        ("points", r"points is no plain text field \(long\), and cannot hold the ids of Dynamics"),
        ("made", "made is read-only, and cannot hold the ids of Dynamics"),
    ],
)
def test_a_key_that_cannot_hold_the_ids_is_refused_at_once_with_those_that_can(key: str, reason: str) -> None:
    target = resource(field("number", length=30), field("points", "long"), field("made", length=100, read_only=True))
    with pytest.raises(NoDraft, match=rf"^{reason}; name another with --key \(candidates: crmId\)\.$"):
        draft(table(), target, [], {}, key)


def test_fields_are_matched_by_name_then_by_label_if_their_types_convert() -> None:
    # Given columns with a publisher's prefix, one with a telling label, one whose type does not convert
    source = table(
        column("new_model"),
        column("new_name", label="Plate"),
        column("new_built", "Uniqueidentifier"),
        column("createdon", "DateTime"),
    )
    target = resource(field("model"), field("plate"), field("built", "date"), field("created", "datetime"))
    # Then the first two are matched, and nothing else
    found = drafted(source, target)
    assert pairs(found) == [("new_model", "model"), ("new_name", "plate")]
    # And the key takes the ids, looked up by the filter that is there
    key = found.mapping.key
    assert (key.field, key.filter, key.parameter) == ("crmId", "byCrmId", "crmId_parameter")


def test_no_column_and_no_field_is_used_twice_and_what_cannot_be_written_is_left() -> None:
    source = table(column("model"), column("new_model"), column("new_plate"))
    target = resource(field("model"), field("plate", read_only=True))
    assert pairs(drafted(source, target)) == [("model", "model")]


def test_choices_become_names_where_label_and_name_are_alike() -> None:
    # Given a picklist with a choice that Campaign does not have
    source = table(column("new_fuel", "Picklist", options={1: "Diesel", 2: "Electric", 3: "Hydrogen"}))
    found = drafted(source, resource(field("fuel", "enumeration", values=("none", "diesel", "electric"))))
    # Then the others are replaced, no value becomes the name for it, and the one is left to the architect
    assert found.mapping.fields[0].replace == {"1": "diesel", "2": "electric", "": "none"}
    assert "fuel has no value that looks like these of new_fuel: 3 Hydrogen." in found.notes


def test_lookups_to_mapped_tables_become_links_by_name_and_what_is_left_over_by_elimination() -> None:
    # Given two lookups to contact and one to a table that does not flow
    lookups = [
        column("new_driverid", "Lookup", targets=("contact",)),
        column("new_buyer", "Lookup", targets=("contact",)),
    ]
    source = table(*lookups, column("new_garageid", "Lookup", targets=("new_garage",)))
    target = resource(
        field("driver", "link", target="profile"),
        field("owner", "link", target="profile", mandatory=True),
        field("garage", "link", target="cusGarage"),
    )
    # Then one is found by its name, the other because nothing else is left
    assert drafted(source, target, {"contact": "profile"}).mapping.links == (
        LinkMapping(source="new_driverid", target="driver", table="contact"),
        LinkMapping(source="new_buyer", target="owner", table="contact", required=True),
    )


def test_a_text_field_of_the_same_name_is_a_join() -> None:
    source = table(column("new_garageid", "Lookup", targets=("new_garage",)))
    target = resource(field("garageId", length=100), field("garagelink", "link", target="cusGarage"))
    [link] = drafted(source, target, {"new_garage": "cusGarage"}).mapping.links
    assert (link.source, link.target, link.table) == ("new_garageid", "garageId", "new_garage")


def test_contacts_and_profiles_begin_with_the_mapping_out_of_the_box() -> None:
    # Given names that no rule would match
    source = table(column("emailaddress1"), column("telephone1"), name="contact")
    target = resource(field("email"), field("phone"), field("externalId"), name="profile")
    found = draft(source, target, ["byExternalId"], {})
    assert pairs(found) == [("emailaddress1", "email"), ("telephone1", "phone")]
    assert found.mapping.key.field == "externalId"


def test_what_is_left_to_the_architect_is_said() -> None:
    found = draft(table(column("new_doors")), resource(field("vin", mandatory=True)), [], {})
    assert found.notes == (
        "cusVehicle has no filter byCrmId yet: create it on crmId with the parameter crmId_parameter, and publish it.",
        "If Campaign itself enforces that crmId is unique, say unique: true, which saves a call.",
        "Campaign requires vin (string), and no column is mapped to it yet.",
        "Not mapped, columns of new_vehicle: new_doors.",
        "Not mapped, fields of cusVehicle: vin.",
    )


def test_a_key_that_is_not_to_be_guessed_is_asked_for() -> None:
    target = CampaignResource("cusVehicle", "x", {"vin": field("vin", length=64), "plate": field("plate", length=10)})
    with pytest.raises(NoDraft, match=r"name it with --key \(candidates: vin\)"):
        drafted(table(), target)
    assert draft(table(), target, [], {}, "vin").mapping.key.field == "vin"
    with pytest.raises(NoDraft, match="cusVehicle has no field wheel; see its fields with: d365acs schema fields"):
        draft(table(), target, [], {}, "wheel")
