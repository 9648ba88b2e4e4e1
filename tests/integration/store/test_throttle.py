"""All workers together stay below a target's rate, and a pause holds every one of them."""

import random

import pytest
from redis import Redis

from store.store import Store
from store.throttle import Allowance, SharedThrottle, TooLong, within

KEY = "throttle"


def test_two_workers_share_one_rate(redis: Redis) -> None:
    # Given two workers, ten requests a second together, and a burst of twenty
    both = [SharedThrottle(redis, KEY, Allowance(10, 20)) for _ in range(2)]
    # When both ask for as much as they can get, every 50 ms, for a minute
    granted = [worker.ask(5, now_ms=at)[0] for at in range(0, 60_000, 50) for worker in both]
    # Then together they got the burst and what the rate allows, and nothing is lost either
    assert 20 + 599 <= sum(granted) <= 20 + 600


def test_who_goes_first_finds_a_permit_however_many_others_ask(redis: Redis) -> None:
    # Given workers that leave two of ten permits, and take all the others, again and again, for a minute
    others = [SharedThrottle(redis, KEY, Allowance(10, 10), left=2) for _ in range(3)]
    first = SharedThrottle(redis, KEY, Allowance(10, 10))
    granted, found = 0, []
    for at in range(0, 60_000, 50):
        granted += sum(worker.ask(5, now_ms=at)[0] for worker in others)
        # When somebody who leaves none wants one, once a second
        if at % 1000 == 0:
            found.append(first.ask(1, now_ms=at)[0])
    # Then it is there each time, and all together stay within the rate
    assert found == [1] * 60
    assert granted + 60 <= 10 + 600


def test_who_leaves_permits_waits_for_the_next_beyond_them(redis: Redis) -> None:
    other = SharedThrottle(redis, KEY, Allowance(10, 10), left=2)
    first = SharedThrottle(redis, KEY, Allowance(10, 10))
    # Given somebody who has taken all but the two that are left to others
    assert other.ask(20, now_ms=1000) == (8, 0)
    # When more are wanted, Then the wait is until there is a third, and who leaves none takes the two
    assert other.ask(1, now_ms=1000) == (0, 100)
    assert first.ask(5, now_ms=1000) == (2, 0)
    assert other.ask(1, now_ms=1000) == (0, 300)


def test_of_a_burst_a_fifth_is_left_to_who_goes_first(redis: Redis) -> None:
    store = Store(redis, "test")
    other, first = (store.throttle("campaign", Allowance(10, 10), goes_first) for goes_first in (False, True))
    assert other.ask(20, now_ms=1000) == (8, 0)
    assert first.ask(20, now_ms=1000) == (2, 0)


def test_a_clock_that_was_set_back_stops_nobody(redis: Redis) -> None:
    throttle = SharedThrottle(redis, KEY, Allowance(10, 2))
    assert throttle.ask(5, now_ms=3_600_000) == (2, 0)
    # When the server's clock is set back by an hour, Then the wait is what it would have been
    assert throttle.ask(1, now_ms=0) == (0, 100)
    assert throttle.ask(1, now_ms=100) == (1, 0)


def test_who_has_to_wait_is_told_how_long(redis: Redis) -> None:
    throttle = SharedThrottle(redis, KEY, Allowance(10, 2))
    # Given a burst that is used up
    assert throttle.ask(5, now_ms=1000) == (2, 0)
    # When more are wanted, Then the wait is exactly until the next
    assert throttle.ask(1, now_ms=1000) == (0, 100)
    assert throttle.ask(1, now_ms=1040) == (0, 60)
    assert throttle.ask(1, now_ms=1100) == (1, 0)


def test_a_pause_holds_everyone_and_ends_by_itself(redis: Redis) -> None:
    one, other = SharedThrottle(redis, KEY), SharedThrottle(redis, KEY, Allowance(100))
    # When a target tells one worker to be silent for half a minute
    one.pause(30, now_ms=1000)
    # Then both are, and for as long as that
    assert one.ask(1, now_ms=1000) == other.ask(1, now_ms=1000) == (0, 30_000)
    assert other.ask(1, now_ms=30_999) == (0, 1)
    assert one.ask(1, now_ms=31_000)[0] == other.ask(1, now_ms=31_000)[0] == 1


def test_a_later_pause_never_shortens_an_earlier_one(redis: Redis) -> None:
    throttle = SharedThrottle(redis, KEY)
    throttle.pause(60, now_ms=0)
    # When another worker is told of a shorter one, Then the longer one stands
    throttle.pause(1, now_ms=1000)
    assert throttle.ask(1, now_ms=2000) == (0, 58_000)
    # And a longer one lengthens it
    throttle.pause(60, now_ms=10_000)
    assert throttle.ask(1, now_ms=10_000) == (0, 60_000)


def test_a_request_waits_out_a_pause_it_has_the_time_for(redis: Redis) -> None:
    # Given a clock that is moved on by sleeping: the pause ends while the worker sleeps
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        redis.delete(KEY)

    throttle = SharedThrottle(redis, KEY, sleep=sleep)
    throttle.pause(5)
    # When a request may take ten seconds, Then it slept once, for the whole pause
    throttle.permit(timeout=10)
    assert len(slept) == 1 and 4 < slept[0] <= 5


