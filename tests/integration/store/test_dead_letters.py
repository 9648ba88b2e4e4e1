"""Dead letters go back to their lanes, or are given up, and nothing else changes; who did so is on record."""

import pytest
from redis import Redis

from store.acts import Acts, Event
from store.keys import StreamKeys
from store.outcomes import Reason, Refused
from store.record_queue import RecordQueue
from store.records import Change, Lane, SetAside
from tests.integration.store.records import changes, record_id

REASON = Reason("refused", "Campaign refused a field.", "campaign")


@pytest.fixture
def letters(queue: RecordQueue, generation: int) -> RecordQueue:
    """Three records, the last one of a full read, were set aside after some attempts, at 1000 ms."""
    queue.put_page(generation, 0, changes(2), "first", now_ms=0)
    queue.put_page(generation, 1, [Change("of old", 1, b"{}")], "next", Lane.REPLAY, now_ms=0)
    batch = queue.lease(generation, 3, 60_000, now_ms=0)
    assert not queue.settle(batch.number, [Refused(one.id, REASON) for one in batch.records], now_ms=1000)
    return queue


def test_a_revived_record_begins_anew_in_its_own_lane(letters: RecordQueue, generation: int) -> None:
    # When all are revived, one of them twice, and one that nobody knows
    revived = letters.revive(["of old", record_id(1), record_id(1), record_id(0), "nobody"])
    # Then each is as old as it is, without attempts, live before replayed
    assert (revived.back, revived.superseded) == (["of old", record_id(1), record_id(0)], [])
    backlog = letters.backlog()
    assert (backlog.waiting, backlog.dead, backlog.oldest_ms) == (3, 0, 0)
    leased = letters.lease(generation, 3, 60_000, now_ms=6000).records
    assert [(one.id, one.queued_ms, one.attempts, one.lane) for one in leased] == [
        (record_id(1), 0, 0, Lane.LIVE),
        (record_id(0), 0, 0, Lane.LIVE),
        ("of old", 0, 0, Lane.REPLAY),
    ]
    # And whoever asks again does nothing again
    assert letters.revive([record_id(0)]) == ([], [])


def test_what_waits_already_is_left_as_it_is(letters: RecordQueue, redis: Redis, keys: StreamKeys) -> None:
    # Given a letter beside a record that waits, which no verb ever leaves
    letter = redis.hget(keys.dead, record_id(0))
    letters.revive([record_id(0)])
    redis.hset(keys.dead, record_id(0), letter)
    # When it is revived, Then only the letter goes, and nothing is listed twice
    assert letters.revive([record_id(0)]) == ([], [record_id(0)])
    assert redis.llen(keys.ready) == 1 and letters.total() == 1


def test_a_workflow_that_is_off_takes_them_too(letters: RecordQueue, redis: Redis, keys: StreamKeys) -> None:
    redis.hset(keys.workflow.lifecycle, "state", "STOPPED")
    assert letters.revive([record_id(0)]).back == [record_id(0)]
    assert letters.total() == 1


def test_only_the_letter_that_was_looked_at_is_given_up(letters: RecordQueue, generation: int) -> None:
    # Given somebody who looked at two letters, of which one is another one by now
    seen = {one.id: one.dead_ms for one in letters.set_aside_of([record_id(0), record_id(1)])}
    letters.put_page(generation, 2, [Change(record_id(0), 2, b"{}")], "then", now_ms=2000)
    batch = letters.lease(generation, 1, 60_000, now_ms=2000)
    letters.settle(batch.number, [Refused(record_id(0), REASON)], now_ms=3000)
    # When both are given up, Then the new one stays
    assert letters.drop({**seen, "nobody": 1000}) == [record_id(1)]
    assert letters.set_aside_of([record_id(0), record_id(1)]) == [SetAside(record_id(0), 3000, 1, REASON)]


def test_more_than_a_step_holds_are_revived_and_given_up(queue: RecordQueue, redis: Redis, generation: int) -> None:
    queue.put_page(generation, 0, changes(1200), "next")
    for _ in range(3):
        batch = queue.lease(generation, 500, 60_000)
        queue.settle(batch.number, [Refused(one.id, REASON) for one in batch.records])
    found = {one.id: one.dead_ms for one in queue.set_aside()}
    half = list(found)[:600]
    assert queue.revive(half).back == half
    assert queue.drop(found) == list(found)[600:]
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.dead) == (600, 0)
    # And what came of each step that did something is kept for when its answer is lost, and forgotten by itself
    answers = redis.keys("*answer:*")
    assert sorted(map(redis.strlen, answers)) == [100, 200, 500, 500]
    assert all(0 < redis.ttl(key) <= 600 for key in answers)


def test_what_is_noted_stands_in_the_history_beside_what_enters_itself(acts: Acts, generation: int) -> None:
    acts.note("retry", "ann", "2 dead letters (refused)", "contact", now_ms=7000)
    acts.note("reveal", "bob (dashboard)", "exported", now_ms=8000)
    assert acts.newest(2) == [
        Event(8000, "bob (dashboard)", "reveal", "exported", "", "", None, None),
        Event(7000, "ann", "retry", "2 dead letters (refused)", "", "", None, None, "contact"),
    ]
    assert [event.action for event in acts.newest()] == ["reveal", "retry", "run", "start"]
