"""How far another clock is from ours: never a wrong bound, however few, late or odd the answers are."""

from __future__ import annotations

import random
import threading
from email.utils import formatdate

import pytest

from connectors.clocks import PARTING, Clock, Skew, between

NOON = 1_780_000_000.0


def date(moment: float) -> str:
    """The Date of an answer that is begun at this moment."""
    return formatdate(int(moment), usegmt=True)


def test_nothing_is_known_before_the_first_answer() -> None:
    assert Clock().skew(NOON) is None


def test_one_answer_bounds_the_offset_from_both_sides() -> None:
    # Given a system whose clock is 10 s ahead, and an answer that took 200 ms
    clock = Clock()
    clock.note(date(NOON + 10), NOON - 0.1, NOON + 0.1)
    # Then the offset lies between the second's beginning as we received, and its end as we sent
    assert clock.skew(NOON) == Skew(10_500, 601)


@pytest.mark.parametrize("offset", [0.0, 0.3, -0.7, 42.42, -3_600.5])
def test_answers_across_the_turn_of_a_second_tell_the_offset_to_the_time_an_answer_takes(offset: float) -> None:
    # Given an answer every 90 ms, each of which takes 20 ms and is begun in its middle
    clock = Clock()
    for number in range(30):
        sent = NOON + number * 0.09
        clock.note(date(sent + 0.01 + offset), sent, sent + 0.02)
    # Then the bounds are as narrow as the answers are dense, and hold
    skew = clock.skew(NOON + 2.7)
    assert skew is not None
    assert abs(skew.ms - offset * 1000) <= skew.within_ms <= 60


def test_the_bounds_hold_whatever_answers_come() -> None:
    # Given answers of any duration at any time, from a clock that is 1.5 s behind
    rng = random.Random(5)
    clock, now = Clock(), NOON
    for _ in range(2_000):
        now += rng.expovariate(1 / 20)
        sent, received = now, now + rng.expovariate(2)
        clock.note(date(rng.uniform(sent, received) - 1.5), sent, received)
        # Then the truth is always between the bounds
        skew = clock.skew(received)
        assert skew is not None
        assert abs(skew.ms + 1_500) <= skew.within_ms + 1


def test_a_bound_is_trusted_less_as_it_grows_old() -> None:
    clock = Clock()
    clock.note(date(NOON), NOON, NOON)
    now, later = clock.skew(NOON), clock.skew(NOON + 3_600)
    assert now is not None and later is not None
    assert later.within_ms - now.within_ms == round(3_600 * PARTING * 1000)
    # And answers that come narrow it again
    clock.note(date(NOON + 3_600), NOON + 3_600, NOON + 3_600)
    assert clock.skew(NOON + 3_600) == now


def test_a_clock_that_drifts_slowly_is_followed() -> None:
    # Given a clock that is set right by half of what is allowed for
    clock = Clock()
    for number in range(20_000):
        sent = NOON + number * 0.37
        offset = (sent - NOON) * PARTING / 2
        clock.note(date(sent + 0.05 + offset), sent, sent + 0.1)
    skew = clock.skew(sent)
    assert skew is not None
    assert abs(skew.ms - offset * 1000) <= skew.within_ms < 200


@pytest.mark.parametrize("jump", [3_600.0, -3_600.0, 2.0])
def test_a_clock_that_is_set_is_believed_at_once(jump: float) -> None:
    # Given a clock that was right for long, and then is set
    clock = Clock()
    for number in range(100):
        sent = NOON + number * 0.11
        clock.note(date(sent), sent, sent)
    clock.note(date(NOON + 20 + jump), NOON + 20, NOON + 20)
    # Then what was known of it is forgotten
    assert clock.skew(NOON + 20) == Skew(round(jump * 1000) + 500, 500)


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "yesterday",
        "2026-11-22T04:16:41Z",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nix 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:4x:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +0200",
        "Sun, 06 Nov 1994 08:49:37 GMT and more",
    ],
)
def test_a_date_that_cannot_be_read_says_nothing(odd: str) -> None:
    clock = Clock()
    clock.note(odd, NOON, NOON)
    assert clock.skew(NOON) is None


def test_an_answer_during_which_our_own_clock_was_set_back_says_nothing() -> None:
    clock = Clock()
    clock.note(date(NOON), NOON, NOON - 5)
    assert clock.skew(NOON) is None


def test_two_systems_are_compared_through_our_clock() -> None:
    assert between(Skew(1_500, 40), Skew(-500, 10)) == Skew(2_000, 50)
    assert between(None, Skew(0, 1)) is None
    assert between(Skew(0, 1), None) is None


def test_many_threads_may_note_at_once() -> None:
    # Given threads that note answers of different days, so that none may take another's day for its own
    clock = Clock()

    def note(first: float) -> None:
        for number in range(2_000):
            moment = first + number * 86_400
            clock.note(date(moment), moment, moment)

    threads = [threading.Thread(target=note, args=(NOON + shift,)) for shift in (0, 43_200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Then each of them was right, whichever came last
    clock.note(date(NOON), NOON, NOON)
    skew = clock.skew(NOON)
    assert skew is not None and abs(skew.ms - 500) <= skew.within_ms
