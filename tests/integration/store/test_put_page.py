"""A page and the cursor that follows it become true together, however long the page is and whenever its reader dies."""

import pytest
from redis import Redis

from store.cursors import Cursor, read_cursor
from store.keys import StreamKeys
from store.lifecycle import Lifecycle
from store.record_queue import Change, CursorMoved, GenerationOver, Lane, QueueFull, RecordQueue, Stored
from tests.integration.store.records import changes, confirm, record_id


def test_a_page_of_any_length_is_stored_with_its_cursor(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given a page of 12,000 records, far more than one script takes
    page = changes(12_000)
    # When it is stored
    stored = queue.put_page(generation, 0, page, "after page 1", now_ms=1000)
    # Then all of it waits and the cursor has moved by one page
    assert stored == Stored(queued=12_000, replaced=0, skipped=0)
    assert queue.backlog().waiting == 12_000
    assert read_cursor(redis, keys) == Cursor(1, "after page 1", 1000)


def test_a_reader_that_dies_between_two_parts_leaves_the_cursor_where_it_was(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given a reader that died after two of the 24 parts of its page
    page = changes(12_000)
    queue._put_part(generation, 0, page[:500], "", Lane.LIVE, 1000, 100_000)
    queue._put_part(generation, 0, page[500:1000], "", Lane.LIVE, 1000, 100_000)
    assert read_cursor(redis, keys).number == 0
    # When the next reader reads the same page again
    stored = queue.put_page(generation, 0, page, "after page 1", now_ms=2000)
    # Then what was there is recognised, and nothing is listed twice
    assert stored == Stored(queued=11_000, replaced=0, skipped=1000)
    assert queue.backlog().waiting == redis.llen(keys.ready) == 12_000
    assert read_cursor(redis, keys).value == "after page 1"


def test_an_empty_page_still_moves_the_cursor(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # When a page without changes is stored
    stored = queue.put_page(generation, 0, [], "delta 2", now_ms=1000)
    # Then only the cursor has moved
    assert stored == Stored(0, 0, 0)
    assert read_cursor(redis, keys) == Cursor(1, "delta 2", 1000)


def test_the_newest_of_several_versions_on_one_page_is_kept(queue: RecordQueue, generation: int) -> None:
    # Given a page that names one record three times, out of order
    page = [Change("ann", 2, b"two"), Change("ann", 9, b"nine"), Change("ann", 5, b"five")]
    # When it is stored
    stored = queue.put_page(generation, 0, page, "next")
    # Then one record waits, in its newest version
    assert stored == Stored(queued=1, replaced=1, skipped=1)
    assert [(r.version, r.payload) for r in queue.lease(generation, 10, 60_000).records] == [(9, b"nine")]


def test_the_largest_version_and_any_bytes_come_back_as_they_went(queue: RecordQueue, generation: int) -> None:
    # Given a payload of every byte there is, an empty one, and the largest version
    page = [Change("a b {c}", 2**53, bytes(range(256))), Change("é", 2**53 - 1, b"")]
    queue.put_page(generation, 0, page, "next")
    # When they are leased, Then nothing has changed on the way
    leased = queue.lease(generation, 10, 60_000).records
    assert [(r.id, r.version, r.payload) for r in leased] == [tuple(change) for change in page]


def test_a_page_read_from_a_cursor_that_moved_on_is_refused_whole(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given two readers that read the same page, of which one was faster
    queue.put_page(generation, 0, changes(3), "after page 1")
    # When the slower one stores it too, Then it is told so
    with pytest.raises(CursorMoved):
        queue.put_page(generation, 0, changes(5), "after page 1, too")
    # And nothing of its page was stored
    assert queue.backlog().waiting == 3
    assert read_cursor(redis, keys).value == "after page 1"


def test_a_reader_of_an_earlier_generation_stores_nothing(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, lifecycle: Lifecycle, generation: int
) -> None:
    # Given a workflow that was stopped and started while a reader read
    lifecycle.stop("ann", "maintenance")
    lifecycle.start("ann", "go on", revision=1)
    assert lifecycle.run(generation + 2, "worker", "ready")
    # When that reader comes back with its page, Then it is refused
    with pytest.raises(GenerationOver):
        queue.put_page(generation, 0, changes(3), "next")
    assert (queue.backlog().total, read_cursor(redis, keys).number) == (0, 0)


def test_a_reader_of_an_earlier_generation_forgets_nothing(
    queue: RecordQueue, lifecycle: Lifecycle, generation: int
) -> None:
    # Given a workflow that was stopped and started while a reader was about to forget the ledger
    lifecycle.stop("ann", "maintenance")
    lifecycle.start("ann", "go on", revision=1)
    assert lifecycle.run(generation + 2, "worker", "ready")
    queue.put_page(generation + 2, 0, changes(1), "")
    confirm(queue, queue.lease(generation + 2, 1, 60_000))
    # When that reader goes on, Then what was confirmed is known
    queue.ledger.forget(generation, 0)
    assert queue.ledger.present([record_id(0)]) == {record_id(0)}
    # And one of the present generation forgets it
    queue.ledger.forget(generation + 2, 0)
    assert queue.ledger.present([record_id(0)]) == set()


def test_above_the_high_water_mark_reading_pauses_and_the_cursor_stays(
    redis: Redis, keys: StreamKeys, generation: int
) -> None:
    # Given a queue that is full with 1,000 records
    queue = RecordQueue(redis, keys, high_water=1000)
    queue.put_page(generation, 0, changes(1000), "after page 1")
    # When another page comes, Then it is refused and the cursor stays
    page = changes(1003)[1000:]
    with pytest.raises(QueueFull):
        queue.put_page(generation, 1, page, "after page 2")
    assert (queue.backlog().waiting, read_cursor(redis, keys).value) == (1000, "after page 1")
    # And once a writer has confirmed a record, the page goes through
    confirm(queue, queue.lease(generation, 1, 60_000))
    queue.put_page(generation, 1, page, "after page 2")
    assert (queue.backlog().waiting, read_cursor(redis, keys).value) == (1002, "after page 2")


def test_a_page_without_changes_moves_the_cursor_above_the_high_water_mark_too(
    redis: Redis, keys: StreamKeys, generation: int
) -> None:
    # Given a queue that is full
    queue = RecordQueue(redis, keys, high_water=1000)
    queue.put_page(generation, 0, changes(1000), "after page 1")
    # When a page comes that has nothing to wait, Then only the cursor has moved
    assert queue.put_page(generation, 1, [], "begun again") == Stored(0, 0, 0)
    assert (queue.backlog().waiting, read_cursor(redis, keys).value) == (1000, "begun again")


def test_a_page_larger_than_the_high_water_mark_is_stored_to_its_end(
    redis: Redis, keys: StreamKeys, generation: int
) -> None:
    # Given a mark below the size of a page
    queue = RecordQueue(redis, keys, high_water=1000)
    # When a page of three parts comes to the empty queue
    queue.put_page(generation, 0, changes(1500), "after page 1")
    # Then it is not refused halfway, which would repeat for ever
    assert (queue.backlog().waiting, read_cursor(redis, keys).value) == (1500, "after page 1")
