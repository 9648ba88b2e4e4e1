"""Which activity tables there are and how their rows are tied to contacts, against scripted answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from connectors.dynamics import Dynamics
from connectors.dynamics_activities import ActivitySummary
from connectors.dynamics_metadata import DynamicsColumn
from connectors.errors import Malformed, TableMissing
from tests.integration.connectors.odd_server import Call, OddServer, Reply


def named(name: str, kind: str) -> dict[str, Any]:
    return {"LogicalName": name, "AttributeType": kind, "AttributeTypeName": {"Value": f"{kind}Type"}}


def label(text: str) -> dict[str, Any]:
    return {"UserLocalizedLabel": {"Label": text}}


DEFINITION = {
    "LogicalName": "adobe_emailsend",
    "EntitySetName": "adobe_emailsends",
    "PrimaryIdAttribute": "activityid",
    "ChangeTrackingEnabled": False,
    "Attributes": [named("subject", "String"), named("adobe_senton", "DateTime"), named("regardingobjectid", "Lookup")],
}
REGARDING = "regardingobjectid_contact_adobe_emailsend"
LINKS = [
    {
        "ReferencedEntity": "account",
        "ReferencingAttribute": "regardingobjectid",
        "ReferencingEntityNavigationPropertyName": "regardingobjectid_account_adobe_emailsend",
    },
    {
        "ReferencedEntity": "contact",
        "ReferencingAttribute": "adobe_forwarder",
        "ReferencingEntityNavigationPropertyName": "adobe_forwarder",
    },
    {
        "ReferencedEntity": "contact",
        "ReferencingAttribute": "regardingobjectid",
        "ReferencingEntityNavigationPropertyName": REGARDING,
    },
]


class Metadata:
    """A script that answers for one table; `links` are its relationships."""

    def __init__(self, links: Any = LINKS) -> None:
        self.links = links

    def __call__(self, call: Call) -> Reply:
        path = unquote(call.path).removeprefix("/api/data/v9.2/")
        if path.startswith("EntityDefinitions(LogicalName='adobe_emailsend')/ManyToOneRelationships"):
            return Reply(json={"value": self.links})
        if path.startswith("EntityDefinitions(LogicalName='adobe_emailsend')/Attributes/"):
            more = [{"LogicalName": "subject", "MaxLength": 200}] if "StringAttribute" in path else []
            return Reply(json={"value": more})
        if path.startswith("EntityDefinitions(LogicalName='adobe_emailsend')"):
            return Reply(json=DEFINITION)
        return Reply(404, json={"error": {"code": "0x80060888", "message": "no such segment"}})


def test_activity_tables_are_listed_by_name(server: OddServer, dynamics: Dynamics) -> None:
    # Given two tables of our organisation and one that has no set
    server.replies = [
        Reply(
            json={
                "value": [
                    {"LogicalName": "b", "EntitySetName": "bs", "DisplayName": label("Bounce")},
                    {"LogicalName": "a", "EntitySetName": "as", "DisplayName": None},
                    {"LogicalName": "c", "EntitySetName": None},
                ]
            }
        )
    ]
    # When they are listed
    found = dynamics.activities(5)
    # Then only activities were asked for, in one request
    assert found == [ActivitySummary("a", "as", ""), ActivitySummary("b", "bs", "Bounce")]
    [call] = server.calls
    assert unquote(call.path).endswith("$filter=IsActivity eq true and IsCustomEntity eq true")


def test_an_activity_table_tells_its_columns_and_how_a_contact_is_named(server: OddServer, dynamics: Dynamics) -> None:
    server.script = Metadata()
    table = dynamics.activity("adobe_emailsend", 5)
    assert (table.name, table.set_name, table.regarding) == ("adobe_emailsend", "adobe_emailsends", REGARDING)
    assert table.columns["subject"] == DynamicsColumn("subject", "String", "subject", max_length=200)
    assert set(table.columns) == {"subject", "adobe_senton", "regardingobjectid"}


def test_a_table_whose_rows_cannot_regard_a_contact_is_none_for_events(server: OddServer, dynamics: Dynamics) -> None:
    server.script = Metadata(LINKS[:2])
    with pytest.raises(
        TableMissing, match="adobe_emailsend of Dynamics is there, but its rows cannot regard a contact"
    ):
        dynamics.activity("adobe_emailsend", 5)


def test_a_table_that_is_not_there_is_named(server: OddServer, dynamics: Dynamics) -> None:
    server.script = Metadata()
    with pytest.raises(TableMissing, match="adobe_emailopen"):
        dynamics.activity("adobe_emailopen", 5)


@pytest.mark.parametrize(
    "links",
    [
        None,
        {},
        [None],
        [{"ReferencedEntity": "contact"}],
        [{**LINKS[2], "ReferencingEntityNavigationPropertyName": "a/b"}],
    ],
)
def test_relationships_of_another_shape_are_malformed(server: OddServer, dynamics: Dynamics, links: Any) -> None:
    server.script = Metadata(links)
    with pytest.raises(Malformed):
        dynamics.activity("adobe_emailsend", 5)


@pytest.mark.parametrize("value", [None, [None], [{"LogicalName": "a", "EntitySetName": "a b"}]])
def test_a_list_of_another_shape_is_malformed(server: OddServer, dynamics: Dynamics, value: Any) -> None:
    server.replies = [Reply(json={"value": value})]
    with pytest.raises(Malformed):
        dynamics.activities(5)
