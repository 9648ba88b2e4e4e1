"""A load through Campaign's file import that is under way: how many records, since when, what it waits for."""

from dataclasses import dataclass

from control.words import ago, counted, duration
from store.lifecycle import Life, State
from store.loads import Load
from store.store import WorkflowStore
from sync.loading.troubles import workflow_of


@dataclass(frozen=True, slots=True)
class LoadStatus:
    file: str
    records: int
    since_ms: int  #: when its records were left to it
    waits: str  #: for what: half a sentence
    after_stop: str  #: what becomes of it while the workflow is stopped: a sentence; empty: nothing is left to be done

    def sentence(self, stream: str, now_ms: int) -> str:
        return (
            f"an import of {counted(self.records, 'record')} of {stream} by Campaign is under way, begun "
            f"{ago(self.since_ms, now_ms)}: {self.waits}."
        )


@dataclass(frozen=True, slots=True)
class Loading:
    """What is known of the loads of a stream."""

    under_way: LoadStatus | None
    off: str  #: why no more loads are begun in this run: a sentence; empty: they may be


NO_LOADS = Loading(None, "")


def loading_of(workflow: WorkflowStore, stream: str, life: Life, now_ms: int) -> Loading:
    loads = workflow.loads(stream)
    load, off = loads.read(), loads.off(life.generation)
    status = (
        LoadStatus(
            f"{load.name}.csv",
            load.count,
            load.committed_ms,
            _waits(load, life.state, now_ms),
            _after_stop(load, stream),
        )
        if load
        else None
    )
    return Loading(status, off.sentence if off else "")


def _after_stop(load: Load, stream: str) -> str:
    """Campaign is told of no file after a stop, and none comes into its place."""
    if load.ended_ms:
        return ""
    many = f"{counted(load.count, 'record')} of {stream}"
    if load.is_hidden:
        return f"A file with {many} is not in its place, and is given up at the next start."
    if load.facts["trigger"] != "none" and not (load.triggered_ms or load.taken_ms or load.seen):
        return f"A file with {many} is in its place; the next start tells Campaign of it, and waits for its end."
    return f"Campaign goes on with an import of {many}; the next start waits for its end."


def _waits(load: Load, state: State, now_ms: int) -> str:
    """What comes next, as far as it was looked at."""
    id_ = workflow_of(load)
    if load.ended_ms:
        return "its records are settled, and its files are taken away"
    if load.seen:
        return "its results are there, and are read when they change no more"
    if load.taken_ms:
        return f"the workflow {id_} has taken the file"
    if load.triggered_ms:
        return f"the workflow {id_} was told {ago(load.triggered_ms, now_ms)}, and has not taken the file yet"
    if load.retry_ms > now_ms:
        return f"the workflow {id_} can be told of the file in {duration((load.retry_ms - now_ms) / 1000)}"
    if load.placed_ms:
        return f"the file is in its place, and the workflow {id_} is to take it"
    if state is State.RUNNING:
        return "its file is about to come into place"
    return f"its file is not in its place, and is given up {'now' if state is State.STARTING else 'at the next start'}"
