"""Answers that take longer than they could are noticed, of each kind of request by itself."""

from sync.latency import BEST_SECONDS, FEWEST, MOST_KINDS, Latency


def interval(latency: Latency, kind: str, seconds: float, many: int = FEWEST) -> bool:
    for _ in range(many):
        latency.note(kind, seconds)
    return latency.end_interval()


def test_answers_that_take_more_than_twice_as_long_as_at_best_are_rising() -> None:
    latency = Latency()
    assert not interval(latency, "write", 0.2)
    assert not interval(latency, "write", 0.1)
    assert not interval(latency, "write", 0.24)
    assert interval(latency, "write", 0.26)
    # And a few milliseconds more or less say nothing
    assert not interval(latency, "look-up", 0.001)
    assert not interval(latency, "look-up", 0.05)


def test_a_slow_kind_says_nothing_about_a_quick_one() -> None:
    latency = Latency()
    assert not interval(latency, "look-up", 0.01)
    assert not interval(latency, "batch", 3.0)
    assert not interval(latency, "look-up", 0.01)


def test_too_few_answers_say_nothing_and_are_counted_with_the_next() -> None:
    latency = Latency()
    assert not interval(latency, "write", 0.1)
    assert not interval(latency, "write", 2.0, many=FEWEST - 1)
    assert interval(latency, "write", 2.0, many=1)


def test_a_system_that_has_become_slower_for_good_is_measured_anew() -> None:
    now = [0.0]
    latency = Latency(lambda: now[0])
    assert not interval(latency, "write", 0.1)
    now[0] = BEST_SECONDS
    assert interval(latency, "write", 1.0)
    now[0] = BEST_SECONDS + 1
    assert not interval(latency, "write", 1.0)


def test_no_more_kinds_are_remembered_than_are_worth_it() -> None:
    latency = Latency()
    for number in range(10 * MOST_KINDS):
        latency.note(number, 0.1)
    assert len(latency._kinds) == MOST_KINDS
