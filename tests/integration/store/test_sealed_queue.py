"""With payload keys, nothing of a record can be read in Redis, and keys can be changed while records wait."""

import pytest
from redis import Redis

from store.keys import StreamKeys
from store.record_queue import Change, Reason, RecordQueue, Refused
from store.sealing import AesSeal, UnknownKey

OLD, NEW = b"o" * 32, b"n" * 32
SECRET = b'{"emailaddress1": "ann@example.com"}'


def test_nothing_of_a_record_can_be_read_in_redis(redis: Redis, keys: StreamKeys, generation: int) -> None:
    # Given a sealed queue with a record that waits, one in flight and one set aside
    queue = RecordQueue(redis, keys, AesSeal([NEW]))
    queue.put_page(generation, 0, [Change("dead", 1, SECRET), Change("held", 1, SECRET)], "1")
    batch = queue.lease(generation, 2, 60_000)
    queue.settle(batch.number, [Refused("dead", Reason("refused", "Campaign refused the field email."))])
    queue.put_page(generation, 1, [Change("waits", 1, SECRET), Change("held", 2, SECRET)], "2")
    # When everything that Redis keeps is searched
    kept = b"".join(redis.dump(key) or b"" for key in redis.scan_iter())
    # Then the plain text is nowhere, and whoever has the key reads it
    assert b"dead" in kept and b"ann@" not in kept and b"emailaddress1" not in kept
    assert [record.payload for record in batch.records] == [SECRET, SECRET]
    assert [letter.payload for letter in queue.dead_letters()] == [SECRET]


def test_keys_are_changed_while_records_wait(redis: Redis, keys: StreamKeys, generation: int) -> None:
    # Given a record that waits unsealed, and one sealed with the old key
    RecordQueue(redis, keys).put_page(generation, 0, [Change("plain", 1, SECRET)], "1")
    RecordQueue(redis, keys, AesSeal([OLD])).put_page(generation, 1, [Change("old", 1, SECRET)], "2")
    # When the new key is put in front of the old one
    queue = RecordQueue(redis, keys, AesSeal([NEW, OLD]))
    queue.put_page(generation, 2, [Change("new", 1, SECRET)], "3")
    # Then all of them are read
    assert {r.id: r.payload for r in queue.lease(generation, 3, 60_000).records} == {
        "plain": SECRET, "old": SECRET, "new": SECRET,
    }  # fmt: skip


def test_a_missing_key_harms_no_record(redis: Redis, keys: StreamKeys, generation: int) -> None:
    # Given records sealed with a key that a worker was not given
    RecordQueue(redis, keys, AesSeal([OLD])).put_page(
        generation, 0, [Change("ann", 1, SECRET), Change("bob", 1, SECRET)], "1", now_ms=0
    )
    queue = RecordQueue(redis, keys, AesSeal([NEW]))
    # When it leases them, Then it is told what to do
    with pytest.raises(UnknownKey, match="add the old key to D365ACS_PAYLOAD_KEYS"):
        queue.lease(generation, 2, 60_000, now_ms=0)
    # And they wait as before, with no death on their account
    assert queue.backlog().leased == 0
    leased = RecordQueue(redis, keys, AesSeal([OLD])).lease(generation, 2, 60_000, now_ms=1).records
    assert {record.id: record.deaths for record in leased} == {"ann": 0, "bob": 0}


def test_the_payload_of_another_record_is_not_accepted(redis: Redis, keys: StreamKeys, generation: int) -> None:
    # Given somebody who can write to Redis and passes off one record's payload as another's
    queue = RecordQueue(redis, keys, AesSeal([NEW]))
    queue.put_page(generation, 0, [Change("ann", 1, SECRET), Change("bob", 1, b"{}")], "1")
    anns = redis.hget(keys.records, "ann")
    assert anns is not None
    redis.hset(keys.records, "bob", anns)
    # When the records are leased, Then it is noticed
    with pytest.raises(UnknownKey, match="altered or belongs to another record"):
        queue.lease(generation, 2, 60_000)
