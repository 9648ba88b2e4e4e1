"""What Campaign says about its resources: which there are, their filters, and their fields with all that binds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CampaignField:
    """`name` is dotted for a member of an element (location.city); `length` in characters; `values` of an enumeration
    are the names that are written, never the stored numbers; `target`: the resource that a link or a collection leads
    to; `label` for people."""

    name: str
    type: str
    length: int | None = None
    read_only: bool = False
    values: tuple[str, ...] = ()
    mandatory: bool = False
    target: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class CampaignResource:
    """`api` is the API that holds the resource, such as profileAndServicesExt."""

    name: str
    api: str
    fields: Mapping[str, CampaignField]


@dataclass(frozen=True, slots=True)
class ResourceSummary:
    """A resource as a list shows it: `api` holds it, `label` is for people."""

    name: str
    api: str
    label: str


def resource_of(name: str, api: str, description: dict[str, Any]) -> CampaignResource:
    """The resource of `GET <api>/resourceType/<name>`. Raises KeyError, TypeError, ValueError, AttributeError where
    the answer has not the promised shape.
    """
    fields = {field.name: field for field in _fields(description["content"], "")}
    return CampaignResource(name, api, fields)


def resources_of(api: str, listed: dict[str, Any]) -> list[ResourceSummary]:
    """The resources of `GET <api>/`, an object that is keyed by resource and also says other things."""
    return [
        ResourceSummary(name, api, str(described.get("help") or described.get("label") or ""))
        for name, described in listed.items()
        if isinstance(described, dict) and described.get("type") == "collection"
    ]


def filters_of(listed: dict[str, Any]) -> list[str]:
    """The filters of `GET <api>/resourceType/<PKey>/filters/` as they stand in addresses, sorted.

    `data` is the template of a filter's address, "/profileAndServices/profile/byText?text=$value"; the key that the
    filter is listed under may lack the "by".
    """
    found = []
    for name, described in listed.items():
        if isinstance(described, dict):
            template = described.get("data")
            path = template.partition("?")[0].rstrip("/") if isinstance(template, str) else ""
            found.append(path.rpartition("/")[2] or name)
    return sorted(found)


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
            mandatory=described.get("mandatory") in (True, "true"),
            target=str(described.get("resTarget") or ""),
            label=str(described.get("label") or ""),
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
