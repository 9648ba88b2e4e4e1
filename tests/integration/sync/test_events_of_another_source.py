"""A configuration that names another source of events: no event between the two is lost."""

from dataclasses import replace

import pytest
from redis import Redis

from sync.pages import RawRecord
from sync.streams import Slice
from tests.integration.sync.timeline import NOW, Egress, event

NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture
def egress(redis: Redis) -> Egress:
    return Egress(redis)


def file_row(number: int, days_ago: float) -> dict[str, object]:
    """An open as files have it."""
    data = event(number, days_ago=days_ago)["data"]
    return {"id": f"f{number}", "type": "open", "externalId": data["externalId"], "eventDate": data["eventDate"]}


def test_another_source_is_read_at_once_since_the_time_until_which_the_last_one_was(egress: Egress) -> None:
    # Given a source that was read to its end
    egress.events.add(event(1), more=False, wait=60)
    before_ms = egress.workflow.now_ms()
    egress.carry()
    read_ms = egress.position.read_ms
    assert before_ms <= read_ms <= egress.workflow.now_ms()
    # When the configuration names another one
    egress.events.pages[0] = egress.events.pages[0]._replace(records=[RawRecord(event(9))])  # type: ignore[union-attr]
    egress.start(place="there")
    egress.carry()
    # Then that one is read from that time on, at once
    assert egress.events.since == [None, read_ms]
    assert len(egress.timelines.activities) == 2


def test_another_source_is_read_whole_if_the_last_one_was_never_read_to_its_end(egress: Egress) -> None:
    # Given a source of which one page was read
    egress.events.add(event(1))
    egress.events.add(event(2), more=False, wait=60)
    egress.read(Slice(0, lambda: False))
    # When another one is read, Then it is not the very first reading, which may leave out what is old
    egress.start(place="there")
    egress.read()
    assert egress.events.since == [None, 0]


def test_a_way_back_to_the_journal_loses_nothing_and_files_need_no_time(egress: Egress) -> None:
    # Given the journal, then files with an event of three days ago and one of an hour ago
    egress.events.add(event(1), more=False, wait=60)
    egress.read()
    first_ms = egress.position.read_ms
    egress.events.pages = []
    egress.events.add(file_row(2, days_ago=3), file_row(3, days_ago=1 / 24))
    egress.start(place="files", source="files")
    egress.read()
    # Then files are read as far as they are not known, and less than the journal was is not read until
    assert egress.events.since == [None, None]
    assert egress.position.read_ms == first_ms
    # When files tell of later days, Then they are read until a day before, since files are late
    days = 86_400_000
    egress.events.pages = []
    egress.events.add(file_row(4, days_ago=0))
    egress.redis.hset(
        egress.queue.keys.cursor, "value", replace(egress.position, next="0", due_ms=0, read_ms=1000).dump()
    )
    egress.read()
    assert egress.position.read_ms == NOW_MS - days
    # And the journal goes on from there
    egress.start(place="here")
    egress.read()
    assert egress.events.since[2:] == [NOW_MS - days]


def test_what_was_read_from_the_journal_is_understood_so_when_files_are_read_now(egress: Egress) -> None:
    # Given events of the journal that wait when the source becomes files, whose columns have other names
    egress.events.add(event(1), event(2), more=False, wait=60)
    egress.read()
    egress.start(place="there", source="files", without_contact="ignore")
    # When they are written, Then they appear
    egress.write()
    assert len(egress.timelines.activities) == 2
