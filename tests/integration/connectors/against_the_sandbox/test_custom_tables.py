"""Custom tables and resources, lookups and links, and schemas that change meanwhile, against the sandbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from config.ingress import CampaignKey
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.dynamics_pages import Row
from connectors.errors import (
    AlreadyExists,
    CursorExpired,
    LinkMissing,
    NotFound,
    SchemaRefused,
    TableMissing,
)
from tests.sandboxes import Admin, Sandbox

BY_CRM_ID = CampaignKey(field="crmId", filter="byCrmId", parameter="crmId_parameter")
BY_EXTERNAL_ID = CampaignKey()
NOWHERE = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="session")
def shared_sandbox(start_sandbox: Callable[..., Sandbox]) -> Sandbox:
    return start_sandbox("--contacts", "60", "--accounts", "20", "--memberships", "40", "--invoices", "40")


def live(rows: list[Row]) -> dict[str, dict[str, object]]:
    return {row.id: row.values for row in rows if row.values is not None}


# Dynamics


def test_tables_are_listed_with_what_a_mapping_must_know(dynamics: Dynamics) -> None:
    tables = {summary.name: summary for summary in dynamics.tables(10)}
    assert {"account", "contact", "new_membership", "new_invoice", "new_invoiceline"} <= tables.keys()
    membership = tables["new_membership"]
    assert (membership.set_name, membership.change_tracking, membership.custom) == ("new_memberships", True, True)
    assert not tables["contact"].custom


def test_the_definition_of_a_custom_table_is_read(dynamics: Dynamics) -> None:
    columns = dynamics.table("new_membership", 10).columns
    assert (columns["new_contactid"].type, columns["new_contactid"].targets) == ("Lookup", ("contact",))
    assert columns["ownerid"].type == "Owner"
    assert columns["new_interests"].type == "MultiSelectPicklist"
    assert columns["new_interests"].options == {1: "Sports", 2: "Music", 3: "Travel", 4: "Food"}
    # And every column that it names can be read
    page = dynamics.first_page(dynamics.table("new_membership", 10), sorted(columns), timeout=10, page_size=1)
    assert page.rows[0].values is not None
    assert set(page.rows[0].values) == set(columns)


def test_a_lookup_to_one_of_two_tables_tells_which(dynamics: Dynamics, admin: Admin) -> None:
    # Given contacts some of which belong to an account
    table = dynamics.table("contact", 10)
    columns, tables = ("lastname", "parentcustomerid"), ["parentcustomerid"]
    page = dynamics.first_page(table, columns, tables=tables, timeout=10)
    read = live(page.rows)
    raw = admin.contacts()
    assert {id_: values["parentcustomerid"] for id_, values in read.items()} == {
        id_: row.get("_parentcustomerid_value") for id_, row in raw.items()
    }
    linked = [values for values in read.values() if values["parentcustomerid"]]
    assert 0 < len(linked) < len(read)
    assert {values["parentcustomerid@table"] for values in linked} == {"account"}
    assert all("parentcustomerid@table" not in values for values in read.values() if not values["parentcustomerid"])
    # When one of them comes to belong to a contact, then the change tells so
    moved, other = [id_ for id_, values in read.items() if values["parentcustomerid"]][:2]
    bound = {"lastname": "Moved", "parentcustomerid_contact@odata.bind": f"/contacts({other})"}
    admin.patch(f"/dynamics/contacts/{moved}", bound)
    assert page.delta_link is not None
    changes = dynamics.follow(table, page.delta_link, columns, tables=tables, timeout=10)
    assert live(changes.rows) == {
        moved: {"lastname": "Moved", "parentcustomerid": other, "parentcustomerid@table": "contact"}
    }


def test_one_row_is_told_as_a_page_tells_it(dynamics: Dynamics) -> None:
    table = dynamics.table("new_membership", 10)
    columns, labels = ("new_contactid", "new_tier", "new_interests"), ["new_tier", "new_interests"]
    rows = dynamics.first_page(table, columns, labels=labels, timeout=10).rows
    assert any("new_interests@label" in (row.values or {}) for row in rows)
    for row in rows[:10]:
        assert dynamics.row(table, row.id, columns, labels=labels, timeout=10) == row
    assert dynamics.row(table, NOWHERE, columns, timeout=10) is None


@pytest.mark.parametrize("page_size", [3, 5000])
def test_rows_that_are_gone_are_told_from_those_that_are_there(
    dynamics: Dynamics, admin: Admin, page_size: int
) -> None:
    admin.put("/switches", {"max_page_size": page_size})
    table = dynamics.table("contact", 10)
    ids = sorted(admin.contacts())
    admin.post("/dynamics/delete", {"ids": ids[::3]})
    assert dynamics.existing(table, [*ids, NOWHERE], 10) == set(ids) - set(ids[::3])


def test_rows_that_link_to_others_come_page_by_page_in_the_order_of_their_ids(dynamics: Dynamics) -> None:
    # Given all memberships, and the holders of most of them
    table, columns = dynamics.table("new_membership", 10), ("new_contactid", "new_tier")
    rows = sorted(dynamics.first_page(table, columns, timeout=10).rows)
    holders = sorted({str(row.values["new_contactid"]) for row in rows if row.values})[:-2]
    # When the memberships of these are asked for, three at a time
    pages = [dynamics.linked(table, "new_contactid", holders, columns, timeout=10, page_size=3)]
    while link := pages[-1].next_link:
        pages.append(dynamics.linked(table, "new_contactid", holders, columns, link, timeout=10, page_size=3))
    # Then each comes once
    assert [row for page in pages for row in page.rows] == [
        row for row in rows if row.values and row.values["new_contactid"] in holders
    ]
    assert len(pages) > 5 and max(len(page.rows) for page in pages) == 3


def test_the_life_of_change_tokens_is_the_organisations(dynamics: Dynamics, admin: Admin) -> None:
    admin.put("/switches", {"expire_change_tracking_days": 30})
    assert dynamics.token_days(10) == 30
    admin.put("/switches", {"organization_settings": False})
    assert dynamics.token_days(10) is None


@pytest.mark.parametrize(("after", "error"), [("kept", SchemaRefused), ("expired", CursorExpired)])
def test_a_column_that_is_removed_meanwhile_is_named(
    dynamics: Dynamics, admin: Admin, after: str, error: type[Exception]
) -> None:
    # Given a scan and a position of change tracking
    admin.put("/switches", {"delta_after_publish": after})
    table = dynamics.table("new_membership", 10)
    columns = ("new_name", "new_sponsorid")
    page = dynamics.first_page(table, columns, timeout=10)
    # When a lookup is removed
    admin.post("/dynamics/publish", {"table": "new_membership", "remove": ["new_sponsorid"]})
    # Then its name is told, if not by the position then by the next full read
    assert page.delta_link is not None
    with pytest.raises(error):
        dynamics.follow(table, page.delta_link, columns, timeout=10)
    with pytest.raises(SchemaRefused) as caught:
        dynamics.first_page(table, columns, timeout=10)
    assert caught.value.field == "new_sponsorid"
    with pytest.raises(SchemaRefused):
        dynamics.row(table, page.rows[0].id, columns, timeout=10)


# Campaign


def test_resources_and_their_filters_are_listed(campaign: Campaign) -> None:
    resources = {summary.name: summary for summary in campaign.resources(10)}
    assert {"profile", "service", "cusMembership", "cusInvoice", "cusInvoiceLine", "cusStore"} <= resources.keys()
    assert resources["cusInvoiceLine"].api == "profileAndServicesExt"
    assert resources["cusStore"].api == "customResources"
    assert campaign.filters("cusMembership", 10) == ["byCrmId"]
    assert campaign.filters("cusStore", 10) == ["byCrmId"]
    assert {"byExternalId", "byEmail"} <= set(campaign.filters("profile", 10))


def test_the_description_of_a_custom_resource_tells_its_links(campaign: Campaign) -> None:
    fields = campaign.resource("cusMembership", 10).fields
    assert (fields["holder"].type, fields["holder"].target) == ("link", "profile")
    assert (fields["invoiceslink"].type, fields["invoiceslink"].target) == ("collection", "cusInvoice")
    assert set(fields["tier"].values) == {"none", "bronze", "silver", "gold"}
    assert campaign.resource("cusInvoice", 10).fields["membershipId"].type == "string"
    label = campaign.resource("cusInvoiceLine", 10).fields["label"]
    assert (label.mandatory, label.length) == (True, 100)


def test_a_child_is_linked_by_the_pkey_of_its_parent_and_unlinked_by_null(campaign: Campaign, admin: Admin) -> None:
    campaign.create("profile", {"externalId": "p-1", "email": "a@example.com"}, 10)
    [parent] = campaign.find("profile", BY_EXTERNAL_ID, "p-1", 10)
    link = {"PKey": parent}
    child = campaign.create("cusMembership", {"crmId": "m-1", "holder": link, "sponsor": link}, 10)
    assert campaign.find("cusMembership", BY_CRM_ID, "m-1", 10) == [child]
    assert admin.get("/campaign/resources/cusMembership/m-1")["sponsor"]["PKey"] == parent
    campaign.update("cusMembership", child, {"sponsor": None}, 10)
    assert admin.get("/campaign/resources/cusMembership/m-1")["sponsor"] is None


@pytest.mark.parametrize("status", ["404", "500"])
@pytest.mark.parametrize("shape", ["error_code", "code", "text"])
def test_a_link_to_a_parent_that_was_deleted_names_the_link(
    campaign: Campaign, admin: Admin, status: str, shape: str
) -> None:
    # Given a child, and a parent whose PKey was asked for before it was deleted
    admin.put("/switches", {"deleted_link": status, "error_shape": shape})
    holder = campaign.create("profile", {"externalId": "p-1", "email": "a@example.com"}, 10)
    gone = campaign.create("profile", {"externalId": "p-2", "email": "a@example.com"}, 10)
    child = campaign.create("cusMembership", {"crmId": "m-1", "holder": {"PKey": holder}}, 10)
    campaign.delete("profile", gone, 10)
    # Then neither an update nor a creation takes the record or the resource for missing
    values = {"number": "1", "holder": {"PKey": holder}, "sponsor": {"PKey": gone}}
    with pytest.raises(LinkMissing) as of_update:
        campaign.update("cusMembership", child, values, 10)
    with pytest.raises(LinkMissing) as of_create:
        campaign.create("cusMembership", {"crmId": "m-2", **values}, 10)
    assert of_update.value.field == of_create.value.field == "sponsor"
    # And a child that is gone itself is not found
    campaign.delete("cusMembership", child, 10)
    with pytest.raises(NotFound):
        campaign.update("cusMembership", child, {"holder": {"PKey": holder}}, 10)


def test_a_child_without_its_required_parent_is_hidden_though_its_key_is_taken(
    campaign: Campaign, admin: Admin
) -> None:
    # Given an invoice whose membership is not there yet
    invoice = {"crmId": "i-1", "number": "1", "membershipId": "m-1"}
    pkey = campaign.create("cusInvoice", invoice, 10)
    # Then it is not found, not changed and not deleted, and cannot be made again
    assert campaign.find("cusInvoice", BY_CRM_ID, "i-1", 10) == []
    with pytest.raises(NotFound):
        campaign.update("cusInvoice", pkey, {"number": "2"}, 10)
    with pytest.raises(NotFound):
        campaign.delete("cusInvoice", pkey, 10)
    with pytest.raises(AlreadyExists):
        campaign.create("cusInvoice", invoice, 10)
    # And when its membership is made, it appears
    holder = campaign.create("profile", {"externalId": "p-1", "email": "a@example.com"}, 10)
    campaign.create("cusMembership", {"crmId": "m-1", "holder": {"PKey": holder}}, 10)
    assert campaign.find("cusInvoice", BY_CRM_ID, "i-1", 10) == [pkey]


def test_a_field_that_is_removed_or_locked_meanwhile_is_named(campaign: Campaign, admin: Admin) -> None:
    pkey = campaign.create("cusStore", {"crmId": "s-1", "name": "North", "city": "Oslo"}, 10)
    admin.post("/campaign/publish", {"resource": "cusStore", "change": {"name": {"read_only": True}}})
    with pytest.raises(SchemaRefused) as locked:
        campaign.update("cusStore", pkey, {"name": "South", "city": "Oslo"}, 10)
    assert locked.value.field == "name"
    admin.post("/campaign/publish", {"resource": "cusStore", "remove": ["city"]})
    with pytest.raises(SchemaRefused) as of_update:
        campaign.update("cusStore", pkey, {"city": "Bergen"}, 10)
    with pytest.raises(SchemaRefused) as of_create:
        campaign.create("cusStore", {"crmId": "s-2", "city": "city"}, 10)
    assert of_update.value.field == of_create.value.field == "city"


def test_a_resource_that_is_nowhere_is_told(campaign: Campaign) -> None:
    with pytest.raises(TableMissing, match="cusNothing"):
        campaign.resource("cusNothing", 10)
    with pytest.raises(TableMissing, match="cusNothing"):
        campaign.create("cusNothing", {}, 10)
