"""write: one slice of a stream's writing, in one of its writers' seats."""

from sync.writing import WriteEnd, write_slice
from tasks.failing import HOPELESS, fail
from tasks.runtime import Runtime


def write(runtime: Runtime, workflow: str, stream: str, generation: int, seat: int) -> WriteEnd:
    store = runtime.workflow(workflow)
    if not store.lifecycle.is_running(generation):
        return WriteEnd.STOPPED
    settings = runtime.settings
    try:
        streams = runtime.streams(workflow, generation)
        found = streams.get(stream)
        if found is None:
            return WriteEnd.DRAINED  # the table is no longer mapped; its records wait until it is again
        piece = runtime.piece()
        return write_slice(found, streams, store, generation, seat, piece, settings.lease_seconds, settings.batch_size)
    except HOPELESS as error:
        fail(store, generation, str(error))
        return WriteEnd.STOPPED
