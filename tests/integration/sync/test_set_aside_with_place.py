"""An event that is set aside says where it was read and whose it was: in the log, and in its dead letter."""

import pytest
from redis import Redis
from structlog.testing import capture_logs

from sync.pages import RawRecord
from tests.integration.sync.timeline import Egress, event


@pytest.mark.parametrize(
    ("read", "place", "kind"),
    [
        (RawRecord(event(1, contact=""), file="clicks_1.txt", line=17), "clicks_1.txt line 17", "unmappable"),
        (RawRecord(event(1, contact=""), position="rabbit:ab c"), "position rabbit:ab c", "unmappable"),
        (RawRecord(None, "a.txt line 3 (ff)", "The row has 1 column.", "x", "a.txt", 3), "a.txt line 3", "unreadable"),
        (
            RawRecord(None, "a.txt (9 bytes, 1)", "The file a.txt has no column id.", file="a.txt"),
            "a.txt",
            "file-set-aside",
        ),
        (RawRecord(event(1, contact="")), "", "unmappable"),
    ],
)
def test_what_is_set_aside_names_workflow_stream_and_place(
    redis: Redis, read: RawRecord, place: str, kind: str
) -> None:
    # Given an event that does not fit, read at a place that is known, or not
    egress = Egress(redis)
    egress.events.add(read, more=False, wait=60)
    # When it is written
    with capture_logs() as logs:
        egress.carry()
    # Then the line of the log and the dead letter say where it was
    [line] = [line for line in logs if line["action"] == "record_refused"]
    assert (line["workflow"], line["stream"], line.get("place", ""), line["kind"]) == ("egress", "events", place, kind)
    [letter] = egress.letters()
    assert (letter.reason.kind, letter.reason.place) == (kind, place)
