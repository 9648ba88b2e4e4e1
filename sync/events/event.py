"""The rules for Campaign's events: which of them appear in Dynamics, of whom they tell, and which are one and the same.

An event is a JSON object, of the journal or of a file's line. What does not fit is refused with the name of the part
that does not; no sentence repeats a value.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from hashlib import blake2b, sha1
from typing import NamedTuple
from uuid import UUID

from config.egress import EgressConfig, EventOrigin
from config.event_fields import KINDS, Kind
from config.model import Model
from sync.guid import guid_of
from sync.mapping.mapper import Unmappable
from sync.moments import NoMoment, ahead, moment

#: Below it lie the ids of all activities that come from events. It must never change: an event would appear again.
NAMESPACE = UUID("4743ff01-7ff4-4c7b-a3a9-92b53f3b318a")

_Get = Callable[[Mapping[str, object]], object]
_Text = Callable[[Mapping[str, object]], str]


class Verdict(Enum):
    FILTERED = "filtered"  #: switched off, a soft bounce, not sent yet, or ignored by the configuration


class Event(NamedTuple):
    """An event that appears in Dynamics. A text that is not told is empty."""

    kind: Kind
    id: str  #: Campaign's, which tells it from all others of its kind
    contact: str  #: the contact's id, in lower case
    time: datetime  #: in UTC
    campaign: str
    delivery: str
    url: str
    mirror_page: str


class Understanding:
    """A configuration's rules for the events of one origin, made ready once, then applied to event after event."""

    def __init__(self, config: EgressConfig, origin: EventOrigin) -> None:
        nested, fields = origin == "journal", config.fields(origin)
        paths = {name: getattr(fields, name) for name in type(fields).model_fields}
        self._parts = {
            name: _part(path, path.split(".") if nested else [path]) for name, path in paths.items() if path is not None
        }
        self._id, self._type, self._contact, self._time = (
            self._parts[name] for name in ("id", "type", "contact", "time")
        )
        self._status, self._failure_type = self._parts.get("status"), self._parts.get("failure_type")
        self._told = [self._parts.get(name) for name in ("campaign", "delivery", "url", "mirror_page")]
        self._types = _meanings(config.types)
        self._statuses = _meanings(config.statuses)
        self._hard = {text.casefold() for text in config.hard_failures}
        self._formats = config.date_formats
        self._on = {kind for kind in KINDS if config.events.on(kind)}
        self._ignores_strangers = config.without_contact == "ignore"
        self._future_limit = timedelta(seconds=min(config.future_limit_seconds, 1e9))

    def understand(self, value: Mapping[str, object], now: datetime) -> Event | Verdict:
        """The event, or that it does not appear. Raises Unmappable for the first part that does not fit."""
        kind = self._judge(value)
        if kind is Verdict.FILTERED or kind not in self._on:
            return Verdict.FILTERED
        event_id = self._id.needed(value)
        contact = self._contact.text(value)
        if not contact:
            if self._ignores_strangers:
                return Verdict.FILTERED
            raise _missing(self._contact)
        contact = guid_of(contact)
        if not contact:
            raise Unmappable(self._contact.path, f"{self._contact.path} is not the id of a contact: it is no GUID.")
        time = self._moment(value, now)
        campaign, delivery, url, mirror_page = [part.text(value) if part else "" for part in self._told]
        return Event(kind, event_id, contact, time, campaign, delivery, url, mirror_page)

    def time_of(self, value: Mapping[str, object]) -> datetime | None:
        """When an event happened, whether or not the rest of it fits; None if that cannot be told."""
        try:
            return moment(self._time.get(value), self._formats)
        except NoMoment:
            return None

    def kind_of(self, value: Mapping[str, object]) -> Kind | None:
        """As what the event appears, were all kinds switched on; None if it does not, or cannot be told."""
        try:
            kind = self._judge(value)
        except Unmappable:
            return None
        return None if kind is Verdict.FILTERED else kind

    def activity_id(self, value: Mapping[str, object]) -> str:
        """The id of the activity that this event is or would be: the same for the same event, however often it comes.

        It is made of the kind and the event's id. An event that does not tell both, or that never appears, has one
        that is made of its whole content, so that it can be kept, and never stands in for one that does appear.
        """
        kind = self.kind_of(value)
        try:
            event_id = self._id.text(value) if kind else ""
        except Unmappable:
            event_id = ""
        if kind and event_id:
            return activity_id(kind, event_id)
        content = json.dumps(value, sort_keys=True).encode()  # takes whatever JSON can hold
        return stable_id(f"event {blake2b(content, digest_size=32).hexdigest()}")

    def _judge(self, value: Mapping[str, object]) -> Kind | Verdict:
        meaning = self._types.get(self._type.needed(value).casefold())
        if meaning == "send" and self._status is not None:
            status = self._status.text(value)
            if status:
                return self._judge_send(value, self._status.path, status)
        if meaning == "bounce" and self._failure_type is not None:
            failure = self._failure_type.text(value)
            return "bounce" if not failure or failure.casefold() in self._hard else Verdict.FILTERED
        if meaning is None:
            raise Unmappable(
                self._type.path, f"The value of {self._type.path} is not among egress.types: it is an unknown type."
            )
        return Verdict.FILTERED if meaning == "ignore" else _KINDS[meaning]

    def _judge_send(self, value: Mapping[str, object], path: str, status: str) -> Kind | Verdict:
        """A row of a delivery log: its status changes from sent to failed when an email comes back days later."""
        meaning = self._statuses.get(status.casefold())
        if meaning is None:
            raise Unmappable(path, f"The value of {path} is not among egress.statuses: it is an unknown status.")
        if meaning != "failed" or self._failure_type is None:
            return "send" if meaning == "sent" else Verdict.FILTERED
        failure = self._failure_type.text(value)
        if not failure:
            where = self._failure_type.path
            raise Unmappable(where, f"The event is a send that failed, and has no {where} that says whether for good.")
        return "bounce" if failure.casefold() in self._hard else Verdict.FILTERED

    def _moment(self, value: Mapping[str, object], now: datetime) -> datetime:
        path, found = self._time.path, self._time.get(value)
        if found is None or (isinstance(found, str) and not found.strip()):
            raise _missing(self._time)
        try:
            time = moment(found, self._formats)
        except NoMoment as wrong:
            raise Unmappable(path, f"{path} {wrong}.") from None
        if time > now and time - now > self._future_limit:
            raise Unmappable(
                path, f"{path} lies {ahead(time - now)} ahead of now, more than egress.future_limit_seconds allows."
            )
        return time


