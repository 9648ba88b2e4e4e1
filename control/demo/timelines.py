"""Compares the events of Campaign with the activities of Dynamics, one by one, from what both systems hold.

Like the comparison of records it shares nothing with what wrote them. An activity does not tell its event: it is held
against all events by what it shows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where Dynamics shows one kind of event."""

    kind: str
    table: str
    date: str  #: column for when it happened


TIMELINES = (
    Timeline("send", "adobe_emailsend", "adobe_senton"),
    Timeline("open", "adobe_emailopen", "adobe_openedon"),
    Timeline("click", "adobe_emailurlclick", "adobe_clickedon"),
    Timeline("bounce", "adobe_emailbounce", "adobe_bouncedon"),
)


@dataclass(frozen=True, slots=True)
class KindComparison:
    kind: str
    events: int  #: in the journal; one that was delivered twice is one
    left_out: int  #: soft bounces, which are not shown
    found: int  #: activities in Dynamics
    missing: int  #: events without an activity
    doubled: int  #: activities that show an event once more
    strange: int  #: activities of no event that happened, or that shows something else

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.doubled or self.strange)

    def sentence(self) -> str:
        kinds = {"missing": self.missing, "shown twice": self.doubled, "of no such event": self.strange}
        return f"{self.kind}: {', '.join(f'{count:,} {what}' for what, count in kinds.items() if count)}"


@dataclass(frozen=True, slots=True)
class Timelines:
    """All kinds of events together."""

    kinds: tuple[KindComparison, ...]

    @property
    def agrees(self) -> bool:
        return all(one.agrees for one in self.kinds)

    @property
    def activities(self) -> int:
        return sum(one.found for one in self.kinds)

    def sentence(self) -> str:
        if not self.agrees:
            return f"The systems differ: {'; '.join(one.sentence() for one in self.kinds if not one.agrees)}."
        return f"All {self.activities:,} events agree, each shown once."


def compare_timelines(events: Sequence[Row], activities: Mapping[str, Iterable[Row]]) -> Timelines:
    """`events` as Campaign knows that they happened, `activities` by table."""
    return Timelines(tuple(_compared(one, events, activities[one.table]) for one in TIMELINES))


def _compared(timeline: Timeline, events: Iterable[Row], activities: Iterable[Row]) -> KindComparison:
    happened = [event for event in events if event["kind"] == timeline.kind]
    wanted = Counter(_shown(event) for event in happened if event["failure"] != "soft")
    found = Counter(_seen(row, timeline.date) for row in activities)
    extra = found - wanted
    doubled = sum(count for shown, count in extra.items() if shown in wanted)
    return KindComparison(
        timeline.kind,
        events=len(happened),
        left_out=len(happened) - wanted.total(),
        found=found.total(),
        missing=(wanted - found).total(),
        doubled=doubled,
        strange=extra.total() - doubled,
    )


def _shown(event: Row) -> tuple[object, ...]:
    """What Dynamics must show of an event; it keeps whole seconds."""
    return (
        event["contact"],
        event["time"][:19],
        f"Campaign Name: {event['campaign']}; Delivery Name: {event['delivery']}",
        event["campaign"],
        event["delivery"],
        event["url"],
        event["mirror_page"],
    )


def _seen(row: Row, date: str) -> tuple[object, ...]:
    return (
        row.get("_regardingobjectid_value"),
        str(row.get(date))[:19],
        row.get("subject"),
        row.get("adobe_campaignname"),
        row.get("adobe_deliveryname"),
        row.get("adobe_trackingurl", ""),
        row.get("adobe_mirrorpageurl", ""),
    )
