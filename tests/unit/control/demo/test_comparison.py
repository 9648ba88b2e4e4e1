"""The demonstration's own comparison sees every way in which two systems can differ."""

from datetime import UTC, datetime
from typing import Any

import pytest

from control.demo.comparison import Agreement, Truth, compare_all

CONTACTS = Truth(
    "contact",
    "contactid",
    "profile",
    "externalId",
    {"firstName": lambda row: row.get("firstname"), "location.city": lambda row: row.get("address1_city")},
)
INVOICES = Truth(
    "new_invoice",
    "new_invoiceid",
    "cusInvoice",
    "crmId",
    {"total": lambda row: row["new_total"], "issued": lambda row: datetime(2025, 1, 31, 12, tzinfo=UTC)},
    {"holder": ("_new_contactid_value", "contact")},
)


def contact(number: int, **values: Any) -> dict[str, Any]:
    return {"contactid": f"id-{number}", "firstname": "Ada", "address1_city": "Lyon", **values}


def profile(number: int, **values: Any) -> dict[str, Any]:
    city = {"city": "Lyon"}
    return {"externalId": f"ID-{number}", "firstName": "Ada", "location": city, "PKey": f"@{number}", **values}


def invoice(**values: Any) -> dict[str, Any]:
    return {"new_invoiceid": "in-1", "new_total": 25.25, "_new_contactid_value": "id-1", **values}


def record(**values: Any) -> dict[str, Any]:
    issued = "2025-01-31 12:00:00.000Z"
    return {"crmId": "in-1", "total": 25.25, "issued": issued, "holder": {"PKey": "@1"}, "PKey": "@in", **values}


def compared(
    contacts: list[dict[str, Any]],
    profiles: list[dict[str, Any]],
    invoices: list[dict[str, Any]] | None = None,
    records: list[dict[str, Any]] | None = None,
) -> Agreement:
    return compare_all(
        (CONTACTS, INVOICES),
        {"contact": contacts, "new_invoice": invoices or []},
        {"profile": profiles, "cusInvoice": records or []},
    )


def test_equal_records_agree_whatever_stands_for_nothing() -> None:
    # Given a value that one side leaves out and the other shows as empty text
    result = compared([contact(1), contact(2, firstname=None)], [profile(1), profile(2, firstName="")])
    # Then they agree
    assert result.agrees
    assert result.sentence() == "All 2 records of 2 tables agree."


def test_records_of_others_do_not_count() -> None:
    assert compared([contact(1)], [profile(1), {"externalId": "", "firstName": "Eve"}]).agrees


def test_moments_numbers_and_links_agree_although_both_systems_write_them_otherwise() -> None:
    # Given a number of 32 bits, a moment with milliseconds, and a link by its PKey
    found = record(total=25.250000953)
    assert compared([contact(1)], [profile(1)], [invoice()], [found]).agrees


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"total": 25.26}, "total"),
        ({"issued": "2025-01-31 13:00:00.000Z"}, "issued"),
        ({"issued": ""}, "issued"),
        ({"holder": None}, "holder"),
        ({"holder": {"PKey": "@2"}}, "holder"),
    ],
)
def test_a_value_or_a_link_that_differs_is_named_by_its_field(wrong: dict[str, Any], field: str) -> None:
    result = compared([contact(1), contact(2)], [profile(1), profile(2)], [invoice()], [record(**wrong)])
    assert result.comparisons[1].differing == {"in-1": [field]}


def test_a_record_that_campaign_hides_does_not_agree() -> None:
    result = compared([contact(1)], [profile(1)], [invoice()], [record(hidden=True)])
    assert result.sentence() == "The systems differ: new_invoice: 1 hidden in Campaign."


def test_every_difference_is_found_and_counted() -> None:
    # Given a missing, a left-over, a doubled and two wrong profiles
    contacts = [contact(1), contact(2), contact(3), contact(4)]
    profiles = [
        profile(2, firstName="Eve"),
        profile(3, location={}),
        profile(4),
        profile(4),
        profile(5),
    ]
    # When they are compared
    agreement = compared(contacts, profiles)
    # Then each is named
    result = agreement.comparisons[0]
    assert result.missing == ["id-1"]
    assert result.orphaned == ["id-5"]
    assert result.doubled == ["id-4"]
    assert result.differing == {"id-2": ["firstName"], "id-3": ["location.city"]}
    assert agreement.sentence() == (
        "The systems differ: contact: 1 missing in Campaign, 1 left over in Campaign, 1 doubled in Campaign, "
        "2 with other values (in firstName, location.city)."
    )
