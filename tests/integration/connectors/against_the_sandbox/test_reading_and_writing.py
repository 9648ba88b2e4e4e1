"""The whole read and write side against the sandbox's two systems."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from config.ingress import CampaignKey
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.dynamics_pages import Row
from connectors.errors import (
    AccessDenied,
    AlreadyExists,
    CredentialsRefused,
    CursorExpired,
    Malformed,
    NotFound,
    Refused,
    SchemaRefused,
    TableMissing,
    Throttled,
    TrackingOff,
    TryAgain,
    Unavailable,
    WrongFilter,
)
from connectors.http import NoThrottle
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.sandboxes import Admin, Sandbox

COLUMNS = ("firstname", "lastname", "emailaddress1", "gendercode")
BY_FILTER = CampaignKey()
BY_URI = CampaignKey(field="externalId", unique=True, address="uri")


def read_on(dynamics: Dynamics, link: str | None, page_size: int = 5000) -> tuple[list[Row], str]:
    """All rows from a link on, or of a full read; and the delta link."""
    table = dynamics.table("contact", 10)
    rows: list[Row] = []
    while True:
        if link is None:
            page = dynamics.first_page(table, COLUMNS, timeout=10, page_size=page_size)
        else:
            page = dynamics.follow(table, link, COLUMNS, timeout=10, page_size=page_size)
        rows += page.rows
        if page.delta_link:
            return rows, page.delta_link
        link = page.next_link


# Dynamics


def test_the_definition_of_contact_is_read(dynamics: Dynamics, admin: Admin) -> None:
    table = dynamics.table("contact", 10)
    assert (table.set_name, table.primary_id, table.change_tracking) == ("contacts", "contactid", True)
    columns = table.columns
    assert (columns["firstname"].type, columns["firstname"].max_length) == ("String", 50)
    assert (columns["birthdate"].type, columns["modifiedon"].type) == ("DateOnly", "DateTime")
    assert columns["gendercode"].options == {1: "Male", 2: "Female"}
    assert set(columns["donotbulkemail"].options) == {0, 1}
    assert set(columns["statecode"].options) == {0, 1}
    parent = columns["parentcustomerid"]
    assert (parent.type, parent.property) == ("Customer", "_parentcustomerid_value")
    assert set(parent.targets) == {"account", "contact"}
    # And every column that it names can be read
    page = dynamics.first_page(table, sorted(columns), timeout=10, page_size=1)
    assert page.rows[0].values is not None
    assert set(page.rows[0].values) == set(columns)


def test_who_we_are_and_how_many_rows_there_are(dynamics: Dynamics, admin: Admin) -> None:
    assert len(dynamics.who_am_i(10)) == 36
    assert dynamics.count("contact", 10) == len(admin.contacts())


def test_a_full_read_brings_every_row_once_and_ends_with_a_delta_link(dynamics: Dynamics, admin: Admin) -> None:
    rows, delta = read_on(dynamics, None, page_size=7)
    raw = admin.contacts()
    assert len(rows) == len(raw)
    for row in rows:
        assert row.values == {column: raw[row.id].get(column) for column in COLUMNS}
    # And nothing has changed since
    assert read_on(dynamics, delta)[0] == []


def test_a_delta_brings_changes_creations_and_deletions(dynamics: Dynamics, admin: Admin) -> None:
    before, delta = read_on(dynamics, None)
    changed = set(admin.post("/dynamics/change", {"count": 5, "seed": 1})["ids"])
    created = set(admin.post("/dynamics/create", {"count": 3, "seed": 2})["ids"])
    gone = sorted({row.id for row in before} - changed)[:2]
    admin.post("/dynamics/delete", {"ids": gone})
    rows, _ = read_on(dynamics, delta, page_size=3)
    live = {row.id: row.version for row in rows if row.values is not None}
    assert live.keys() == changed | created
    assert {row.id for row in rows if row.values is None} == set(gone)
    # And a changed row has a higher version than before
    old = {row.id: row.version for row in before}
    assert all((live[id_] or 0) > (old[id_] or 0) for id_ in changed)


def test_labels_are_read_beside_values(dynamics: Dynamics, admin: Admin) -> None:
    table = dynamics.table("contact", 10)
    page = dynamics.first_page(table, ["gendercode"], labels=["gendercode"], timeout=10)
    labels = {1: "Male", 2: "Female"}
    told = [row.values for row in page.rows if row.values and row.values["gendercode"] is not None]
    assert told
    assert all(values["gendercode@label"] == labels[values["gendercode"]] for values in told)


@pytest.mark.parametrize("status", [400, 410, 412, 500])
def test_an_expired_position_is_recognised_whatever_its_status(dynamics: Dynamics, admin: Admin, status: int) -> None:
    _, delta = read_on(dynamics, None)
    admin.put("/switches", {"expired_delta_status": status})
    admin.post("/dynamics/expire-delta")
    with pytest.raises(CursorExpired):
        read_on(dynamics, delta)


def test_a_spoilt_position_needs_a_full_read(dynamics: Dynamics) -> None:
    _, delta = read_on(dynamics, None)
    with pytest.raises(CursorExpired):
        read_on(dynamics, delta.partition("deltatoken=")[0] + "deltatoken=abc")


def test_a_table_without_change_tracking_is_told(dynamics: Dynamics, admin: Admin) -> None:
    admin.put("/switches", {"change_tracking": {"contact": False}})
    table = dynamics.table("contact", 10)
    assert table.change_tracking is False
    with pytest.raises(TrackingOff, match="contact"):
        dynamics.first_page(table, COLUMNS, timeout=10)


def test_what_is_not_there_is_named(dynamics: Dynamics) -> None:
    with pytest.raises(TableMissing, match="table new_nothing is not there"):
        dynamics.table("new_nothing", 10)
    with pytest.raises(SchemaRefused, match="no column new_none") as caught:
        dynamics.first_page(dynamics.table("contact", 10), ["new_none"], timeout=10)
    assert caught.value.field == "new_none"


def test_an_application_that_is_no_user_is_told_what_to_create(dynamics: Dynamics, admin: Admin) -> None:
    admin.put("/switches", {"not_a_member": True})
    with pytest.raises(AccessDenied, match="create an application user"):
        dynamics.who_am_i(10)


def test_a_missing_privilege_is_named(dynamics: Dynamics, admin: Admin) -> None:
    table = dynamics.table("contact", 10)
    admin.put("/switches", {"missing_privilege": True})
    with pytest.raises(AccessDenied, match="prvReadContact"):
        dynamics.first_page(table, COLUMNS, timeout=10)


# Tokens


def test_one_token_serves_many_calls_and_a_revoked_one_is_replaced_unseen(dynamics: Dynamics, admin: Admin) -> None:
    dynamics.who_am_i(10)
    admin.delete("/calls")
    dynamics.who_am_i(10)
    assert sum(admin.get("/calls")["tokens"].values()) == 0
    # When all tokens are revoked
    admin.post("/tokens/expire")
    # Then the next call works, with one new token
    dynamics.who_am_i(10)
    assert sum(admin.get("/calls")["tokens"].values()) == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"client_secret": "${env:WRONG}"}, "AADSTS7000215.*client_secret"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, "AADSTS700016.*client_id"),
        ({"client_secret": "${env:NOT_SET}"}, "NOT_SET"),
    ],
)
def test_wrong_dynamics_credentials_name_the_setting(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], says: str
) -> None:
    monkeypatch.setenv("WRONG", "wrong")
    dynamics = Dynamics(dynamics_connection(sandbox, **changed), NoThrottle())
    with pytest.raises(CredentialsRefused, match=says):
        dynamics.who_am_i(10)
    dynamics.close()


@pytest.mark.parametrize(
    ("changed", "says"),
    [({"client_secret": "${env:WRONG}"}, "client_secret"), ({"client_id": "wrong"}, "client_id")],
)
def test_wrong_campaign_credentials_name_the_setting(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], says: str
) -> None:
    monkeypatch.setenv("WRONG", "wrong")
    campaign = Campaign(campaign_connection(sandbox, **changed), NoThrottle())
    with pytest.raises(CredentialsRefused, match=says):
        campaign.ping(10)
    campaign.close()


def test_an_instance_that_the_token_is_not_for_is_told(sandbox: Sandbox) -> None:
    url = sandbox.info["campaign"]["url"].rpartition("/")[0] + "/another"
    campaign = Campaign(campaign_connection(sandbox, url=url), NoThrottle())
    with pytest.raises(AccessDenied, match=r"connections\.campaign\.url"):
        campaign.ping(10)
    campaign.close()


# Campaign


def test_ping_is_one_call(campaign: Campaign, admin: Admin) -> None:
    admin.delete("/calls")
    campaign.ping(10)
    assert sum(admin.get("/calls")["campaign"].values()) == 1


def test_the_description_of_profile_is_read(campaign: Campaign) -> None:
    fields = campaign.resource("profile", 10).fields
    assert (fields["email"].type, fields["email"].length, fields["email"].read_only) == ("string", 128, False)
    assert fields["age"].read_only
    assert set(fields["gender"].values) == {"unknown", "male", "female"}
    assert "location.city" in fields


def test_a_record_is_made_found_changed_and_deleted_with_one_call_each(campaign: Campaign, admin: Admin) -> None:
    values = {"externalId": "c-1", "email": "zoe@example.com", "lastName": "Ö'Brien", "location": {"city": "Oslo"}}
    admin.delete("/calls")
    campaign.create("profile", values, 10)
    [pkey] = campaign.find("profile", BY_FILTER, "c-1", 10)
    campaign.update("profile", pkey, {"location": {"zipCode": "0150"}, "lastName": ""}, 10)
    [profile] = [found for found in admin.profiles() if found["externalId"] == "c-1"]
    assert (profile["location"]["city"], profile["location"]["zipCode"]) == ("Oslo", "0150")
    assert profile["lastName"] == ""
    campaign.delete("profile", pkey, 10)
    assert campaign.find("profile", BY_FILTER, "c-1", 10) == []
    assert admin.get("/calls")["campaign"] == {"POST": 1, "PATCH": 1, "DELETE": 1, "GET": 2}


def test_a_custom_key_addresses_a_record_in_the_uri(campaign: Campaign, admin: Admin) -> None:
    campaign.create("profile", {"externalId": "k/1 ä", "email": "a@example.com"}, 10)
    assert len(campaign.find("profile", BY_URI, "k/1 ä", 10)) == 1
    campaign.update("profile", "k/1 ä", {"firstName": "Ann"}, 10)
    campaign.delete("profile", "k/1 ä", 10)
    assert campaign.find("profile", BY_URI, "k/1 ä", 10) == []


def test_doubles_are_all_found(campaign: Campaign, admin: Admin) -> None:
    admin.put("/switches", {"profile_key": ""})
    for _ in range(2):
        campaign.create("profile", {"externalId": "twice", "email": "a@example.com"}, 10)
    assert len(campaign.find("profile", BY_FILTER, "twice", 10)) == 2


def test_a_misspelt_filter_parameter_cannot_lead_to_a_stranger(campaign: Campaign) -> None:
    campaign.create("profile", {"externalId": "s-1", "email": "a@example.com"}, 10)
    key = CampaignKey(field="externalId", filter="byExternalId", parameter="external_parameter")
    with pytest.raises(WrongFilter):
        campaign.find("profile", key, "s-2", 10)


@pytest.mark.parametrize("shape", ["error_code", "code", "text"])
def test_business_errors_that_arrive_as_500_are_told_apart(campaign: Campaign, admin: Admin, shape: str) -> None:
    admin.put("/switches", {"error_shape": shape})
    campaign.create("profile", {"externalId": "b-1", "email": "a@example.com"}, 10)
    [pkey] = campaign.find("profile", BY_FILTER, "b-1", 10)
    with pytest.raises(AlreadyExists) as taken:
        campaign.create("profile", {"externalId": "b-1", "email": "a@example.com"}, 10)
    assert taken.value.field == "sexternalid"
    for wrong in ({"gender": "Qqmalish"}, {"birthDate": "Qqyesterday"}):
        with pytest.raises(Refused) as caught:
            campaign.update("profile", pkey, wrong, 10)
        assert type(caught.value) is Refused
        assert "Qq" not in caught.value.sentence
    for wrong_field, value in (("age", 7), ("noSuchField", "x")):
        with pytest.raises(SchemaRefused, match=wrong_field) as unwritable:
            campaign.update("profile", pkey, {wrong_field: value}, 10)
        assert unwritable.value.field == wrong_field
    with pytest.raises(NotFound):
        campaign.update("profile", "@nosuchpkeynosuchpkey", {"firstName": "A"}, 10)
    with pytest.raises(NotFound):
        campaign.delete("profile", "@nosuchpkeynosuchpkey", 10)


@pytest.mark.parametrize("status", ["404", "500"])
def test_a_record_that_was_deleted_is_not_found(campaign: Campaign, admin: Admin, status: str) -> None:
    admin.put("/switches", {"deleted_pkey": status})
    campaign.create("profile", {"externalId": "d-1", "email": "a@example.com"}, 10)
    [pkey] = campaign.find("profile", BY_FILTER, "d-1", 10)
    campaign.delete("profile", pkey, 10)
    with pytest.raises(NotFound):
        campaign.update("profile", pkey, {"firstName": "A"}, 10)
    with pytest.raises(NotFound):
        campaign.delete("profile", pkey, 10)


@pytest.mark.parametrize("shape", ["error_code", "code", "text"])
def test_a_custom_key_that_nobody_has_is_not_found(campaign: Campaign, admin: Admin, shape: str) -> None:
    admin.put("/switches", {"error_shape": shape})
    by_uri = CampaignKey(field="externalId", unique=True, address="uri")
    assert campaign.find("profile", by_uri, "nobody-1", 10) == []
    with pytest.raises(NotFound):
        campaign.update("profile", "nobody-1", {"firstName": "A"}, 10)
    with pytest.raises(NotFound):
        campaign.delete("profile", "nobody-1", 10)


def test_a_resource_that_is_not_there_is_told_from_a_record(campaign: Campaign) -> None:
    with pytest.raises(TableMissing):
        campaign.delete("service", "@nosuchpkeynosuchpkey", 10)


# Faults


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_429", Throttled),
        ("rate_500", Unavailable),
        ("rate_503", Unavailable),
        ("rate_timeout_before", TryAgain),
        ("rate_timeout_after", TryAgain),
        ("rate_reset", TryAgain),
        ("rate_truncated", Malformed),
        ("rate_malformed", Malformed),
    ],
)
def test_faults_are_named_by_their_remedy(campaign: Campaign, admin: Admin, fault: str, error: type[TryAgain]) -> None:
    campaign.ping(10)
    admin.put("/faults", {"seed": 1, "campaign": {fault: 1, "retry_after": 3}})
    with pytest.raises(error) as caught:
        campaign.create("profile", {"externalId": "f-1", "email": "a@example.com"}, 1)
    if error is Throttled:
        assert caught.value.wait == 3


def test_a_token_endpoint_in_trouble_is_tried_again(dynamics: Dynamics, admin: Admin) -> None:
    admin.put("/faults", {"seed": 1, "tokens": {"rate_503": 1}})
    with pytest.raises(Unavailable):
        dynamics.who_am_i(10)
    admin.put("/faults", {})
    dynamics.who_am_i(10)


def test_under_any_mix_of_faults_a_call_ends_in_a_result_or_a_named_remedy(campaign: Campaign, admin: Admin) -> None:
    rates = ("429", "500", "503", "timeout_before", "timeout_after", "reset", "truncated", "malformed")
    # Given a Campaign in which two of three requests go wrong, and four threads that share one connection pool
    campaign.ping(10)
    admin.put("/faults", {"seed": 7, "campaign": {f"rate_{name}": 0.08 for name in rates}})

    def write(number: int) -> str:
        try:
            campaign.create("profile", {"externalId": f"m-{number}", "email": "a@example.com"}, 0.4)
        except Throttled:
            return "not"
        except TryAgain:
            return "perhaps"
        return "done"

    # When they write
    with ThreadPoolExecutor(4) as threads:
        told = dict(enumerate(threads.map(write, range(120))))
    admin.put("/faults", {})
    # Then what was said to be done is there, and what was said to have had no effect is not
    there = {profile["externalId"] for profile in admin.profiles()}
    assert {f"m-{number}" for number, outcome in told.items() if outcome == "done"} <= there
    assert there.isdisjoint(f"m-{number}" for number, outcome in told.items() if outcome == "not")
    assert set(told.values()) == {"done", "perhaps", "not"}


def test_a_record_is_found_whole_by_its_key_and_by_its_pkey(campaign: Campaign) -> None:
    # Given a profile
    pkey = campaign.create("profile", {"externalId": "whole-1", "lastName": "Doe"}, 10)
    # Then it is found by either, with its fields
    [by_key] = campaign.records_by_key("profile", BY_URI, "whole-1", 10)
    by_pkey = campaign.record("profile", pkey, 10)
    assert by_pkey is not None
    assert (by_key["PKey"], by_key["lastName"], by_pkey["externalId"]) == (pkey, "Doe", "whole-1")
    # And neither finds what is not there; a key is no PKey
    assert campaign.records_by_key("profile", BY_URI, "whole-2", 10) == []
    assert campaign.record("profile", "@nobody", 10) is None
    with pytest.raises(Refused, match="begins with @"):
        campaign.record("profile", "whole-1", 10)
