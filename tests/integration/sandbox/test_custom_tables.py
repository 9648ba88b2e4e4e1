"""The custom tables of the pretend Dataverse: memberships, invoices, lines, and how they hang together."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.sandbox.dataverse_client import Dataverse, stored
from tests.sandboxes import Sandbox

TABLES = {"new_membership": 60, "new_invoice": 90, "new_invoiceline": 150}
PARENTS = {
    "new_membership": ("_new_contactid_value", "contact"),
    "new_invoice": ("_new_membershipid_value", "new_membership"),
    "new_invoiceline": ("_new_invoiceid_value", "new_invoice"),
}
FORMATTED = "OData.Community.Display.V1.FormattedValue"


@pytest.fixture
def dataverse(shop: Sandbox) -> Dataverse:
    return Dataverse(shop)


@pytest.mark.parametrize("table", TABLES)
def test_a_full_read_serves_every_row_with_a_parent_that_is_there(
    shop: Sandbox, dataverse: Dataverse, table: str
) -> None:
    wire, parent = PARENTS[table]
    rows, link = dataverse.scan(f"{table}s?$select=new_name,{wire}", "odata.track-changes,odata.maxpagesize=40")
    assert {row[f"{table}id"] for row in rows} == stored(shop, table).keys()
    assert len(rows) == TABLES[table]
    assert {row[wire] for row in rows} <= stored(shop, parent).keys()
    assert "$deltatoken=" in link


def test_nothing_in_the_versions_puts_parents_first(shop: Sandbox) -> None:
    for table, (wire, parent) in PARENTS.items():
        versions = {key: row["versionnumber"] for key, row in stored(shop, parent).items()}
        assert all(row["versionnumber"] < versions[row[wire]] for row in stored(shop, table).values())


def test_a_sandbox_has_no_rows_in_custom_tables_unless_asked(sandbox: Sandbox) -> None:
    assert [stored(sandbox, table) for table in TABLES] == [{}, {}, {}]


def test_a_delta_has_what_was_changed_created_and_deleted(shop: Sandbox, dataverse: Dataverse) -> None:
    # Given memberships that were all read
    link = dataverse.delta_link("new_memberships", "new_name,new_points")
    before = stored(shop, "new_membership")
    # When two change, one comes and one goes
    path = "/dynamics/tables/new_membership"
    gone = next(iter(before))
    changed = shop.admin.post(f"{path}/change", {"ids": list(before)[1:3], "seed": 4})["ids"]
    created = shop.admin.post(f"{path}/create", {"count": 1})["ids"]
    shop.admin.post(f"{path}/delete", {"ids": [gone]})
    # Then the delta says so, and a row that comes back under its old id is a row again
    elements, link = dataverse.scan(link)
    assert [item.get("new_membershipid", item.get("id")) for item in elements] == [*changed, *created, gone]
    assert elements[-1]["reason"] == "deleted"
    assert all(before[row_id]["new_name"] != stored(shop, "new_membership")[row_id]["new_name"] for row_id in changed)
    shop.admin.post(f"{path}/create", {"ids": [gone]})
    assert [item["new_membershipid"] for item in dataverse.scan(link)[0]] == [gone]


def test_the_end_of_a_contact_ends_all_that_hangs_on_it_and_is_told_by_every_table(
    shop: Sandbox, dataverse: Dataverse
) -> None:
    # Given a contact with invoiced memberships, and a membership of somebody else that it sponsors
    links = {table: dataverse.delta_link(f"{table}s") for table in TABLES}
    lines, invoices = stored(shop, "new_invoiceline"), stored(shop, "new_invoice")
    memberships = stored(shop, "new_membership")
    used = {invoices[line["_new_invoiceid_value"]]["_new_membershipid_value"] for line in lines.values()}
    contact = memberships[next(iter(used))]["_new_contactid_value"]
    other = next(key for key, row in memberships.items() if row["_new_contactid_value"] != contact)
    sponsored = {"new_SponsorId@odata.bind": f"/contacts({contact})"}
    shop.admin.patch(f"/dynamics/tables/new_membership/{other}", sponsored)
    gone: dict[str, set[str]] = {}
    ids = {contact}
    for table, (wire, _) in PARENTS.items():
        ids = {key for key, row in stored(shop, table).items() if row[wire] in ids}
        gone[table] = ids
    # When the contact is deleted through the API
    assert dataverse.send("DELETE", f"contacts({contact})").status_code == 204
    # Then its memberships, their invoices and their lines are deletions in their deltas, and the sponsor is no more
    assert all(gone.values())
    for table, link in links.items():
        elements = dataverse.scan(link)[0]
        assert {item["id"] for item in elements if "reason" in item} == gone[table]
        assert not stored(shop, table).keys() & gone[table]
    after = stored(shop, "new_membership")[other]
    assert "_new_sponsorid_value" not in after
    assert after["versionnumber"] > memberships[other]["versionnumber"]


def test_a_child_that_has_moved_stays_when_its_former_parent_ends(shop: Sandbox) -> None:
    line, row = next(iter(stored(shop, "new_invoiceline").items()))
    former = row["_new_invoiceid_value"]
    other = next(key for key in stored(shop, "new_invoice") if key != former)
    bind = {"new_InvoiceId@odata.bind": f"/new_invoices({other})"}
    shop.admin.patch(f"/dynamics/tables/new_invoiceline/{line}", bind)
    shop.admin.delete(f"/dynamics/tables/new_invoice/{former}")
    assert line in stored(shop, "new_invoiceline")
    shop.admin.delete(f"/dynamics/tables/new_invoice/{other}")
    assert line not in stored(shop, "new_invoiceline")


def test_where_links_are_removed_instead_children_stay_without_their_parent(
    shop: Sandbox, dataverse: Dataverse
) -> None:
    shop.admin.put("/switches", {"cascade": "remove_link"})
    invoice = next(iter(stored(shop, "new_invoiceline").values()))["_new_invoiceid_value"]
    lines = [key for key, row in stored(shop, "new_invoiceline").items() if row["_new_invoiceid_value"] == invoice]
    link = dataverse.delta_link("new_invoicelines", "_new_invoiceid_value")
    shop.admin.delete(f"/dynamics/tables/new_invoice/{invoice}")
    elements = dataverse.scan(link)[0]
    assert {item["new_invoicelineid"] for item in elements} == set(lines)
    assert {item["_new_invoiceid_value"] for item in elements} == {None}


def test_definitions_tell_types_lengths_options_and_targets(dataverse: Dataverse) -> None:
    path = "EntityDefinitions(LogicalName='new_membership')"
    table = dataverse.get(f"{path}?$expand=Attributes")
    assert (table["EntitySetName"], table["PrimaryIdAttribute"], table["PrimaryNameAttribute"]) == (
        "new_memberships",
        "new_membershipid",
        "new_name",
    )
    assert (table["IsCustomEntity"], table["ChangeTrackingEnabled"]) == (True, True)
    assert table["DisplayName"]["UserLocalizedLabel"]["Label"] == "Membership"
    types = {item["LogicalName"]: item["AttributeTypeName"]["Value"] for item in table["Attributes"]}
    assert {name: kind for name, kind in types.items() if name.startswith("new_") and "name" not in name} == {
        "new_membershipid": "UniqueidentifierType",
        "new_number": "StringType",
        "new_tier": "PicklistType",
        "new_interests": "MultiSelectPicklistType",
        "new_since": "DateTimeType",
        "new_points": "IntegerType",
        "new_active": "BooleanType",
        "new_discount": "DecimalType",
        "new_score": "DoubleType",
        "new_contactid": "LookupType",
        "new_sponsorid": "LookupType",
    }
    cast = f"{path}/Attributes/Microsoft.Dynamics.CRM"
    choices = dataverse.get(f"{cast}.MultiSelectPicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet")
    options = choices["value"][0]["OptionSet"]["Options"]
    assert [(option["Value"], option["Label"]["UserLocalizedLabel"]["Label"]) for option in options] == [
        (1, "Sports"),
        (2, "Music"),
        (3, "Travel"),
        (4, "Food"),
    ]
    lookups = dataverse.get(f"{cast}.LookupAttributeMetadata?$select=LogicalName,Targets")["value"]
    targets = {item["LogicalName"]: item["Targets"] for item in lookups}
    assert (targets["new_contactid"], targets["ownerid"]) == (["contact"], ["systemuser"])
    dates = dataverse.get(f"{cast}.DateTimeAttributeMetadata?$select=LogicalName,DateTimeBehavior")["value"]
    assert {item["LogicalName"]: item["DateTimeBehavior"]["Value"] for item in dates}["new_since"] == "DateOnly"
    invoice = dataverse.get("EntityDefinitions(LogicalName='new_invoice')?$expand=Attributes")
    more = {item["LogicalName"]: item["AttributeTypeName"]["Value"] for item in invoice["Attributes"]}
    assert (more["new_total"], more["new_issuedon"], more["new_paid"]) == ("MoneyType", "DateTimeType", "BooleanType")
    assert '<Property Name="new_interests" Type="Edm.String"/>' in dataverse.send("GET", "$metadata").text


def test_the_texts_behind_numbers_and_lookups_are_attributes_but_no_properties(dataverse: Dataverse) -> None:
    attributes = dataverse.get("EntityDefinitions(LogicalName='new_membership')/Attributes")["value"]
    shadows = {item["LogicalName"]: item["AttributeOf"] for item in attributes if item["AttributeOf"] is not None}
    assert (shadows["new_tiername"], shadows["new_contactidname"]) == ("new_tier", "new_contactid")
    for name in ("new_tiername", "new_contactidname", "new_contactid"):
        status, code, text = dataverse.refused(f"new_memberships?$select={name}")
        assert (status, code) == (400, "0x80060888")
        assert text == f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.new_membership'."


def test_relationships_are_told_and_can_be_walked_both_ways(shop: Sandbox, dataverse: Dataverse) -> None:
    path = "EntityDefinitions(LogicalName='new_invoice')/ManyToOneRelationships"
    found = next(item for item in dataverse.get(path)["value"] if item["ReferencingAttribute"] == "new_membershipid")
    assert (found["ReferencedEntity"], found["ReferencingEntityNavigationPropertyName"]) == (
        "new_membership",
        "new_MembershipId",
    )
    assert found["CascadeConfiguration"]["Delete"] == "Cascade"
    collection = found["ReferencedEntityNavigationPropertyName"]
    membership = next(iter(stored(shop, "new_invoice").values()))["_new_membershipid_value"]
    wanted = {key for key, row in stored(shop, "new_invoice").items() if row["_new_membershipid_value"] == membership}
    children = dataverse.get(f"new_memberships({membership})/{collection}?$select=new_name")["value"]
    assert {row["new_invoiceid"] for row in children} == wanted
    nested = dataverse.get(f"new_memberships({membership})?$select=new_name&$expand={collection}($select=new_name)")
    assert {row["new_invoiceid"] for row in nested[collection]} == wanted
    parent = dataverse.get(f"new_invoices({next(iter(wanted))})?$expand=new_MembershipId($select=new_name)")
    assert parent["new_MembershipId"]["new_membershipid"] == membership


def test_labels_of_choices_and_names_of_parents_come_when_asked(shop: Sandbox, dataverse: Dataverse) -> None:
    row_id, row = next(iter(stored(shop, "new_membership").items()))
    given = {"new_tier": 3, "new_interests": "4, 1", "new_discount": 2.5, "new_active": False}
    shop.admin.patch(f"/dynamics/tables/new_membership/{row_id}", given)
    select = "new_tier,new_interests,new_discount,new_active,_new_contactid_value"
    shown = dataverse.get(
        f"new_memberships({row_id})?$select={select}",
        f'odata.include-annotations="{FORMATTED},Microsoft.Dynamics.CRM.lookuplogicalname"',
    )
    assert (shown["new_interests"], shown[f"new_interests@{FORMATTED}"]) == ("1,4", "Sports; Food")
    assert (shown[f"new_tier@{FORMATTED}"], shown[f"new_active@{FORMATTED}"]) == ("Gold", "No")
    assert shown[f"new_discount@{FORMATTED}"] == "2.50"
    contact = shop.admin.get(f"/dynamics/contacts/{row['_new_contactid_value']}")
    assert shown[f"_new_contactid_value@{FORMATTED}"] == contact["fullname"]
    assert shown["_new_contactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "contact"


def test_rows_are_written_with_binds_by_the_makers_spelling(shop: Sandbox, dataverse: Dataverse) -> None:
    contact = next(iter(shop.admin.contacts()))
    body = {"new_name": "Trial 1", "new_since": "2024-02-29", "new_ContactId@odata.bind": f"/contacts({contact})"}
    created = dataverse.send("POST", "new_memberships", body, prefer="return=representation").json()
    path = f"new_memberships({created['new_membershipid']})"
    assert (created["_new_contactid_value"], created["new_active"]) == (contact, True)
    wrong = dataverse.send("PATCH", path, {"new_contactid@odata.bind": f"/contacts({contact})"}, If_Match="*")
    assert wrong.json()["error"]["code"] == "0x80048d19"
    assert dataverse.send("PATCH", path, {"new_ContactId@odata.bind": None}, If_Match="*").status_code == 204
    assert dataverse.get(path)["_new_contactid_value"] is None
    assert dataverse.send("DELETE", path).status_code == 204
    assert dataverse.refused(path)[:2] == (404, "0x80040217")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"new_interests": "1,9"}, "0x8004431a"),
        ({"new_interests": [1, 2]}, "0x80048d19"),
        ({"new_tier": 4}, "0x8004431a"),
        ({"new_points": 2_147_483_648}, "0x80044330"),
        ({"new_points": 1.5}, "0x80048d19"),
        ({"new_discount": -1e12}, "0x8004432f"),
        ({"new_number": "x" * 21}, "0x80044331"),
        ({"new_since": "2024-02-30"}, "0x80048d19"),
        ({"new_active": 1}, "0x80048d19"),
        ({"_new_contactid_value": "00000000-0000-4000-8000-000000000000"}, "0x80060888"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_their_code(
    shop: Sandbox, dataverse: Dataverse, body: dict[str, Any], code: str
) -> None:
    row_id, before = next(iter(stored(shop, "new_membership").items()))
    answer = dataverse.send("PATCH", f"new_memberships({row_id})", body, If_Match="*")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert stored(shop, "new_membership")[row_id] == before


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("new_tier eq 2", lambda row: row.get("new_tier") == 2),
        ("new_discount gt 10.5", lambda row: row["new_discount"] > 10.5),
        ("_new_sponsorid_value eq null", lambda row: "_new_sponsorid_value" not in row),
        (
            'Microsoft.Dynamics.CRM.ContainValues(PropertyName=\'new_interests\',PropertyValues=["1","4"])',
            lambda row: {"1", "4"} & set(row.get("new_interests", "").split(",")),
        ),
        (
            "Microsoft.Dynamics.CRM.DoesNotContainValues(PropertyName='new_interests',PropertyValues=[\"1\"])",
            lambda row: "1" not in row.get("new_interests", "").split(","),
        ),
        ("new_ContactId/lastname ne null and new_active eq true", lambda row: row["new_active"]),
        ("new_membership_new_invoice_new_membershipid/any(i:i/new_total gt 0)", None),
    ],
)
def test_filters_reach_choices_links_and_children(shop: Sandbox, dataverse: Dataverse, text: str, test: Any) -> None:
    rows = stored(shop, "new_membership")
    used = {row["_new_membershipid_value"] for row in stored(shop, "new_invoice").values()}
    wanted = {key for key, row in rows.items() if (key in used if test is None else test(row))}
    found = dataverse.get("new_memberships?" + urlencode({"$filter": text, "$select": "new_name"}))["value"]
    assert {row["new_membershipid"] for row in found} == wanted
    assert 0 < len(wanted) < len(rows)


def test_rows_asked_for_by_id_come_in_pages_without_those_that_are_gone(shop: Sandbox, dataverse: Dataverse) -> None:
    # Given seven ids in any case, one of them twice, and one of a row that is not there
    ids = list(stored(shop, "new_invoice"))[:7]
    listed = ",".join(f'"{row_id.upper()}"' for row_id in [*ids, ids[0], "00000000-0000-4000-8000-000000000000"])
    text = f"Microsoft.Dynamics.CRM.In(PropertyName='new_invoiceid',PropertyValues=[{listed}])"
    # When they are read in pages of three, alone and beside another condition
    path = "new_invoices?" + urlencode({"$filter": text, "$select": "new_invoiceid"})
    found, _ = dataverse.scan(path, "odata.maxpagesize=3")
    both = dataverse.get("new_invoices?" + urlencode({"$filter": f"{text} and new_paid eq true"}))["value"]
    # Then each that exists comes once
    assert [row["new_invoiceid"] for row in found] == sorted(ids)
    paid = {row_id for row_id in ids if stored(shop, "new_invoice")[row_id]["new_paid"]}
    assert {row["new_invoiceid"] for row in both} == paid
    # And a lookup may stand by its logical name
    membership = stored(shop, "new_invoice")[ids[0]]["_new_membershipid_value"]
    text = f"Microsoft.Dynamics.CRM.In(PropertyName='new_membershipid',PropertyValues=[\"{membership}\"])"
    children = dataverse.get("new_invoices?" + urlencode({"$filter": text, "$select": "new_name"}))["value"]
    assert ids[0] in {row["new_invoiceid"] for row in children}


def test_tracking_is_switched_by_table(shop: Sandbox, dataverse: Dataverse) -> None:
    shop.admin.put("/switches", {"change_tracking": {"new_invoice": False}})
    assert dataverse.refused("new_invoices", "odata.track-changes")[:2] == (400, "0x80072491")
    query = "EntityDefinitions?$select=LogicalName,ChangeTrackingEnabled&$filter=IsActivity eq false"
    tracked = {item["LogicalName"]: item["ChangeTrackingEnabled"] for item in dataverse.get(query)["value"]}
    assert tracked == {
        "account": True,
        "contact": True,
        "new_invoice": False,
        "new_invoiceline": True,
        "new_membership": True,
    }


def test_the_organisation_tells_how_long_delta_tokens_live(shop: Sandbox, dataverse: Dataverse) -> None:
    path = "organizations?$select=expirechangetrackingindays"
    found = dataverse.get(path)
    assert [row["expirechangetrackingindays"] for row in found["value"]] == [7]
    assert isinstance(found["value"][0]["expirechangetrackingindays"], int)
    assert found["value"][0]["organizationid"] == dataverse.get("WhoAmI")["OrganizationId"]
    shop.admin.put("/switches", {"expire_change_tracking_days": 30})
    assert dataverse.get(path)["value"][0]["expirechangetrackingindays"] == 30
    # And with a role that may not read it, this one thing is refused
    shop.admin.put("/switches", {"organization_settings": False})
    assert dataverse.refused(path)[:2] == (403, "0x80040220")
    assert dataverse.get("contacts?$select=lastname&$top=1")["value"]


def test_money_comes_with_its_currency_and_its_base_value(shop: Sandbox, dataverse: Dataverse) -> None:
    row_id, row = next(iter(stored(shop, "new_invoice").items()))
    shown = dataverse.get(f"new_invoices({row_id})?$select=new_total")
    assert shown["_transactioncurrencyid_value"] == row["_transactioncurrencyid_value"]
    assert row["new_total_base"] == row["new_total"] == shown["new_total"]


def test_bulk_writes_that_fail_leave_parents_and_children_as_they_were(shop: Sandbox, dataverse: Dataverse) -> None:
    # Given an invoice, and a bulk update that moves one of its lines away before it fails
    line, row = next(iter(stored(shop, "new_invoiceline").items()))
    invoice = row["_new_invoiceid_value"]
    other = next(key for key in stored(shop, "new_invoice") if key != invoice)
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.new_invoiceline", "new_invoicelineid": line}
    move = {**kind, "new_InvoiceId@odata.bind": f"/new_invoices({other})"}
    targets = {"Targets": [move, {**kind, "nosuch": 1}]}
    path = "new_invoicelines/Microsoft.Dynamics.CRM.UpdateMultiple"
    assert dataverse.send("POST", path, targets).status_code == 400
    # When the invoices end
    shop.admin.delete(f"/dynamics/tables/new_invoice/{other}")
    assert line in stored(shop, "new_invoiceline")
    shop.admin.delete(f"/dynamics/tables/new_invoice/{invoice}")
    # Then the line went with the one it belongs to
    assert line not in stored(shop, "new_invoiceline")
