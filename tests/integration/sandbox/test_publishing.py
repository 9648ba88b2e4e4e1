"""Schema changes published while the pretend Dataverse runs."""

from typing import Any

import pytest
import requests

from tests.integration.sandbox.dataverse_client import Dataverse, stored
from tests.sandboxes import Sandbox

TABLE = "new_membership"


@pytest.fixture
def dataverse(shop: Sandbox) -> Dataverse:
    return Dataverse(shop)


def publish(shop: Sandbox, **change: Any) -> Any:
    return shop.admin.post("/dynamics/publish", {"table": TABLE, **change})


def attribute(dataverse: Dataverse, name: str, table: str = TABLE) -> requests.Response:
    return dataverse.send("GET", f"EntityDefinitions(LogicalName='{table}')/Attributes(LogicalName='{name}')")


def test_a_removed_column_is_unknown_at_once_even_to_links_that_were_given_out(
    shop: Sandbox, dataverse: Dataverse
) -> None:
    # Given a delta link and a link to a next page that name the column
    link = dataverse.delta_link("new_memberships", "new_name,new_points")
    first = dataverse.get("new_memberships?$select=new_points", "odata.track-changes,odata.maxpagesize=10")
    # When it is removed
    publish(shop, remove=["new_points"])
    # Then both are refused by its name, it is in no row and no definition, and cannot be written
    text = "Could not find a property named 'new_points' on type 'Microsoft.Dynamics.CRM.new_membership'."
    assert dataverse.refused(link) == (400, "0x80060888", text)
    assert dataverse.refused(first["@odata.nextLink"]) == (400, "0x80060888", text)
    assert attribute(dataverse, "new_points").status_code == 404
    rows = dataverse.scan("new_memberships", "odata.track-changes")[0]
    assert not [row for row in rows if "new_points" in row]
    row_id = rows[0]["new_membershipid"]
    assert dataverse.send("PATCH", f"new_memberships({row_id})", {"new_points": 1}, If_Match="*").status_code == 400
    # And what does not name it goes on where it was
    kept = dataverse.delta_link("new_memberships", "new_name")
    shop.admin.post(f"/dynamics/tables/{TABLE}/change", {"count": 3})
    assert len(dataverse.scan(kept)[0]) == 3


def test_a_removed_column_is_not_filled_again_by_defaults_or_computation(shop: Sandbox, dataverse: Dataverse) -> None:
    publish(shop, remove=["new_active"])
    shop.admin.post("/dynamics/publish", {"table": "contact", "remove": ["address1_composite"]})
    created = shop.admin.post(f"/dynamics/tables/{TABLE}/create", {"count": 1})["ids"][0]
    contact = shop.admin.post("/dynamics/create", {"count": 1})["ids"][0]
    assert "new_active" not in dataverse.get(f"new_memberships({created})")
    assert "address1_composite" not in dataverse.get(f"contacts({contact})")


def test_a_publication_may_cost_the_tables_delta_tokens(shop: Sandbox, dataverse: Dataverse) -> None:
    shop.admin.put("/switches", {"delta_after_publish": "expired"})
    link = dataverse.delta_link("new_memberships", "new_points")
    other = dataverse.delta_link("new_invoices", "new_name")
    publish(shop, remove=["new_points"])
    assert dataverse.refused(link)[:2] == (400, "0x80044352")
    assert dataverse.scan(other)[0] == []
    assert dataverse.scan(dataverse.delta_link("new_memberships", "new_name"))[0] == []


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ({"type": "String", "length": 5}, "abcde", "abcdef"),
        ({"type": "Memo"}, "x" * 2000, "x" * 2001),
        ({"type": "Integer"}, 7, 2**31),
        ({"type": "Decimal"}, 7.5, "7.5"),
        ({"type": "Boolean"}, True, 1),
        ({"type": "DateOnly"}, "2024-02-29", "2024-02-29T00:00:00Z"),
        ({"type": "DateTime"}, "2024-02-29T08:00:00Z", "soon"),
        ({"type": "Picklist", "options": {"7": "Seven"}}, 7, 8),
        ({"type": "MultiSelectPicklist", "options": {"7": "Seven", "8": "Eight"}}, "7,8", "9"),
    ],
)
def test_an_added_column_can_be_read_and_written_at_once(
    shop: Sandbox, dataverse: Dataverse, column: dict[str, Any], good: object, bad: object
) -> None:
    publish(shop, add=[{"name": "new_extra", **column}])
    told = attribute(dataverse, "new_extra").json()["AttributeTypeName"]["Value"]
    assert told == {"DateOnly": "DateTime"}.get(column["type"], column["type"]) + "Type"
    rows = dataverse.scan("new_memberships?$select=new_extra", "odata.track-changes")[0]
    assert {row["new_extra"] for row in rows} == {None}
    path = f"new_memberships({rows[0]['new_membershipid']})"
    assert dataverse.send("PATCH", path, {"new_extra": good}, If_Match="*").status_code == 204
    assert dataverse.get(path)["new_extra"] == good
    assert dataverse.send("PATCH", path, {"new_extra": bad}, If_Match="*").status_code == 400


