"""An event tells where it was read for as long as it waits, and nobody takes that for a part of the event."""

import re

import pytest

from config.egress import EgressConfig, EventOrigin
from sync.events.event import Understanding
from sync.events.payload import FileSetAside, Unreadable, keep, mark_of, place_of, unpacked
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


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(depth):
        value = {"in": value}
    return value


def test_in_a_position_every_record_has_a_mark_that_is_the_same_each_time_and_no_others() -> None:
    # Given records that differ in their content or in their place, one of which no JSON is written of
    records = [
        RawRecord(VALUE),
        RawRecord({**VALUE, "id": "e2"}),
        RawRecord(VALUE, position="rabbit:1"),
        RawRecord(VALUE, position="rabbit:2"),
        RawRecord(VALUE, file="a.txt", line=3),
        RawRecord(VALUE, file="a\udcff.txt", line=3),
        RawRecord({"id": "e1", "data": nested(400)}),
        RawRecord(None, "a.txt line 3 (ff)", "The row has 1 column.", "x", "a.txt", 3),
    ]
    # Then each has its own, whatever the order of its parts
    marks = [mark_of(record) for record in records]
    assert len(set(marks)) == len(records)
    assert marks == [
        mark_of(record._replace(value=dict(reversed(record.value.items())) if record.value else None))
        for record in records
    ]
    assert all(re.fullmatch("[0-9a-f]{32}", mark) for mark in marks)
