"""Where benchmarks play: an embedded server with its append-only file, as in production, and a workflow that runs."""

import logging
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from redis import Redis

from store.client import connect
from store.embedded import EmbeddedServer
from store.record_queue import Change, Lane, RecordQueue
from store.store import Store, WorkflowStore
from sync.tables.position import Position

#: A contact with the columns of the default mapping takes about as much.
PAYLOAD_BYTES = 600

#: Dynamics' largest page.
PAGE = 5000

#: No benchmark runs into the high-water mark.
ENDLESS = 100_000_000

WORKFLOW = "ingress"


@dataclass(frozen=True, slots=True)
class Stage:
    home: Path
    instance: str
    server: EmbeddedServer
    redis: Redis
    workflow: WorkflowStore
    generation: int

    def queue(self, stream: str) -> RecordQueue:
        self.workflow.lifecycle.add_streams([stream])
        return self.workflow.queue(stream)

    def put(self, queue: RecordQueue, changes: list[Change], lane: Lane = Lane.LIVE) -> None:
        """Stores the changes page by page."""
        number = self.workflow.cursor(queue.keys.stream).number
        for start in range(0, len(changes), PAGE):
            queue.put_page(self.generation, number, changes[start : start + PAGE], Position().dump(), lane)
            number += 1


@contextmanager
def stage(instance: str = "bench", name: str = WORKFLOW) -> Iterator[Stage]:
    """A fresh server in a home of its own, gone afterwards; the workflow of this name RUNNING."""
    quiet_logs()
    # A short path: Unix sockets have a length limit.
    with (
        tempfile.TemporaryDirectory(prefix="d365acs-") as folder,
        EmbeddedServer(Path(folder)) as server,
        connect(server.url) as redis,
    ):
        workflow = Store(redis, instance, high_water=ENDLESS).workflow(name)
        workflow.lifecycle.start("benchmark", "measure", 1)
        generation = workflow.lifecycle.read().generation
        workflow.lifecycle.run(generation, "benchmark", "nothing to check")
        yield Stage(Path(folder), instance, server, redis, workflow, generation)


def new_changes(count: int, version: int = 2_000_000_000) -> list[Change]:
    """Records with fresh GUIDs and payloads of PAYLOAD_BYTES."""
    payload = os.urandom(PAYLOAD_BYTES // 2).hex().encode()
    return [Change(str(uuid.uuid4()), version + number, payload) for number in range(count)]


def quiet_logs() -> None:
    """Our few log lines (one per page) would stand between the figures."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), cache_logger_on_first_use=True
    )
