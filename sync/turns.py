"""How many requests one process has under way to a system: no more than its share (`store.shares`)."""

import contextlib
import threading
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from sync.latency import Latency

#: How often the share is asked for while requests are under way, seconds. Well within the time for which an answer
#: counts.
EVERY_SECONDS = 0.5

#: Answers by which a system says that it is asked too much. Not 500: Campaign answers so to what it refuses, and
#: Dynamics, at times, to what its rules find twice.
TOO_MUCH = frozenset({429, 502, 503, 504})


class NoTurn(Exception):
    """Others had all turns for as long as the caller could wait."""


class Turns:
    """Shared by all threads of a process."""

    def __init__(self, share: Callable[[bool, bool, int], int], clock: Callable[[], float] = time.monotonic) -> None:
        """`share`: `Shares.ask`."""
        self._ask = share
        self._clock = clock
        self._free = threading.Condition()
        self._latency = Latency(clock)
        self._share = 0
        self._asked_at: float | None = None
        self._under_way = 0
        self._full = False
        self._congested = False
        self._is_kept = False

    def enter(self, timeout: float) -> None:
        """Returns when one more request may be sent; `leave` must follow. Raises NoTurn after `timeout` seconds."""
        with self._free:
            give_up = self._clock() + timeout
            while True:
                now = self._clock()
                if self._asked_at is None or now - self._asked_at >= EVERY_SECONDS:
                    self._renew(now)
                if self._under_way < self._share:
                    self._keep()
                    self._under_way += 1
                    self._full = self._full or self._under_way == self._share
                    return
                if now >= give_up:
                    raise NoTurn
                self._free.wait(min(EVERY_SECONDS, give_up - now))

    def leave(self) -> None:
        """A request has ended, or was not sent after all."""
        with self._free:
            self._under_way -= 1
            self._free.notify()

    def note(self, kind: str, size: int, status: int | None, seconds: float) -> None:
        """How a request has ended.

        `kind`: what was asked, never of whom; `size`: bytes of its body, since a batch takes longer the larger it is;
        `status`: None if no answer came.
        """
        with self._free:
            if status is None or status in TOO_MUCH:
                self._congested = True
            else:
                self._latency.note((kind, size.bit_length()), seconds)

    def note_congestion(self) -> None:
        """The system has asked everybody to wait."""
        with self._free:
            self._congested = True

    def _renew(self, now: float) -> None:
        congested = self._latency.end_interval() or self._congested
        self._share = self._ask(self._full, congested, self._under_way)
        self._asked_at = now
        self._full = self._congested = False
        self._free.notify_all()

    def _keep(self) -> None:
        """Whoever waits for answers asks for no turn, and yet its requests must not be held to be over."""
        if not self._is_kept:
            threading.Thread(target=self._renew_while_under_way, name="turns", daemon=True).start()
            self._is_kept = True

    def _renew_while_under_way(self) -> None:
        while True:
            time.sleep(EVERY_SECONDS)
            with self._free:
                self._is_kept = self._under_way > 0
                if not self._is_kept:
                    return
                now = self._clock()
                if self._asked_at is None or now - self._asked_at >= EVERY_SECONDS:
                    # Nobody else can ask, either.
                    with contextlib.suppress(RedisError):
                        self._renew(now)
