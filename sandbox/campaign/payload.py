"""Bodies of writes, checked field by field as the resource's metadata says."""

import re
import struct
from datetime import UTC, date, datetime
from typing import Any

import orjson

from sandbox.campaign.definitions import Definition
from sandbox.campaign.errors import (
    GENERIC,
    CampaignError,
    missing_value,
    out_of_range,
    read_only_property,
    unknown_pkey,
    unknown_property,
    wrong_constant,
    wrong_enumeration,
)
from sandbox.campaign.fields import DECIMAL, WHOLE, Field
from sandbox.campaign.instance import Instance
from sandbox.campaign.profile import DENY_LIST_ALIASES, LOCATION
from sandbox.campaign.showing import View
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


def checked_values(view: View, given: dict[str, Any], creating: bool) -> dict[str, Any]:
    """Values to merge into a record (blank ones included). CampaignError, always 500, for what Campaign refuses."""
    definition, switches = view.resource.definition, view.instance.switches
    fields, extended = definition.fields, view.is_extended
    values: dict[str, Any] = {}
    links: list[tuple[Field, Any]] = []
    for name, value in given.items():
        if name in _IGNORED:
            continue
        if switches.deny_list_alias and name in DENY_LIST_ALIASES:
            name = DENY_LIST_ALIASES[name]
        field = fields.get(name)
        if field is None or (field.extension and not extended):
            raise unknown_property(definition, name)
        if field.read_only:
            raise read_only_property(definition, name)
        if field.type == "link":
            links.append((field, value))
        else:
            values[name] = _checked(definition, field, value, switches)
    for link, value in links:
        _set_link(view.instance, definition, link, value, values)
    for name in definition.mandatory:
        if values.get(name, "" if creating and fields[name].type != "enumeration" else None) == "":
            raise missing_value(name)
    return values


def _checked(definition: Definition, field: Field, value: Any, switches: Switches) -> Any:
    if value is None:
        if switches.null_scalars == "refuse":
            raise wrong_constant("null")
        return field.blank if field.type != "element" else {}
    if field.type in ("string", "memo"):
        return _text(field, value, switches)
    if field.type == "boolean":
        if not isinstance(value, bool):
            raise wrong_constant(str(value))
        return value
    if field.type in WHOLE or field.type in DECIMAL:
        return _number(field.type, value)
    if field.type == "enumeration":
        if value == "":
            return field.blank
        if value not in field.values:
            raise wrong_enumeration(definition, field.name, str(value))
        return value
    if field.type == "date":
        return _day(value)
    if field.type == "datetime":
        return normal_stamp(value)
    return _location(definition, value)


def _number(kind: str, value: Any) -> int | float:
    """A number that the database's column holds; single precision as it comes back: the shortest that means it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_constant(str(value))
    if kind in WHOLE:
        if value != int(value):
            raise wrong_constant(str(value))
        if not -(1 << WHOLE[kind] - 1) <= value < 1 << WHOLE[kind] - 1:
            raise out_of_range(value, kind)
        return int(value)
    if kind == "double":
        return value
    try:
        stored = struct.pack("<f", value)
    except OverflowError:
        raise out_of_range(value, kind) from None
    shown = (float(f"{value:.{digits}g}") for digits in range(1, 9))
    return next((number for number in shown if struct.pack("<f", number) == stored), float(f"{value:.9g}"))


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
        return campaign_stamp((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except ValueError as wrong:
        raise wrong_constant(str(value)) from wrong


def _location(definition: Definition, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise wrong_constant(str(value))
    for name, part in value.items():
        if name not in LOCATION:
            raise unknown_property(definition, name)
        if not isinstance(part, str):
            raise wrong_constant(str(part))
    return value


def _set_link(instance: Instance, definition: Definition, link: Field, value: Any, values: dict[str, Any]) -> None:
    """Null and an empty PKey clear a link; an object without PKey is passed over. A link that joins by a field of the
    record is that field: a value given for the field itself wins.
    """
    if isinstance(value, dict):
        if "PKey" not in value:
            return
        token = value["PKey"]
    else:
        token = value
    if not token:
        values.setdefault(link.by or link.name, definition.fields[link.by].blank if link.by else None)
        return
    if not isinstance(value, dict) or not isinstance(token, str):
        raise unknown_pkey(definition, str(token))
    parent = instance.linked(link, token)
    if link.by:
        values.setdefault(link.by, parent.values.get(link.of, ""))
    else:
        values[link.name] = parent.number
