"""How far a table has been read, in the words that operators know."""

import pytest

from control.status.reading import Waits
from control.status.stream import StreamStatus
from control.status.tables import reading_of_table
from control.status.telling import reads
from store.cursors import Cursor
from sync.tables.position import Phase, Position
from sync.tables.walk import Walk

NOW_MS = 1_795_000_000_000


@pytest.mark.parametrize(
    ("position", "phase", "words"),
    [
        (Position(), "full", "everything"),
        (Position(Phase.CHANGES, "x"), "changes", "changes"),
        (Position(Phase.CHANGES, "x", walk=Walk(1, True, "y")), "replay", "a replay"),
        (Position(Phase.CHANGES, "x", walk=Walk(1, True, is_over=True)), "changes", "changes"),
    ],
)
def test_a_walk_is_told_as_the_replay_that_it_is(position: Position, phase: str, words: str) -> None:
    # Given a table that is read so
    reading = reading_of_table(Cursor(3, position.dump(), NOW_MS), Waits(0, 0, 0.0), 7.0, NOW_MS)
    stream = StreamStatus("contact", True, 0, 0, 0, 0, 0, None, {}, {}, reading, None, None)
    # Then programs and people are told the same
    assert (reading.phase, reads(stream, is_on=True)) == (phase, words)
