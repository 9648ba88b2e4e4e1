"""The demonstration's comparison of events with activities sees what is missing, shown twice, or shown wrongly."""

from typing import Any

import pytest

from control.demo.timelines import TIMELINES, Timelines, compare_timelines


def event(kind: str = "click", failure: str = "", **values: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "contact": "c1",
        "time": "2026-11-17T02:00:10.381Z",
        "campaign": "Spring",
        "delivery": "DM1",
        "url": "https://example.com/" if kind == "click" else "",
        "mirror_page": "https://example.com/mirror",
        "failure": failure,
        **values,
    }


def activity(**values: Any) -> dict[str, Any]:
    """The click as Dynamics shows it."""
    return {
        "_regardingobjectid_value": "c1",
        "adobe_clickedon": "2026-11-17T02:00:10Z",
        "subject": "Campaign Name: Spring; Delivery Name: DM1",
        "adobe_campaignname": "Spring",
        "adobe_deliveryname": "DM1",
        "adobe_trackingurl": "https://example.com/",
        "adobe_mirrorpageurl": "https://example.com/mirror",
        **values,
    }


def compared(events: list[dict[str, Any]], clicks: list[dict[str, Any]], **others: list[dict[str, Any]]) -> Timelines:
    activities = {one.table: others.get(one.kind, []) for one in TIMELINES}
    return compare_timelines(events, {**activities, "adobe_emailurlclick": clicks})


def test_an_event_and_the_activity_that_shows_it_agree() -> None:
    assert compared([event()], [activity()]).agrees


def test_two_events_that_look_alike_need_two_activities() -> None:
    # Given two clicks on one link within a second
    twice = [event(), event(time="2026-11-17T02:00:10.999Z")]
    # Then two activities show them, and one does not
    assert compared(twice, [activity(), activity()]).agrees
    assert compared(twice, [activity()]).sentence() == "The systems differ: click: 1 missing."


def test_soft_bounces_are_left_out_and_hard_ones_are_not() -> None:
    # Given two bounces, of which Dynamics shows neither
    found = compared([event("bounce", "soft"), event("bounce", "hard")], [])
    # Then one of them is missing
    assert found.sentence() == "The systems differ: bounce: 1 missing."
    assert found.kinds[3].left_out == 1


def test_an_activity_too_many_is_told_from_one_of_no_event() -> None:
    # Given a click that is shown twice, and one of a contact who clicked nothing
    found = compared([event()], [activity(), activity(), activity(_regardingobjectid_value="c2")])
    # Then both are told
    assert found.sentence() == "The systems differ: click: 1 shown twice, 1 of no such event."


@pytest.mark.parametrize("column", list(activity()))
def test_every_attribute_counts(column: str) -> None:
    # Given an activity of which one attribute is wrong
    found = compared([event()], [activity(**{column: "other"})])
    # Then the event is missing, and the activity is of no event
    assert found.sentence() == "The systems differ: click: 1 missing, 1 of no such event."


def test_what_agrees_is_counted() -> None:
    bounce = event("bounce", "soft")
    found = compared([event(), event(), bounce, bounce], [activity(), activity()])
    assert found.sentence() == "All 2 events agree, each shown once."
