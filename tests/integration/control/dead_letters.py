"""Dead letters to look at, made as a writer makes them."""

from pathlib import Path

from store.outcomes import Outcome, Reason, Refused, Unchanged
from store.records import Change, Lane
from store.store import WorkflowStore
from tests.integration.control.conftest import Run

ANN, BOB, EVE = (f"5d6c7f1e-0f0b-4b0e-9a58-00000000000{number}" for number in (1, 2, 3))
TOO_LONG = Reason("unmappable", "lastName takes 50 characters, and lastname has more.")
TAKEN = Reason("already-exists", "Campaign has another profile with this email.", "campaign")


def running(run: Run, workflow: WorkflowStore, stream: str) -> int:
    """Starts a workflow that is configured; answers its generation."""
    started = run("workflow", "start", workflow.name)
    assert started.exit_code == 0, started.stderr
    generation = workflow.lifecycle.read().generation
    workflow.lifecycle.add_streams([stream])
    assert workflow.lifecycle.run(generation, "start-up checks", "both systems answer")
    return generation


def configured(run: Run, file: Path, text: str) -> None:
    file.write_text(text)
    applied = run("config", "apply", str(file))
    assert applied.exit_code == 0, applied.stderr


def put(workflow: WorkflowStore, stream: str, *changes: Change, lane: Lane = Lane.LIVE) -> None:
    """A page was read."""
    queue, generation = workflow.queue(stream), workflow.lifecycle.read().generation
    queue.put_page(generation, workflow.cursor(stream).number, changes, "", lane)


def settle(workflow: WorkflowStore, stream: str, *outcomes: Outcome) -> list[str]:
    """What waits is leased and settled; whoever has no outcome is well. Answers the ids."""
    queue, generation = workflow.queue(stream), workflow.lifecycle.read().generation
    batch = queue.lease(generation, 500, 60_000)
    told = {outcome.id: outcome for outcome in outcomes}
    ends = [told.get(record.id, Unchanged(record.id, None)) for record in batch.records]
    assert not queue.settle(batch.number, ends)
    return [record.id for record in batch.records]


def set_aside(workflow: WorkflowStore, stream: str, reasons: dict[str, Reason], payload: bytes = b"{}") -> None:
    """These were read and set aside."""
    put(workflow, stream, *(Change(record_id, 1, payload) for record_id in reasons))
    settle(workflow, stream, *(Refused(record_id, reason) for record_id, reason in reasons.items()))
