"""Whoever may have lost its lease, or is not believed any more, sends nothing."""

import threading
import time
from collections.abc import Iterable

import pytest
from redis import Redis

from store.client import text
from store.ledger import Entry
from store.record_queue import Batch, Leased, Outcome, RecordQueue
from store.store import WorkflowStore
from sync import batch_writer
from sync.streams import Send, Slice, Stream
from sync.writing import WriteEnd
from tests.integration.sync.conftest import ScriptedTarget
from tests.integration.sync.one_writer import LEASE, put, write


def test_a_writer_that_has_overslept_sends_nothing_more(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that was frozen in its first request for longer than its lease, its lookout too
    monkeypatch.setattr(batch_writer, "LOOK_EVERY", 60)
    queue = put(workflow, a=1, b=1)
    pause = threading.Event()

    def freeze(send: Send) -> None:
        pause.wait(0.5)

    target.before = freeze
    # When it wakes
    write(workflow, stream, Slice(0.1, lambda: False), lease=0.4)
    # Then the second record was not sent, and its late word on the first is not believed
    assert target.sent == ["a"]
    assert queue.ledger.present(["a"]) == set()
    # And once the lease is reaped both wait again
    assert queue.reap() == 2
    assert queue.backlog().waiting == 2


def end_the_lease(redis: Redis, queue: RecordQueue) -> None:
    """In Redis alone, as where its clock steps forward, or a replica takes over without the last second."""
    for number in redis.zrange(queue.keys.batches, 0, -1):
        redis.zadd(queue.keys.batches, {text(number): 1})


def test_a_writer_that_is_not_believed_any_more_sends_nothing_more(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a writer in the middle of a batch, whose own deadline is far away
    monkeypatch.setattr(batch_writer, "LOOK_EVERY", 0.01)
    queue = put(workflow, **{f"r{n}": 1 for n in range(100)})
    doubted, looked = threading.Event(), threading.Event()
    settle = RecordQueue.settle

    def settled(queue: RecordQueue, number: int, outcomes: Iterable[Outcome]) -> set[str]:
        answer = settle(queue, number, outcomes)
        if answer:
            doubted.set()
        return answer

    def stopping() -> bool:
        if doubted.is_set():
            looked.set()
        return False

    def lose_the_lease_at_the_third(send: Send) -> None:
        if len(target.sent) == 2:
            end_the_lease(redis, queue)
        if len(target.sent) == 3:
            assert looked.wait(10)

    monkeypatch.setattr(RecordQueue, "settle", settled)
    target.before = lose_the_lease_at_the_third
    # When its lease ends in Redis, and what it says next is doubted
    write(workflow, stream, Slice(10, stopping))
    # Then the request in flight ends, and no other one begins
    assert len(target.sent) == 4
    # And what was not believed waits, with the rest
    assert queue.reap() >= 98
    assert queue.backlog().waiting >= 98


def test_a_writer_that_is_not_heard_before_it_sends_sends_nothing(
    workflow: WorkflowStore,
    stream: Stream,
    target: ScriptedTarget,
    piece: Slice,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given new records, and a lease that ends in Redis while they are prepared
    queue = put(workflow, a=1, b=1)
    prepare = target.prepare

    def late(record: Leased, entry: Entry | None) -> Send | Outcome:
        end_the_lease(redis, queue)
        return prepare(record, entry)

    monkeypatch.setattr(target, "prepare", late)
    # When they are written
    write(workflow, stream, piece)
    # Then none was sent, and nothing is said of them
    assert target.sent == []
    assert queue.ledger.entries(["a", "b"]) == [None, None]
    assert queue.reap() == 2


def test_a_writer_whose_machine_was_suspended_sends_nothing_more(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine that is suspended during the first request, for longer than the lease: time.monotonic() stands
    monkeypatch.setattr(batch_writer, "LOOK_EVERY", 60)
    put(workflow, a=1, b=1)
    clock, asleep = time.clock_gettime, [0.0]
    monkeypatch.setattr(time, "clock_gettime", lambda which: clock(which) + asleep[0])

    def suspend(send: Send) -> None:
        asleep[0] = 2 * LEASE

    target.before = suspend
    # When it goes on
    write(workflow, stream, Slice(0, lambda: False))
    # Then the second record was not sent
    assert target.sent == ["a"]


def test_a_long_batch_keeps_its_lease(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a batch that takes longer than its lease, request by request
    monkeypatch.setattr(batch_writer, "LOOK_EVERY", 0.02)
    put(workflow, **{f"r{n}": 1 for n in range(20)})
    pause = threading.Event()

    def slowly(send: Send) -> None:
        pause.wait(0.1)

    target.before = slowly
    leased: list[int] = []
    real = RecordQueue.lease

    def lease(queue: RecordQueue, *arguments: int) -> Batch:
        batch = real(queue, *arguments)
        leased.append(len(batch.records))
        return batch

    monkeypatch.setattr(RecordQueue, "lease", lease)
    # When it is written
    begun = time.monotonic()
    assert write(workflow, stream, piece, lease=1.0) is WriteEnd.DRAINED
    # Then it outlasted the lease, in one batch, and every record was sent once
    assert time.monotonic() - begun > 1.0
    assert leased == [20, 0]
    assert sorted(target.sent) == sorted(f"r{n}" for n in range(20))
