"""The part of the demonstration with a campaign: its events appear on timelines, and appear there once."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from control import operate
from control.demo.stage import Demo, Watch
from control.demo.timelines import TIMELINES, Timelines, compare_timelines

WORKFLOW = "egress"

#: Events of the campaign, emails of it that come back days later, and the share of the journal that is delivered again.
EVENTS, LATE, AGAIN = 2000, 5, 0.5

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that is over: all it led to stands in the journal."""

    emails: int
    events: list[Event]  #: what happened, by the sandbox's own account


@dataclass(frozen=True, slots=True)
class Told:
    """What it took until Dynamics showed all events."""

    delivered: int  #: events that the journal delivered, those that come again included
    created: int  #: activities
    batches: int  #: requests by which they were created
    seconds: float  #: until both sides agreed
    flowing: float  #: seconds of these in which the workflow was RUNNING
    timelines: Timelines

    @property
    def per_second(self) -> float:
        return self.created / self.flowing if self.flowing else 0.0


def send_emails(demo: Demo) -> Campaign:
    """Runs the campaign. Raises DemoFailed."""
    # The journal would be asked again after ten seconds only; nobody wants to watch that.
    demo.sandbox.ask("PUT", "/switches", {"journal_retry_after_seconds": 1})
    made = demo.sandbox.ask("POST", "/events/campaign", {"events": EVENTS, "seed": 1})
    return Campaign(made["emails"], demo.sandbox.ask("GET", "/events/truth")["value"])


def first_time(demo: Demo, campaign: Campaign, watch: Watch, timeout: float) -> Told:
    """Starts egress and waits until Dynamics shows every event. Raises DemoFailed."""
    demo.sandbox.ask("DELETE", "/calls")
    began = time.monotonic()
    operate.start(demo.store, WORKFLOW, demo.settings.actor, "demonstration", accept_privacy=True)
    return _await(demo, campaign.events, watch, began, timeout, 0, len(campaign.events))


def once_more(demo: Demo, campaign: Campaign, watch: Watch, timeout: float) -> Told:
    """Delivers a part of the journal again, lets some emails come back late, and waits until Dynamics shows these, and
    nothing twice. Raises DemoFailed."""
    late = _late_bounces(campaign.events)
    before, settled = _activities(demo), demo.settled(WORKFLOW)
    demo.sandbox.ask("DELETE", "/calls")
    entries = demo.sandbox.ask("GET", "/events/journal")["entries"]
    began = time.monotonic()
    demo.sandbox.ask("POST", "/events/journal", {"again": AGAIN})
    # Behind those that come again: once Dynamics shows the last one, all of them were read.
    now = demo.sandbox.ask("POST", "/events/journal", {"events": [_delivered(event) for event in late]})["entries"]
    events = [*campaign.events, *late]
    return _await(demo, events, watch, began, timeout, before, now - entries, settled)


def _await(
    demo: Demo,
    events: Sequence[Event],
    watch: Watch,
    began: float,
    timeout: float,
    before: int,
    delivered: int,
    settled: int = 0,
) -> Told:
    def compare() -> Timelines:
        activities = {one.table: demo.sandbox.rows(one.table) for one in TIMELINES}
        return compare_timelines(events, activities)

    flowing, timelines = demo.await_agreement(WORKFLOW, compare, watch, began + timeout, settled)
    seconds = time.monotonic() - began
    batches = demo.sandbox.ask("GET", "/calls")["batches"]
    return Told(delivered, timelines.activities - before, batches, seconds, flowing, timelines)


def _activities(demo: Demo) -> int:
    created: int = demo.sandbox.ask("GET", "/dynamics/activities/counts")["created"]
    return created


def _late_bounces(events: Sequence[Event]) -> list[Event]:
    """Some emails that were sent, and of which nothing was heard since, come back now, for good."""
    heard = {event["mirror_page"] for event in events if event["kind"] != "send"}
    silent = [event for event in events if event["mirror_page"] not in heard]
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [{**event, "kind": "bounce", "id": str(uuid4()), "time": now, "failure": "hard"} for event in silent[:LATE]]


def _delivered(event: Event) -> dict[str, Any]:
    """The event as the journal tells it."""
    return {
        "id": event["id"],
        "type": f"com.adobe.campaign.email.{event['kind']}",
        "time": event["time"],
        "data": {
            "externalId": event["contact"],
            "email": event["email"],
            "campaignName": event["campaign"],
            "deliveryName": event["delivery"],
            "eventDate": event["time"],
            "mirrorPageUrl": event["mirror_page"],
            "failureType": event["failure"],
        },
    }
