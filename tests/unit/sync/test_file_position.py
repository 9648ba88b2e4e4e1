"""The position in files survives being written down."""

from store.files import Content, FileVersion
from sync.files.position import Ended, FilePosition, Place


def test_a_position_is_read_back_as_it_was_written() -> None:
    version, content = FileVersion("logs_1.txt.gz", 10, 1_777_000_000), Content(20, "ab", "cd")
    position = FilePosition(
        Place("logs", version, True, ("id", "type"), 12, 3, 1, "ab", "cd", True),
        (Ended("logs", version, content), Ended("logs", version, aside=True)),
        (Ended("logs", version, passed_over=True), Ended("logs", version, gone=True, held=Place("logs", version))),
        17,
        since_ms=5,
        until_ms=9,
        after=(1_777_000_000, "logs_0.txt", "logs"),
    )
    assert FilePosition.load(position.dump()) == position
    assert position.place and Place.load(position.place.dump()) == position.place
    assert FilePosition.load("") == FilePosition() == FilePosition.load(FilePosition().dump())
