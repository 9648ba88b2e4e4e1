"""An event as the activity that Dynamics shows on the contact's timeline."""

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from config.activities import Activities
from config.event_fields import Kind
from sync.events.event import Event, activity_id
from sync.mapping.mapper import Unmappable


class ActivityShape(NamedTuple):
    """What the metadata of Dynamics say about one activity table."""

    set_name: str  #: in addresses, such as adobe_emailsends
    regarding: str  #: the navigation property that leads to a contact: regardingobjectid_contact_adobe_emailsend
    lengths: Mapping[str, int]  #: text column -> how many UTF-16 code units it takes, as Dynamics counts characters


class Activity(NamedTuple):
    """One row to be created, if there is none of this id."""

    set_name: str
    id: str
    body: bytes  #: JSON


#: The texts of an event, by the names of their columns in the configuration, in the words of a sentence.
_TEXTS = {
    "campaign": "The id of the campaign",
    "delivery": "The id of the delivery",
    "mirror_page": "The address of the mirror page",
    "url": "The address that was clicked",
}

#: Subjects of events that tell neither campaign nor delivery: the names that the tables have in Adobe's solution.
_SUBJECTS: Mapping[Kind, str] = {
    "send": "Adobe Campaign Email Send",
    "open": "Adobe Campaign Email Open",
    "click": "Adobe Campaign Email URL Click",
    "bounce": "Adobe Campaign Email Bounce",
}


class _Text(NamedTuple):
    place: int  #: of the value in an Event
    column: str
    limit: float
    what: str


class _Plan(NamedTuple):
    set_name: str
    regarding: str
    date: str
    texts: tuple[_Text, ...]
    subject_limit: float


class ActivityMapper:
    """The activity tables, made ready once per revision and schema, then applied to event after event.

    `shapes` has an entry for each kind of event that is switched on.
    """

    def __init__(self, activities: Activities, shapes: Mapping[Kind, ActivityShape]) -> None:
        self._plans = {kind: _plan(activities, kind, shape) for kind, shape in shapes.items()}
        # How an activity is recorded as done (learn.microsoft.com, activitypointer: statecode and statuscode).
        self._ending = {"statecode": 1, "statuscode": 2} if activities.complete else {}

    def map(self, event: Event) -> Activity:
        """What creates this event's activity. Raises Unmappable for a text that is longer than its column."""
        set_name, regarding, date, texts, subject_limit = self._plans[event.kind]
        subject = _subject(event)
        if len(subject) * 2 > subject_limit:
            _check(subject, subject_limit, "subject", "The subject, of the ids of campaign and delivery,")
        body: dict[str, object] = {
            "subject": subject,
            regarding: f"/contacts({event.contact})",
            date: f"{event.time.isoformat()[:19]}Z",  # Dynamics keeps whole seconds
        }
        for place, column, limit, what in texts:
            value: str = event[place]  # type: ignore[assignment]  # only texts have such a place
            if value:
                if len(value) * 2 > limit:
                    _check(value, limit, column, what)
                body[column] = value
        body.update(self._ending)
        return Activity(set_name, activity_id(event.kind, event.id), orjson.dumps(body))


def _plan(activities: Activities, kind: Kind, shape: ActivityShape) -> _Plan:
    columns = activities.of(kind).columns
    texts = [
        _Text(Event._fields.index(name), columns[name], shape.lengths.get(columns[name], float("inf")), what)
        for name, what in _TEXTS.items()
        if name in columns
    ]
    limit = shape.lengths.get("subject", float("inf"))
    return _Plan(shape.set_name, f"{shape.regarding}@odata.bind", columns["date"], tuple(texts), limit)


def _subject(event: Event) -> str:
    """`Campaign Name: <campaign id>; Delivery Name: <delivery id>`, as Adobe's integration writes it; what is not told
    is left out."""
    if event.campaign and event.delivery:
        return f"Campaign Name: {event.campaign}; Delivery Name: {event.delivery}"
    if event.campaign:
        return f"Campaign Name: {event.campaign}"
    return f"Delivery Name: {event.delivery}" if event.delivery else _SUBJECTS[event.kind]


def _check(text: str, limit: float, column: str, what: str) -> None:
    units = len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
    if units > limit:
        raise Unmappable(column, f"{what} is longer than the {limit:,.0f} characters that {column} takes.")
