"""What consent needs of both systems, against the sandbox's: changed profiles, rows in their version, conditions."""

from __future__ import annotations

import time

import pytest

from config.ingress import CampaignKey
from connectors.campaign import Campaign
from connectors.campaign_workflows import Standing
from connectors.clocks import between
from connectors.dynamics import Dynamics
from connectors.dynamics_updates import Update, Updated
from connectors.errors import Changed, CoolingDown, NotFound, Refused, SchemaRefused, TableMissing, WrongFilter
from connectors.moments import campaign_ms
from tests.sandboxes import Admin

FIELDS = ("PKey", "externalId", "blackListEmail", "blackListEmailLastModified", "lastModified")
FILTER = ("byLastModified", "lastModified_parameter")
COLUMNS = ("donotemail", "donotphone")


def make_profiles(campaign: Campaign, number: int, prefix: str = "p") -> None:
    for one in range(number):
        campaign.create("profile", {"externalId": f"{prefix}-{one}", "email": "a@example.com"}, 10)


def latest_ms(admin: Admin) -> int:
    return max(campaign_ms(profile["lastModified"]) or 0 for profile in admin.profiles())


# Campaign


def test_only_what_changed_since_is_found_page_by_page(campaign: Campaign, admin: Admin) -> None:
    # Given profiles of yesterday, of which five get another flag today
    make_profiles(campaign, 20)
    admin.post("/clock", {"advance": 86_400})
    for one in range(5):
        [profile] = campaign.profile_by_key(CampaignKey(), f"p-{one}", 10)
        campaign.update("profile", profile["PKey"], {"blackListEmail": True}, 10)
    since = latest_ms(admin) - 60_000
    # When those that changed since this morning are read, two at a time
    page = campaign.changed_profiles(*FILTER, since, FIELDS, 2, 10)
    found = list(page.profiles)
    sizes = [len(page.profiles)]
    while page.next:
        page = campaign.follow_profiles(page.next, since, FIELDS, 10)
        found += page.profiles
        sizes.append(len(page.profiles))
    # Then they come, each once, with the time of the flag
    assert sizes == [2, 2, 1]
    assert sorted(profile["externalId"] for profile in found) == [f"p-{one}" for one in range(5)]
    for profile in found:
        assert tuple(profile) == FIELDS
        assert profile["blackListEmail"] is True
        assert since < (campaign_ms(profile["blackListEmailLastModified"]) or 0)


def test_a_big_table_is_read_to_its_end(campaign: Campaign, admin: Admin) -> None:
    # Given more profiles than Campaign pages through unless it is told to
    admin.put("/switches", {"big_table_threshold": 3})
    make_profiles(campaign, 7)
    page = campaign.changed_profiles(*FILTER, 0, FIELDS, 3, 10)
    number = len(page.profiles)
    while page.next:
        page = campaign.follow_profiles(page.next, 0, FIELDS, 10)
        number += len(page.profiles)
    assert number == len(admin.profiles())


def test_a_misspelt_parameter_is_noticed(campaign: Campaign, admin: Admin) -> None:
    make_profiles(campaign, 3)
    admin.post("/clock", {"advance": 86_400})
    make_profiles(campaign, 1, "q")
    # When the parameter is not the filter's, Campaign finds everybody
    with pytest.raises(WrongFilter, match="misspelt"):
        campaign.changed_profiles("byLastModified", "lastmodified_parameter", latest_ms(admin), FIELDS, 25, 10)


def test_a_filter_that_was_not_published_is_named(campaign: Campaign) -> None:
    with pytest.raises(TableMissing, match=r"optinout\.poll\.filter"):
        campaign.changed_profiles("byNothing", "lastModified_parameter", 0, FIELDS, 25, 10)


