"""Requests become smaller when Dynamics is slow, and grow back to what the configuration says when it is quick."""

import pytest

from sync.batch_size import LONG, SHORT, BatchSize


def test_a_slow_answer_halves_and_quick_ones_bring_back() -> None:
    # Given batches of a hundred, one of which takes too long
    size = BatchSize(100)
    size.note(100, LONG + 1)
    assert size.now == 50
    # When the next ones are quick
    for _ in range(20):
        size.note(size.now, SHORT / 2)
    # Then they have grown back, and no further
    assert size.now == 100


def test_neither_quick_nor_slow_changes_nothing_nor_does_a_small_rest() -> None:
    size = BatchSize(100)
    size.note(100, LONG + 1)
    # When a full one takes its time, and a small rest is quick
    size.note(50, (LONG + SHORT) / 2)
    size.note(3, 0.01)
    # Then the size stays
    assert size.now == 50


@pytest.mark.parametrize("many", [100, 1])
def test_even_one_that_never_comes_leaves_a_batch_of_one(many: int) -> None:
    size = BatchSize(100)
    for _ in range(20):
        size.note_given_up(min(many, size.now))
    assert size.now == 1


def test_several_that_were_under_way_at_once_count_as_one() -> None:
    # Given eight requests of a hundred that are given up together
    size = BatchSize(100)
    for _ in range(8):
        size.note_given_up(100)
    # Then the next ones have half of that, not nothing
    assert size.now == 50
