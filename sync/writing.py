"""The write step: batch after batch from the record queue to a target, each record confirmed on its own."""

import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from enum import StrEnum

import structlog

from connectors.errors import Refused, TryAgain
from connectors.uptime import uptime
from store.record_queue import BATCH, GenerationOver
from store.store import WorkflowStore
from sync.batch_writer import BatchWriter, Writing
from sync.patience import Patience
from sync.streams import Keeper, NextLook, Slice, Stream, Streams
from sync.tracing import batch as traced

log = structlog.get_logger()

#: Batches in a writer's hands at once: one is leased, mapped and settled while the requests of the other are under way.
LANES = 2
#: How long is written singly before the load that is under way is looked at again. Seconds.
LOAD_SECONDS = 2.0


class WriteEnd(StrEnum):
    """Why a writer has ended; of several reasons the last one counts."""

    DRAINED = "drained"  # nothing is ready
    SLICE_OVER = "slice-over"  # more records wait
    HELD = "held"  # another writer has this seat
    WAITING = "waiting"  # the target is in trouble
    SCHEMA = "schema"  # a schema has changed; people must look at the mapping
    STOPPED = "stopped"  # the generation is over, or the process shuts down


def write_slice(
    stream: Stream,
    streams: Streams,
    store: WorkflowStore,
    generation: int,
    seat: int,
    piece: Slice,
    lease_s: float,
    batch_size: int,
) -> WriteEnd:
    """Writes batches for one slice of time. Raises Stop where only a change of configuration helps."""
    with store.writing_right(stream.name, seat) as held:
        if not held:
            return WriteEnd.HELD
        begun = time.monotonic()
        if stream.keeper is not None and seat == 0:
            _look_after(stream, stream.keeper(stream, streams, store, generation), store, piece, begun)
        loader = stream.loader if seat == 0 else None
        # What was looked after counts, so that the whole task keeps its time; at least half of it is left for writing.
        seconds = piece.seconds - min(time.monotonic() - begun, piece.seconds / 2)
        next_look = NextLook.NONE if loader is None else loader.look(store, generation, piece.stopping)
        if next_look is not NextLook.NONE:
            loader = None
        if next_look is NextLook.SOON or (loader is not None and loader.is_near(store, generation)):
            seconds = min(seconds, LOAD_SECONDS)
        if not _patience(stream, store).is_over():
            return WriteEnd.WAITING
        writing = Writing(stream, streams, store, generation, piece, lease_s, time.monotonic() + seconds)
        at_once = max(batch_size, min(BATCH, stream.target.together * stream.target.concurrency))
        if loader is not None and loader.collect(writing):
            return WriteEnd.SLICE_OVER
        pool = ThreadPoolExecutor(stream.target.concurrency, thread_name_prefix="write")
        try:
            return _write_side_by_side(writing, at_once, pool)
        finally:
            # Usually nothing is under way any more. A request that a shutdown could not wait for ends with the process.
            pool.shutdown(wait=False, cancel_futures=True)


def _patience(stream: Stream, store: WorkflowStore) -> Patience:
    return Patience(store.troubles, f"{stream.name}.write")


def _write_side_by_side(writing: Writing, at_once: int, pool: ThreadPoolExecutor) -> WriteEnd:
    """Two batches are as independent as those of two writers; they share the target's connections."""
    lanes = LANES if writing.store.queue(writing.stream.name).total() > at_once else 1
    with ThreadPoolExecutor(lanes, thread_name_prefix="batches") as beside:
        works = [beside.submit(_write_batches, writing, at_once, pool) for _ in range(lanes)]
        try:
            wait(works, return_when=FIRST_EXCEPTION)
        finally:
            # Either all are done, or one has failed, or nobody looks out any more: the others must not go on.
            writing.over.set()
    return max((work.result() for work in works), key=list(WriteEnd).index)


def _write_batches(writing: Writing, at_once: int, pool: ThreadPoolExecutor) -> WriteEnd:
    stream, store = writing.stream, writing.store
    queue, patience = store.queue(stream.name), _patience(stream, store)
    while not writing.over.is_set():
        if writing.piece.stopping():
            return WriteEnd.STOPPED
        if store.holds.get(stream.name, writing.generation):
            return WriteEnd.SCHEMA
        if not writing.may_begin:
            return WriteEnd.WAITING
        taken = uptime()
        try:
            batch = queue.lease(writing.generation, at_once, int(writing.lease_s * 1000))
        except GenerationOver:
            return WriteEnd.STOPPED
        if not batch.records:
            if patience.sentence and queue.total() == 0:
                patience.end()  # nothing waits for the target any more
            if stream.children and queue.total() == 0:
                Patience(store.troubles, f"{stream.name}.deletions").end()
            return WriteEnd.DRAINED
        writer = BatchWriter(writing, batch, taken)
        with traced(store.name, stream.name, writer.provenance.traces) as trace:
            try:
                writer.write(pool, patience)
            finally:
                # The threads of a writer have no log context of their own.
                of = {"workflow": store.name, "stream": stream.name, "records": len(batch.records)}
                log.info("Wrote a batch.", action="batch_written", **of, **writer.ends, **trace)
        if writer.gave_up:
            return WriteEnd.WAITING
        if time.monotonic() > writing.ends:
            break
    return WriteEnd.SLICE_OVER


def _look_after(stream: Stream, keeper: Keeper, store: WorkflowStore, piece: Slice, begun: float) -> None:
    patience = Patience(store.troubles, f"{stream.name}.parents")
    if not patience.is_over():
        return
    try:
        keeper.look_after(lambda: piece.stopping() or time.monotonic() > begun + piece.seconds / 2)
    except (TryAgain, Refused) as error:
        patience.failed(error)
    except GenerationOver:
        return
    else:
        patience.end()
