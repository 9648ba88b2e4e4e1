"""The pairs of opt-in/out against the schemas that the sandbox's two systems tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from config.optinout import FLAGS, OptinoutConfig
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.http import NoThrottle
from sync.consent.fitting import ConsentShapes, dump, examine, load, read_shapes
from sync.fitting.findings import Misfitting
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.sandboxes import Sandbox

Systems = tuple[Dynamics, Campaign]


@pytest.fixture
def systems(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systems]:
    for name, system in (("DYNAMICS", "dynamics"), ("CAMPAIGN", "campaign")):
        for variable in (f"{name}_SECRET", f"{name}_CLIENT_SECRET"):
            monkeypatch.setenv(variable, sandbox.info[system]["client_secret"])
    dynamics = Dynamics(dynamics_connection(sandbox), NoThrottle())
    campaign = Campaign(campaign_connection(sandbox), NoThrottle())
    yield dynamics, campaign
    dynamics.close()
    campaign.close()
    sandbox.admin.post("/reset")


def config(*pairs: tuple[str, str], **given: Any) -> OptinoutConfig:
    """donotemail with blackListEmail, where no other pairs are given."""
    flags = [{"dynamics": column, "campaign": flag} for column, flag in pairs or [("donotemail", "blackListEmail")]]
    return OptinoutConfig.model_validate({"direction": "bidirectional", "flags": flags, **given})


def misfits(config: OptinoutConfig, systems: Systems) -> list[str]:
    with pytest.raises(Misfitting) as caught:
        read_shapes(config, *systems, timeout=10)
    return caught.value.sentences


def test_what_a_run_must_know_is_read_and_kept(systems: Systems) -> None:
    # Given pairs of every flag whose time is told in its own way
    columns = ("donotbulkemail", "donotemail", "donotphone")
    flags = ("blackList", "blackListEmail", "blackListPushnotification")
    # When they are read from the live systems, packed and unpacked
    read = read_shapes(config(*zip(columns, flags, strict=True)), *systems, timeout=10)
    kept = load(dump(read))
    # Then nothing is lost
    assert kept == read
    assert (kept.set_name, kept.primary_id, kept.columns) == ("contacts", "contactid", columns)
    assert kept.times == {
        "blackList": ("blackListLastModified", "blackListAllLastModified"),
        "blackListEmail": ("blackListEmailLastModified",),
        "blackListPushnotification": (),
    }
    assert kept.token_days > 0
    # And it says what is asked for of a profile, each field once
    assert kept.fields("externalId") == (
        "externalId",
        "lastModified",
        "blackList",
        "blackListLastModified",
        "blackListAllLastModified",
        "blackListEmail",
        "blackListEmailLastModified",
        "blackListPushnotification",
    )
    # And contacts can be asked for with it
    page = systems[0].first_page(kept.table(), [*columns, "modifiedon"], page_size=5, timeout=10)
    assert all({*columns, "modifiedon"} <= (row.values or {}).keys() for row in page.rows)


def test_every_flag_of_the_fixed_set_is_there(systems: Systems) -> None:
    columns = sorted(
        name for name, column in systems[0].table("contact", 10).columns.items() if column.type == "Boolean"
    )
    pairs = list(zip(columns, FLAGS, strict=False))
    assert examine(config(*pairs), *systems, timeout=10).errors == ()


def test_columns_must_be_there_and_be_yes_or_no(systems: Systems) -> None:
    # Given pairs with a column that is not there and one that holds text
    found = misfits(config(("donotmail", "blackListEmail"), ("emailaddress1", "blackListFax")), systems)
    # Then each is told, with those that may be meant
    assert len(found) == 2
    assert found[0].startswith("The column donotmail of contact, paired with blackListEmail, is not there; ")
    assert "columns of type Boolean are " in found[0]
    assert "donotemail" in found[0]
    assert found[1].startswith("The column emailaddress1 of contact, paired with blackListFax, is of type String, ")


def test_filters_must_be_there_where_they_are_used(systems: Systems) -> None:
    # Given filters of other names
    given: dict[str, Any] = {
        "poll": {"filter": "byChanged", "parameter": "p"},
        "profile_key": {"filter": "byId", "parameter": "p"},
    }
    # Then each is told with its use
    poll, key = misfits(config(**given), systems)
    assert poll.startswith(
        "The resource profile has no filter byChanged, by which changed profiles are found; create it on"
    )
    assert key.startswith(
        "The resource profile has no filter byId, by which a profile is looked up; create it on externalId"
    )
    # And one that is not used is not missed; before an opt-in the profile is looked up one way, too
    files = config(**{**given, "poll": None, "files": {}}, direction="campaign_to_dynamics")
    assert [error.place for error in examine(files, *systems, timeout=10).errors] == [("profile_key", "filter")]
    by_uri = config(
        **{**given, "profile_key": {"field": "externalId", "address": "uri", "unique": True}, "poll": None, "files": {}}
    )
    assert examine(by_uri, *systems, timeout=10).errors == ()


def test_a_key_that_profiles_do_not_have_is_told(systems: Systems) -> None:
    key = {"field": "cusNothing", "filter": "byExternalId", "parameter": "externalId_parameter"}
    [sentence] = misfits(config(profile_key=key), systems)
    assert sentence.startswith("The key field cusNothing of profile is not there")


def test_both_ways_need_change_tracking_of_contacts_and_one_way_does_not(systems: Systems, sandbox: Sandbox) -> None:
    # Given contacts without change tracking
    sandbox.admin.put("/switches", {"change_tracking": {"contact": False}})
    # Then only what reads their changes cannot begin
    [sentence] = misfits(config(), systems)
    assert "change tracking is off: switch on 'Track changes'" in sentence
    assert read_shapes(config(direction="campaign_to_dynamics"), *systems, timeout=10).columns == ("donotemail",)


@pytest.mark.parametrize("direction", ["disabled", "dynamics_to_campaign"])
def test_where_nothing_moves_nobody_is_asked(direction: str) -> None:
    # Given no systems at all
    nobody: Any = None
    # Then nothing is missed, whatever the pairs say
    assert read_shapes(config(("nothing", "ccpaOptOut"), direction=direction), nobody, nobody, 10) == ConsentShapes()
    assert load(dump(ConsentShapes())) == ConsentShapes()


def test_a_flag_that_the_instance_does_not_have_or_does_not_let_anyone_write_is_told(
    systems: Systems, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given what the sandbox says of profiles, less one flag and the time of another, and with one that is read-only
    profile = systems[1].resource("profile", 10)
    fields = dict(profile.fields)
    del fields["ccpaOptOut"], fields["blackListEmailLastModified"]
    fields["blackListFax"] = replace(fields["blackListFax"], read_only=True)
    monkeypatch.setattr(systems[1], "resource", lambda name, timeout: replace(profile, fields=fields))
    pairs = [("donotemail", "blackListEmail"), ("donotfax", "blackListFax"), ("donotphone", "ccpaOptOut")]
    # Then both are told, and the third one is a warning
    found = examine(config(*pairs), *systems, timeout=10)
    assert [error.sentence.partition(";")[0] for error in found.errors] == [
        "The flag blackListFax of profile, paired with donotfax, cannot be written in this instance",
        "The flag ccpaOptOut of profile, paired with donotphone, is not there in this instance",
    ]
    assert [warning.place for warning in found.warnings] == [("flags", 0, "campaign")]
    assert "has no blackListEmailLastModified: when blackListEmail changed cannot be told" in found.warnings[0].sentence
    assert found.shapes.times["blackListEmail"] == ()
    # And what is only read need not be writable
    one_way = examine(config(pairs[1], direction="campaign_to_dynamics"), *systems, timeout=10)
    assert one_way.errors == ()
