"""Dead letters are given up: their records are not written unless they change, or their table is replayed."""

from control.dead_letters.retrying import Look
from control.dead_letters.selection import Selection, by_stream, note
from control.opening import workflow_of
from store.outcome_log import Ending
from store.record_queue import BATCH
from store.store import Store


def drop(store: Store, selection: Selection, by: str, why: str = "", look: Look = lambda done, total: None) -> int:
    """Gives the letters up that are meant, as they are now, in steps of 500; answers how many went. It is entered into
    the history first. One that comes meanwhile stays. Raises UnknownWorkflow, ControlError."""
    workflow = workflow_of(store, selection.workflow)
    found = by_stream(store, selection)
    noted_ms = note(workflow, "drop", found, selection, by, why)
    total, seen, dropped = sum(map(len, found.values())), 0, 0
    for stream, letters in found.items():
        queue, dead = workflow.queue(stream), list(letters.items())
        for start in range(0, len(dead), BATCH):
            part = dict(dead[start : start + BATCH])
            gone = queue.drop(part)
            workflow.outcomes(stream).note_deed(Ending.DROPPED, gone, noted_ms)
            dropped += len(gone)
            seen += len(part)
            look(seen, total)
    return dropped
