"""What Campaign says about a resource: its fields, their types, lengths, whether they can be written, enumerations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CampaignField:
    """`name` is dotted for a member of an element (location.city); `length` in characters; `values` of an enumeration
    are the names that are written, never the stored numbers."""

    name: str
    type: str
    length: int | None
    read_only: bool
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CampaignResource:
    """`api` is the API that holds the resource, such as profileAndServicesExt."""

    name: str
    api: str
    fields: Mapping[str, CampaignField]


def resource_of(name: str, api: str, description: dict[str, Any]) -> CampaignResource:
    """The resource of `GET <api>/resourceType/<name>`. Raises KeyError, TypeError, ValueError, AttributeError where
    the answer has not the promised shape.
    """
    fields = {field.name: field for field in _fields(description["content"], "")}
    return CampaignResource(name, api, fields)


def _fields(content: dict[str, Any], prefix: str) -> Iterator[CampaignField]:
    for name, described in content.items():
        path = f"{prefix}{name}"
        inner = described.get("content")
        if isinstance(inner, dict) and inner and described.get("type") not in ("link", "collection"):
            yield from _fields(inner, f"{path}.")
            continue
        length = described.get("length")
        yield CampaignField(
            name=path,
            type=str(described["type"]),
            length=int(length) if length not in (None, "", "0", 0) else None,
            read_only=described.get("readOnly") in (True, "true"),
            values=tuple(_names(described.get("values"))),
        )


def _names(values: object) -> Iterator[str]:
    """The names of an enumeration: a list of objects, or an object by name; the vendor's pages show no sample."""
    if isinstance(values, dict):
        inner = next((values[key] for key in ("value", "content") if isinstance(values.get(key), list)), None)
        values = inner if inner is not None else [{"@name": name} for name in values]
    if isinstance(values, list):
        for value in values:
            if isinstance(value, dict):
                value = value.get("@name", value.get("name"))
            if isinstance(value, str):
                yield value
