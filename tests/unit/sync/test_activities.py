"""An event as an activity: the body that creates it, and texts that do not fit."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.activities import Activities
from config.event_fields import KINDS, Kind
from sync.events.activity import Activity, ActivityMapper, ActivityShape
from sync.events.event import activity_id
from sync.mapping.mapper import Unmappable
from tests.unit.sync.events import CONTACT, journal_event, understood

LENGTHS = {
    "subject": 200,
    "adobe_campaignname": 100,
    "adobe_deliveryname": 100,
    "adobe_mirrorpageurl": 2000,
    "adobe_trackingurl": 2000,
}


def shape(activities: Activities, kind: Kind, lengths: dict[str, int]) -> ActivityShape:
    table = activities.of(kind).table
    return ActivityShape(f"{table}s", f"regardingobjectid_contact_{table}", lengths)


def mapped(kind: Kind = "open", lengths: dict[str, int] = LENGTHS, /, **data: object) -> Activity:
    """The activity of a made-up event of the journal with this in its data."""
    config = Activities()
    mapper = ActivityMapper(config, {one: shape(config, one, lengths) for one in KINDS})
    return mapper.map(understood(journal_event(kind, **data)))


def body_of(*args: Any, **data: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(mapped(*args, **data).body)
    return body


def test_a_click_becomes_an_activity_with_all_its_attributes() -> None:
    activity = mapped("click", url="https://shop.example.com/?a=1&b=2", id="e7")
    assert (activity.set_name, activity.id) == ("adobe_emailurlclicks", activity_id("click", "e7"))
    assert orjson.loads(activity.body) == {
        "subject": "Campaign Name: 2026Spring; Delivery Name: DM190",
        "regardingobjectid_contact_adobe_emailurlclick@odata.bind": f"/contacts({CONTACT})",
        "adobe_clickedon": "2026-11-22T08:30:00Z",
        "adobe_campaignname": "2026Spring",
        "adobe_deliveryname": "DM190",
        "adobe_mirrorpageurl": "https://mirror.example.com/1",
        "adobe_trackingurl": "https://shop.example.com/?a=1&b=2",
        "statecode": 1,
        "statuscode": 2,
    }


@pytest.mark.parametrize(
    ("kind", "set_name", "date"),
    [
        ("send", "adobe_emailsends", "adobe_senton"),
        ("open", "adobe_emailopens", "adobe_openedon"),
        ("click", "adobe_emailurlclicks", "adobe_clickedon"),
        ("bounce", "adobe_emailbounces", "adobe_bouncedon"),
    ],
)
def test_each_kind_has_its_table_and_its_date_and_only_a_click_an_address(kind: Kind, set_name: str, date: str) -> None:
    activity = mapped(kind, url="https://shop.example.com/")
    body = orjson.loads(activity.body)
    assert activity.set_name == set_name
    assert body[date] == "2026-11-22T08:30:00Z"
    assert f"regardingobjectid_contact_{set_name[:-1]}@odata.bind" in body
    assert ("adobe_trackingurl" in body) == (kind == "click")


def test_names_of_the_configuration_and_of_the_metadata_are_used() -> None:
    # Given tables of other names, a column less, and a way to the contact that follows no rule
    config = Activities.model_validate(
        {"open": {"table": "new_o", "date": "new_when", "mirror_page": None}, "complete": False}
    )
    mapper = ActivityMapper(config, {"open": ActivityShape("new_oes", "Regarding_Contact", {})})
    # When an open is mapped, then its activity is open, too
    activity = mapper.map(understood(journal_event("open")))
    assert activity.set_name == "new_oes"
    assert orjson.loads(activity.body) == {
        "subject": "Campaign Name: 2026Spring; Delivery Name: DM190",
        "Regarding_Contact@odata.bind": f"/contacts({CONTACT})",
        "new_when": "2026-11-22T08:30:00Z",
        "adobe_campaignname": "2026Spring",
        "adobe_deliveryname": "DM190",
    }


@pytest.mark.parametrize(
    ("campaign", "delivery", "subject"),
    [
        ("C1", "DM1", "Campaign Name: C1; Delivery Name: DM1"),
        ("C1", "", "Campaign Name: C1"),
        (None, "DM1", "Delivery Name: DM1"),
        ("", None, "Adobe Campaign Email URL Click"),
    ],
)
def test_a_subject_names_what_is_told(campaign: str | None, delivery: str | None, subject: str) -> None:
    body = body_of("click", campaignName=campaign, deliveryName=delivery)
    assert body["subject"] == subject
    # and a column without a value is not written
    assert ("adobe_campaignname" in body, "adobe_deliveryname" in body) == (bool(campaign), bool(delivery))


@pytest.mark.parametrize(
    ("part", "longest", "column", "sentence"),
    [
        (
            "campaignName",
            100,
            "adobe_campaignname",
            "The id of the campaign is longer than the 100 characters that adobe_campaignname takes.",
        ),
        (
            "mirrorPageUrl",
            2000,
            "adobe_mirrorpageurl",
            "The address of the mirror page is longer than the 2,000 characters that adobe_mirrorpageurl takes.",
        ),
        (
            "url",
            2000,
            "adobe_trackingurl",
            "The address that was clicked is longer than the 2,000 characters that adobe_trackingurl takes.",
        ),
    ],
)
def test_a_text_that_is_too_long_is_refused_and_never_cut(part: str, longest: int, column: str, sentence: str) -> None:
    assert body_of("click", **{part: "x" * longest})[column] == "x" * longest
    with pytest.raises(Unmappable) as caught:
        mapped("click", **{part: "x" * (longest + 1)})
    assert (caught.value.field, caught.value.sentence) == (column, sentence)


def test_a_subject_that_is_too_long_is_refused() -> None:
    lengths = {**LENGTHS, "subject": 51}
    assert len(body_of("open", lengths, campaignName="x" * 14)["subject"]) == 51
    with pytest.raises(Unmappable, match=r"^The subject, .* is longer than the 51 characters that subject takes\.$"):
        mapped("open", lengths, campaignName="x" * 15)


def test_characters_are_counted_as_dynamics_counts_them() -> None:
    # Given a letter that Dynamics keeps as two
    cat = "\N{CAT FACE}"
    # Then half as many of them fit
    assert body_of("open", campaignName=cat * 50)["adobe_campaignname"] == cat * 50
    with pytest.raises(Unmappable):
        mapped("open", campaignName=cat * 50 + "x")
    # while others count once
    assert body_of("open", campaignName="é" * 100)["adobe_campaignname"] == "é" * 100


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60))
def test_every_text_that_fits_arrives_as_it_is(text: str) -> None:
    body = body_of("open", {}, campaignName=text or None, deliveryName=None)
    assert body.get("adobe_campaignname", "") == text
