"""What waits on the queue of a record: its values, with the mapping under which they were read, and their version."""

import pytest

from connectors.dynamics_pages import Row
from sync.streams import FILTERED_OUT, FOLLOWS, mapping_of, read_under, values_of, version_of
from sync.tables.fetched import fetched
from sync.tables.position import Position

VALUES = b'{"lastname":"a > b"}'


@pytest.mark.parametrize("before", [b"", FOLLOWS], ids=["", "follows"])
def test_a_row_that_reading_has_yet_to_see_carries_its_own_version(before: bytes) -> None:
    # Given a position that has seen version 9
    position = Position(highest=9)
    # When a row of version 12 is fetched
    change = fetched(Row("ann", 12, {}), read_under("m1", VALUES), position)
    # Then it waits under what was seen, and tells its own version, its mapping and its values
    payload = before + change.payload
    assert (change.version, version_of(payload)) == (Position.row_version(9), Position.row_version(12))
    assert (mapping_of(payload), values_of(payload)) == ("m1", {"lastname": "a > b"})


def test_a_row_that_reading_has_seen_is_queued_as_reading_does() -> None:
    payload = read_under("m1", VALUES)
    change = fetched(Row("ann", 9, {}), payload, Position(highest=9))
    assert (change.version, change.payload, version_of(payload)) == (Position.row_version(9), payload, 0)


def test_one_that_does_not_travel_has_no_version_of_its_own() -> None:
    change = fetched(Row("ann", 12, {}), FILTERED_OUT, Position(highest=9))
    assert change == ("ann", Position.row_version(9), FILTERED_OUT)
    assert version_of(change.payload) == 0


def test_values_without_a_mapping_have_no_version_of_their_own() -> None:
    assert (mapping_of(VALUES), version_of(VALUES), values_of(VALUES)) == (None, 0, {"lastname": "a > b"})
