"""An event tells where it was read for as long as it waits, and nobody takes that for a part of the event."""

import pytest

from config.egress import EgressConfig, EventOrigin
from sync.events.event import Understanding
from sync.events.payload import FileSetAside, Unreadable, keep, place_of, unpacked
from sync.pages import RawRecord

VALUE: dict[str, object] = {"id": "e1", "type": "click", "externalId": "c", "eventDate": "2026-11-01"}


def kept(event: RawRecord, origin: EventOrigin = "files") -> tuple[str, bytes]:
    return keep(event, origin, Understanding(EgressConfig(), origin), None)


@pytest.mark.parametrize(
    ("event", "place"),
    [
        (RawRecord(VALUE, file="clicks of ünder@20261101.txt", line=17), "clicks of ünder@20261101.txt line 17"),
        (RawRecord(VALUE, position="rabbit:ab/c d"), "position rabbit:ab/c d"),
        (RawRecord(VALUE), ""),
    ],
)
def test_an_event_is_told_with_its_place_and_is_the_same_event_elsewhere(event: RawRecord, place: str) -> None:
    record_id, payload = kept(event)
    assert (place_of(payload), unpacked(payload)) == (place, ("files", VALUE))
    assert record_id == kept(RawRecord(VALUE, file="other.txt", line=2))[0]


def test_what_cannot_be_read_is_told_from_a_whole_file_that_cannot() -> None:
    row = kept(RawRecord(None, "a.txt line 3 (ff)", "The row has 1 column.", "x", "a.txt", 3))[1]
    file = kept(RawRecord(None, "a.txt (9 bytes, 1)", "The file a.txt has no column id.", file="a.txt"))[1]
    assert (place_of(row), place_of(file)) == ("a.txt line 3", "a.txt")
    with pytest.raises(Unreadable) as unreadable:
        unpacked(row)
    assert type(unreadable.value) is Unreadable
    with pytest.raises(FileSetAside, match="has no column id"):
        unpacked(file)