def test_an_added_lookup_leads_to_its_table_and_loses_its_link_with_it(shop: Sandbox, dataverse: Dataverse) -> None:
    publish(shop, add=[{"name": "new_lastinvoiceid", "type": "Lookup", "targets": ["new_invoice"]}])
    assert attribute(dataverse, "new_lastinvoiceid").json()["Targets"] == ["new_invoice"]
    membership, invoice = next(iter(stored(shop, TABLE))), next(iter(stored(shop, "new_invoice")))
    bind = {"new_Lastinvoiceid@odata.bind": f"/new_invoices({invoice})"}
    assert dataverse.send("PATCH", f"new_memberships({membership})", bind, If_Match="*").status_code == 204
    assert stored(shop, TABLE)[membership]["_new_lastinvoiceid_value"] == invoice
    shop.admin.delete(f"/dynamics/tables/new_invoice/{invoice}")
    assert "_new_lastinvoiceid_value" not in stored(shop, TABLE)[membership]


def test_a_lookup_to_several_tables_says_to_which_it_leads(shop: Sandbox, dataverse: Dataverse) -> None:
    publish(shop, add=[{"name": "new_payerid", "type": "Customer", "targets": ["account", "contact"]}])
    membership, account = next(iter(stored(shop, TABLE))), next(iter(stored(shop, "account")))
    bind = {"new_Payerid_account@odata.bind": f"/accounts({account})"}
    assert dataverse.send("PATCH", f"new_memberships({membership})", bind, If_Match="*").status_code == 204
    annotation = "Microsoft.Dynamics.CRM.lookuplogicalname"
    path = f"new_memberships({membership})?$select=_new_payerid_value"
    shown = dataverse.get(path, f'odata.include-annotations="{annotation}"')
    assert (shown["_new_payerid_value"], shown[f"_new_payerid_value@{annotation}"]) == (account, "account")


def test_added_money_brings_its_base_value_and_a_currency(shop: Sandbox, dataverse: Dataverse) -> None:
    publish(shop, add=[{"name": "new_fee", "type": "Money"}])
    row_id = next(iter(stored(shop, TABLE)))
    shop.admin.patch(f"/dynamics/tables/{TABLE}/{row_id}", {"new_fee": 12.5})
    shown = dataverse.get(f"new_memberships({row_id})?$select=new_fee,new_fee_base")
    assert (shown["new_fee"], shown["new_fee_base"]) == (12.5, 12.5)
    assert shown["_transactioncurrencyid_value"]


def test_a_changed_length_and_changed_options_hold_from_then_on(shop: Sandbox, dataverse: Dataverse) -> None:
    # Given a row with a value of either kind
    row_id = next(iter(stored(shop, TABLE)))
    shop.admin.patch(f"/dynamics/tables/{TABLE}/{row_id}", {"new_number": "x" * 20, "new_tier": 3})
    # When the column becomes shorter and the option goes
    publish(shop, change={"new_number": {"length": 5}, "new_tier": {"options": {"1": "Bronze", "4": "Platinum"}}})
    # Then what is there stays, and new values meet the new rules
    path = f"new_memberships({row_id})"
    shown = dataverse.get(path, 'odata.include-annotations="*"')
    assert (shown["new_number"], shown["new_tier"]) == ("x" * 20, 3)
    assert "new_tier@OData.Community.Display.V1.FormattedValue" not in shown
    assert attribute(dataverse, "new_number").json()["MaxLength"] == 5
    for body, status in [
        ({"new_number": "x" * 6}, 400),
        ({"new_number": "x" * 5}, 204),
        ({"new_tier": 3}, 400),
        ({"new_tier": 4}, 204),
    ]:
        assert dataverse.send("PATCH", path, body, If_Match="*").status_code == status


