"""Reading positions, as operators see and move them: shown, kept, put back. They hold no record and no secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from control.configuration import newest_document
from control.errors import ControlError
from control.kinds import kind_of
from control.opening import workflow_of
from control.words import counted
from store.cursors import Cursor, CursorChanged, WorkflowRuns
from store.lifecycle import State
from store.store import Store, WorkflowStore
from sync.workflows import NAMES, workflow_named


class NoPosition(ControlError):
    """What was given is no reading position, or belongs to no stream that is known."""


class PartlySet(ControlError):
    """Some were set before one could not be."""

    def __init__(self, sentence: str, befores: "list[StreamPosition]") -> None:
        super().__init__(sentence)
        self.befores = befores  #: of those that were set, the ones from before


@dataclass(frozen=True, slots=True)
class StreamPosition:
    workflow: str
    stream: str
    pages: int  #: stored so far
    at_ms: int | None  #: when the last one was; None: nothing was read yet
    position: Mapping[str, Any]  #: empty: from the beginning


class Exported(BaseModel):
    """A line of an export."""

    model_config = ConfigDict(extra="ignore")

    workflow: str
    stream: str
    position: dict[str, Any]


def positions(store: Store, workflow: str | None = None, stream: str | None = None) -> list[StreamPosition]:
    """Of all streams that were ever read or are configured, of one workflow, or of one stream of it.

    Raises UnknownWorkflow, NoPosition.
    """
    names = NAMES if workflow is None else (workflow,)
    found = [
        _position(one, name)
        for one in (workflow_of(store, name) for name in names)
        for name in _streams(one)
        if stream in (None, name)
    ]
    if stream is not None and not found:
        raise NoPosition(f"{workflow} has no stream {stream}; see those that it has with: d365acs state get {workflow}")
    return found


def set_position(
    store: Store, workflow: str, stream: str, position: Mapping[str, Any], by: str, why: str = ""
) -> StreamPosition:
    """Puts a position in place of a stream's own, from the next start on; an empty one reads everything again, and then
    what was deleted since the last reading.

    Answers the one from before. Raises UnknownWorkflow; NoPosition; ControlError while the workflow starts or runs.
    """
    [before] = positions(store, workflow, stream)
    text = _checked(workflow, position)
    one = store.workflow(workflow)
    _place(one, stream, one.cursor(stream), text, by, why)
    return before


def import_positions(store: Store, lines: Sequence[object], by: str, why: str = "") -> list[StreamPosition]:
    """Sets every position of an export, one after another, once it is seen that all can be. Answers those from before.

    Raises UnknownWorkflow; NoPosition; ControlError while one of the workflows starts or runs; PartlySet if something
    comes between that keeps one from being set: then those before it are.
    """
    try:
        wanted = TypeAdapter(list[Exported]).validate_python(lines)
    except ValidationError as invalid:
        place = ".".join(str(part) for part in invalid.errors()[0]["loc"])
        raise NoPosition(f"This is no export of positions: {place} is missing or wrong.") from None
    befores, texts = [], []
    for one in wanted:
        befores += positions(store, one.workflow, one.stream)
        texts.append(_checked(one.workflow, one.position))
        _refuse_running(store.workflow(one.workflow))
    for number, (one, text) in enumerate(zip(wanted, texts, strict=True)):
        workflow = store.workflow(one.workflow)
        try:
            _place(workflow, one.stream, workflow.cursor(one.stream), text, by, why)
        except ControlError as error:
            if number == 0:
                raise
            left = counted(len(wanted) - number, "position")
            raise PartlySet(
                f"{left} not set, from {one.stream} of {one.workflow} on: {error}", befores[:number]
            ) from None
    return befores


def _streams(workflow: WorkflowStore) -> list[str]:
    document = newest_document(workflow)
    configured = workflow_named(workflow.name).stream_names(document) if document else []
    return sorted({*workflow.lifecycle.streams(), *configured})


def _position(workflow: WorkflowStore, stream: str) -> StreamPosition:
    cursor = workflow.cursor(stream)
    fields = orjson.loads(cursor.value) if cursor.value else {}
    return StreamPosition(workflow.name, stream, cursor.number, cursor.at_ms, fields)


def _checked(workflow: str, position: Mapping[str, Any]) -> str:
    """The text of a position, as the workflow's reader writes it; "" for the beginning. Raises NoPosition."""
    if not position:
        return ""
    try:
        return kind_of(workflow).position(orjson.dumps(position).decode()).dump()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NoPosition(
            f"This is no reading position of {workflow}; take one from: d365acs state get {workflow} -o json"
        ) from None


def _place(workflow: WorkflowStore, stream: str, before: Cursor, text: str, by: str, why: str) -> None:
    text = kind_of(workflow.name).in_place(text, before.value, workflow.now_ms())
    try:
        workflow.placing(stream).place(before, text, by, why)
    except WorkflowRuns:
        _refuse(workflow)
    except CursorChanged:
        raise ControlError(
            f"The position of {stream} has just changed, and was not set; look at it and set it again."
        ) from None


def _refuse_running(workflow: WorkflowStore) -> None:
    if workflow.lifecycle.read().state in (State.STARTING, State.RUNNING):
        _refuse(workflow)


def _refuse(workflow: WorkflowStore) -> None:
    raise ControlError(
        f"{workflow.name} runs, and its positions move; stop it first: d365acs workflow stop {workflow.name}"
    ) from None
