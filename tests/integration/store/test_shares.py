"""All processes together have no more requests under way than a target bears, and each has its part."""

import random

from redis import Redis

from store.shares import VALID_MS, Shares

KEY = "shares"


def processes(redis: Redis, many: int, ceiling: int, beginning: int = 8) -> list[Shares]:
    return [Shares(redis, KEY, ceiling, beginning) for _ in range(many)]


def test_one_process_has_what_there_is_to_begin_with_and_more_each_time_it_uses_all(redis: Redis) -> None:
    [only] = processes(redis, 1, ceiling=30)
    assert only.ask(full=False, congested=False, under_way=0, now_ms=5000) == 8
    # By a half until that was too much
    assert [only.ask(full=True, congested=False, under_way=0, now_ms=at) for at in (5500, 6000, 6500, 7000)] == [
        12,
        18,
        27,
        30,
    ]
    # And by one from then on
    assert only.ask(full=True, congested=True, under_way=0, now_ms=7500) == 20
    assert [only.ask(full=True, congested=False, under_way=0, now_ms=at) for at in (8000, 8500)] == [21, 22]
    # And no more as long as it does not use what it has
    [other] = processes(redis, 1, ceiling=100)
    redis.delete(KEY)
    assert [other.ask(full=False, congested=False, under_way=0, now_ms=at) for at in (0, 500, 1000)] == [8, 8, 8]


def test_a_congested_target_is_asked_for_a_third_less_once_for_all_who_tell_of_it(redis: Redis) -> None:
    one, other = processes(redis, 2, ceiling=18, beginning=18)
    assert (one.ask(False, False, 0, now_ms=10_000), other.ask(False, False, 0, now_ms=10_000)) == (18, 0)
    assert one.ask(False, False, 0, now_ms=10_100) == other.ask(False, False, 0, now_ms=10_100) == 9
    # When both meet the same trouble, Then what they have together is cut once
    assert one.ask(True, True, 0, now_ms=10_600) == 6
    assert other.ask(True, True, 0, now_ms=10_900) == 6
    # And once more a second later, down to one request each and no further
    assert one.ask(False, True, 0, now_ms=11_700) == 4
    for second in range(20):
        shares = (
            one.ask(False, True, 0, now_ms=20_000 + 2000 * second),
            other.ask(False, True, 0, 20_001 + 2000 * second),
        )
    assert shares == (1, 1)


def test_whoever_asks_no_more_leaves_its_share_to_the_others(redis: Redis) -> None:
    one, other = processes(redis, 2, ceiling=8)
    one.ask(False, False, 0, now_ms=0)
    other.ask(False, False, 0, now_ms=0)
    assert one.ask(False, False, 0, now_ms=VALID_MS - 1) == 4
    assert one.ask(False, False, 0, now_ms=VALID_MS) == 8


def test_what_is_under_way_is_nobody_elses_also_if_it_is_more_than_the_share(redis: Redis) -> None:
    one, other = processes(redis, 2, ceiling=8)
    assert one.ask(False, False, 0, now_ms=0) == 8
    # Given eight requests that take long, When another process comes, Then it has none until they have ended
    assert one.ask(False, False, 8, now_ms=1000) == 8
    assert other.ask(False, False, 0, now_ms=1500) == 0
    assert one.ask(False, False, 8, now_ms=2000) == 4
    assert other.ask(False, False, 0, now_ms=2500) == 0
    assert one.ask(False, False, 5, now_ms=3000) == 4
    assert other.ask(False, False, 0, now_ms=3500) == 3
    assert one.ask(False, False, 4, now_ms=4000) == 4
    assert other.ask(False, False, 3, now_ms=4500) == 4


def test_however_processes_come_and_go_no_more_is_under_way_than_the_ceiling(redis: Redis) -> None:
    # Given thirty processes, of which any asks for a ceiling that is less than they are, sends as much as it may, and
    # asks again while anything is under way
    chance = random.Random(7)
    ceiling, now, had, seen = 20, 0, 0, 0
    all_of_them = processes(redis, 30, ceiling)
    valid = dict.fromkeys(all_of_them, (0, 0))
    ends: dict[Shares, list[int]] = {one: [] for one in all_of_them}
    for _ in range(6000):
        now += chance.randrange(100)
        due = [one for one in all_of_them if any(ends[one]) and valid[one][0] - now < VALID_MS - 500]
        for one in due or [chance.choice(all_of_them[: chance.choice([1, 5, 30])])]:
            ends[one] = [end for end in ends[one] if end > now]
            share = one.ask(chance.random() < 0.8, chance.random() < 0.1, len(ends[one]), now_ms=now)
            valid[one] = (now + VALID_MS, share)
            ends[one] += [now + chance.choice([50, 9000])] * (share - len(ends[one]))
        # When what each has been told still counts, or is still under way, Then it is no more than the ceiling
        under_way = sum(end > now for one in all_of_them for end in ends[one])
        assert under_way <= ceiling
        had, seen = max(had, under_way), seen + under_way
    assert had == ceiling and seen > 6000 * ceiling / 4


def test_of_more_processes_than_requests_each_has_its_turn(redis: Redis) -> None:
    five = processes(redis, 5, ceiling=2)
    turns = dict.fromkeys(five, 0)
    for now in range(0, 60_000, 500):
        shares = {one: one.ask(True, False, 0, now_ms=now) for one in five}
        assert sum(shares.values()) <= 2
        for one, share in shares.items():
            turns[one] += share
    assert min(turns.values()) > 0


def test_a_clock_that_was_set_back_strands_no_share(redis: Redis) -> None:
    one, other = processes(redis, 2, ceiling=8)
    one.ask(False, False, 0, now_ms=3_600_000)
    # When the server's clock is set back by an hour, Then who is gone has nothing
    assert other.ask(False, False, 0, now_ms=0) == 8


def test_nothing_is_left_of_a_target_that_nobody_asks_any_more(redis: Redis) -> None:
    [only] = processes(redis, 1, ceiling=8)
    only.ask(False, False, 0)
    assert 0 < redis.pttl(KEY) <= 60_000
