"""read: one slice of a stream's reading."""

from connectors.errors import Refused, SchemaRefused
from store.store import WorkflowStore
from sync.patience import Patience
from sync.reading import read_slice
from sync.streams import ReadEnd
from tasks.failing import HOPELESS, WAY_OUT, fail
from tasks.runtime import Runtime

#: Seconds before a table is asked again that refuses what its mapping reads: only people can change that.
HELD_SECONDS = 60.0


def read(runtime: Runtime, workflow: str, stream: str, generation: int) -> ReadEnd:
    store = runtime.workflow(workflow)
    if not store.lifecycle.is_running(generation):
        return ReadEnd.STOPPED
    try:
        found = runtime.streams(workflow, generation).get(stream)
        return read_slice(found, store, generation, runtime.piece()) if found else ReadEnd.CAUGHT_UP
    except SchemaRefused as error:
        _hold(store, stream, generation, error.sentence)
        return ReadEnd.WAITING
    except (*HOPELESS, Refused) as error:  # a refused read is no matter of one record
        fail(store, generation, str(error))
        return ReadEnd.STOPPED


def _hold(store: WorkflowStore, stream: str, generation: int, sentence: str) -> None:
    store.holds.hold(stream, generation, f"{sentence}. {WAY_OUT}")
    Patience(store.troubles, f"{stream}.read").note(sentence, HELD_SECONDS)