def activity_id(kind: Kind, event_id: str) -> str:
    """The id of the activity for this event of Campaign: a UUIDv5 (RFC 9562) in NAMESPACE of `<kind> <event id>`."""
    return stable_id(f"{kind} {event_id}")


def stable_id(name: str) -> str:
    """The UUIDv5 of a name in NAMESPACE, in lower case: the same name has the same one, on every machine."""
    hashed = _seeded.copy()
    hashed.update(name.encode(errors="surrogatepass"))  # the name of a file may hold anything
    digest = bytearray(hashed.digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# uuid.uuid5 does the same in three times the time.
_seeded = sha1(NAMESPACE.bytes, usedforsecurity=False)

_KINDS: Mapping[str, Kind] = {"send": "send", "open": "open", "click": "click", "bounce": "bounce"}


# -- the parts of an event ---------------------------------------------------------------------------------------

#: What no line of text holds, and no column of Dynamics takes: control characters, and half of a letter.
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class _Part(NamedTuple):
    path: str
    get: _Get  #: the value; None if there is none
    text: _Text  #: the text without surrounding blanks, or a whole number as text; empty if there is none

    def needed(self, value: Mapping[str, object]) -> str:
        found = self.text(value)
        if not found:
            raise _missing(self)
        return found


def _missing(part: _Part) -> Unmappable:
    return Unmappable(part.path, f"The event has no {part.path}.")


def _part(path: str, steps: list[str]) -> _Part:
    """The part of an event that stands where these names lead. An event has seven of them that are texts, each of which
    is usually one as it stands: what finds those is one function without calls of its own."""
    first, *others = steps
    if not others:

        def get(value: Mapping[str, object]) -> object:
            return value.get(first)

        def text(value: Mapping[str, object]) -> str:
            found = value.get(first)
            return found.strip() if type(found) is str and found.isprintable() else _text(path, found)

        return _Part(path, get, text)
    if len(others) == 1:
        [second] = others

        def get_inner(value: Mapping[str, object]) -> object:
            inner = value.get(first)
            return inner.get(second) if type(inner) is dict else None

        def text_inner(value: Mapping[str, object]) -> str:
            inner = value.get(first)
            found = inner.get(second) if type(inner) is dict else None
            return found.strip() if type(found) is str and found.isprintable() else _text(path, found)

        return _Part(path, get_inner, text_inner)
    deeper = _part(path, others)

    def get_deep(value: Mapping[str, object]) -> object:
        inner = value.get(first)
        return deeper.get(inner) if type(inner) is dict else None

    return _Part(path, get_deep, lambda value: _text(path, get_deep(value)))


def _text(path: str, found: object) -> str:
    if type(found) is str:
        text = found.strip()
        if not text.isprintable() and _UNFIT.search(text):
            raise Unmappable(path, f"{path} holds control characters, or half of a letter.")
        return text
    if found is None:
        return ""
    if type(found) is int and abs(found) < 1 << 64:
        return str(found)
    raise Unmappable(path, f"{path} is neither text nor a whole number.")


def _meanings(lists: Model) -> dict[str, str]:
    """Each value that is listed, its capitals aside -> the name of its list."""
    return {text.casefold(): name for name in type(lists).model_fields for text in getattr(lists, name)}
