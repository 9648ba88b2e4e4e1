"""An event as it waits on the record queue: where it was read, and its JSON object or what is known of one that cannot
be read."""

from hashlib import blake2b
from typing import NamedTuple

import orjson

from config.egress import EventOrigin
from sync.events.event import Event, Understanding, activity_id, stable_id
from sync.mapping.mapper import Unmappable
from sync.pages import RawRecord as RawEvent

#: In place of the origin, before what is known of an event that cannot be read.
_UNREADABLE = b"unreadable"
_ORIGINS: dict[bytes, EventOrigin] = {b"journal": "journal", b"files": "files"}


class Unreadable(Unmappable):
    """An event that is no event."""


class Kept(NamedTuple):
    """An event as the queue takes it."""

    record_id: str  #: of the activity that it becomes; of one that cannot be read, the same each time
    payload: bytes


def keep(event: RawEvent, origin: EventOrigin, rules: Understanding, found: Event | None) -> Kept:
    """`rules`: those of the origin; `found`: what they make of it, None if it does not fit."""
    if event.value is None:
        return _unreadable(event)
    try:
        payload = b"%b %b" % (origin.encode(), orjson.dumps(event.value))
        # Understood once is enough: every event comes by here.
        known = activity_id(found.kind, found.id) if found else rules.activity_id(event.value)
        return Kept(known, payload)
    except (orjson.JSONEncodeError, RecursionError):
        flaw = "The event is nested too deeply to be kept."
        return _unreadable(RawEvent(None, event.where or _outline(event.value), flaw))


def unpacked(payload: bytes) -> tuple[EventOrigin, dict[str, object]]:
    """Where an event was read, and its JSON object. Raises Unreadable."""
    head, _, body = payload.partition(b" ")
    if head == _UNREADABLE:
        raise Unreadable("event", orjson.loads(body)["flaw"])
    value: dict[str, object] = orjson.loads(body)
    return _ORIGINS[head], value


def _unreadable(event: RawEvent) -> Kept:
    known = orjson.dumps({"where": event.where, "flaw": event.flaw, "excerpt": event.excerpt})
    return Kept(stable_id(f"unreadable {event.where}"), b"%b %b" % (_UNREADABLE, known))


def _outline(value: dict[str, object]) -> str:
    """What tells an event from others by its upper parts, when the deeper ones cannot be written down."""
    plain = {name: part for name, part in value.items() if not isinstance(part, dict | list)}
    return f"event {blake2b(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()}"
