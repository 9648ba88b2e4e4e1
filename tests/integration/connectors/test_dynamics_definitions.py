"""What Dynamics says about its tables and its organisation, against answers that are rare or odd."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import TableSummary, column_of, property_of
from connectors.errors import Malformed, TryAgain, Unavailable
from tests.integration.connectors.odd_server import Call, OddServer, Reply


def label(text: str) -> dict[str, Any]:
    return {"UserLocalizedLabel": {"Label": text}, "LocalizedLabels": []}


def attribute(name: str, type_: str, type_name: str = "", **more: Any) -> dict[str, Any]:
    return {
        "LogicalName": name,
        "AttributeType": type_,
        "AttributeTypeName": {"Value": type_name or f"{type_}Type"},
        "IsValidForRead": True,
        "AttributeOf": None,
        "DisplayName": label(name.title()),
        **more,
    }


MEMBERSHIP = {
    "LogicalName": "new_membership",
    "EntitySetName": "new_memberships",
    "PrimaryIdAttribute": "new_membershipid",
    "ChangeTrackingEnabled": True,
    "Attributes": [
        attribute("new_membershipid", "Uniqueidentifier"),
        attribute("new_interests", "Virtual", "MultiSelectPicklistType"),
        attribute("new_interestsname", "Virtual", AttributeOf="new_interests"),
        attribute("new_contactid", "Lookup"),
        attribute("new_payerid", "Customer"),
        attribute("new_payeridtype", "EntityName"),
        attribute("ownerid", "Owner"),
        attribute("new_secret", "String", IsValidForRead=False),
    ],
}
CASTS = {
    "LookupAttributeMetadata": [
        {"LogicalName": "new_contactid", "Targets": ["contact"]},
        {"LogicalName": "new_payerid", "Targets": ["account", "contact"]},
        {"LogicalName": "ownerid", "Targets": ["systemuser", "team"]},
    ],
    "MultiSelectPicklistAttributeMetadata": [
        {"LogicalName": "new_interests", "OptionSet": {"Options": [{"Value": 1, "Label": label("Sports")}]}}
    ],
}


def answer_definitions(call: Call) -> Reply:
    for cast, items in CASTS.items():
        if f"Microsoft.Dynamics.CRM.{cast}?" in call.path:
            return Reply(json={"value": items})
    return Reply(json=MEMBERSHIP)


def test_lookups_of_every_kind_tell_where_they_lead(server: OddServer, dynamics: Dynamics) -> None:
    server.script = answer_definitions
    columns = dynamics.table("new_membership", 5).columns
    assert {name: (column.type, column.property, column.targets) for name, column in columns.items()} == {
        "new_membershipid": ("Uniqueidentifier", "new_membershipid", ()),
        "new_interests": ("MultiSelectPicklist", "new_interests", ()),
        "new_contactid": ("Lookup", "_new_contactid_value", ("contact",)),
        "new_payerid": ("Customer", "_new_payerid_value", ("account", "contact")),
        "ownerid": ("Owner", "_ownerid_value", ("systemuser", "team")),
    }
    assert columns["new_interests"].options == {1: "Sports"}
    assert columns["new_contactid"].label == "New_Contactid"
    # And one question serves the three kinds of lookups
    assert len(server.calls) == 3


@pytest.mark.parametrize("type_", ["Lookup", "Customer", "Owner", "String"])
def test_a_property_leads_back_to_its_column(type_: str) -> None:
    assert column_of(property_of("new_contactid", type_)) == "new_contactid"


def test_tables_are_listed_by_name(server: OddServer, dynamics: Dynamics) -> None:
    def table(name: str, **more: Any) -> dict[str, Any]:
        known = {"LogicalName": name, "EntitySetName": f"{name}s", "ChangeTrackingEnabled": False}
        return {**known, "DisplayName": label(name.title()), "IsCustomEntity": False, "IsIntersect": False, **more}

    server.replies = [
        Reply(
            json={
                "value": [
                    table("new_invoice", IsCustomEntity=True),
                    table("contact", ChangeTrackingEnabled=True),
                    table("listmember", IsIntersect=True),
                    table("subscriptionmanuallytrackedobject", EntitySetName=None),
                    table("account", DisplayName=None),
                ]
            }
        )
    ]
    assert dynamics.tables(5) == [
        TableSummary("account", "", "accounts", False, False),
        TableSummary("contact", "Contact", "contacts", True, False),
        TableSummary("new_invoice", "New_Invoice", "new_invoices", False, True),
    ]
    assert len(server.calls) == 1


@pytest.mark.parametrize("json", [[], {}, {"value": {}}, {"value": [{"EntitySetName": "xs"}]}, {"value": [5]}])
def test_a_list_of_tables_of_another_shape_is_malformed(server: OddServer, dynamics: Dynamics, json: Any) -> None:
    server.replies = [Reply(json=json)]
    with pytest.raises(Malformed):
        dynamics.tables(5)


@pytest.mark.parametrize(("told", "days"), [(7, 7.0), (90, 90.0), (0, None), (None, None), ("7", None), (True, None)])
def test_the_life_of_change_tokens_is_read_from_the_organisation(
    server: OddServer, dynamics: Dynamics, told: Any, days: float | None
) -> None:
    server.replies = [Reply(json={"value": [{"@odata.etag": 'W/"1"', "expirechangetrackingindays": told}]})]
    assert dynamics.token_days(5) == days
    assert server.calls[0].path == "/api/data/v9.2/organizations?$select=expirechangetrackingindays"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(
            400, json={"error": {"code": "0x80060888", "message": "Could not find a property named 'x' on type 'y'"}}
        ),
        Reply(403, json={"error": {"code": "0x80040220", "message": "missing prvReadOrganization privilege"}}),
        Reply(404),
        Reply(405),
        Reply(json={"value": []}),
        Reply(json={"value": {}}),
        Reply(json={}),
    ],
)
def test_an_organisation_that_does_not_tell_the_life_of_change_tokens_stops_nothing(
    server: OddServer, dynamics: Dynamics, reply: Reply
) -> None:
    server.replies = [reply]
    assert dynamics.token_days(5) is None


@pytest.mark.parametrize(("reply", "error"), [(Reply(503), Unavailable), (Reply(reset=True), TryAgain)])
def test_a_service_in_trouble_does_not_pass_for_an_organisation_that_does_not_tell(
    server: OddServer, dynamics: Dynamics, reply: Reply, error: type[TryAgain]
) -> None:
    server.replies = [reply]
    with pytest.raises(error):
        dynamics.token_days(5)
