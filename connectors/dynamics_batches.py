"""Writes of many rows in one request, each for itself, and what became of each.

learn.microsoft.com, Execute batch operations using the Web API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from connectors import batch
from connectors.batch import MOST_OPERATIONS, Part, Written
from connectors.dynamics_errors import batch_error_of, is_throttling
from connectors.dynamics_rows import GUID
from connectors.errors import ConnectorError, Malformed, Throttled
from connectors.wire import Answer

#: One that is refused must not keep the others from being written.
PREFER = "odata.continue-on-error"

_NAME = re.compile(r"\w+")

Operation = TypeVar("Operation")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Operation, Done]):
    """What operations of one kind have of their own.

    `about`: what a sentence says that it was about. `confirmed`: what a part that confirms the write of this very row
    says, None if it is no such part. `judged`: what any other part says that stands in the operation's place; limits
    apart. `rights`: that the operations need, for a sentence.
    """

    about: Callable[[Operation], str]
    confirmed: Callable[[Part, Operation], Done | ConnectorError | None]
    judged: Callable[[Answer, Operation], Done | ConnectorError]
    rights: str


def patch_line(api_path: str, set_name: str, id_: str, query: str = "") -> str:
    """The first line of an operation that writes one row. Raises ValueError for what fits in no address."""
    if not (GUID.fullmatch(id_) and _NAME.fullmatch(set_name)):
        raise ValueError("a row's id must be a guid in lower case, and its set a name")
    return f"PATCH {api_path}/{set_name}({id_}){query} HTTP/1.1"


def written(operations: Sequence[tuple[bytes, bytes]]) -> Written:
    """The batch of operations as `batch.write` takes them. Raises ValueError for more than MOST_OPERATIONS."""
    if len(operations) > MOST_OPERATIONS:
        raise ValueError(f"at most {MOST_OPERATIONS} rows can be written at once, not {len(operations)}")
    return batch.write(operations)


def outcomes(
    answer: Answer,
    asked: Sequence[Operation],
    kind: Kind[Operation, Done],
    throttled: Callable[[Answer], Throttled],
) -> list[Done | ConnectorError]:
    """What became of each, in their order.

    A confirmation must name its row. What names none, such as a refusal, belongs to the row at its place; where the
    places are in doubt, it belongs to nobody, and that row is to be tried again. `throttled`: makes the error for an
    answer that says "too many requests"; called once at most. Raises the error of the batch as a whole.
    """
    content_type = answer.headers.get("Content-Type", "")
    if not batch.is_batch(content_type):
        if answer.status < 400:
            raise answer.malformed("the answer is none to a batch")
        raise throttled(answer) if is_throttling(answer) else batch_error_of(answer, kind.rights)
    parts, whole = batch.read(content_type, answer.body)
    confirmed = [kind.confirmed(part, operation) for part, operation in zip(parts, asked, strict=False)]
    in_place = whole and _in_place(answer, parts, [found is not None for found in confirmed], len(asked))
    judge = _Judge(answer, kind, throttled)
    found: list[Done | ConnectorError] = []
    for place, operation in enumerate(asked):
        named = confirmed[place] if place < len(parts) else None
        if named is not None:
            found.append(named)
        elif in_place and place < len(parts):
            found.append(judge.outcome(parts[place], operation))
        else:
            found.append(judge.unanswered(operation))
    return found


def _in_place(answer: Answer, parts: Sequence[Part], confirmed: Sequence[bool], asked: int) -> bool:
    """Whether each part stands where its operation stood: no confirmation is of another row, and none is missing."""
    if any(part.status < 300 and not fits for part, fits in zip(parts, confirmed, strict=False)):
        return False
    if len(parts) == asked:
        return True
    # Had the wish to go on after an error got lost on the way, the first error would be the last part, and the status.
    return bool(parts) and len(parts) < asked and all(confirmed[:-1]) and parts[-1].status == answer.status >= 400


class _Judge(Generic[Operation, Done]):
    """Parts by the rules for answers that stand alone."""

    def __init__(
        self, batch_answer: Answer, kind: Kind[Operation, Done], throttled: Callable[[Answer], Throttled]
    ) -> None:
        self._batch = batch_answer
        self._kind = kind
        self._throttled = throttled
        self._limit: Throttled | None = None

    def outcome(self, part: Part, operation: Operation) -> Done | ConnectorError:
        """Of a part that stands in its place and confirms nothing."""
        answer = Answer("dynamics", self._kind.about(operation), part.status, part.headers(), part.body)
        if part.status == 429 or is_throttling(answer):
            # All parts of a batch that meet the limit ask for one pause.
            self._limit = self._limit or self._throttled(answer)
            return self._limit
        return self._kind.judged(answer, operation)

    def unanswered(self, operation: Operation) -> Malformed:
        return Malformed(
            "dynamics",
            f"{self._kind.about(operation)}: the answer to the batch does not tell what became of this row "
            f"(status {self._batch.status}); it will be tried again",
        )
