"""Pages on their way, one for each source, side by side: none waits for another, and none is lost with a reader."""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

F = TypeVar("F")


class Fetching(Generic[F]):
    """Make one per process: a page that takes longer than a reader is there for the next one."""

    def __init__(self) -> None:
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._under_way: dict[str, tuple[str, Future[F]]] = {}
        self._lock = threading.Lock()

    def begin(self, name: str, position: str, fetch: Callable[[], F]) -> None:
        """Asks this source for the page behind a position, unless it is being asked for something already."""
        with self._lock:
            known = self._under_way.get(name)
            if known is not None and (known[0] == position or not known[1].done()):
                return
            # A page of another position is nobody's loss: another process has read it.
            pool = self._pools.setdefault(name, ThreadPoolExecutor(1, thread_name_prefix=f"read-{name}"))
            self._under_way[name] = position, pool.submit(fetch)

    def is_asked(self, name: str, position: str) -> bool:
        known = self._under_way.get(name)
        return known is not None and known[0] == position

    def first(self, wanted: Collection[str], seconds: float) -> str | None:
        """The name of one of these sources that has answered; None if none has within this time."""
        futures = {self._under_way[name][1]: name for name in wanted if name in self._under_way}
        if not futures:
            time.sleep(seconds)
            return None
        done, _ = wait(futures, seconds, FIRST_COMPLETED)
        return next((name for future, name in futures.items() if future in done), None)

    def take(self, name: str, position: str) -> F | None:
        """What the source has answered; None if that is behind another position. Raises what the fetching raised."""
        with self._lock:
            asked, future = self._under_way.pop(name)
        return future.result() if asked == position else None