def test_a_request_without_the_time_for_a_pause_is_told_at_once(redis: Redis) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError("it must not wait for what it cannot wait out")

    throttle = SharedThrottle(redis, KEY, sleep=sleep)
    throttle.pause(300)
    # When a request has ten seconds, Then it hears how long the pause lasts
    with pytest.raises(TooLong) as refused:
        throttle.permit(timeout=10)
    assert 299 <= refused.value.seconds <= 300


def test_permits_fetched_before_a_pause_are_not_used_after_it(redis: Redis) -> None:
    throttle = SharedThrottle(redis, KEY)
    # Given a worker that has fetched a handful of permits and used one
    throttle.permit(timeout=1)
    # When its target asks for a pause, Then the others are worth nothing
    throttle.pause(300)
    with pytest.raises(TooLong):
        throttle.permit(timeout=1)


def test_a_target_is_kept_busy_for_no_longer_than_it_may_be(redis: Redis) -> None:
    # Given two workers and a target that may have four seconds of work a second, which is 120 at once
    one, other = (SharedThrottle(redis, KEY, Allowance(1000, 1000), busy=Allowance(4, 120)) for _ in "12")
    assert one.ask(1, now_ms=0) == other.ask(1, now_ms=0) == (1, 0)
    # When together they have had it work for 121 seconds
    one.spent(100)
    other.spent(21)
    # Then the first is told to wait with what it has told itself, and both wait until it has rested for all of it
    assert one.ask(1, now_ms=0) == (1, 0)  # charged with the hundred that the one before has taken
    assert other.ask(1, now_ms=0) == (0, 25_251)
    assert one.ask(1, now_ms=10_000) == (0, 15_251)
    assert other.ask(1, now_ms=25_251) == (1, 0)
    # And a rest of any length is worth no more than 120 seconds
    one.spent(219)
    assert one.ask(1, now_ms=3_600_000) == (1, 0)
    assert other.ask(1, now_ms=3_600_000)[0] == 0


def test_what_a_request_will_take_counts_as_soon_as_it_is_permitted(redis: Redis) -> None:
    # Given requests that take two seconds each, and a target that may have ten seconds of work at once
    throttle = SharedThrottle(redis, KEY, busy=Allowance(1, 10))
    assert throttle.ask(1, now_ms=0) == (1, 0)
    throttle.spent(2)
    # When many more are wanted before any has ended, Then so many begin as it may work for, and no more
    assert throttle.ask(20, now_ms=0) == (4, 0)
    assert throttle.ask(20, now_ms=0) == (0, 1)
    # And what they did not take is there for others
    for _ in range(4):
        throttle.spent(0.5)
    other = SharedThrottle(redis, KEY, busy=Allowance(1, 10))
    assert throttle.ask(1, now_ms=0) == (1, 0)
    assert other.ask(1, now_ms=0) == (1, 0)


@pytest.mark.parametrize("seed", range(4))
def test_no_window_sees_more_requests_than_its_limit_wherever_it_begins(redis: Redis, seed: int) -> None:
    # Given three workers that ask at any time for any number, now and then after a rest
    chance, now = random.Random(seed), 0
    workers = [SharedThrottle(redis, KEY, within(600, 30)) for _ in range(3)]
    at: list[int] = []
    while now < 200_000:
        granted, wait = chance.choice(workers).ask(chance.randint(1, 20), now_ms=now)
        at += [now] * granted
        now += chance.choice([wait or 1, 20, 50]) if now < 60_000 or now > 110_000 else 50_000
    # When any thirty seconds are looked at, Then it is never more than the limit, and mostly not much less
    most = max(sum(begin <= one < begin + 30_000 for one in at) for begin in {*at})
    assert 540 <= most <= 600


@pytest.mark.parametrize("seed", range(4))
def test_no_window_sees_more_work_than_its_limit_however_long_requests_take(redis: Redis, seed: int) -> None:
    # Given four workers with up to eight requests under way each, which take half a second to four
    chance, now = random.Random(seed), 0
    workers = {SharedThrottle(redis, KEY, busy=within(1200, 300)): list[tuple[int, float]]() for _ in range(4)}
    ended: list[tuple[int, float]] = []
    while now < 1_300_000:
        for worker, under_way in workers.items():
            for end, seconds in [one for one in under_way if one[0] <= now]:
                under_way.remove((end, seconds))
                worker.spent(seconds)
                ended.append((end, seconds))
            if len(under_way) < 8 and worker.ask(1, now_ms=now)[0]:
                seconds = chance.uniform(0.5, 4)
                under_way.append((now + int(seconds * 1000), seconds))
        now += 100 if now != 400_000 else 500_000  # nobody wants anything for a while
    # When any five minutes are looked at, Then it is never more than twenty minutes, and mostly not much less
    ends = sorted({end for end, _ in ended})
    most = max(sum(seconds for end, seconds in ended if begin <= end < begin + 300_000) for begin in ends[::20])
    assert 1050 <= most <= 1200


def test_work_counts_for_nothing_where_it_has_no_limit(redis: Redis) -> None:
    throttle = SharedThrottle(redis, KEY)
    assert throttle.ask(5) == (5, 0)
    throttle.spent(1_000_000)
    assert throttle.ask(5) == (5, 0)
