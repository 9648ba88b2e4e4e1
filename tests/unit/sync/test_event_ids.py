"""The ids of activities: the same event has the same one, and no two events share one."""

import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync.events.event import NAMESPACE, activity_id, stable_id
from tests.unit.sync.events import journal_event, row, rules

_IDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
_KINDS = st.sampled_from(["send", "open", "click", "bounce"])


def id_of(value: dict[str, Any], **config: Any) -> str:
    return rules(**config).activity_id(value)


def test_the_id_of_an_event_never_changes() -> None:
    # What is in Dynamics already is recognised by these ids: a change here would double every activity
    assert activity_id("send", "e1") == "fb7271b1-0cf0-5673-8bc1-3e6564c9abd6"
    assert id_of(journal_event("send", id="e1")) == "fb7271b1-0cf0-5673-8bc1-3e6564c9abd6"
    assert id_of({"type": "riddle"}) == "6a70d7aa-9a49-5ea2-b226-4e52b2484ec3"


@given(st.text())
def test_an_id_is_a_uuid_of_version_5(name: str) -> None:
    if name.encode(errors="replace").decode() == name:
        assert stable_id(name) == str(uuid.uuid5(NAMESPACE, name))
    assert uuid.UUID(stable_id(name)).version == 5


@given(_KINDS, _IDS, _KINDS, _IDS)
def test_two_events_share_an_id_only_if_they_are_one(kind: Any, one: str, other_kind: Any, other: str) -> None:
    same = (kind, one) == (other_kind, other)
    assert (activity_id(kind, one) == activity_id(other_kind, other)) == same


@given(_KINDS, _IDS)
def test_an_event_is_the_same_whatever_else_it_tells_and_wherever_it_comes_from(kind: str, event_id: str) -> None:
    # Given an event, and the same with another time, without a contact, and as a line of a file
    first = id_of(journal_event(kind, id=event_id))
    assert id_of(journal_event(kind, id=f" {event_id} ", eventDate="soon", externalId=None)) == first
    assert id_of(row(id=event_id, type=kind.upper()), source="files") == first
    # and when its kind is switched off
    assert id_of(journal_event(kind, id=event_id), events={f"{kind}s": False}) == first


def test_a_send_and_its_late_bounce_are_two_events() -> None:
    # Given a line of a delivery log, first as sent and days later as failed for good
    sent, failed = row(status="sent"), row(status="failed", failureType="hard")
    # Then both appear
    assert id_of(sent, source="files") == activity_id("send", "17")
    assert id_of(failed, source="files") == activity_id("bounce", "17")


def test_what_never_appears_does_not_stand_in_for_what_does() -> None:
    # Given the lines of one log: not sent yet, sent, failed for now, failed for good
    states = [("pending", ""), ("sent", ""), ("failed", "soft"), ("failed", "hard"), ("failed", ""), ("odd", "")]
    ids = [id_of(row(status=status, failureType=failure), source="files") for status, failure in states]
    # Then each has an id of its own, and none that waits to be written is overtaken by one that is not
    assert len(set(ids)) == len(states)


def test_a_malformed_event_has_the_same_id_each_time_and_another_one_has_another() -> None:
    # Given events without an id, or of no type that is known
    odd: list[dict[str, Any]] = [
        {},
        {"id": "e1"},
        {"type": "riddle"},
        journal_event(id=None),
        journal_event(id=None, eventDate="2026-11-22T08:30:01Z"),
        journal_event(id=[1]),
        journal_event("riddle"),
    ]
    assert len({id_of(value) for value in odd}) == len(odd)
    # Then the order of their keys does not count
    for value in odd:
        assert id_of(dict(reversed(value.items()))) == id_of(value)
