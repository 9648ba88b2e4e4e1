"""Mapping a record: the body that goes to Campaign, and whether a mapping fits the two schemas."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.defaults import default_contact_mapping
from config.ingress import TableMapping
from sync.conversion import FieldShape
from sync.fitting import misfits
from sync.mapping import Mapper, Misfitting, Unmappable, fingerprint

ID = "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"
CONTACT = {
    "contactid": "Uniqueidentifier",
    "emailaddress1": "String",
    "birthdate": "DateOnly",
    "address1_city": "String",
    "address1_line1": "String",
    "donotemail": "Boolean",
    "numberofchildren": "Integer",
    "gendercode": "Picklist",
}
PROFILE = {
    "externalId": FieldShape("string", 100),
    "email": FieldShape("string", 128),
    "birthDate": FieldShape("date"),
    "age": FieldShape("int", read_only=True),
    "blackListEmail": FieldShape("boolean"),
    "location": FieldShape("element"),
    "location.city": FieldShape("string", 10),
    "location.address1": FieldShape("string", 100),
    "cusChildren": FieldShape("byte"),
    "cusContactId": FieldShape("string", 36),
    "orgUnit": FieldShape("link"),
    "shortName": FieldShape("string", 20),
}


def contacts(key: dict[str, Any] | None = None, **pairs: str) -> TableMapping:
    """A mapping of contacts; each pair is a Dynamics column and a Campaign field, with _ for the dot in it."""
    fields = [{"from": source, "to": target} for source, target in pairs.items()]
    return TableMapping.model_validate({"table": "contact", "resource": "profile", "key": key or {}, "fields": fields})


def mapper(**pairs: str) -> Mapper:
    return Mapper(contacts(None, **pairs), CONTACT, PROFILE, "contactid")


def test_a_record_becomes_a_nested_body_with_the_key_first() -> None:
    # Given a mapping with two fields of one element
    contact = mapper(
        address1_city="location.city",
        emailaddress1="email",
        address1_line1="location.address1",
        birthdate="birthDate",
    )
    # When a record is mapped
    body = contact.map(
        ID,
        {
            "emailaddress1": "ann@example.com",
            "address1_city": "Lyon",
            "address1_line1": "1 Main St",
            "birthdate": "1980-05-07",
        },
    )
    # Then the key leads and the element's members are together
    assert list(body) == ["externalId", "location", "email", "birthDate"]
    assert body == {
        "externalId": ID,
        "location": {"city": "Lyon", "address1": "1 Main St"},
        "email": "ann@example.com",
        "birthDate": "1980-05-07",
    }


def test_null_clears_a_field_and_an_absent_column_leaves_it_alone() -> None:
    contact = mapper(
        emailaddress1="email",
        donotemail="blackListEmail",
        numberofchildren="cusChildren",
        address1_city="location.city",
    )
    body = contact.map(ID, {"emailaddress1": None, "donotemail": None, "numberofchildren": None})
    assert body == {"externalId": ID, "email": "", "blackListEmail": False, "cusChildren": 0}


def test_a_value_that_does_not_fit_names_its_field_and_not_itself() -> None:
    with pytest.raises(Unmappable) as caught:
        mapper(emailaddress1="email", address1_city="location.city").map(
            ID, {"emailaddress1": "a@example.com", "address1_city": "Llanfairpwllgwyngyll"}
        )
    assert caught.value.field == "location.city"
    assert caught.value.sentence == (
        "address1_city does not fit location.city: it is 20 characters long, and the field takes 10 at most."
    )


def test_columns_are_read_once_in_order_and_without_the_primary_key() -> None:
    mapping = TableMapping.model_validate(
        {
            "table": "contact",
            "resource": "profile",
            "key": {},
            "fields": [
                {"from": "emailaddress1", "to": "email"},
                {"from": "contactid", "to": "cusContactId"},
                {"from": "address1_city", "to": "location.city"},
                {"from": "emailaddress1", "to": "location.address1"},
            ],
        }
    )
    contact = Mapper(mapping, CONTACT, PROFILE, "contactid")
    assert contact.columns == ("emailaddress1", "address1_city")
    # And the primary key, where it is mapped, is the record's id
    assert contact.map(ID, {}) == {"externalId": ID, "cusContactId": ID}


def test_mapping_leaves_the_queued_values_and_earlier_bodies_alone() -> None:
    contact = mapper(address1_city="location.city", address1_line1="location.address1")
    values = {"address1_city": "Lyon"}
    first = contact.map(ID, values)
    contact.map(ID, {"address1_line1": "1 Main St", "address1_city": "Nice"})
    assert (first, values) == ({"externalId": ID, "location": {"city": "Lyon"}}, {"address1_city": "Lyon"})


def test_a_mapping_that_fits_has_no_misfits() -> None:
    assert misfits(contacts(emailaddress1="email", donotemail="blackListEmail"), CONTACT, PROFILE) == []


def test_every_misfit_is_named_at_once() -> None:
    mapping = contacts(
        nickname="email",
        emailaddress1="cusAbsent",
        numberofchildren="age",
        birthdate="cusChildren",
        gendercode="orgUnit",
        fullname="nowhere.name",
    )
    assert misfits(mapping, CONTACT, PROFILE) == [
        "contact.nickname -> profile.email: the table contact has no column nickname; change the mapping.",
        "contact.emailaddress1 -> profile.cusAbsent: the resource profile has no field cusAbsent; change the mapping.",
        "contact.numberofchildren -> profile.age: Campaign does not let anyone write age; remove it from the mapping.",
        "contact.birthdate -> profile.cusChildren: a DateOnly of Dynamics cannot become a byte of Campaign; "
        "map it to a field of another type.",
        "contact.gendercode -> profile.orgUnit: a Picklist of Dynamics cannot become a link of Campaign; "
        "map it to a field of another type.",
        "contact.fullname -> profile.nowhere.name: the table contact has no column fullname; change the mapping.",
        "contact.fullname -> profile.nowhere.name: the resource profile has no field nowhere.name; change the mapping.",
    ]
    with pytest.raises(Misfitting) as caught:
        Mapper(mapping, CONTACT, PROFILE, "contactid")
    assert len(caught.value.sentences) == 7


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        (
            "cusAbsent",
            "contact -> profile: the resource profile has no key field cusAbsent; add it or choose another.",
        ),
        ("age", "contact -> profile: Campaign does not let anyone write the key field age; choose another."),
        (
            "cusChildren",
            "contact -> profile: the key field cusChildren is a byte, and a record's id is text; choose another.",
        ),
        (
            "shortName",
            "contact -> profile: the key field shortName takes 20 characters, and a record's id has 36; "
            "choose another.",
        ),
    ],
)
def test_a_key_field_must_be_able_to_hold_an_id(field: str, sentence: str) -> None:
    key = {"field": field, "filter": "byKey", "parameter": "key_parameter"}
    assert misfits(contacts(key), CONTACT, PROFILE) == [sentence]


def test_the_mapping_out_of_the_box_fits_a_plain_contact_and_profile() -> None:
    # Given the columns and fields that every organisation and instance has
    mapping = default_contact_mapping()
    columns = {rule.source: "DateOnly" if rule.source == "birthdate" else "String" for rule in mapping.fields}
    fields = {rule.target: FieldShape("string", 30) for rule in mapping.fields if "." not in rule.target}
    fields |= {
        "externalId": FieldShape("string", 100),
        "birthDate": FieldShape("date"),
        "location": FieldShape("element"),
    }
    # Then it fits them
    assert misfits(mapping, columns, fields) == []


def test_a_fingerprint_knows_values_but_not_their_order() -> None:
    one = fingerprint({"a": 1, "b": {"c": "x", "d": False}})
    assert one == fingerprint({"b": {"d": False, "c": "x"}, "a": 1})
    assert len(one) == 8
    assert len({one, fingerprint({"a": 1, "b": {"c": "x", "d": 0}}), fingerprint({"a": "1"}), fingerprint({})}) == 4


@given(st.dictionaries(st.sampled_from(sorted(CONTACT)), st.none() | st.booleans() | st.integers() | st.text()))
def test_any_values_give_a_body_or_a_refusal(values: dict[str, object]) -> None:
    contact = mapper(
        emailaddress1="email",
        birthdate="birthDate",
        donotemail="blackListEmail",
        numberofchildren="cusChildren",
    )
    try:
        body = contact.map(ID, values)
    except Unmappable as refused:
        assert refused.field in {"email", "birthDate", "blackListEmail", "cusChildren"}
    else:
        assert body["externalId"] == ID
        assert None not in body.values()
