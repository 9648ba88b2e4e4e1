import threading
from collections.abc import Callable

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from connectors.errors import ConnectorError, Malformed, Refused, Stop, Throttled, Unavailable, Unreachable
from store.outcome_log import Ending
from store.record_queue import Change, Lane, RecordQueue
from store.store import WorkflowStore
from sync import batch_writer
from sync.mapping.mapper import Unmappable
from sync.streams import Send, Slice, Stream
from sync.tables.position import Position
from sync.writing import WriteEnd
from tests.integration.sync.conftest import ScriptedTarget
from tests.integration.sync.one_writer import put, write


def counts(workflow: WorkflowStore) -> dict[str, int]:
    return workflow.statistics("contact", 0).totals


def test_each_record_is_sent_once_and_then_known_to_the_ledger(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given three records
    queue = put(workflow, a=1, b=1, c=1)
    # When a slice writes
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    # Then each was sent once, nothing waits, and the ledger knows them
    assert target.sent == ["a", "b", "c"]
    assert queue.backlog().total == 0
    assert all(queue.ledger.entries(["a", "b", "c"]))


def test_a_record_that_did_not_change_costs_no_request(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a record that was written
    put(workflow, a=1)
    write(workflow, stream, piece)
    # When a newer version brings the same values
    workflow.queue("contact").put_page(1, 1, [Change("a", 2, b"1")], Position().dump())
    write(workflow, stream, piece)
    # Then nothing was sent, and the ledger knows the newer version
    assert target.sent == ["a"]
    assert counts(workflow)["unchanged"] == 1
    [entry] = workflow.queue("contact").ledger.entries(["a"])
    assert entry is not None and entry.version == 2


def test_an_older_version_is_never_sent_after_a_newer_one(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a record of version 7 that was written
    put(workflow, a=7)
    write(workflow, stream, piece)
    # When an old copy is queued again, as a replay's late page would
    put(workflow, a=3)
    write(workflow, stream, piece)
    # Then it was not sent
    assert target.sent == ["a"]
    [entry] = workflow.queue("contact").ledger.entries(["a"])
    assert entry is not None and entry.version == 7


def test_a_version_that_arrives_in_flight_follows(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a record in flight when its next version is read
    queue = put(workflow, a=1)
    seen: list[bytes] = []

    def change_meanwhile(send: Send) -> None:
        seen.append(send.record.payload)
        if send.record.version == 1:
            put(workflow, a=2)

    target.before = change_meanwhile
    # When the slice goes on
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    # Then both were sent, in order
    assert seen == [b"1", b"2"]
    assert queue.backlog().total == 0


def test_a_refused_record_is_set_aside_with_its_reason_and_blocks_nothing(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given one record that the target refuses among three
    queue = put(workflow, a=1, b=1, c=1)

    def refuse_b(send: Send) -> None:
        if send.record.id == "b":
            raise Refused("campaign", "the value is not valid for gender")

    target.before = refuse_b
    # When they are written
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    # Then the others went through, and the one lies whole with its reason
    assert target.sent == ["a", "c"]
    [letter] = queue.dead_letters()
    assert (letter.id, letter.payload, letter.reason.kind) == ("b", b"1", "refused")
    assert letter.reason.sentence == "the value is not valid for gender"


def test_a_record_that_cannot_be_mapped_is_set_aside_without_a_request(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a record whose value does not fit
    queue = put(workflow, a=1)

    def does_not_fit(*_: object) -> Send:
        raise Unmappable("email", "emailaddress1 does not fit email: it is too long.")

    monkeypatch.setattr(target, "prepare", does_not_fit)
    # When it is written
    write(workflow, stream, piece)
    # Then it is a dead letter
    [letter] = queue.dead_letters()
    assert (letter.reason.kind, letter.reason.sentence) == (
        "unmappable", "emailaddress1 does not fit email: it is too long.",
    )  # fmt: skip


def test_the_text_of_an_unforeseen_error_is_never_kept(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice, redis: Redis
) -> None:
    # Given a bug whose error repeats a value of the record
    queue = put(workflow, a=1)

    def bug(send: Send) -> None:
        raise ValueError("jo.doe@example.com is odd")

    target.before = bug
    # When it strikes at every attempt until the record is set aside
    for _ in range(12):
        write(workflow, stream, piece)
        redis.zadd(queue.keys.delayed, {"a": 0}, xx=True)
    # Then the reason names the kind alone
    [letter] = queue.dead_letters()
    assert letter.reason.kind == "value-error"
    assert "jo.doe" not in letter.reason.sentence


def test_an_answer_that_explains_nothing_is_tried_again_later(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a target that answers garbage
    queue = put(workflow, a=1)
    target.before = raising(Malformed("campaign", "torn"))
    # When it is written
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    # Then the record waits for its time
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.delayed, backlog.dead) == (1, 1, 0)


def test_an_outage_is_noticed_after_a_few_records_and_the_rest_is_given_back(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a hundred records and a target that is down
    queue = put(workflow, **{f"r{n}": 1 for n in range(100)})
    tried: list[str] = []

    def down(send: Send) -> None:
        tried.append(send.record.id)
        raise Unavailable("campaign", "Campaign is not available (503)", wait=30)

    target.before = down
    # When a slice writes
    assert write(workflow, stream, piece) is WriteEnd.WAITING
    # Then only a few were tried, none is lost or set aside, and the trouble is shown
    assert len(tried) == batch_writer.OUTAGES_TOO_MANY
    backlog = queue.backlog()
    assert (backlog.total, backlog.leased, backlog.dead) == (100, 0, 0)
    [trouble] = workflow.troubles.all()
    assert trouble.sentence == "Campaign is not available (503)"
    # And the next slice leaves the target alone
    assert write(workflow, stream, piece) is WriteEnd.WAITING
    assert len(tried) == batch_writer.OUTAGES_TOO_MANY


def test_an_outage_that_a_single_record_meets_is_shown_and_holds_nobody_up(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given one record, and a target that is down
    queue = put(workflow, a=1)

    def down(send: Send) -> None:
        raise Unavailable("campaign", "Campaign is not available (503)", wait=30)

    target.before = down
    # When it is tried, Then it waits by itself, and why is shown
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    assert queue.backlog().delayed == 1
    [trouble] = workflow.troubles.all()
    assert trouble.sentence == "Campaign is not available (503)"
    # And the next record is tried at once: when that goes well, the trouble is over
    target.before = lambda send: None
    queue.feed(1, [Change("b", 1, b"{}")], Lane.LIVE)
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    assert workflow.troubles.all() == []


def test_a_single_hiccup_is_no_outage(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a target that fails every third request
    queue = put(workflow, **{f"r{n}": 1 for n in range(30)})
    tried: list[str] = []

    def now_and_then(send: Send) -> None:
        tried.append(send.record.id)
        if len(tried) % 3 == 0:
            raise Unreachable("campaign", "reset")

    target.before = now_and_then
    # When a slice writes
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    # Then the others went through, and those that failed wait for their next attempt
    assert len(target.sent) == 20
    assert queue.backlog().delayed == 10
    assert workflow.troubles.all() == []


def test_what_only_people_can_mend_ends_the_batch_and_gives_everything_back(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given credentials that are refused at the second record
    queue = put(workflow, a=1, b=1, c=1)

    def refused(send: Send) -> None:
        if send.record.id == "b":
            raise Stop("campaign", "the credentials are refused")

    target.before = refused
    # When a slice writes
    with pytest.raises(Stop):
        write(workflow, stream, piece)
    # Then what was sent is confirmed, and the rest waits unleased
    assert target.sent == ["a"]
    backlog = queue.backlog()
    assert (backlog.total, backlog.leased) == (2, 0)


def test_a_stop_ends_a_batch_between_two_requests(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a writer in the middle of a long batch
    monkeypatch.setattr(batch_writer, "LOOK_EVERY", 0.01)
    queue = put(workflow, **{f"r{n}": 1 for n in range(100)})
    looked = threading.Event()
    real = workflow.lifecycle.is_running

    def look(generation: int) -> bool:
        running = real(generation)
        if not running:
            looked.set()
        return running

    monkeypatch.setattr(workflow.lifecycle, "is_running", look)

    def stop_at_the_tenth(send: Send) -> None:
        if len(target.sent) == 10:
            workflow.lifecycle.stop("a test", "")
            assert looked.wait(10)

    target.before = stop_at_the_tenth
    # When the operator stops the workflow
    assert write(workflow, stream, piece) is WriteEnd.STOPPED
    # Then the request in flight is confirmed, at most one more was sent, and nothing is leased any more
    assert 11 <= len(target.sent) <= 12
    backlog = queue.backlog()
    assert (backlog.total, backlog.leased) == (100 - len(target.sent), 0)


def test_a_process_that_shuts_down_gives_its_batch_back(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that is told to end in the middle of a batch
    monkeypatch.setattr(batch_writer, "LOOK_EVERY", 0.01)
    queue = put(workflow, **{f"r{n}": 1 for n in range(100)})
    ending, seen = threading.Event(), threading.Event()

    def stopping() -> bool:
        if ending.is_set():
            seen.set()
        return ending.is_set()

    def end_at_the_tenth(send: Send) -> None:
        if len(target.sent) == 10:
            ending.set()
            assert seen.wait(10)

    target.before = end_at_the_tenth
    # When it writes
    assert write(workflow, stream, Slice(10, stopping)) is WriteEnd.STOPPED
    # Then the rest waits for others, unleased
    assert queue.backlog().leased == 0
    assert queue.backlog().total >= 88


def test_one_writer_in_a_seat(workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice) -> None:
    # Given a writer at work in seat 0
    put(workflow, a=1)
    with workflow.writing_right("contact", 0):
        # When a doubled nudge brings a second one
        assert write(workflow, stream, piece) is WriteEnd.HELD
    # Then it sent nothing
    assert target.sent == []


def raising(error: Exception) -> Callable[[Send], None]:
    def before(send: Send) -> None:
        raise error

    return before


def test_a_writer_that_loses_the_store_sends_nothing_more(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a writer in the middle of a batch
    monkeypatch.setattr(batch_writer, "LOOK_EVERY", 0.01)
    put(workflow, **{f"r{n}": 1 for n in range(100)})
    lost = threading.Event()

    def away(*_: object) -> set[str]:
        lost.set()
        raise RedisConnectionError("away")

    def lose_it_at_the_tenth(send: Send) -> None:
        if len(target.sent) == 10:
            monkeypatch.setattr(RecordQueue, "settle", away)
            assert lost.wait(10)

    target.before = lose_it_at_the_tenth
    # When the store goes away
    with pytest.raises(RedisConnectionError):
        write(workflow, stream, piece)
    # Then the request in flight ends, and at most one more was begun
    assert len(target.sent) <= 12


def test_a_shutdown_does_not_wait_for_a_target_that_hangs(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a request that does not come back
    monkeypatch.setattr(batch_writer, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(batch_writer, "SHUTDOWN_SECONDS", 0.05)
    queue = put(workflow, a=1, b=1)
    hanging, back = threading.Event(), threading.Event()

    def hang(send: Send) -> None:
        hanging.set()
        back.wait(60)

    target.before = hang
    # When the process shall end meanwhile
    assert write(workflow, stream, Slice(60, hanging.is_set)) is WriteEnd.STOPPED
    # Then what was not begun waits for others, and what is under way keeps its lease until that ends
    back.set()
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.leased) == (1, 1)


def test_what_was_done_or_why_not_is_kept_with_its_status_and_attempts(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget
) -> None:
    # Given a record for every kind of answer
    away, torn, wrong, good = (f"5d6c7f1e-0f0b-4b0e-9a58-00000000000{number}" for number in range(4))
    errors: dict[str, ConnectorError] = {
        away: Throttled("campaign", "Too many requests (429)"),
        torn: Malformed("campaign", "It failed for a reason we do not know"),
        wrong: Refused("campaign", "It is refused (400)"),
    }
    for record_id, status in ((away, 429), (torn, 500), (wrong, 400)):
        errors[record_id].status = status

    def answer(send: Send) -> None:
        if send.record.id in errors:
            raise errors[send.record.id]

    target.before = answer
    queue = put(workflow, **dict.fromkeys((away, torn, wrong, good), 1))
    # When they are written, and once more when their wait is over
    write(workflow, stream, Slice(60, lambda: False))
    for delayed in (away, torn):
        workflow._redis.zadd(queue.keys.delayed, {delayed: 0})
    del errors[away]
    workflow.troubles.clear_all()
    write(workflow, stream, Slice(60, lambda: False))

    def past(record_id: str) -> list[tuple[Ending, str, int, int]]:
        return [(one.ending, one.cause, one.status, one.attempts) for one in workflow.outcomes("contact").of(record_id)]

    # Then each tells what became of it; that a system was away is no attempt
    assert past(away) == [(Ending.UPDATED, "", 0, 1), (Ending.AGAIN, "throttled", 429, 0)]
    assert past(torn) == [(Ending.AGAIN, "malformed", 500, 2), (Ending.AGAIN, "malformed", 500, 1)]
    assert past(wrong) == [(Ending.REFUSED, "refused", 400, 1)]
    assert past(good) == [(Ending.UPDATED, "", 0, 1)]
