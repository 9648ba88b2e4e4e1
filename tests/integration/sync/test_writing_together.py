"""One request that carries several records: each has its own answer, and what fails as a whole fails once."""

import threading
from collections.abc import Callable, Sequence

import pytest

from connectors.errors import Refused, Stop, Unavailable
from store.ledger import Entry
from store.record_queue import BATCH, Change, Lane, Leased, Parent, Parked, RecordQueue, Unchanged
from store.sealing import UnknownKey
from store.store import WorkflowStore
from sync import batch_writer
from sync.streams import Allowance, Answer, Send, Slice, Stream
from sync.tables.position import Position
from sync.writing import WriteEnd, write_slice
from tests.integration.sync.conftest import ScriptedTarget


class Together(ScriptedTarget):
    """Takes four records a request; `answer` decides what becomes of each."""

    remembers = False

    def __init__(self) -> None:
        super().__init__()
        self.together = 4
        self.requests: list[list[str]] = []
        self.answer: Callable[[Send], Answer] = lambda send: True

    def prepare(self, record: Leased, entry: Entry | None) -> Send:
        assert entry is None
        return Send(record, {}, {}, None, known=False)

    def send(self, sends: Sequence[Send], allowance: Allowance) -> list[Answer]:
        allowance()
        self.requests.append([send.record.id for send in sends])
        return [self.answer(send) for send in sends]


@pytest.fixture
def target() -> Together:
    return Together()


@pytest.fixture
def queue(workflow: WorkflowStore) -> RecordQueue:
    """Ten records, r0 to r9."""
    queue = workflow.queue("contact")
    queue.put_page(1, 0, [Change(f"r{number}", 1, b"x") for number in range(10)], Position().dump())
    return queue


def write(workflow: WorkflowStore, stream: Stream, piece: Slice) -> WriteEnd:
    return write_slice(stream, {stream.name: stream}, workflow, 1, 0, piece, 60.0, batch_size=100)


def test_ten_records_are_three_requests_and_nothing_is_remembered_of_them(
    workflow: WorkflowStore, queue: RecordQueue, stream: Stream, target: Together, piece: Slice
) -> None:
    # When ten records are written, four a request
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    # Then three requests carried all of them, in order
    assert [len(request) for request in target.requests] == [4, 4, 2]
    assert [name for request in target.requests for name in request] == [f"r{number}" for number in range(10)]
    # And they are counted and gone, and the ledger stays empty
    assert workflow.statistics("contact", 0).totals["written"] == 10
    assert queue.backlog().total == 0
    assert queue.ledger.entries(["r0", "r9"]) == [None, None]
    assert not list(queue.ledger.scan(0, 1 << 20))


def test_each_record_of_a_request_has_its_own_end(
    workflow: WorkflowStore, queue: RecordQueue, stream: Stream, target: Together, piece: Slice
) -> None:
    # Given a request of which one record is refused, one is there already, one waits for another and one is busy
    ends: dict[str, Answer] = {
        "r0": Refused("dynamics", "the subject is too long"),
        "r1": Unchanged("r1", None),
        "r2": Parked("r2", Parent("contact", "c")),
        "r3": Unavailable("dynamics", "Dynamics is busy", wait=30),
    }
    target.answer = lambda send: ends.get(send.record.id, True)
    # When it is written
    write(workflow, stream, piece)
    # Then each came to its own end, and the others were written
    totals, backlog = workflow.statistics("contact", 0).totals, queue.backlog()
    assert {what: totals[what] for what in ("written", "unchanged", "refused", "parked", "again")} == {
        "written": 6, "unchanged": 1, "refused": 1, "parked": 1, "again": 1
    }  # fmt: skip
    assert (backlog.delayed, backlog.parked, backlog.dead) == (1, 1, 1)
    [letter] = queue.dead_letters()
    assert letter.id == "r0"


