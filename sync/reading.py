"""The read step: page after page from a source onto the record queue, until there is no more or the slice is over."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Generic, TypeVar

from connectors.errors import TryAgain
from store.record_queue import CursorMoved, GenerationOver, QueueFull
from store.store import WorkflowStore
from store.trouble import FULL
from sync.patience import Patience
from sync.streams import ReadEnd, Slice, Stream

#: The longest a page may take. Dynamics itself gives up after two minutes.
PAGE_SECONDS = 30.0

#: How often a reader that waits for a page looks whether its process shuts down. Seconds.
LOOK_EVERY = 0.25

P = TypeVar("P")
F = TypeVar("F")


def read_slice(stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> ReadEnd:
    """Reads pages for one slice of time. Raises Stop where only a change of configuration helps."""
    patience, full = (Patience(store.troubles, f"{stream.name}{end}") for end in (".read", FULL))
    with store.reading_right(stream.name) as held:
        if not held:
            return ReadEnd.HELD
        reader = stream.source.reader(stream, store, generation, piece)
        try:
            while True:
                if not patience.is_over():
                    return ReadEnd.WAITING
                try:
                    end = reader.read_page()
                except (GenerationOver, CursorMoved):
                    return ReadEnd.STOPPED
                except QueueFull:
                    patience.end()
                    full.note("Reading waits for writing to catch up.", wait=0)
                    return ReadEnd.FULL
                except TryAgain as error:
                    full.end()
                    patience.failed(error)
                    return ReadEnd.WAITING
                if end is ReadEnd.STOPPED:
                    return end
                patience.end()
                full.end()
                if end is not None:
                    return end
        finally:
            reader.close()


class PagesAhead(Generic[P, F]):
    """Fetches pages by their position: while one is being stored, the next is on its way."""

    def __init__(self, fetch: Callable[[P], F], piece: Slice) -> None:
        self._fetch = fetch
        self._piece = piece
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._ahead: tuple[P, Future[F]] | None = None

    def begin(self, position: P) -> None:
        """The page behind this position will be asked for."""
        self._ahead = (position, self._submit(position))

    def _submit(self, position: P) -> Future[F]:
        # What it logs names the workflow, as all that its task logs.
        return self._pool.submit(copy_context().run, self._fetch, position)

    def page(self, position: P) -> F | None:
        """The page behind this position, None if the process shuts down before it is there."""
        ahead, self._ahead = self._ahead, None
        future = ahead[1] if ahead and ahead[0] == position else self._submit(position)
        while not self._piece.stopping():
            done, _ = wait([future], timeout=LOOK_EVERY)
            if done:
                return future.result()
        return None

    def close(self) -> None:
        # A page that is still on its way is nobody's loss: the cursor stands before it.
        self._pool.shutdown(wait=False, cancel_futures=True)
