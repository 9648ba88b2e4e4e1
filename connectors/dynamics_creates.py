"""Rows that are to be created if they are absent, many in one request, and what became of each.

learn.microsoft.com, Perform conditional operations using the Web API; Execute batch operations using the Web API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from connectors import batch
from connectors.batch import MOST_OPERATIONS, Part, Written
from connectors.dynamics_errors import batch_error_of, create_error_of, is_there_already, is_throttling
from connectors.errors import ConnectorError, Malformed, Throttled
from connectors.wire import Answer

#: One that is refused must not keep the others from being created.
PREFER = "odata.continue-on-error"

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME = re.compile(r"\w+")


class Create(NamedTuple):
    """A row that is to be there: the set of its table, its id (a guid in lower case), its columns as a JSON object."""

    set_name: str
    id: str
    body: bytes


def written(creates: Sequence[Create], api_path: str) -> Written:
    """The batch. `api_path`: where the Web API stands on its host.

    Raises ValueError for more than MOST_OPERATIONS, and for what fits in no address.
    """
    if len(creates) > MOST_OPERATIONS:
        raise ValueError(f"at most {MOST_OPERATIONS} rows can be created at once, not {len(creates)}")
    operations = []
    for set_name, id_, body in creates:
        if not (_GUID.fullmatch(id_) and _NAME.fullmatch(set_name)):
            raise ValueError("a row's id must be a guid in lower case, and its set a name")
        # An upsert under this condition creates or does nothing.
        head = f"PATCH {api_path}/{set_name}({id_}) HTTP/1.1\r\nContent-Type: application/json\r\nIf-None-Match: *"
        operations.append((head.encode(), body))
    return batch.write(operations)


def outcomes(
    answer: Answer, creates: Sequence[Create], throttled: Callable[[Answer], Throttled]
) -> list[bool | ConnectorError]:
    """What became of each, in their order: True created, False there before, or why it is neither.

    A confirmation must name its row. What names none, such as a refusal, belongs to the row at its place; where the
    places are in doubt, it belongs to nobody, and that row is to be tried again. `throttled`: makes the error for an
    answer that says "too many requests"; called once at most. Raises the error of the batch as a whole.
    """
    content_type = answer.headers.get("Content-Type", "")
    if not batch.is_batch(content_type):
        if answer.status < 400:
            raise answer.malformed("the answer is none to a batch")
        raise throttled(answer) if is_throttling(answer) else batch_error_of(answer)
    parts, whole = batch.read(content_type, answer.body)
    created = [_confirms(part, create) for part, create in zip(parts, creates, strict=False)]
    in_place = whole and _in_place(answer, parts, created, len(creates))
    judge = _Judge(answer, throttled)
    return [
        True
        if place < len(parts) and created[place]
        else judge.outcome(parts[place], create)
        if in_place and place < len(parts)
        else judge.unanswered(create)
        for place, create in enumerate(creates)
    ]


def _confirms(part: Part, create: Create) -> bool:
    """Whether it says that this row was created: by OData-EntityId and Location, of which one is enough."""
    return part.status in (201, 204) and f"/{create.set_name.lower()}({create.id})".encode() in part.head.lower()


def _in_place(answer: Answer, parts: Sequence[Part], created: Sequence[bool], asked: int) -> bool:
    """Whether each part stands where its operation stood: no confirmation is of another row, and none is missing."""
    if any(part.status < 300 and not fits for part, fits in zip(parts, created, strict=False)):
        return False
    if len(parts) == asked:
        return True
    # Had the wish to go on after an error got lost on the way, the first error would be the last part, and the status.
    return bool(parts) and len(parts) < asked and all(created[:-1]) and parts[-1].status == answer.status >= 400


class _Judge:
    """Parts by the rules for answers that stand alone."""

    def __init__(self, batch_answer: Answer, throttled: Callable[[Answer], Throttled]) -> None:
        self._batch = batch_answer
        self._throttled = throttled
        self._limit: Throttled | None = None

    def outcome(self, part: Part, create: Create) -> bool | ConnectorError:
        """Of a part that stands in its place and confirms nothing."""
        answer = Answer("dynamics", _about(create), part.status, part.headers(), part.body)
        if is_there_already(answer):
            return False
        if part.status == 429 or is_throttling(answer):
            # All parts of a batch that meet the limit ask for one pause.
            self._limit = self._limit or self._throttled(answer)
            return self._limit
        return create_error_of(answer, create.set_name, create.body)

    def unanswered(self, create: Create) -> Malformed:
        return Malformed(
            "dynamics",
            f"{_about(create)}: the answer to the batch does not tell what became of this row "
            f"(status {self._batch.status}); it will be tried again",
        )


def _about(create: Create) -> str:
    return f"Dynamics PATCH {create.set_name}"