def test_a_request_that_fails_as_a_whole_is_one_outage_not_four(
    workflow: WorkflowStore, queue: RecordQueue, stream: Stream, target: Together, piece: Slice
) -> None:
    # Given a target that is down for its first request only
    def down(send: Send) -> Answer:
        if len(target.requests) == 1:
            raise Unavailable("dynamics", "Dynamics is not available (503)", wait=0.001)
        return True

    target.answer = down
    # When the slice writes
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    # Then it did not give up: the rest went through at once, and the four wait for their time or were written
    assert target.requests[:3] == [["r0", "r1", "r2", "r3"], ["r4", "r5", "r6", "r7"], ["r8", "r9"]]
    assert queue.backlog().dead == 0
    # But several such requests in a row are an outage
    queue.feed(1, [Change(f"s{number}", 1, b"x") for number in range(40)], Lane.LIVE)
    target.requests.clear()

    def always(send: Send) -> Answer:
        raise Unavailable("dynamics", "Dynamics is not available (503)", wait=30)

    target.answer = always
    assert write(workflow, stream, piece) is WriteEnd.WAITING
    assert len(target.requests) == batch_writer.OUTAGES_TOO_MANY
    assert queue.backlog().leased == 0


@pytest.mark.parametrize("met", [Stop("dynamics", "no privilege to create"), UnknownKey("add the old key")], ids=str)
def test_what_stops_the_workflow_keeps_what_was_confirmed_beside_it(
    workflow: WorkflowStore, queue: RecordQueue, stream: Stream, target: Together, piece: Slice, met: Exception
) -> None:
    # Given a request whose third record meets what only people can mend
    target.answer = lambda send: met if send.record.id == "r2" else True
    # When it is written
    with pytest.raises(type(met)):
        write(workflow, stream, piece)
    # Then the others of that request are confirmed, and nothing more was sent or lost
    assert target.requests == [["r0", "r1", "r2", "r3"]]
    assert workflow.statistics("contact", 0).totals["written"] == 3
    assert (queue.backlog().waiting, queue.backlog().leased) == (7, 0)
    # And the attempt does not count
    assert {record.attempts for record in queue.lease(1, BATCH, 1000).records} == {0}


def test_a_batch_is_on_its_way_while_another_is(
    workflow: WorkflowStore, queue: RecordQueue, stream: Stream, target: Together, piece: Slice
) -> None:
    # Given more records than one batch holds, and requests that are answered only when those of two batches are there
    queue.feed(1, [Change(f"s{number:03}", 1, b"x") for number in range(990)], Lane.LIVE)
    both = threading.Barrier(2)
    target.together, target.concurrency = BATCH, 2

    def meet(send: Send) -> Answer:
        if any(send.record.id == request[0] for request in target.requests):
            both.wait(timeout=20)
        return True

    target.answer = meet
    # When they are written, Then that happens
    assert write(workflow, stream, piece) is WriteEnd.DRAINED
    assert sorted(map(len, target.requests)) == [500, 500]
    assert workflow.statistics("contact", 0).totals["written"] == 1000


def test_what_stops_the_workflow_ends_the_batch_beside_it(
    workflow: WorkflowStore, queue: RecordQueue, stream: Stream, target: Together, piece: Slice
) -> None:
    # Given many batches, and a first request, of whichever batch, that meets what only people can mend
    queue.feed(1, [Change(f"s{number:04}", 1, b"x") for number in range(4990)], Lane.LIVE)
    first, stopped = threading.Lock(), threading.Event()
    target.together, target.concurrency = 50, 4

    def answer(send: Send) -> Answer:
        if first.acquire(blocking=False):
            stopped.set()
            raise Stop("dynamics", "Dynamics refuses the application user")
        assert stopped.wait(timeout=20)
        return True

    target.answer = answer
    # When they are written
    with pytest.raises(Stop):
        write(workflow, stream, piece)
    # Then the other batch ended, too, long before all was written, and nothing stayed in anybody's hands
    assert queue.backlog().leased == 0
    assert queue.total() > 0
