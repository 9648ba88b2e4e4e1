"""The retry decision: bounds that hold for every input."""

from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from sync.retry import (
    FIRST_WAIT,
    LONGEST_SERVER_WAIT,
    LONGEST_WAIT,
    MOST_ATTEMPTS,
    DeadLetter,
    Later,
    Remedy,
    decide,
)

_ATTEMPTS = st.integers(1, 10_000)
_WAITS = st.none() | st.floats(allow_nan=True, allow_infinity=True)
_RNG = st.integers().map(Random)


@given(_ATTEMPTS, _WAITS, _RNG)
def test_an_outage_is_waited_out_however_long_it_lasts(attempt: int, wait: float | None, rng: Random) -> None:
    decision = decide(Remedy.OUTAGE, attempt, wait, rng)
    assert isinstance(decision, Later)
    assert not decision.counts


@given(_ATTEMPTS, _WAITS, _RNG)
@example(MOST_ATTEMPTS - 1, None, Random(0))
@example(MOST_ATTEMPTS, None, Random(0))
def test_an_unexplained_error_ends_after_its_attempts(attempt: int, wait: float | None, rng: Random) -> None:
    decision = decide(Remedy.UNSURE, attempt, wait, rng)
    assert isinstance(decision, DeadLetter) == (attempt >= MOST_ATTEMPTS)
    assert isinstance(decision, DeadLetter) or decision.counts


@given(_ATTEMPTS, _WAITS, _RNG)
def test_a_refusal_is_final_at_once(attempt: int, wait: float | None, rng: Random) -> None:
    assert isinstance(decide(Remedy.REFUSED, attempt, wait, rng), DeadLetter)


@given(_ATTEMPTS, _RNG)
def test_the_wait_is_between_half_and_all_of_the_back_off(attempt: int, rng: Random) -> None:
    decision = decide(Remedy.OUTAGE, attempt, None, rng)
    assert isinstance(decision, Later)
    backoff_ms = 1000 * min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 100))
    assert backoff_ms / 2 <= decision.wait_ms <= backoff_ms + 1
    assert isinstance(decision.wait_ms, int)


@given(_ATTEMPTS, st.floats(0, 1e12), _RNG)
def test_a_server_that_asks_for_longer_is_obeyed_within_a_day(attempt: int, wait: float, rng: Random) -> None:
    decision = decide(Remedy.OUTAGE, attempt, wait, rng)
    assert isinstance(decision, Later)
    waited = decision.wait_ms / 1000
    assert waited >= min(wait, LONGEST_SERVER_WAIT)
    assert waited <= max(min(wait, LONGEST_SERVER_WAIT), LONGEST_WAIT) + 0.001


def test_waits_of_many_records_spread_out() -> None:
    rng = Random(1)
    waits = {decide(Remedy.OUTAGE, 9, None, rng) for _ in range(100)}
    assert len(waits) > 90


def test_the_same_inputs_give_the_same_decision() -> None:
    assert decide(Remedy.UNSURE, 3, None, Random(7)) == decide(Remedy.UNSURE, 3, None, Random(7))