def test_a_profile_is_found_whole_by_its_key(campaign: Campaign, admin: Admin) -> None:
    admin.put("/switches", {"profile_key": ""})
    make_profiles(campaign, 1)
    [found] = campaign.profile_by_key(CampaignKey(), "p-0", 10)
    assert set(FIELDS) <= found.keys()
    assert campaign.profile_by_key(CampaignKey(), "nobody", 10) == []
    # And of doubles two are enough
    for _ in range(2):
        make_profiles(campaign, 1)
    assert len(campaign.profile_by_key(CampaignKey(), "p-0", 10)) == 2


# The export workflow


def test_a_workflow_obeys_its_commands_and_tells_how_it_stands(campaign: Campaign, admin: Admin) -> None:
    # Given the export workflow of an instance, which runs
    workflows = campaign.workflows
    assert workflows.state("WKF123", 10) == (Standing.RUNNING, "started", ("signal1",))
    # When it is commanded, then it stands so
    workflows.command("WKF123", "pause", 10)
    assert workflows.state("WKF123", 10).standing is Standing.PAUSED
    workflows.command("WKF123", "resume", 10)
    assert workflows.state("WKF123", 10).standing is Standing.RUNNING
    workflows.command("WKF123", "stop", 10)
    assert workflows.state("WKF123", 10).standing is Standing.STOPPED
    workflows.command("WKF123", "start", 10)
    assert [one["method"] for one in admin.get("/consent/workflow")["commands"]] == ["pause", "resume", "stop", "start"]


def test_a_workflow_that_is_not_there_is_named(campaign: Campaign) -> None:
    with pytest.raises(TableMissing, match=r"optinout\.export_workflow\.id"):
        campaign.workflows.state("WKF404", 10)
    with pytest.raises(TableMissing, match=r"it has: signal1"):
        campaign.workflows.signal("WKF123", "signal9", {}, 10)


@pytest.mark.parametrize("status", [200, 500])
def test_a_signal_is_taken_once_in_ten_minutes(campaign: Campaign, admin: Admin, status: int) -> None:
    admin.put("/switches", {"signal_cool_down_status": status, "export_parameters": {"since": "datetime"}})
    campaign.workflows.signal("WKF123", "signal1", {"since": "2026-04-03 08:17:19.100Z"}, 10)
    # When it comes again too soon
    with pytest.raises(CoolingDown) as caught:
        campaign.workflows.signal("WKF123", "signal1", {}, 10)
    assert caught.value.wait == 600
    # Then after the wait it is taken again
    admin.post("/clock", {"advance": 600})
    campaign.workflows.signal("WKF123", "signal1", {}, 10)
    signals = admin.get("/consent/workflow")["signals"]
    assert [one["parameters"] for one in signals] == [{"since": "2026-04-03 08:17:19.100Z"}, {}]


@pytest.mark.parametrize("shape", ["error_code", "code", "text"])
def test_a_parameter_that_the_signal_does_not_declare_is_refused(campaign: Campaign, admin: Admin, shape: str) -> None:
    admin.put("/switches", {"error_shape": shape})
    with pytest.raises(Refused) as caught:
        campaign.workflows.signal("WKF123", "signal1", {"undeclared": "x"}, 10)
    assert type(caught.value) is Refused


# Clocks


def test_the_clocks_of_both_systems_are_told_apart(campaign: Campaign, dynamics: Dynamics, admin: Admin) -> None:
    # Given a Campaign that is 3 s behind, and a Dynamics that is 7 s ahead
    admin.put("/switches", {"dynamics_clock_offset": 7.0, "campaign_clock_offset": -3.0})
    dynamics.who_am_i(10)
    campaign.ping(10)
    # When both have answered, then each clock's offset lies within its bounds
    skew = between(dynamics.clock.skew(time.time()), campaign.clock.skew(time.time()))
    assert skew is not None
    assert abs(skew.ms - 10_000) <= skew.within_ms


# Dynamics


