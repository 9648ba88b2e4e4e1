"""An event as it waits on the record queue: its JSON object, or what is known of one that cannot be read."""

import orjson

from sync.events.event import Understanding, stable_id
from sync.events.pages import RawEvent
from sync.mapping.mapper import Unmappable

#: Before what is known of an event that cannot be read. No JSON object begins with it.
_UNREADABLE = b"!"


class Unreadable(Unmappable):
    """An event that is no event."""


def packed(event: RawEvent) -> bytes:
    if event.value is not None:
        return orjson.dumps(event.value)
    return _UNREADABLE + orjson.dumps({"where": event.where, "flaw": event.flaw, "excerpt": event.excerpt})


def unpacked(payload: bytes) -> dict[str, object]:
    """The event's JSON object. Raises Unreadable."""
    if payload.startswith(_UNREADABLE):
        raise Unreadable("event", orjson.loads(payload[1:])["flaw"])
    value: dict[str, object] = orjson.loads(payload)
    return value


def record_id_of(event: RawEvent, rules: Understanding) -> str:
    """The id of the activity that the event becomes; of an unreadable one, an id that is the same each time."""
    if event.value is None:
        return stable_id(f"unreadable {event.where}")
    return rules.activity_id(event.value)
