"""read: one slice of a stream's reading."""

from connectors.errors import Refused
from sync.reading import ReadEnd, read_slice
from tasks.failing import HOPELESS, fail
from tasks.runtime import Runtime


def read(runtime: Runtime, workflow: str, stream: str, generation: int) -> ReadEnd:
    store = runtime.workflow(workflow)
    if not store.lifecycle.is_running(generation):
        return ReadEnd.STOPPED
    try:
        found = runtime.stream(workflow, stream, generation)
        return read_slice(found, store, generation, runtime.piece()) if found else ReadEnd.CAUGHT_UP
    except (*HOPELESS, Refused) as error:  # a refused read is no matter of one record
        fail(store, generation, str(error))
        return ReadEnd.STOPPED
