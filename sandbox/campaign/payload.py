"""Bodies of profile writes, checked field by field as the resource's metadata says."""

import re
from datetime import UTC, date, datetime
from typing import Any

import orjson

from sandbox.campaign.errors import (
    GENERIC,
    CampaignError,
    read_only_property,
    unknown_property,
    wrong_constant,
    wrong_enumeration,
)
from sandbox.campaign.fields import DENY_LIST_ALIASES, FIELDS, LOCATION, Field
from sandbox.clock import campaign_stamp
from sandbox.switches import Switches

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_IGNORED = frozenset({"PKey", "href", "metadata"})


def read_json(body: bytes, switches: Switches) -> dict[str, Any]:
    try:
        given = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        text = body.decode("utf-8", "replace").strip('"')
        raise CampaignError(switches.wrong_body_status, f"{GENERIC} '{text}' is not a valid constant.")
    return given


def checked_values(given: dict[str, Any], extended: bool, switches: Switches) -> dict[str, Any]:
    """Values to merge into a profile (blank ones included). CampaignError, always 500, for what Campaign refuses."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in _IGNORED:
            continue
        if switches.deny_list_alias and name in DENY_LIST_ALIASES:
            name = DENY_LIST_ALIASES[name]
        field = FIELDS.get(name)
        if field is None or (field.extension and not extended):
            raise unknown_property(name)
        if field.read_only:
            raise read_only_property(name)
        values[name] = _checked(field, value, switches)
    return values


def _checked(field: Field, value: Any, switches: Switches) -> Any:
    if value is None and field.type != "link":
        if switches.null_scalars == "refuse":
            raise wrong_constant("null")
        return field.blank if field.type != "element" else {}
    if field.type == "string":
        return _text(field, value, switches)
    if field.type == "boolean":
        if not isinstance(value, bool):
            raise wrong_constant(str(value))
        return value
    if field.type in ("long", "double"):
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or (field.type == "long" and value != int(value))
        ):
            raise wrong_constant(str(value))
        return int(value) if field.type == "long" else value
    if field.type == "enumeration":
        if value == "":
            return field.blank
        if value not in field.values:
            raise wrong_enumeration(field.name, str(value))
        return value
    if field.type == "date":
        return _day(value)
    if field.type == "datetime":
        return normal_stamp(value)
    if field.type == "element":
        return _location(value)
    return _link(value)


def _text(field: Field, value: Any, switches: Switches) -> str:
    if not isinstance(value, str):
        raise wrong_constant(str(value))
    if field.length is not None and len(value) > field.length:
        if switches.overlong_strings == "refuse":
            raise CampaignError(
                500,
                f"{GENERIC} The value of the '@{field.name}' field is too long (maximum {field.length} characters).",
            )
        value = value[: field.length]
    if field.data_policy == "email" and value and switches.validate_email and not _EMAIL.fullmatch(value):
        raise CampaignError(500, f"{GENERIC} The value '{value}' of the '@email' field is not a valid email address.")
    if field.data_policy == "smartCase" and switches.smart_case:
        value = value.title()
    return str(value)


def _day(value: Any) -> str:
    if value == "":
        return ""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as wrong:
        raise wrong_constant(str(value)) from wrong


def normal_stamp(value: Any) -> str:
    """ISO 8601 with or without `T`, as Campaign writes it; a value without a zone is UTC."""
    if value == "":
        return ""
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError as wrong:
        raise wrong_constant(str(value)) from wrong
    return campaign_stamp((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def _location(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise wrong_constant(str(value))
    for name, part in value.items():
        if name not in LOCATION:
            raise unknown_property(name)
        if not isinstance(part, str):
            raise wrong_constant(str(part))
    return value


def _link(value: Any) -> Any:
    """No units are played: a link can be cleared; one without PKey is passed over; any PKey is unknown."""
    if value is None or (isinstance(value, dict) and not value.get("PKey")):
        return None
    token = str(value.get("PKey", "")) if isinstance(value, dict) else str(value)
    bare = token.removeprefix("@")
    raise CampaignError(
        500, f"{GENERIC} '{bare}' attribute unknown. XTK-170036 Unable to parse expression '@id = @{bare}'."
    )
