"""Many at once: no record has two holders, no page is stored twice, nothing is lost."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from store.client import connect
from store.cursors import read_cursor
from store.keys import StreamKeys
from store.record_queue import Change, CursorMoved, RecordQueue, Unsent
from tests.integration.store.records import changes, confirm, record_id

RECORDS = 2000


def test_however_many_lease_at_once_no_record_has_two_holders(
    redis: Redis, redis_url: str, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given 2,000 records and eight writers, each on a connection of its own
    queue.put_page(generation, 0, changes(RECORDS), "next")
    in_hands: Counter[str] = Counter()
    twice: list[str] = []
    confirmed: Counter[str] = Counter()
    guard, together = threading.Lock(), threading.Barrier(8)

    def write() -> None:
        with connect(redis_url) as own:
            mine = RecordQueue(own, keys)
            together.wait(30)
            for turn in range(10_000):
                batch = mine.lease(generation, 17, 60_000)
                if not batch.records:
                    return
                ids = [record.id for record in batch.records]
                with guard:
                    in_hands.update(ids)
                    twice.extend(i for i in ids if in_hands[i] > 1)
                assert mine.renew(generation, batch.number, 60_000)  # the work: others lease meanwhile
                with guard:
                    in_hands.subtract(ids)  # before it is settled: from then on another may hold it
                # When every third batch is given back and the others are confirmed
                if turn % 3 == 0:
                    assert mine.settle(batch.number, [Unsent(i) for i in ids]) == set()
                else:
                    assert confirm(mine, batch) == set()
                    with guard:
                        confirmed.update(ids)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(write) for _ in range(8)]:
            future.result(60)
    # Then nobody held what somebody else held, and every record was confirmed once
    assert twice == []
    assert confirmed == Counter({record_id(number): 1 for number in range(RECORDS)})
    assert queue.backlog().total == 0


def test_of_readers_that_store_the_same_page_at_once_one_succeeds(
    redis: Redis, redis_url: str, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given four readers that hold the same pages
    together = threading.Barrier(4)

    def read() -> int:
        stored = 0
        with connect(redis_url) as own:
            mine = RecordQueue(own, keys)
            for number in range(20):
                together.wait(30)
                page = [Change(f"{number}-{i}", 1, b"{}") for i in range(30)]
                try:
                    stored += mine.put_page(generation, number, page, f"after {number}").queued
                except CursorMoved:
                    continue
        return stored

    # When all of them store page after page
    with ThreadPoolExecutor(4) as pool:
        stored = [future.result(60) for future in [pool.submit(read) for _ in range(4)]]
    # Then every page is there once
    assert sum(stored) == queue.backlog().waiting == redis.llen(keys.ready) == 600
    assert (read_cursor(redis, keys).number, read_cursor(redis, keys).value) == (20, "after 19")
