"""What is kept of one record: asked of the store alone, so that it is known even while the systems are away."""

from dataclasses import replace

from control.explain.explanation import Happened, Standing
from store.outcome_log import Ending, Past
from store.store import Store, WorkflowStore
from store.whereabouts import whereabouts

#: What people do with a dead letter, as the history names it.
_DEEDS = {Ending.RETRIED: "retry", Ending.DROPPED: "drop"}
#: The history's own order is by when an act reached it: so much later than it was done at most. Milliseconds.
_ENTERED_WITHIN_MS = 60_000


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
    past = workflow.outcomes(stream).of(record_id)
    return replace(kept, past=tuple(_happened(workflow, stream, one) for one in past))


def is_remembered(workflow: WorkflowStore, stream: str, record_id: str) -> bool:
    """Whether anything became of it lately, whatever is still kept of it."""
    return bool(workflow.outcomes(stream).of(record_id, limit=1))


def _happened(workflow: WorkflowStore, stream: str, past: Past) -> Happened:
    by, why = "", ""
    if deed := _DEEDS.get(past.ending):
        acts = workflow.acts.between(past.at_ms, past.at_ms + _ENTERED_WITHIN_MS)
        # Both bear the same time: the outcomes are noted under that of the act.
        found = [one for one in acts if (one.at_ms, one.action, one.stream) == (past.at_ms, deed, stream)]
        by, why = (found[0].by, found[0].why) if found else ("", "")
    return Happened(past.at_ms, past.ending, past.cause, past.attempts, past.status, by, why)
