"""What the timelines of Dynamics must show, judged from the sandbox's own account of its campaigns.

It shares nothing with the product: tables, columns and the subject are written down here from docs/sandbox.md and
Adobe's pages. How the ids of activities are made is not judged, only that none was created twice.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

Row = dict[str, Any]
#: An event as `GET /events/truth` tells it.
Event = Mapping[str, Any]
#: Whether an event travels; switches and times are told to the judge once more, in Python.
Travels = Callable[[Event], bool]

#: Kind of event -> its table and the column for when it happened, unless the configuration names others.
TABLES = {
    "send": ("adobe_emailsend", "adobe_senton"),
    "open": ("adobe_emailopen", "adobe_openedon"),
    "click": ("adobe_emailurlclick", "adobe_clickedon"),
    "bounce": ("adobe_emailbounce", "adobe_bouncedon"),
}
#: What the configuration calls a column -> its name there unless another is said.
COLUMNS = {
    "campaign": "adobe_campaignname",
    "delivery": "adobe_deliveryname",
    "mirror_page": "adobe_mirrorpageurl",
    "url": "adobe_trackingurl",
}


class Shown(NamedTuple):
    """An activity as people see it on a timeline."""

    kind: str
    contact: str
    subject: str
    time: str  #: whole seconds, UTC
    campaign: str
    delivery: str
    mirror_page: str
    url: str
    state: tuple[int, int]
    owner: str


def table_of(part: Mapping[str, Any], kind: str) -> str:
    """Where a configuration writes events of this kind."""
    return str(_names(part, kind)["table"])


def wanted(
    part: Mapping[str, Any], events: Iterable[Event], contacts: Collection[str], travels: Travels, owner: str
) -> "Counter[Shown]":
    """What must be shown: events of known contacts, of bounces only hard ones. `part`: egress of a configuration."""
    place = part.get("source", "journal")
    switches = part.get("events", {})
    completed = part.get("activities", {}).get("complete", True)
    return Counter(
        Shown(
            event["kind"],
            event["contact"].lower(),
            f"Campaign Name: {event['campaign']}; Delivery Name: {event['delivery']}",
            event["time"][:19] + "Z",
            event["campaign"],
            event["delivery"],
            event["mirror_page"],
            event["url"],
            (1, 2) if completed else (0, 1),
            owner,
        )
        for event in events
        if event[place]
        and switches.get(f"{event['kind']}s", True)
        and event["contact"].lower() in contacts
        and event["failure"] != "soft"
        and travels(event)
    )


def shown(part: Mapping[str, Any], rows: Mapping[str, Iterable[Row]]) -> "Counter[Shown]":
    """What is shown; `rows` are those of the activity tables by kind of event."""
    found: Counter[Shown] = Counter()
    for kind, those in rows.items():
        names = _names(part, kind)
        for row in those:
            campaign, delivery, mirror_page, url = (row.get(names[column], "") for column in COLUMNS)
            found[
                Shown(
                    kind,
                    row.get("_regardingobjectid_value", ""),
                    row.get("subject", ""),
                    row.get(names["date"], ""),
                    campaign,
                    delivery,
                    mirror_page,
                    url,
                    (row["statecode"], row["statuscode"]),
                    row["_ownerid_value"],
                )
            ] += 1
    return found


def differences(wanted: "Counter[Shown]", shown: "Counter[Shown]", counts: Mapping[str, Any] | None) -> list[str]:
    """Where the two disagree; `counts` are those of the sandbox's journal of activities, None if others write, too."""
    found = [f"missing {count} times: {one}" for one, count in (wanted - shown).items()]
    found += [f"too many by {count}: {one}" for one, count in (shown - wanted).items()]
    if counts and counts["twice"]:
        found.append(f"{counts['twice']} activities were created twice")
    if counts and counts["writes"] != counts["created"]:
        found.append(f"{counts['writes'] - counts['created']} writes changed or deleted activities")
    return found


def _names(part: Mapping[str, Any], kind: str) -> dict[str, str]:
    table, date = TABLES[kind]
    return {"table": table, "date": date, **COLUMNS, **part.get("activities", {}).get(kind, {})}
