"""What is disbelieved is written once more; nothing else of what is known is lost by that."""

from typing import cast

import pytest
from redis import Redis

from store.ledger import Entry, Ledger, Standing, field_of
from store.record_queue import Change, Lane, RecordQueue, Unchanged
from tests.integration.store.records import record_id


def keep(redis: Redis, ledger: Ledger, entries: dict[str, Entry]) -> None:
    for id_, entry in entries.items():
        redis.hset(ledger.bucket_of(field_of(id_)), cast(str, field_of(id_)), cast(str, entry.pack()))


@pytest.mark.parametrize("mark", [b"", b"of those"])
def test_of_what_is_present_the_values_fingerprint_alone_is_blanked(
    redis: Redis, queue: RecordQueue, mark: bytes
) -> None:
    # Given more records than one call takes, and one whose id is no guid
    ids = [record_id(number) for number in range(600)] + ["a name"]
    known = {id_: Entry(Standing.PRESENT, 2**53 - 7, 2**31 + 5, b"8 bytes!" + mark) for id_ in ids}
    keep(redis, queue.ledger, known)
    # When they are disbelieved
    queue.ledger.disbelieve(ids)
    # Then all but the fingerprint of their values stays
    after = [Entry(Standing.PRESENT, 2**53 - 7, 2**31 + 5, bytes(8) + mark)] * len(ids)
    assert queue.ledger.entries(ids) == after


@pytest.mark.parametrize("standing", [Standing.DELETED, Standing.LEAVING, Standing.COMING])
def test_what_is_not_present_stays_as_it_is(redis: Redis, queue: RecordQueue, standing: Standing) -> None:
    before = Entry(standing, 10, 1, b"8 bytes!")
    keep(redis, queue.ledger, {record_id(1): before})
    queue.ledger.disbelieve([record_id(1), record_id(2)])
    assert queue.ledger.entries([record_id(1), record_id(2)]) == [before, None]


def test_what_was_found_unchanged_before_it_was_disbelieved_is_given_back(redis: Redis, queue: RecordQueue) -> None:
    # Given two records in a writer's hands, who finds that nothing of them differs
    ids = [record_id(1), record_id(2)]
    entry = Entry(Standing.PRESENT, 10, 1, b"8 bytes!")
    keep(redis, queue.ledger, dict.fromkeys(ids, entry))
    queue.feed(1, [Change(id_, 12, b"{}") for id_ in ids], Lane.LIVE)
    batch = queue.lease(1, 10, 60_000)
    # When one of them is disbelieved before that is settled
    queue.ledger.disbelieve(ids[:1])
    assert queue.settle(batch.number, [Unchanged(id_, entry._replace(version=12)) for id_ in ids]) == set()
    # Then it is leased once more, and stays disbelieved; the other is over
    assert [record.id for record in queue.lease(1, 10, 60_000).records] == ids[:1]
    assert queue.ledger.entries(ids) == [entry._replace(fingerprint=bytes(8)), entry._replace(version=12)]
