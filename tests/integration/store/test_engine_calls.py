"""Engine calls are counted by what requests do, per UTC day, for a good year."""

from datetime import UTC, date, datetime

from redis import Redis

from store.engine_calls import KEPT_DAYS, Day, EngineCalls
from store.keys import WorkflowKeys

DAY_MS = 86_400_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_an_update_counts_twice_and_a_lookup_not_at_all(redis: Redis, workflow: WorkflowKeys) -> None:
    calls = EngineCalls(redis, workflow)
    assert calls.days(10) == []
    # Given requests of two days, on both sides of midnight UTC
    calls.add(3, 2, 1, 7, at("2026-03-01T23:59:59.999"))
    calls.add(1, 0, 0, 0, at("2026-03-01T00:00:00"))
    calls.add(0, 5, 0, 1, at("2026-03-02T00:00:00"))
    calls.add(0, 0, 0, 0, at("2026-03-03T00:00:00"))
    # Then each day has its own, the newest first
    newest, oldest = Day(date(2026, 3, 2), 0, 5, 0, 1), Day(date(2026, 3, 1), 4, 2, 1, 7)
    assert calls.days(10) == [newest, oldest] and calls.days(1) == [newest]
    assert (newest.engine_calls, oldest.engine_calls) == (10, 4 + 2 * 2 + 1)


def test_days_are_kept_for_a_good_year(redis: Redis, workflow: WorkflowKeys) -> None:
    calls, begin = EngineCalls(redis, workflow), at("2026-01-01T12:00:00")
    # Given a request on every day of 450
    for number in range(450):
        calls.add(1, 1, 1, 1, begin + number * DAY_MS)
    # Then those of the last 400 days, and of today, are kept
    days = calls.days(1000)
    assert len(days) == KEPT_DAYS + 1
    assert (days[0].day - days[-1].day).days == KEPT_DAYS
