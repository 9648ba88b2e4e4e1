"""What a source tells beside what waits already."""

from typing import Any

import pytest

from sync.consent.payload import of_campaign, profile_of
from sync.consent.rule import Seen
from sync.consent.sifting import Sieve
from sync.consent.states import ProfileState
from tests.unit.sync.consent.test_reconciling import T, configured

NOBODY: Any = None


class Nowhere:
    clock = None


SIEVE = Sieve(configured(), Nowhere(), Nowhere(), NOBODY, NOBODY)  # type: ignore[arg-type]


def read(out: bool, changed_ms: int, asked_ms: int) -> ProfileState:
    flags: Any = {"blackListEmail": Seen(out, T + changed_ms)}
    return ProfileState(flags, T + changed_ms, T + asked_ms, present=True)


def beside(waits: ProfileState, comes: ProfileState) -> ProfileState:
    found = profile_of(SIEVE._beside(of_campaign(waits), comes, is_file=False))
    assert found is not None
    return found


@pytest.mark.parametrize("first_comes_last", [True, False])
def test_of_two_readings_that_were_under_way_together_neither_hides_what_the_other_tells(
    first_comes_last: bool,
) -> None:
    # Given a question that took two seconds, and another one that was asked in that time and answered at once
    slow, fast = read(True, changed_ms=1000, asked_ms=0), read(False, changed_ms=-60_000, asked_ms=500)
    # When the contact has opted out in between, Then Campaign is asked once more, in whatever order they come
    pair = (fast, slow) if first_comes_last else (slow, fast)
    assert beside(*pair).asks


def test_a_later_reading_of_a_later_change_counts_without_a_question() -> None:
    before, after = read(True, changed_ms=1000, asked_ms=2000), read(False, changed_ms=3000, asked_ms=4000)
    assert beside(before, after) == after
    assert not beside(before, before._replace(read_ms=before.read_ms - 1)).asks
