"""What the doctor says of a clock, and when it says nothing."""

import time

import pytest
from fakeredis import FakeRedis

from connectors.clocks import Clock, Skew
from control.doctor.checks import Colour
from control.doctor.clocks import clock_check, judge_clock, redis_clock_check
from store.store import Store


def test_a_clock_that_is_close_is_green_with_how_far_it_is_at_most() -> None:
    found = judge_clock("Dynamics", Skew(-140, 530))
    assert (found.name, found.colour, found.finding) == (
        *("Dynamics clock", Colour.GREEN),
        "At most 0.7 s from that of this machine.",
    )


def test_a_clock_that_is_far_is_yellow_with_the_way_it_is_wrong() -> None:
    ahead, behind = judge_clock("Campaign", Skew(5001, 500)), judge_clock("Campaign", Skew(-61_000, 40))
    assert (ahead.colour, behind.colour) == (Colour.YELLOW, Colour.YELLOW)
    assert ahead.finding == "It is 5 s ahead of the clock of this machine, true to 0.5 s."
    assert behind.finding == "It is 61 s behind the clock of this machine, true to 0.0 s."
    assert judge_clock("Campaign", Skew(5000, 500)).colour is Colour.GREEN


def test_of_several_connections_to_one_system_the_one_that_knows_best_counts() -> None:
    # Given one that was never answered, one that was answered slowly, and one that was answered at once
    never, slow, quick = Clock(), Clock(), Clock()
    slow.note("Sun, 22 Nov 2026 10:00:30 GMT", 1_795_341_600.0, 1_795_341_640.0)
    quick.note("Sun, 22 Nov 2026 10:00:30 GMT", 1_795_341_600.0, 1_795_341_600.0)
    found = clock_check("Dynamics", [never, slow, quick], 1_795_341_600.0)
    # Then the last one tells
    assert found is not None
    assert found.finding.startswith("It is 30 s ahead of the clock of this machine")
    assert clock_check("Dynamics", [never], 1_795_341_600.0) is None


@pytest.mark.parametrize(("ahead_s", "way"), [(7, "behind"), (-7, "ahead of")])
def test_a_machine_whose_clock_is_not_that_of_redis_is_yellow_with_the_way_out(ahead_s: int, way: str) -> None:
    # Given a machine whose clock is far from that of Redis
    with FakeRedis(version=(7,)) as redis:
        found = redis_clock_check(Store(redis, "production"), lambda: time.time() + ahead_s)
    # Then the doctor says so, and what to do
    assert (found.name, found.colour) == ("Redis clock", Colour.YELLOW)
    assert found.finding.startswith(f"It is 7 s {way} the clock of this machine")
    assert "NTP" in found.remedy


def test_a_machine_whose_clock_is_that_of_redis_is_green() -> None:
    with FakeRedis(version=(7,)) as redis:
        assert redis_clock_check(Store(redis, "production")).colour is Colour.GREEN
