"""Made-up consent changes, both sides' flags, and the journal of who wrote what."""

import time
from typing import Any

import pytest
import requests

from tests.integration.sandbox.campaign_client import CampaignClient
from tests.integration.sandbox.dataverse_client import Dataverse
from tests.sandboxes import Sandbox

PAIRS = [
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "followemail", "campaign": "blackListMobile", "opted_out": False},
]


@pytest.fixture
def campaign(sandbox: Sandbox) -> CampaignClient:
    return CampaignClient(sandbox)


@pytest.fixture
def dataverse(sandbox: Sandbox) -> Dataverse:
    return Dataverse(sandbox)


def flags(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in sandbox.admin.get("/consent/flags")["value"]}


def made(sandbox: Sandbox) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = sandbox.admin.get("/consent/changes")["value"]
    return told


def test_profiles_are_made_that_agree_with_their_contacts(sandbox: Sandbox) -> None:
    ids = sandbox.admin.post("/consent/profiles", {"count": 150, "pairs": PAIRS})["ids"]
    more = sandbox.admin.post("/consent/profiles", {"pairs": PAIRS})["ids"]
    assert (len(ids), len(more), len({*ids, *more})) == (150, 50, 200)
    both = flags(sandbox)
    for one in both.values():
        (profile,) = one["profiles"]
        assert profile["flags"]["blackListEmail"] is one["dynamics"]["donotemail"]
        assert profile["flags"]["blackListMobile"] is not one["dynamics"]["followemail"]
    assert {one["dynamics"]["donotemail"] for one in both.values()} == {True, False}
    # Neither of it is a write by the API
    assert sandbox.admin.get("/consent/writes")["value"] == sandbox.admin.get("/journal") == []


@pytest.mark.parametrize("side", ["dynamics", "campaign"])
def test_changes_befall_the_side_and_the_flags_that_were_asked_for(sandbox: Sandbox, side: str) -> None:
    # Given profiles of all contacts
    sandbox.admin.post("/consent/profiles", {"pairs": PAIRS})
    before = flags(sandbox)
    # When thirty contacts change their mind on one side
    plan = {"side": side, "pairs": PAIRS, "contacts": 30, "seed": 4}
    assert sandbox.admin.post("/consent/changes", plan) == {"changes": 30}
    # Then thirty differ, on that side alone, in the flag that is told, at the time that is told
    after = flags(sandbox)
    changes = made(sandbox)
    assert len(changes) == len({change["id"] for change in changes}) == 30
    assert {change["side"] for change in changes} == {side}
    names = {"dynamics": {"donotemail", "followemail"}, "campaign": {"blackListEmail", "blackListMobile"}}[side]
    assert {change["flag"] for change in changes} == names
    for change in changes:
        old, new = before[change["id"]], after[change["id"]]
        means_out = change["value"] is not (change["flag"] == "followemail")
        assert change["opted_out"] is means_out
        if side == "dynamics":
            assert new["profiles"] == old["profiles"]
            assert new["dynamics"] == {**old["dynamics"], change["flag"]: change["value"]} != old["dynamics"]
            assert new["modifiedon"] == change["stamp"] != old["modifiedon"] and new["etag"] != old["etag"]
        else:
            assert new["dynamics"] == old["dynamics"] and new["etag"] == old["etag"]
            assert new["profiles"][0]["flags"][change["flag"]] is change["value"]
            assert new["profiles"][0]["times"][change["flag"] + "LastModified"] == change["stamp"]
    unmoved = {id_ for id_ in before if before[id_] == after[id_]}
    assert unmoved == {*before} - {change["id"] for change in changes}


def test_the_same_seed_makes_the_same_changes(sandbox: Sandbox) -> None:
    told = []
    for seed in (1, 1, 2):
        sandbox.admin.post("/reset")
        sandbox.admin.post("/consent/profiles")
        sandbox.admin.post("/consent/changes", {"changes": 50, "contacts": 10, "conflicts": 0.3, "seed": seed})
        told.append([(one["side"], one["id"], one["flag"], one["value"]) for one in made(sandbox)])
    assert told[0] == told[1] != told[2]
    assert len({id_ for _, id_, _, _ in told[0]}) <= 10


def test_a_conflict_leaves_both_sides_apart(sandbox: Sandbox) -> None:
    sandbox.admin.post("/consent/profiles", {"pairs": PAIRS[:1]})
    sandbox.admin.post("/consent/changes", {"pairs": PAIRS[:1], "conflicts": 1})
    for one in flags(sandbox).values():
        assert one["dynamics"]["donotemail"] is not one["profiles"][0]["flags"]["blackListEmail"]


