"""Ids in order, however many come and go between two looks."""

from hypothesis import given, strategies

from sandbox.dynamics.key_order import KeyOrder


@given(
    strategies.sets(strategies.integers(0, 999)),
    strategies.lists(strategies.lists(strategies.integers(0, 999), max_size=200)),
)
def test_after_any_additions_and_removals_the_ids_stand_in_order(begin: set[int], turns: list[list[int]]) -> None:
    # Given some ids
    wanted = {f"{number:03}" for number in begin}
    order = KeyOrder(wanted)
    for turn in turns:
        # When each of these comes if it is not there, and goes if it is
        for number in turn:
            row_id = f"{number:03}"
            (order.remove if row_id in wanted else order.add)(row_id)
            wanted ^= {row_id}
        # Then they are counted without being sorted, and sorted when they are asked for
        assert len(order) == len(wanted)
        assert order.all() == sorted(wanted)
        assert order.after("500", 7) == sorted(row_id for row_id in wanted if row_id > "500")[:7]
