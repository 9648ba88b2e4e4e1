"""A load through Campaign's file import that is under way: how many records, since when, what it waits for."""

from dataclasses import dataclass

from control.words import ago, counted, duration
from store.loads import Load
from store.store import WorkflowStore


@dataclass(frozen=True, slots=True)
class LoadStatus:
    file: str
    records: int
    since_ms: int  #: when its records were left to it
    waits: str  #: for what: half a sentence

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


def loading_of(workflow: WorkflowStore, stream: str, generation: int, now_ms: int) -> Loading:
    loads = workflow.loads(stream)
    load, off = loads.read(), loads.off(generation)
    status = LoadStatus(f"{load.name}.csv", load.count, load.committed_ms, _waits(load, now_ms)) if load else None
    return Loading(status, off.sentence if off else "")


def _waits(load: Load, now_ms: int) -> str:
    """What comes next, as far as it was looked at."""
    id_ = load.facts["workflow"]
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
    return "its file is about to come into place"
