"""The declared filter on the last change: pages in order while profiles change, and ways to declare it wrongly."""

from typing import Any

import pytest

from tests.integration.sandbox.campaign_client import CampaignClient
from tests.sandboxes import Sandbox

STAMPS = ("blackListLastModified", "blackListAllLastModified")


@pytest.fixture
def campaign(sandbox: Sandbox) -> CampaignClient:
    return CampaignClient(sandbox)


def keys(page: dict[str, Any]) -> list[str]:
    return [record["externalId"] for record in page["content"]]


def whole(campaign: CampaignClient, since: str, **parameters: str) -> list[str]:
    """The external ids of all pages."""
    page = campaign.send("GET", "/byLastModified", lastModified_parameter=since, **parameters).json()
    found = keys(page)
    while "next" in page:
        page = campaign.send("GET", page["next"]["href"]).json()
        found += keys(page)
    return found


@pytest.mark.parametrize("form", ["{0}", "{1}T{2}", "{1}T{2}+00:00"])
def test_changes_since_a_moment_come_page_by_page_oldest_change_first(
    sandbox: Sandbox, campaign: CampaignClient, form: str
) -> None:
    # Given ten profiles, of which all but the first two are changed from some moment on, in another order
    for number in range(10):
        campaign.create(externalId=f"k-{number}")
    sandbox.admin.post("/clock", {"advance": 60})
    changed = [f"k-{number}" for number in (7, 3, 9, 2, 8, 5, 4, 6)]
    for key in changed:
        campaign.send("PATCH", f"/{key}", {"phone": "1"})
        sandbox.admin.post("/clock", {"advance": 1})
    since = campaign.send("GET", "/k-7").json()["lastModified"]
    day, clock = since.removesuffix("Z").split(" ")
    since = form.format(since, day, clock)
    # When they are asked for in pages of three
    link_to_order = {"_order": "lastModified", "_lineCount": "3"}
    # Then they come in the order of their changes; without one, by age; and they can be counted
    assert whole(campaign, since, **link_to_order) == changed
    assert whole(campaign, since, _lineCount="3") == sorted(changed)
    counted = campaign.send("GET", "/byLastModified/_count", lastModified_parameter=since).json()
    assert counted == {"count": 8}


def test_what_changes_while_it_is_paged_through_comes_again_at_the_end_and_nothing_is_lost(
    sandbox: Sandbox, campaign: CampaignClient
) -> None:
    # Given nine changed profiles and the first page of them
    for number in range(9):
        campaign.create(externalId=f"k-{number}")
    since = campaign.send("GET", "/k-0").json()["lastModified"]
    order = {"_order": "lastModified", "_lineCount": "4"}
    first = campaign.send("GET", "/byLastModified", lastModified_parameter=since, **order).json()
    # When one that was seen changes, one that was not, one is new and one is gone
    for key in ("k-1", "k-6"):
        campaign.send("PATCH", f"/{key}", {"phone": "1"})
    campaign.create(externalId="k-9")
    campaign.send("DELETE", "/k-5")
    # Then the pages that follow have the rest, and the changed ones at their end
    found, page = keys(first), first
    while "next" in page:
        page = campaign.send("GET", page["next"]["href"]).json()
        found += keys(page)
    assert found == [*("k-0", "k-1", "k-2", "k-3"), *("k-4", "k-7", "k-8"), *("k-1", "k-6", "k-9")]
    assert "lastModified_parameter=" in first["next"]["href"] and "_order=lastModified" in first["next"]["href"]


def test_the_filter_finds_the_same_after_the_clock_was_set_back(sandbox: Sandbox, campaign: CampaignClient) -> None:
    sandbox.admin.put("/switches", {"campaign_clock_offset": 3600})
    ahead = campaign.create(externalId="ahead")
    sandbox.admin.put("/switches", {"campaign_clock_offset": 0})
    late = campaign.create(externalId="late")
    assert whole(campaign, late["lastModified"], _order="lastModified") == ["late", "ahead"]
    assert whole(campaign, ahead["lastModified"]) == ["ahead"]
    campaign.send("PATCH", "/ahead", {"phone": "1"})
    assert whole(campaign, ahead["lastModified"]) == []


def test_the_filter_is_there_in_ext_alone(campaign: CampaignClient) -> None:
    campaign.create(externalId="k-1", email="jo@example.com")
    since = {"lastModified_parameter": "2020-01-01 00:00:00.000Z"}
    assert campaign.send("GET", f"{campaign.plain}/byLastModified", **since).status_code == 404
    assert campaign.send("GET", f"{campaign.plain}/byEmail", email="jo@example.com").status_code == 200


def test_by_switch_it_is_missing_or_declared_wrongly(sandbox: Sandbox, campaign: CampaignClient) -> None:
    # Given an old profile and a new one
    campaign.create(externalId="old")
    sandbox.admin.post("/clock", {"advance": 60})
    since = campaign.create(externalId="new")["lastModified"]
    rule = {"field": "lastModified", "parameter": "lastModified_parameter", "operator": "greaterOrEqual"}
    # When the filter is not there, compares the other way, or asks for another parameter
    for change, found in (
        (None, None),
        ({}, ["new"]),
        ({"operator": "less"}, ["old"]),
        ({"operator": "greater"}, []),
        ({"parameter": "_parameter"}, ["old", "new"]),
    ):
        filters = {} if change is None else {"byLastModified": {**rule, **change}}
        sandbox.admin.put("/switches", {"filters": filters})
        # Then it is not found, finds older ones, or everything
        answer = campaign.send("GET", "/byLastModified", lastModified_parameter=since)
        assert (keys(answer.json()) if answer.status_code == 200 else None) == found


@pytest.mark.parametrize("only", STAMPS)
def test_by_switch_the_flag_for_all_channels_moves_one_of_its_two_times(
    sandbox: Sandbox, campaign: CampaignClient, only: str
) -> None:
    sandbox.admin.put("/switches", {"all_channels_stamps": only})
    for record in (campaign.create(blackList=True), campaign.create(externalId="k-1")):
        campaign.send("PATCH", f"/{record['PKey']}", {"blackList": True})
        stamps = campaign.send("GET", f"/{record['PKey']}").json()
        assert [name for name in STAMPS if stamps[name]] == [only]