def test_a_row_is_changed_in_the_version_that_was_read_and_in_no_other(dynamics: Dynamics, admin: Admin) -> None:
    table = dynamics.table("contact", 10)
    id_ = next(iter(admin.contacts()))
    row = dynamics.current(table, [id_], COLUMNS, 10)[id_]
    # When it is changed
    done = dynamics.update(table, id_, {"donotemail": not row.values["donotemail"]}, row.etag, 10)
    # Then the answer tells the version that this made
    after = dynamics.current(table, [id_], COLUMNS, 10)[id_]
    assert (done.etag, done.modified_ms) == (after.etag, after.modified_ms)
    assert done.etag != row.etag and after.modified_ms >= row.modified_ms
    assert after.values["donotemail"] is not row.values["donotemail"]
    assert after.values["donotphone"] is row.values["donotphone"]
    # And the version from before changes nothing any more
    with pytest.raises(Changed):
        dynamics.update(table, id_, {"donotemail": row.values["donotemail"]}, row.etag, 10)
    assert dynamics.current(table, [id_], COLUMNS, 10)[id_] == after


def test_a_row_that_was_deleted_is_not_made_again(dynamics: Dynamics, admin: Admin) -> None:
    table = dynamics.table("contact", 10)
    id_ = next(iter(admin.contacts()))
    row = dynamics.current(table, [id_], COLUMNS, 10)[id_]
    admin.post("/dynamics/delete", {"ids": [id_]})
    assert dynamics.current(table, [id_], COLUMNS, 10) == {}
    with pytest.raises(NotFound):
        dynamics.update(table, id_, {"donotemail": True}, row.etag, 10)
    [outcome] = dynamics.update_all([Update(table, id_, {"donotemail": True}, row.etag)], 10)
    assert isinstance(outcome, NotFound)
    assert id_ not in admin.contacts()


def test_many_rows_are_changed_in_one_request_each_for_itself(dynamics: Dynamics, admin: Admin) -> None:
    # Given four rows as they were read, of which one is changed and one deleted by somebody else
    table = dynamics.table("contact", 10)
    ids = sorted(admin.contacts())[:4]
    rows = dynamics.current(table, ids, COLUMNS, 10)
    stale, gone = ids[1], ids[2]
    dynamics.update(table, stale, {"donotphone": True}, rows[stale].etag, 10)
    admin.post("/dynamics/delete", {"ids": [gone]})
    # When all four are to be changed, one of them to what Dynamics has no column for
    changes = [Update(table, id_, {"donotemail": True}, rows[id_].etag) for id_ in ids]
    changes[3] = changes[3]._replace(values={"donotlaugh": True})
    outcomes = dynamics.update_all(changes, 10)
    # Then each got its own answer
    assert isinstance(outcomes[0], Updated)
    assert [type(one) for one in outcomes[1:]] == [Changed, NotFound, SchemaRefused]
    after = dynamics.current(table, ids, COLUMNS, 10)
    assert after[ids[0]].etag == outcomes[0].etag
    assert after[ids[0]].modified_ms == outcomes[0].modified_ms
    assert after[ids[0]].values["donotemail"] is True
    assert after[stale].values["donotemail"] is rows[stale].values["donotemail"]
    assert after[ids[3]] == rows[ids[3]]
    assert gone not in after


def test_a_hundred_rows_are_read_and_changed_in_two_requests(dynamics: Dynamics, admin: Admin) -> None:
    admin.post("/dynamics/create", {"count": 100, "seed": 7})
    table = dynamics.table("contact", 10)
    ids = sorted(admin.contacts())[:100]
    rows = dynamics.current(table, ids, COLUMNS, 10)
    outcomes = dynamics.update_all([Update(table, id_, {"donotphone": True}, rows[id_].etag) for id_ in ids], 10)
    after = dynamics.current(table, ids, COLUMNS, 10)
    assert [one.etag for one in outcomes if isinstance(one, Updated)] == [after[id_].etag for id_ in ids]
    assert all(after[id_].values["donotphone"] is True for id_ in ids)
