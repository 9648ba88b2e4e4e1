"""What Campaign says about its resources, against answers that are rare, wrong or undocumented."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.campaign import Campaign
from connectors.campaign_metadata import CampaignField, ResourceSummary
from connectors.errors import ForeignLink, Malformed, TableMissing, Unavailable
from tests.integration.connectors.odd_server import OddServer, Reply

API = "/acme/campaign/profileAndServicesExt"


def listed(name: str, help_: str) -> dict[str, Any]:
    return {"content": {}, "data": f"/x/{name}/", "help": help_, "href": "", "name": name, "type": "collection"}


def test_a_description_tells_links_and_what_must_be_filled(server: OddServer, campaign: Campaign) -> None:
    content = {
        "crmId": {"type": "string", "length": "100", "mandatory": True, "readOnly": False, "label": "CRM id"},
        "holder": {"type": "link", "resTarget": "profile", "mandatory": "true", "content": {"email": {}}},
        "invoices": {"type": "collection", "resTarget": "cusInvoice", "readOnly": "true"},
        "tier": {"type": "enumeration", "values": {"none": {}, "gold": {}}, "mandatory": "false"},
        "place": {"type": "element", "content": {"city": {"type": "string", "mandatory": True}}},
    }
    server.replies = [Reply(json={"content": content})]
    fields = campaign.resource("cusMembership", 5).fields
    assert list(fields.values()) == [
        CampaignField("crmId", "string", 100, mandatory=True, label="CRM id"),
        CampaignField("holder", "link", mandatory=True, target="profile"),
        CampaignField("invoices", "collection", read_only=True, target="cusInvoice"),
        CampaignField("tier", "enumeration", values=("none", "gold")),
        CampaignField("place.city", "string", mandatory=True),
    ]


def test_resources_are_those_out_of_the_box_and_those_the_apis_list(server: OddServer, campaign: Campaign) -> None:
    # Given an index that also lists what is neither profile, service nor custom
    linked = {
        "apiName": "resourceType",
        "cusMembership": listed("cusMembership", "Membership"),
        "profile": listed("profile", "Identified profiles"),
        "orgUnitBase": listed("orgUnitBase", "Organizational units"),
    }
    server.replies = [Reply(json=linked), Reply(json={"cusStore": listed("cusStore", "Store")})]
    assert campaign.resources(5) == [
        ResourceSummary("cusMembership", "profileAndServicesExt", "Membership"),
        ResourceSummary("cusStore", "customResources", "Store"),
        ResourceSummary("profile", "profileAndServicesExt", "Profiles"),
        ResourceSummary("service", "profileAndServicesExt", "Services"),
    ]
    assert [call.path for call in server.calls] == [f"{API}/", "/acme/campaign/customResources/"]
    # And where a listed resource stands need not be asked
    server.replies = [Reply(201, json={"PKey": "@1"})]
    campaign.create("cusStore", {}, 5)
    assert server.calls[-1].path == "/acme/campaign/customResources/cusStore"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404),
        Reply(400),
        Reply(500, json={"code": 500, "message": "Oops. Something went wrong. Check your URI and try again."}),
        Reply(500, json={"message": "RST-360011 An error has occurred - please contact your administrator."}),
        Reply(body=b"<html>"),
        Reply(json=[]),
    ],
)
def test_an_api_without_an_index_adds_nothing(server: OddServer, campaign: Campaign, reply: Reply) -> None:
    server.replies = [Reply(json={"cusMembership": listed("cusMembership", "Membership")}), reply]
    assert [summary.name for summary in campaign.resources(5)] == ["cusMembership", "profile", "service"]


def test_without_an_extended_api_there_are_profiles_and_services(server: OddServer, campaign: Campaign) -> None:
    assert [summary.name for summary in campaign.resources(5)] == ["profile", "service"]


@pytest.mark.parametrize(("reply", "error"), [(Reply(503), Unavailable), (Reply(body=b"<html>"), Malformed)])
def test_trouble_with_the_documented_index_is_told(
    server: OddServer, campaign: Campaign, reply: Reply, error: type[Exception]
) -> None:
    server.replies = [reply]
    with pytest.raises(error):
        campaign.resources(5)


def test_filters_are_told_as_addresses_take_them(server: OddServer, campaign: Campaign) -> None:
    # Given filters some of which are listed without the "by" that their address has
    filters = {
        "byText": {"data": "/profileAndServicesExt/profile/byText?text=$value"},
        "crmId": {"data": "/profileAndServicesExt/profile/byCrmId?crmId_parameter=$value"},
        "byPlain": {"data": ""},
        "byBare": {},
        "apiName": "filter",
    }
    link = f"{server.origin}{API}/resourceType/@key/filters/"
    server.replies = [Reply(json={"content": {}, "filters": {"href": link}}), Reply(json=filters)]
    assert campaign.filters("profile", 5) == ["byBare", "byCrmId", "byPlain", "byText"]
    assert [call.path for call in server.calls] == [f"{API}/resourceType/profile", f"{API}/resourceType/@key/filters/"]


@pytest.mark.parametrize("described", [{}, {"filters": {}}, {"filters": "x"}, {"filters": {"href": None}}])
def test_a_description_that_is_silent_about_filters_does_not_say_that_there_are_none(
    server: OddServer, campaign: Campaign, described: dict[str, Any]
) -> None:
    server.replies = [Reply(json={"content": {}, **described})]
    with pytest.raises(Malformed, match="filters"):
        campaign.filters("profile", 5)


def test_filters_of_a_stranger_are_not_asked_for(server: OddServer, campaign: Campaign) -> None:
    server.replies = [Reply(json={"filters": {"href": "https://elsewhere.example/filters/"}})]
    with pytest.raises(ForeignLink):
        campaign.filters("profile", 5)


def test_the_filters_of_a_resource_that_is_nowhere_are_not_told(server: OddServer, campaign: Campaign) -> None:
    server.script = lambda call: Reply(404)
    with pytest.raises(TableMissing):
        campaign.filters("cusVehicle", 5)


def test_where_a_custom_resource_stands_is_asked_once(server: OddServer, campaign: Campaign) -> None:
    # Given a custom resource that is not linked to profiles
    described = {"content": {"plate": {"type": "string", "length": "20", "readOnly": False}}}
    server.replies = [
        Reply(404),
        Reply(json=described),
        Reply(201, json={"PKey": "@1"}),
        Reply(201, json={"PKey": "@2"}),
    ]
    # When two records of it are made
    campaign.create("cusVehicle", {"plate": "1"}, 5)
    campaign.create("cusVehicle", {"plate": "2"}, 5)
    # Then both are made where it stands
    assert [(call.method, call.path) for call in server.calls] == [
        ("GET", "/acme/campaign/profileAndServicesExt/resourceType/cusVehicle"),
        ("GET", "/acme/campaign/customResources/resourceType/cusVehicle"),
        ("POST", "/acme/campaign/customResources/cusVehicle"),
        ("POST", "/acme/campaign/customResources/cusVehicle"),
    ]


def test_a_resource_that_is_nowhere_stops_the_workflow(server: OddServer, campaign: Campaign) -> None:
    with pytest.raises(TableMissing, match="cusVehicle is in none of"):
        campaign.resource("cusVehicle", 5)


def test_an_api_that_cannot_say_why_does_not_hide_the_resource_behind_it(server: OddServer, campaign: Campaign) -> None:
    # Given an API that answers for what it does not have with a reason nobody knows
    reply = Reply(500, json={"message": "RST-360011 An error has occurred - please contact your administrator."})
    server.replies = [reply, Reply(json={"content": {"plate": {"type": "string", "length": "20"}}})]
    # When the resource stands in the next one, then it is found
    assert "plate" in campaign.resource("cusVehicle", 5).fields
    # And when no API has it, nobody says that it is not there
    server.replies = [reply, Reply(404)]
    with pytest.raises(Malformed, match="could not say why"):
        campaign.resource("cusBoat", 5)
