"""What is kept of one record: asked of the store alone, so that it is known even while the systems are away."""

from dataclasses import replace

from control.explain.explanation import Standing
from store.store import Store, WorkflowStore
from store.whereabouts import whereabouts


def standing(store: Store, workflow: WorkflowStore, stream: str, record_id: str) -> Standing:
    queue = workflow.queue(stream)
    # First the queue, then the ledger: a record that leaves the one in between is found in the other.
    waits = whereabouts(store.redis, queue.keys, record_id)
    letters = queue.set_aside_of([record_id])
    [entry] = queue.ledger.entries([record_id])
    repeats = bool(workflow.repeats(stream).among([record_id]))
    return Standing(waits, letters[0] if letters else None, entry, repeats=repeats)


def with_past(kept: Standing, workflow: WorkflowStore, stream: str, record_id: str) -> Standing:
    """The same with what became of it lately, which takes longer to find."""
    return replace(kept, past=tuple(workflow.outcomes(stream).of(record_id)))
