"""What a dead letter holds, in the words of its workflow: the record's values, an event, or a change of consent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from control.masking import masked
from sync.streams import DELETED, FILTERED_OUT, PARENT_LEFT, kind_of, values_of

#: What is to be done with a record of a table that stands without values.
_GOES = {
    DELETED: "a deletion: the record is no longer in Dynamics",
    FILTERED_OUT: "a deletion: the record no longer passes the filter",
    PARENT_LEFT: "a deletion: a record that it links to has left Campaign",
}


@dataclass(frozen=True, slots=True)
class Content:
    what: str  #: in words
    values: Mapping[str, Any]  #: by column, or as the event or the profile had them
    revealed: bool = True  #: False: words stand in place of the values

    def masked(self) -> "Content":
        values = {name: masked(value) for name, value in self.values.items()}
        return replace(self, values=values, revealed=False)


def content_of(workflow: str, payload: bytes) -> Content:
    """What a payload of the workflow's queues tells."""
    return _READERS[workflow](payload)


def _of_table(payload: bytes) -> Content:
    if kind := kind_of(payload):
        return Content(_GOES[kind], {})
    return Content("a record of Dynamics, by its columns", values_of(payload))


def _of_event(payload: bytes) -> Content:
    head, _, body = payload.partition(b" ")
    found: dict[str, Any] = orjson.loads(body)
    if head != b"unreadable":
        return Content("an event of Campaign", found)
    if found.get("whole"):
        return Content("a whole file", {})
    return Content("what stands in place of an event", {"excerpt": found["excerpt"]})


def _of_consent(payload: bytes) -> Content:
    found: dict[str, Any] = orjson.loads(payload)
    if found["from"] == "dynamics":
        return Content("a change in Dynamics: both systems are compared as they are then", {})
    if found["from"] == "file":
        return Content("what stands in place of a row", {"excerpt": found["excerpt"]} if found["excerpt"] else {})
    flags = {name: flag["out"] for name, flag in found["flags"].items()}
    return Content("a profile of Campaign; true is opted out", flags)


_READERS = {"ingress": _of_table, "egress": _of_event, "optinout": _of_consent}
