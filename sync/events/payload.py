"""An event as it waits on the record queue: where it was read, and its JSON object or what is known of one that cannot
be read.

    files@clicks_20261101.txt%20line%2017 {"id": ...}
    unreadable {"where": ..., "flaw": ..., "excerpt": ..., "place": ...}
"""

from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import quote, unquote

import orjson

from config.egress import EventOrigin
from sync.events.event import Event, Understanding, activity_id, stable_id
from sync.mapping.mapper import Unmappable
from sync.pages import RawRecord

#: In place of the origin, before what is known of an event that cannot be read.
_UNREADABLE = b"unreadable"
_ORIGINS: dict[bytes, EventOrigin] = {b"journal": "journal", b"files": "files"}


class Unreadable(Unmappable):
    """An event that is no event."""


class FileSetAside(Unreadable):
    """A whole file of which no event can be read."""


class Kept(NamedTuple):
    """An event as the queue takes it."""

    record_id: str  #: of the activity that it becomes; of one that cannot be read, the same each time
    payload: bytes


def keep(event: RawRecord, origin: EventOrigin, rules: Understanding, found: Event | None) -> Kept:
    """`rules`: those of the origin; `found`: what they make of it, None if it does not fit."""
    if event.value is None:
        return _unreadable(event)
    try:
        payload = b"%b %b" % (_head(origin, event, found), orjson.dumps(event.value))
        # Understood once is enough: every event comes by here.
        known = activity_id(found.kind, found.id) if found else rules.activity_id(event.value)
        return Kept(known, payload)
    except (orjson.JSONEncodeError, RecursionError):
        flaw = "The event is nested too deeply to be kept."
        where = event.where or _outline(event.value)
        return _unreadable(RawRecord(None, where, flaw, "", event.file, event.line, event.position))


def mark_of(event: RawRecord) -> str:
    """What stands for a record in a position: 32 hexadecimal digits, of what it holds and where it was read."""
    place = ascii((event.where, event.file, event.line, event.position)).encode()
    try:
        content = orjson.dumps(event.value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, RecursionError):
        content = _outline(event.value or {}).encode()
    return blake2b(b"%b %b" % (place, content), digest_size=16).hexdigest()


def unpacked(payload: bytes) -> tuple[EventOrigin, dict[str, object]]:
    """From which kind of source an event is, and its JSON object. Raises Unreadable."""
    head, _, body = payload.partition(b" ")
    if head == _UNREADABLE:
        known = orjson.loads(body)
        raise (FileSetAside if known.get("whole") else Unreadable)("event", known["flaw"])
    value: dict[str, object] = orjson.loads(body)
    return _ORIGINS[head.partition(b"@")[0]], value


def place_of(payload: bytes) -> str:
    """Where an event was read: "clicks_20261101.txt line 17", or its position in the journal; empty if not known."""
    head, _, body = payload.partition(b" ")
    if head == _UNREADABLE:
        return str(orjson.loads(body).get("place", ""))
    return unquote(head.partition(b"@")[2].decode())


def unreadable_id(where: str) -> str:
    """The record's id of what cannot be read: the same each time."""
    return stable_id(f"unreadable {where}")


def _unreadable(event: RawRecord) -> Kept:
    known: dict[str, object] = {"where": event.where, "flaw": event.flaw, "excerpt": event.excerpt}
    known["place"], known["whole"] = _place(event), bool(event.file and not event.line)
    return Kept(unreadable_id(event.where), b"%b %b" % (_UNREADABLE, orjson.dumps(known)))


def _place(event: RawRecord) -> str:
    if event.file:
        return f"{event.file} line {event.line}" if event.line else event.file
    return f"position {event.position}" if event.position else ""


def _head(origin: EventOrigin, event: RawRecord, found: Event | None) -> bytes:
    if event.file:
        return b"%b@%b%%20line%%20%d" % (origin.encode(), _quoted(event.file), event.line)
    # Nobody looks for an event that fits by its place in the journal.
    if event.position and found is None:
        return b"%b@position%%20%b" % (origin.encode(), quote(event.position, safe="").encode())
    return origin.encode()


@lru_cache(maxsize=64)
def _quoted(name: str) -> bytes:
    """The name of a file, which hundreds of events have in common, without blanks."""
    return quote(name, safe="", errors="backslashreplace").encode()


def _outline(value: dict[str, object]) -> str:
    """What tells an event from others by its upper parts, when the deeper ones cannot be written down."""
    plain = {name: part for name, part in value.items() if not isinstance(part, dict | list)}
    return f"event {blake2b(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()}"
