"""read: one slice of a stream's reading."""

from connectors.errors import Refused, TryAgain
from sync.patience import Patience
from sync.reading import ReadEnd, read_slice
from tasks.runtime import Runtime
from tasks.tick import HOPELESS, fail


def read(runtime: Runtime, workflow: str, stream: str, generation: int) -> ReadEnd:
    store = runtime.workflow(workflow)
    if not store.lifecycle.is_running(generation):
        return ReadEnd.STOPPED
    patience = Patience(store.troubles, f"{stream}.read")
    if not patience.is_over():
        return ReadEnd.WAITING
    try:
        found = runtime.stream(workflow, stream, generation)
        return read_slice(found, store, generation, runtime.piece()) if found else ReadEnd.CAUGHT_UP
    except (*HOPELESS, Refused) as error:  # a refused read is no matter of one record
        fail(store, generation, str(error))
        return ReadEnd.STOPPED
    except TryAgain as error:  # a schema could not be read; pages have their own patience
        patience.note(error.sentence, error.wait)
        return ReadEnd.WAITING
