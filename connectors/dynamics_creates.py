"""Rows that are to be created if they are absent, many in one request, and what became of each.

learn.microsoft.com, Perform conditional operations using the Web API.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from connectors import dynamics_batches
from connectors.batch import Part, Written
from connectors.dynamics_batches import PREFER, Kind, patch_line
from connectors.dynamics_errors import create_error_of, is_there_already
from connectors.errors import ConnectorError, Throttled
from connectors.wire import Answer

__all__ = ["PREFER", "Create", "outcomes", "written"]


class Create(NamedTuple):
    """A row that is to be there: the set of its table, its id (a guid in lower case), its columns as a JSON object."""

    set_name: str
    id: str
    body: bytes


def written(creates: Sequence[Create], api_path: str) -> Written:
    """The batch. `api_path`: where the Web API stands on its host.

    Raises ValueError for more than MOST_OPERATIONS, and for what fits in no address.
    """
    # An upsert under this condition creates or does nothing.
    condition = "\r\nContent-Type: application/json\r\nIf-None-Match: *"
    return dynamics_batches.written(
        [(f"{patch_line(api_path, set_name, id_)}{condition}".encode(), body) for set_name, id_, body in creates]
    )


def outcomes(
    answer: Answer, creates: Sequence[Create], throttled: Callable[[Answer], Throttled]
) -> list[bool | ConnectorError]:
    """What became of each, in their order: True created, False there before, or why it is neither. See
    `dynamics_batches.outcomes`.
    """
    return dynamics_batches.outcomes(answer, creates, _CREATES, throttled)


def _about(create: Create) -> str:
    return f"Dynamics PATCH {create.set_name}"


def _confirmed(part: Part, create: Create) -> bool | None:
    """Whether it says that this row was created: by OData-EntityId and Location, of which one is enough."""
    named = f"/{create.set_name.lower()}({create.id})".encode()
    return True if part.status in (201, 204) and named in part.head.lower() else None


def _judged(answer: Answer, create: Create) -> bool | ConnectorError:
    return False if is_there_already(answer) else create_error_of(answer, create.set_name, create.body)


_CREATES: Kind[Create, bool] = Kind(_about, _confirmed, _judged, "the rights to create rows")