def test_a_column_of_another_type_begins_empty(shop: Sandbox, dataverse: Dataverse) -> None:
    publish(shop, change={"new_points": {"type": "String", "length": 10}})
    rows = dataverse.scan("new_memberships?$select=new_points", "odata.track-changes")[0]
    assert {row["new_points"] for row in rows} == {None}
    assert attribute(dataverse, "new_points").json()["AttributeType"] == "String"


def test_made_up_changes_go_on_with_the_columns_that_are_left(shop: Sandbox, dataverse: Dataverse) -> None:
    publish(
        shop,
        remove=["new_score", "new_tier", "new_sponsorid"],
        change={"new_points": {"type": "String", "length": 2}, "new_interests": {"options": {"9": "Chess"}}},
    )
    link = dataverse.delta_link("new_memberships")
    changed = shop.admin.post(f"/dynamics/tables/{TABLE}/change", {"count": 60})["ids"]
    created = shop.admin.post(f"/dynamics/tables/{TABLE}/create", {"count": 30})["ids"]
    elements = dataverse.scan(link)[0]
    assert {row["new_membershipid"] for row in elements} == {*changed, *created}
    assert all(len(row["new_points"] or "") <= 2 for row in elements)
    assert not [row for row in elements if {"new_score", "new_tier", "_new_sponsorid_value"} & row.keys()]
    assert all(row["_new_contactid_value"] for row in elements)


def test_a_contacts_column_can_go_too_and_a_reset_brings_everything_back(shop: Sandbox, dataverse: Dataverse) -> None:
    before = shop.admin.contacts()
    told = shop.admin.post("/dynamics/publish", {"table": "contact", "remove": ["emailaddress1", "middlename"]})
    assert "emailaddress1" not in told["columns"]
    shop.admin.post("/dynamics/change", {"count": 20})
    shop.admin.post("/dynamics/publish", {"table": "contact", "change_tracking": False})
    assert dataverse.refused("contacts", "odata.track-changes")[1] == "0x80072491"
    assert not [row for row in shop.admin.contacts().values() if "emailaddress1" in row]
    shop.admin.post("/reset")
    assert shop.admin.contacts() == before
    assert dataverse.scan("contacts?$select=emailaddress1", "odata.track-changes")[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"remove": ["nosuch"]}, "There is no column new_membership.nosuch."),
        ({"remove": ["new_membershipid"]}, "new_membership.new_membershipid belongs to the platform"),
        ({"change": {"statecode": {"options": {}}}}, "new_membership.statecode belongs to the platform"),
        ({"add": [{"name": "new_tier"}]}, "new_membership.new_tier is there already"),
        ({"add": [{"name": "new_x", "type": "Colour"}]}, "new_x cannot be of the type Colour"),
        ({"add": [{"name": "new_x", "type": "Integer", "length": 3}]}, "a length belongs to String and Memo"),
        ({"add": [{"name": "new_x", "type": "Picklist"}]}, "belong to Picklist"),
        ({"add": [{"name": "new_x", "type": "Lookup"}]}, "targets belong to Lookup"),
        ({"add": [{"name": "new_x", "type": "Lookup", "targets": ["nosuch"]}]}, "There is no table nosuch"),
        ({"add": [{"name": "New X"}]}, "is no column's name"),
        ({"add": [{"name": "new_x", "lenght": 3}]}, "new_x.lenght is not known"),
        ({"change": {"new_points": {"length": 3}}}, "a length belongs to String and Memo"),
        ({"added": []}, "added is not known here"),
        ({"table": "nosuch"}, "There is no table nosuch"),
        ({"change_tracking": "yes"}, "must name a table"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_published(shop: Sandbox, change: dict[str, Any], sentence: str) -> None:
    url = shop.info["admin"]["url"] + "/dynamics/publish"
    dataverse = Dataverse(shop)
    before = dataverse.get(f"EntityDefinitions(LogicalName='{TABLE}')/Attributes")
    # Given a change that would be good, and one with a mistake
    body = {"table": TABLE, **change, "remove": ["new_score", *change.get("remove", [])]}
    # When both are published together
    answer = requests.post(url, json=body, timeout=10)
    # Then neither is
    assert answer.status_code in (400, 404)
    assert sentence in answer.json()["error"]
    assert dataverse.get(f"EntityDefinitions(LogicalName='{TABLE}')/Attributes") == before
