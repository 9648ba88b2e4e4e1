"""What people look at: troubles with their beginning, who is alive, counts and rates."""

import pytest
from redis import Redis

from store.client import server_time_ms
from store.heartbeats import GONE_AFTER_MS, Heartbeats
from store.keys import InstanceKeys, StreamKeys, WorkflowKeys
from store.record_queue import RecordQueue
from store.statistics import read_statistics, trim_pulse
from store.trouble import Trouble, Troubles
from tests.integration.store.records import changes, confirm


def test_a_trouble_that_goes_on_keeps_its_beginning(redis: Redis, workflow: WorkflowKeys) -> None:
    troubles = Troubles(redis, workflow)
    # Given a target that has been away since 1000
    troubles.note("contact.write", "Campaign does not answer.", now_ms=1000, until_ms=2000)
    # When it is still away, for another reason
    troubles.note("contact.write", "Campaign answers 503.", now_ms=2000, until_ms=4000)
    # Then the trouble has its first beginning and its newest sentence
    expected = Trouble("contact.write", 1000, 4000, 2, "Campaign answers 503.")
    assert troubles.get("contact.write") == expected
    # And others stand beside it, the oldest first
    older = troubles.note("contact.read", "Dynamics does not answer.", now_ms=500, until_ms=900)
    assert troubles.all() == [older, expected]


def test_a_trouble_that_is_over_is_forgotten(redis: Redis, workflow: WorkflowKeys) -> None:
    troubles = Troubles(redis, workflow)
    for where in ("contact.read", "contact.write", "start"):
        troubles.note(where, "It does not answer.", now_ms=1000, until_ms=2000)
    troubles.clear("contact.read")
    assert troubles.get("contact.read") is None
    # When the same place has trouble again, Then that is another trouble
    assert troubles.note("contact.read", "Again.", now_ms=9000, until_ms=9500) == Trouble(
        "contact.read", 9000, 9500, 1, "Again."
    )
    troubles.clear_all()
    assert troubles.all() == []


def test_who_was_heard_of_lately_is_alive(redis: Redis) -> None:
    beats = Heartbeats(redis, InstanceKeys("test"))
    # Given a worker and a beat that said they live
    beats.beat("worker-2", "worker", ("read", "write"), slots=4)
    beats.beat("beat-1", "beat")
    beats.beat("worker-1", "worker", ("write",), slots=2)
    now = server_time_ms(redis)
    # Then all three are alive, and still are after a quarter of a minute
    assert [(b.name, b.queues, b.slots) for b in beats.alive()] == [
        ("beat-1", (), 0), ("worker-1", ("write",), 2), ("worker-2", ("read", "write"), 4),
    ]  # fmt: skip
    # When one leaves
    beats.leave("worker-1")
    assert [b.name for b in beats.alive(now + GONE_AFTER_MS - 1000)] == ["beat-1", "worker-2"]
    # And the others fall silent for longer than that, Then nobody is, and nothing of them is kept
    assert beats.alive(now + GONE_AFTER_MS + 1) == []
    assert not redis.exists(InstanceKeys("test").workers)


def test_counts_and_rates_are_kept_by_the_scripts(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given 300 records read and 200 of them written within one bucket of ten seconds
    at = 1_700_000_000_000
    queue.put_page(generation, 0, changes(300), "next", now_ms=at)
    confirm(queue, queue.lease(generation, 200, 60_000, now_ms=at), now_ms=at + 1000)
    # When they are looked at five seconds into the next bucket
    statistics = read_statistics(redis, keys, now_ms=at + 15_000)
    # Then the totals are exact and the rates are those of the 15 seconds looked at
    assert statistics.totals == {
        "read": 300, "filtered": 0, "written": 200, "unchanged": 0, "again": 0, "refused": 0, "parked": 0,
    }  # fmt: skip
    assert statistics.rates["read"] == pytest.approx(300 / 15)
    assert statistics.rates["written"] == pytest.approx(200 / 15)
    # And ten seconds later the rates are zero, and the totals and the counts of the hour stand
    later = read_statistics(redis, keys, now_ms=at + 25_000)
    assert set(later.rates.values()) == {0.0} and later.totals == statistics.totals
    assert (later.hour["read"], later.hour["written"]) == (300, 200)
    # Until the hour is over
    assert set(read_statistics(redis, keys, now_ms=at + 3_610_000).hour.values()) == {0}


def test_the_pulse_reaches_an_hour_back(redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int) -> None:
    # Given something that was read two hours ago, and something just now
    at = 1_700_000_000_000
    queue.put_page(generation, 0, changes(3), "1", now_ms=at - 7_200_000)
    queue.put_page(generation, 1, changes(5)[3:], "2", now_ms=at)
    # When the pulse is trimmed, Then only the older count goes
    assert trim_pulse(redis, keys, at) == 1
    assert trim_pulse(redis, keys, at) == 0
    assert redis.hvals(keys.pulse) == [b"2"]
    assert read_statistics(redis, keys, at).totals["read"] == 5
