"""The beat: one tick for each workflow, once a second, unless one is queued; none where nobody takes them."""

import os
import socket
import time
from typing import Any

import structlog
from celery.beat import Scheduler
from redis.exceptions import RedisError

from config.settings import Settings
from store.client import connect
from store.store import Store
from sync.workflows import NAMES
from workers.registry import is_crowded

log = structlog.get_logger()

CONTROL = "control"

#: A queued tick that was lost (its worker was killed) is replaced after so many seconds.
LOST_AFTER_SECONDS = 5.0

HEARTBEAT_SECONDS = 2.0


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        f"tick {name}": {
            "task": "tick",
            "schedule": settings.tick_seconds,
            "kwargs": {"workflow": name},
            # No `expires`: that is a moment of this machine's clock, and a worker whose own is ahead would discard all
            # ticks. However late one is taken, it means "look now"; that they do not pile up is seen to below.
            "options": {"queue": CONTROL},
        }
        for name in NAMES
    }


class TickScheduler(Scheduler):  # type: ignore[misc]  # Celery ships no types
    """Beat without a file of its own. Any number of beats may run: a tick that is queued already is not queued again,
    by a second beat. As one that waits for long cannot be told from a lost one, it is replaced, until the queue is
    crowded: so much is left of a night without workers."""

    def __init__(self, app: Any, *args: Any, **kwargs: Any) -> None:
        settings: Settings = app.conf["d365acs_settings"]
        self._store = Store(connect(settings.effective_redis_url), settings.instance)
        self._name = f"beat@{socket.gethostname()}:{os.getpid()}"
        self._beaten = 0.0
        super().__init__(app, *args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() - self._beaten > HEARTBEAT_SECONDS:
            self._beaten = time.monotonic()
            try:
                self._store.heartbeats.beat(self._name, "beat")
            except RedisError:
                log.warning("Redis does not answer; ticks wait.", action="redis_silent")
        return super().tick(*args, **kwargs)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        key = self._store.keys.tick_queued(entry.kwargs["workflow"])
        try:
            if is_crowded(self._store, CONTROL):
                return
            if self._store.redis.set(key, self._name, nx=True, px=int(LOST_AFTER_SECONDS * 1000)):
                self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:  # beat must outlive every outage of its broker
            log.warning("A tick could not be sent.", action="tick_not_sent", kind=type(error).__name__)

    def close(self) -> None:
        super().close()
        try:
            self._store.heartbeats.leave(self._name)
        except RedisError:
            return
