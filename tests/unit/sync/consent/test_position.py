"""The composite position survives being written down, each part by itself."""

from sync.consent.polled import PollPosition, Sight
from sync.consent.position import ConsentPosition, Notice, PartPosition


def test_a_position_is_read_back_as_it_was_written() -> None:
    position = ConsentPosition(7, 5, {"poll": PartPosition("p", "{}", 3, True, 2, Notice(1, "A file is gone."))})
    assert ConsentPosition.load(position.dump()) == position
    assert ConsentPosition.load("") == ConsentPosition()
    both = position.with_part("files", PartPosition("f"))
    assert ConsentPosition.load(both.dump()).without("files") == position


def test_a_position_of_polling_is_read_back_as_it_was_written() -> None:
    seen = {"a": (Sight(5, 6, 7), Sight(8, 9, 10))}
    position = PollPosition(1, False, "/next", 2, 3, 4, 5, None, passes=1, floor_ms=6, walk_ms=7, seen=seen)
    assert PollPosition.load(position.dump()) == position
    assert PollPosition.load(PollPosition().dump()) == PollPosition()
