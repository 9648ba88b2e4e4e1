"""Dead letters as people look at them: a list without content, and one of them with its content, masked or revealed."""

import heapq
from dataclasses import dataclass

from control.dead_letters.content import Content, content_of
from control.dead_letters.remedies import Remedy, remedy_of
from control.dead_letters.selection import Letter, Selection, chosen
from control.errors import ControlError, Sealed
from control.opening import workflow_of
from control.words import listed
from store.sealing import UnknownKey
from store.store import Store
from sync.workflows import NAMES

SEALED = (
    "The content is sealed with a key that is not known here; set D365ACS_PAYLOAD_KEYS_FILE as the workers have it, "
    "with the older keys in it, too."
)


@dataclass(frozen=True, slots=True)
class Opened:
    """One dead letter with its content."""

    letter: Letter
    content: Content | None  #: None: it is sealed with a key that is not known here; so are version and time then
    remedy: Remedy
    version: int | None = None  #: the larger is the newer
    queued_ms: int | None = None  #: when the record began to wait, ms since 1970


def letters(store: Store, selection: Selection, limit: int) -> list[Letter]:
    """Those that are meant, the newest first, `limit` at most. Raises UnknownWorkflow, ControlError."""
    # One may be told twice.
    newest = heapq.nlargest(2 * limit, chosen(store, selection), key=lambda one: (one.dead_ms, one.stream, one.id))
    return list(dict.fromkeys(newest))[:limit]


def letter(
    store: Store, workflow: str | None, record_id: str, reveal: bool, by: str, stream: str | None = None
) -> Opened:
    """One with its content: masked, or as it is, which is entered into the history before it is shown.

    `workflow`, `stream`: needed only where several have a letter of the same id. Raises UnknownWorkflow, ControlError
    where there is none, Sealed where it is to be revealed and cannot be opened.
    """
    one = _the_one(store, workflow, record_id, stream)
    workflow = one.workflow
    of_workflow = workflow_of(store, workflow)
    if reveal:
        reveal_noted(store, workflow, by, f"the dead letter {record_id}", one.stream)
    remedy = remedy_of(workflow, one.stream, one.kind, record_id)
    try:
        dead = of_workflow.queue(one.stream).dead_letter(record_id)
    except UnknownKey:
        if reveal:
            raise Sealed(SEALED) from None
        return Opened(one, None, remedy)
    if dead is None:  # it was retried, or the record has changed, between the two looks
        raise ControlError(_none(store, workflow, record_id))
    content = content_of(workflow, dead.payload)
    return Opened(one, content if reveal else content.masked(), remedy, dead.version, dead.queued_ms)


def _the_one(store: Store, workflow: str | None, record_id: str, stream: str | None) -> Letter:
    if workflow is not None:
        found = list(chosen(store, Selection(workflow, stream, (record_id,))))
    else:
        everywhere = (one for name in NAMES for one in chosen(store, Selection(name, None, (record_id,))))
        found = [one for one in everywhere if stream in (None, one.stream)]
    if not found:
        raise ControlError(_none(store, workflow, record_id))
    if len({one.workflow for one in found}) > 1:
        where = listed([f"{one.workflow}, {one.stream}" for one in found])
        raise ControlError(
            f"{record_id} is a dead letter of {where}; name the workflow: d365acs dlq show {found[0].workflow} "
            f"{record_id}"
        )
    if len(found) > 1:
        streams = listed([one.stream for one in found])
        raise ControlError(f"{streams} have a dead letter {record_id} each; name one of them with --stream.")
    return found[0]


def reveal_noted(store: Store, workflow: str, by: str, what: str, stream: str = "") -> None:
    """Enters into the history that values are about to be shown."""
    workflow_of(store, workflow).acts.note("reveal", by, what, stream)


def _none(store: Store, workflow: str | None, record_id: str) -> str:
    waits = []
    for name in [workflow] if workflow else NAMES:
        one = workflow_of(store, name)
        there = [stream for stream in one.lifecycle.streams() if one.queue(stream).waiting([record_id])]
        waits += there if workflow else [f"{name}, {stream}" for stream in there]
    if waits:
        whose = f"no dead letter of {workflow}" if workflow else "no dead letter"
        return f"{record_id} is {whose}: it waits on the queue of {listed(waits)}."
    if workflow is None:
        return f"No workflow has a dead letter {record_id}; see those that there are: d365acs dlq ls"
    return f"{workflow} has no dead letter {record_id}; see those that it has: d365acs dlq ls {workflow}"
