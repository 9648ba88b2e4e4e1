"""Dead letters as rows of a file, however many there are."""

from collections.abc import Iterator
from typing import Any

from control.dead_letters.content import content_of
from control.dead_letters.looking import SEALED, reveal_noted
from control.dead_letters.selection import Letter, Selection, chosen, count
from control.errors import Sealed
from control.opening import workflow_of
from control.words import counted, iso
from store.sealing import UnknownKey
from store.store import Store

#: The columns of an export, in their order. They stay; others may be added behind them.
COLUMNS = (
    "workflow", "stream", "id", "cause", "why", "system", "place", "attempts", "queued", "set_aside", "content",
    "values",
)  # fmt: skip


def export(store: Store, selection: Selection, reveal: bool, by: str) -> Iterator[dict[str, Any]]:
    """A row for each letter that is meant, by the names of COLUMNS; times are ISO 8601 in UTC, values masked.

    Revealed values are entered into the history before the first row. Raises UnknownWorkflow, ControlError at once,
    Sealed with the first letter that cannot be opened.
    """
    found = chosen(store, selection)
    if reveal:
        words = selection.words()
        what = f"exported {counted(count(store, selection), 'dead letter')}{f' ({words})' if words else ''}"
        reveal_noted(store, selection.workflow, by, what, selection.stream or "")
    return _rows(store, found, reveal)


def _rows(store: Store, found: Iterator[Letter], reveal: bool) -> Iterator[dict[str, Any]]:
    for letter in found:
        queue = workflow_of(store, letter.workflow).queue(letter.stream)
        try:
            dead = queue.dead_letter(letter.id)
        except UnknownKey:
            raise Sealed(SEALED) from None
        if dead is None or dead.dead_ms != letter.dead_ms:
            continue  # it has changed, or was retried, meanwhile
        content = content_of(letter.workflow, dead.payload)
        yield {
            "workflow": letter.workflow,
            "stream": letter.stream,
            "id": letter.id,
            "cause": letter.kind,
            "why": letter.reason.sentence,
            "system": letter.reason.system,
            "place": letter.reason.place,
            "attempts": letter.attempts,
            "queued": iso(dead.queued_ms),
            "set_aside": iso(letter.dead_ms),
            "content": content.what,
            "values": dict((content if reveal else content.masked()).values),
        }
