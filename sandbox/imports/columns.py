"""The columns of a file: which fields they are, and what its text means there."""

import math
from collections.abc import Callable
from typing import Any

from sandbox.campaign.errors import wrong_constant
from sandbox.campaign.fields import DECIMAL, WHOLE, Field
from sandbox.campaign.profile import LOCATION
from sandbox.campaign.resource import Resource

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": False}

#: What a dot leads to, by the type of the field before it.
_PARTS = {"element": LOCATION, "link": ("PKey",)}


class Malformed(Exception):
    """The file as a whole is not what the workflow was built for; the text says why."""


class Columns:
    """The header line of a file of one resource. A dot leads into a nested field: `location.city`."""

    def __init__(self, resource: Resource, names: list[str], key: str) -> None:
        """Malformed for a column that the workflow cannot load, and for a header without the key."""
        self.names = names
        self._nested: list[tuple[str, str, str]] = []
        self._typed: list[tuple[str, Callable[[str], Any]]] = []
        for name in names:
            head, dot, tail = name.partition(".")
            field = resource.definition.fields.get(head)
            if field is None or field.read_only or (dot and tail not in _PARTS.get(field.type, ())):
                raise Malformed(f"The header names '{name}', which cannot be loaded into {resource.definition.name}.")
            if names.count(name) > 1:
                raise Malformed(f"The header names '{name}' twice.")
            if dot:
                self._nested.append((name, head, tail))
            elif (meaning := _meaning(field)) is not None:
                self._typed.append((name, meaning))
        if key not in names:
            raise Malformed(f"The header does not name '{key}', the key.")

    def given(self, cells: list[str]) -> dict[str, Any]:
        """The body that a request with this row would have. CampaignError for text that means nothing there."""
        body: dict[str, Any] = dict(zip(self.names, cells, strict=True))
        for name, meaning in self._typed:
            body[name] = meaning(body[name])
        for name, head, tail in self._nested:
            body.setdefault(head, {})[tail] = body.pop(name)
        return body


def _meaning(field: Field) -> Callable[[str], Any] | None:
    """How text becomes a value; None where it is one already: dates, moments and enumerations are text in bodies."""
    if field.type == "boolean":
        return _boolean
    if field.type in WHOLE:
        return _whole
    if field.type in DECIMAL:
        return _decimal
    return None


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise wrong_constant(text)
    return value


def _whole(text: str) -> int | float:
    return int(text) if text.isdecimal() and text.isascii() else _decimal(text)


def _decimal(text: str) -> float:
    try:
        value = float(text or 0)
    except ValueError as wrong:
        raise wrong_constant(text) from wrong
    if not math.isfinite(value) or "_" in text:
        raise wrong_constant(text)
    return value
