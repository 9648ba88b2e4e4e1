"""The life of a worker process: its runtime, its heartbeat, and how it learns that it shall end."""

import mmap
import os
from typing import Any

from billiard import pool
from celery import signals
from redis.exceptions import RedisError

from config.settings import BadSettings, Settings
from store.client import connect
from store.store import Store
from tasks.runtime import Runtime
from workers import heap, logs, telemetry

#: Tenths of a second that a child of an ending worker waits for its last results to be read. Celery may have stopped
#: reading by then, and the children would wait for 30 seconds. A result that nobody read does no harm here.
LAST_RESULTS_TENTHS = 10


class Process:
    """Made before the fork and inherited by every child; the runtime itself is built after it, once per child."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runtime: Runtime | None = None
        self._store: Store | None = None
        self._name = ""
        self._queues: tuple[str, ...] = ()
        self._slots = 0
        # One shared byte: the parent gets the signal, its children, in the middle of a slice, look here.
        self._ending = mmap.mmap(-1, 1)

    def runtime(self) -> Runtime:
        if self._runtime is None:
            self._runtime = Runtime.build(self._settings, self.is_ending)
        return self._runtime

    def is_ending(self) -> bool:
        return self._ending[0] != 0

    def connect_signals(self) -> None:
        # Weak references to bound methods would vanish with the caller's frame.
        signals.setup_logging.connect(self._set_up_logging, weak=False)
        signals.worker_init.connect(self._begin, weak=False)
        signals.worker_process_init.connect(self._begin_child, weak=False)
        signals.worker_ready.connect(self._ready, weak=False)
        signals.heartbeat_sent.connect(self._beat, weak=False)
        signals.worker_shutting_down.connect(self._end, weak=False)
        signals.worker_shutdown.connect(self._leave, weak=False)

    def _set_up_logging(self, **_: Any) -> None:
        logs.set_up(self._settings.log_format, self._settings.log_level)

    def _begin(self, **_: Any) -> None:
        # A worker whose children could open nothing would be heard of, and do nothing.
        try:
            self._settings.sealing_keys()
        except BadSettings as error:
            raise SystemExit(str(error)) from None
        # Before the first child and the first thread.
        heap.share_one_heap()

    def _begin_child(self, **_: Any) -> None:
        # A forked socket is a shared socket: never use the parent's.
        self._runtime = None
        telemetry.set_up()
        pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = LAST_RESULTS_TENTHS

    def _ready(self, sender: Any, **_: Any) -> None:
        # Two workers on one machine may have been given the same name.
        self._name = f"{sender.hostname}:{os.getpid()}"
        self._queues = tuple(sorted(sender.app.amqp.queues.consume_from))
        self._slots = int(sender.controller.concurrency)
        self._beat()

    def _beat(self, **_: Any) -> None:
        """Sent from the worker's own event loop: a loop that hangs sends no heartbeat."""
        if not self._name:
            return
        if self._store is None:
            self._store = Store(connect(self._settings.effective_redis_url), self._settings.instance)
        try:
            self._store.heartbeats.beat(self._name, "worker", self._queues, self._slots)
        except RedisError:
            return  # the broker's own connection reports it

    def _end(self, **_: Any) -> None:
        self._ending[0] = 1

    def _leave(self, **_: Any) -> None:
        if self._store is not None:
            try:
                self._store.heartbeats.leave(self._name)
            except RedisError:
                return
