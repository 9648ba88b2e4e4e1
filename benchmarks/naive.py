"""Ours against the design that suggests itself: one Celery task per record. Writes are answered at once.

Both sides queue made-up contacts on the same server, map them and write them to a target that says yes at once, and the
clock runs from the first record queued to the last one written. Ours does so one after the other in this one process.
The naive side has two: this one sends tasks while a Celery worker with one child works them off, with the settings that
Celery recommends for short tasks: no results, no events, early acknowledgement, a generous prefetch. It has no ledger,
no versions, no coalescing, and a record that is lost stays lost.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from celery import Celery

from benchmarks.harness import Figure, ratio, take_turns
from benchmarks.people import contacts
from benchmarks.pretend import ROOT, mapping
from benchmarks.stage import Stage, stage
from store.ledger import Entry, Standing
from store.record_queue import Leased, Outcome
from store.store import WorkflowStore
from sync.mapping.mapper import Mapper, fingerprint
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.schemas import TableSchema
from sync.streams import Allowance, Answer, Calls, Reader, Send, Slice, Stream
from sync.writing import WriteEnd, write_slice
from workers.app import broker_url

OURS, NAIVE = 20_000, 2_000
BROKER = "BENCHMARK_BROKER"
PATIENCE_SECONDS = 120.0

app = Celery("naive", broker=os.environ.get(BROKER), set_as_current=False)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=64,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    task_default_queue="naive",
)


def mapper() -> Mapper:
    """The default mapping against the shapes that both systems really have."""
    rules = mapping().fields
    columns = {rule.source: ColumnShape(_TYPES.get(rule.source, "String")) for rule in rules}
    fields = {rule.target: FieldShape(_FIELDS.get(rule.target, "string")) for rule in rules}
    return Mapper(
        mapping(), TableSchema("contacts", "contactid", columns, {**fields, "externalId": FieldShape("string")})
    )


_TYPES = {"birthdate": "DateOnly", "gendercode": "Picklist"}
_FIELDS = {"birthDate": "date", "gender": "enumeration"}

MAPPER = mapper()


def write_one(record_id: str, version: int, values: dict[str, Any]) -> None:
    answered_at_once(MAPPER.map(record_id, values).whole)


def answered_at_once(body: dict[str, object]) -> None:
    """Where a request would be sent."""


task = app.task(write_one, name="write_one")


class _Source:
    """Nothing is read here."""

    def reader(self, stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> Reader:
        raise NotImplementedError

    def may_write(self, cursor: str) -> bool:
        return True


class _Target:
    """Our target, answered at once."""

    remembers = True
    concurrency = 8
    together = 1

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        body = MAPPER.map(record.id, orjson.loads(record.payload)).whole
        after = Entry(Standing.PRESENT, record.version, record.queued_ms // 1000, fingerprint(body))
        return Send(record, body, body, after, False)

    def send(self, sends: Sequence[Send], allowance: Allowance) -> Sequence[Answer]:
        allowance()
        for send in sends:
            answered_at_once(send.insert or {})
        return [True] * len(sends)

    def take_calls(self) -> Calls:
        return Calls()


def run(rounds: int) -> list[Figure]:
    with stage() as here, _worker(here):
        app.conf.broker_url = broker_url(here.server.url)
        found = take_turns(rounds, lambda: _ours(here), lambda: _naive(here))
        app.close()
    return [ratio("one Celery task per record", "records/s", found["ours"], found["naive"], 10)]


def _ours(here: Stage) -> dict[str, float]:
    queue, changes = here.queue("contact"), contacts(OURS)
    stream = Stream("contact", _Source(), _Target())
    begun = time.perf_counter()
    here.put(queue, changes)
    end = write_slice(stream, {}, here.workflow, here.generation, 0, Slice(PATIENCE_SECONDS, lambda: False), 60, 200)
    took = time.perf_counter() - begun
    assert end is WriteEnd.DRAINED
    return {"ours": OURS / took}


def _naive(here: Stage) -> dict[str, float]:
    records = [(change.id, change.version, orjson.loads(change.payload)) for change in contacts(NAIVE)]
    begun = time.perf_counter()
    with app.producer_pool.acquire(block=True) as producer:
        for record in records:
            task.apply_async(record, producer=producer)
    # Acknowledged early: when nothing waits and nothing is unacknowledged, the last task has at least begun.
    while here.redis.llen("naive") or here.redis.hlen("unacked"):
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            raise RuntimeError(f"The naive worker left tasks behind; its log is {here.home}/naive.log.")
        time.sleep(0.005)
    return {"naive": NAIVE / (time.perf_counter() - begun)}


@contextmanager
def _worker(here: Stage) -> Iterator[None]:
    options = ("worker", "-c", "1", "--without-gossip", "--without-mingle", "--without-heartbeat")
    with (here.home / "naive.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "benchmarks.naive", *options],
            cwd=ROOT,
            env={**os.environ, BROKER: broker_url(here.server.url)},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