def test_opted_out_for_all_of_some_contacts(sandbox: Sandbox) -> None:
    sandbox.admin.post("/consent/profiles", {"pairs": PAIRS[1:]})
    ids = sorted(flags(sandbox))[:5]
    plan = {"ids": ids, "pairs": PAIRS[1:], "side": "dynamics", "opted_out": True}
    sandbox.admin.post("/consent/changes", plan)
    assert {flags(sandbox)[id_]["dynamics"]["followemail"] for id_ in ids} == {False}
    # What is so already is no change
    before = len(made(sandbox))
    sandbox.admin.post("/consent/changes", plan)
    assert len(made(sandbox)) == before


def test_changes_come_at_a_rate_while_everything_goes_on_and_can_be_stopped(sandbox: Sandbox) -> None:
    sandbox.admin.post("/consent/profiles")
    begun = time.monotonic()
    sandbox.admin.post("/consent/changes", {"changes": 20, "rate": 100})
    while sandbox.admin.get("/consent/changes")["left"]:
        assert time.monotonic() - begun < 30, "The changes do not come to an end."
    # However late a busy machine makes the first ones, the last one comes no sooner than the rate says
    assert time.monotonic() - begun >= 0.18 and len(made(sandbox)) == 20
    # And a slow one can be stopped
    sandbox.admin.post("/consent/changes", {"changes": 1000, "rate": 0.001})
    sandbox.admin.delete("/consent/changes")
    assert sandbox.admin.get("/consent/changes") == {"left": 0, "value": []}


def test_writes_of_flags_by_either_api_are_on_record_and_others_are_not(
    sandbox: Sandbox, campaign: CampaignClient, dataverse: Dataverse
) -> None:
    # Given a contact with its profile
    (id_,) = sandbox.admin.post("/consent/profiles", {"count": 1})["ids"]
    was = sandbox.admin.contacts()[id_]["donotemail"]
    # When both are written by the API, with flags and without, twice the same, and changed behind its back in between
    for body in ({"donotemail": not was, "lastname": "Nu"}, {"donotemail": not was}, {"lastname": "Xi"}):
        assert dataverse.send("PATCH", f"contacts({id_})", body).status_code == 204
    sandbox.admin.post("/consent/changes", {"ids": [id_], "side": "campaign", "changes": 1})
    for body in ({"blackListMobile": True}, {"phone": "1"}):
        assert campaign.send("PATCH", f"/{id_}", body).status_code == 200
    dataverse.send("PATCH", f"contacts({id_})", {"donotemail": was}, If_Match='W/"1"')
    # Then the writes of flags are there, in one order with the change that was made up
    writes = sandbox.admin.get("/consent/writes")["value"]
    assert [(one["side"], one["method"], one["id"], one["flags"], one["changed"]) for one in writes] == [
        ("dynamics", "update", id_, {"donotemail": not was}, ["donotemail"]),
        ("dynamics", "update", id_, {"donotemail": not was}, []),
        ("campaign", "PATCH", id_, {"blackListMobile": True}, ["blackListMobile"]),
    ]
    assert writes[1]["seq"] < made(sandbox)[0]["seq"] < writes[2]["seq"]
    assert writes[2]["stamp"] == flags(sandbox)[id_]["profiles"][0]["times"]["blackListMobileLastModified"]
    # And a taken back change set leaves no trace
    sandbox.admin.delete("/consent/writes")
    targets = [
        {"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": id_, "donotemail": was},
        {"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": id_[::-1], "donotemail": was},
    ]
    wrong = dataverse.send("POST", "contacts/Microsoft.Dynamics.CRM.UpdateMultiple", {"Targets": targets})
    assert wrong.status_code >= 400
    assert sandbox.admin.get("/consent/writes")["value"] == []


def test_one_contact_and_other_columns_can_be_asked_for(sandbox: Sandbox, campaign: CampaignClient) -> None:
    campaign.create(externalId="nobody", blackList=True)
    assert flags(sandbox)["nobody"]["dynamics"] is None
    (id_,) = sandbox.admin.post("/consent/profiles", {"count": 1})["ids"]
    (one,) = sandbox.admin.get(f"/consent/flags?id={id_}&columns=donotfax")["value"]
    assert (one["id"], one["dynamics"]) == (id_, {"donotfax": False})


def test_wrong_plans_are_refused_with_a_sentence(sandbox: Sandbox) -> None:
    url = sandbox.info["admin"]["url"] + "/consent/changes"
    for body, text in [
        ({"sides": "both"}, "sides is not known here"),
        ({"side": "left"}, "side must be dynamics, campaign or both."),
        ({"rate": 0}, "rate must be a number above 0."),
        ({"pairs": [{"dynamics": "lastname", "campaign": "blackList"}]}, "lastname is not a Boolean column"),
        ({"pairs": [{"dynamics": "donotfax", "campaign": "denyList"}]}, "denyList is not a consent flag"),
        ({}, "No contact has a profile"),
    ]:
        answer = requests.post(url, json=body, timeout=10)
        assert (answer.status_code, text in answer.json()["error"]) == (400, True), answer.text
