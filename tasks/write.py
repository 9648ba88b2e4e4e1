"""write: one slice of a stream's writing, in one of its writers' seats."""

from connectors.errors import TryAgain
from sync.patience import Patience
from sync.writing import WriteEnd, write_slice
from tasks.runtime import Runtime
from tasks.tick import HOPELESS, fail


def write(runtime: Runtime, workflow: str, stream: str, generation: int, seat: int) -> WriteEnd:
    store = runtime.workflow(workflow)
    if not store.lifecycle.is_running(generation):
        return WriteEnd.STOPPED
    patience = Patience(store.troubles, f"{stream}.write")
    if not patience.is_over():
        return WriteEnd.WAITING
    settings = runtime.settings
    try:
        found = runtime.stream(workflow, stream, generation)
        if found is None:
            return WriteEnd.DRAINED  # the table is no longer mapped; its records wait until it is again
        return write_slice(found, store, generation, seat, runtime.piece(), settings.lease_seconds, settings.batch_size)
    except HOPELESS as error:
        fail(store, generation, str(error))
        return WriteEnd.STOPPED
    except TryAgain as error:  # a schema could not be read; records have their own patience
        patience.note(error.sentence, error.wait)
        return WriteEnd.WAITING
