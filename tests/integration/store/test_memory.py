"""What a waiting record, and a confirmed one, cost the server."""

import time
import uuid

import pytest
from redis import Redis

from store.keys import StreamKeys
from store.ledger import field_of
from store.record_queue import Change, Lane, RecordQueue
from tests.integration.store.records import entry

PAYLOAD = b'{"emailaddress1": "ann@example.com", "firstname": "Ann"}'.ljust(600, b" ")


#: Beside the payload, by lane: a record of a full read stands in a sorted set, and Redis 7.0 spends the most on one.
MOST = {Lane.LIVE: 250, Lane.REPLAY: 300}


def used(redis: Redis) -> int:
    """Once the server has given back what tests before this one left: it empties itself in the background."""
    give_up = time.monotonic() + 30
    while (info := redis.info("memory"))["lazyfree_pending_objects"]:
        assert time.monotonic() < give_up
    return int(info["used_memory"])


def guid(number: int) -> str:
    return str(uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


@pytest.mark.parametrize("lane", Lane)
def test_a_waiting_record_costs_little_beside_its_payload(
    redis: Redis, queue: RecordQueue, generation: int, lane: Lane
) -> None:
    # Given an empty queue whose scripts are loaded
    queue.put_page(generation, 0, [], "begun")
    before = used(redis)
    # When 20,000 records of 600 bytes wait
    for part in range(4):
        page = [Change(guid(number), 2**40 + number, PAYLOAD) for number in range(part * 5000, part * 5000 + 5000)]
        queue.put_page(generation, part + 1, page, f"after {part}", lane)
    # Then each costs at most that much
    each = (used(redis) - before) / 20_000
    print(f"{each:.0f} bytes for a record of {len(PAYLOAD)} in the lane {lane.name}")  # noqa: T201 - a figure to look at
    assert len(PAYLOAD) < each <= len(PAYLOAD) + MOST[lane]


def test_a_confirmed_record_stays_in_the_compact_encoding(redis: Redis, keys: StreamKeys, queue: RecordQueue) -> None:
    # Given as many records in one bucket as 15 million make there
    for number in range(15_000_000 // 65_536):
        redis.hset(keys.ledger(0), field_of(guid(number)), entry(2**40 + number).pack())
    # Then the bucket is one flat block, without which the ledger would not fit
    assert redis.object("encoding", keys.ledger(0)) == b"listpack"
    # And what a record costs in a ledger of 100,000 is told
    before = used(redis)
    pipeline = redis.pipeline(transaction=False)
    for number in range(100_000):
        field = field_of(guid(number))
        pipeline.hset(queue.ledger.bucket_of(field), field, entry(2**40 + number).pack())
    pipeline.execute()
    print(f"{(used(redis) - before) / 100_000:.0f} bytes a record in a ledger of 100,000")  # noqa: T201 - a figure to look at
