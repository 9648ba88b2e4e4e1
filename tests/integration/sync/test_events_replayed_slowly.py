"""A replay with a rate takes a page in portions; each time it asks, the page may begin elsewhere, and nothing is left
out."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest
from redis import Redis

from connectors.journal import Journal
from sync.events.event import activity_id
from sync.events.journal_source import JournalSource
from sync.pages import RawPage, RawRecord
from sync.streams import Slice
from tests.integration.sync.small_journal import HOUR_MS, WEEK_MS, SmallJournal
from tests.integration.sync.timeline import NOW, Egress, event

NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture
def egress(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Egress:
    """The next portion may always be asked for at once."""
    monkeypatch.setattr("sync.events.reading.next_due_ms", lambda now_ms, queued, rate: 0)
    return Egress(redis)


class Asked:
    """The journal as a source; before the question of a number, something happens."""

    def __init__(self, journal: SmallJournal) -> None:
        self.source = JournalSource(cast(Journal, journal), None, now_ms=lambda: journal.now_ms)
        self.questions = 0
        self.before: dict[int, Callable[[], None]] = {}

    def beginning(self, since_ms: int | None) -> str:
        return self.source.beginning(since_ms)

    def fetch(self, position: str, timeout: float) -> RawPage:
        self.questions += 1
        self.before.get(self.questions, lambda: None)()
        return self.source.fetch(position, timeout)


def all_read_and_deleted(egress: Egress, journal: SmallJournal) -> Asked:
    """All is read; the activities are deleted by hand; nothing new is asked for from then on."""
    asked = Asked(journal)
    egress.stream = replace(egress.stream, source=egress.source_of(asked))
    for _ in range(len(journal.events) // 1000 + 2):
        egress.carry()
    assert len(egress.timelines.activities) == len(journal.events)
    egress.timelines.activities.clear()
    rested = replace(egress.position, due_ms=1 << 52)
    egress.redis.hset(egress.queue.keys.cursor, "value", rested.dump())
    asked.questions = 0
    return asked


def replay(egress: Egress, rate: float, since_ms: int | None = None) -> None:
    """To its end."""
    assert egress.workflow.replays.ask("events", "ann", "", rate=rate, since_ms=since_ms)
    assert egress.workflow.replays.begin_now("events", "ann")
    for _ in range(40):
        egress.carry()
        if egress.position.backfill is None:
            return
    raise AssertionError("It never ends.")


def left_out(egress: Egress, ids: set[str]) -> set[str]:
    return {one for one in ids if activity_id("open", one) not in egress.timelines.activities}


def test_the_oldest_events_expire_between_two_portions(egress: Egress) -> None:
    # Given thirty events, twenty a second, the oldest of which is a week old right now
    journal = SmallJournal(NOW_MS)
    for number in range(30):
        journal.add(number, NOW_MS - WEEK_MS + 50 * number)
    asked = all_read_and_deleted(egress, journal)
    # When all are read once more, two at a time, and two more expire before the third question
    asked.before[3] = lambda: journal.pass_time(100)
    replay(egress, rate=1.0)
    # Then each is there that the journal still had
    assert asked.questions > 3 and len(journal.kept()) == 28
    assert left_out(egress, journal.kept()) == set()


def test_a_time_that_is_told_in_whole_seconds_before_now_leads_elsewhere_each_time(egress: Egress) -> None:
    # Given events before a time and since then, four a second
    journal, since_ms = SmallJournal(NOW_MS), NOW_MS - 48 * HOUR_MS
    for number in range(-248, 30):
        journal.add(number, since_ms + 250 * number)
    asked = all_read_and_deleted(egress, journal)
    # When those since then are read once more, two at a time, and one of the questions comes a part of a second later
    journal.pass_time(50)
    asked.before[3] = lambda: journal.pass_time(900)
    replay(egress, rate=1.0, since_ms=since_ms)
    # Then all of them are there
    assert left_out(egress, {f"e{number}" for number in range(30)}) == set()


def test_a_position_expires_between_two_portions(egress: Egress) -> None:
    # Given three pages of events, one a minute
    journal = SmallJournal(NOW_MS)
    for number in range(2030):
        journal.add(number, NOW_MS - WEEK_MS + 10 * HOUR_MS + 60_000 * number)
    asked = all_read_and_deleted(egress, journal)
    # When they are read once more, and that is paused for a day in the midst of the second page
    asked.before[4] = lambda: journal.pass_time(27 * HOUR_MS)
    replay(egress, rate=300.0)
    # Then each is there that the journal still had
    assert asked.questions > 4 and len(journal.kept()) == 1010
    assert left_out(egress, journal.kept()) == set()


def first_portion_of(egress: Egress, *records: RawRecord) -> None:
    """Two of the records of this page, whose activities were deleted by hand, are read once more."""
    egress.events.pages = [RawPage(list(records), "1", False, 600)]
    egress.carry()
    egress.timelines.activities.clear()
    assert egress.workflow.replays.ask("events", "ann", "", rate=1.0)
    assert egress.workflow.replays.begin_now("events", "ann")
    while egress.position.backfill is None or not egress.position.backfill.handed:
        egress.read(Slice(0, lambda: False))
    egress.write()
    assert len(egress.timelines.activities) == 2


@pytest.mark.parametrize("gone", [1, 3])
def test_what_stands_at_the_beginning_of_a_page_is_gone_before_its_next_portion(egress: Egress, gone: int) -> None:
    # Given rows of files on one page, two of which were read once more
    records = [RawRecord(event(number), file=f"opens_{number}.txt", line=1) for number in range(1, 8)]
    first_portion_of(egress, *records)
    # When the first files are deleted, with that of the last row that was handed on, or not
    egress.events.pages = [RawPage(records[gone:], "1", False, 600)]
    egress.carry()
    # Then all that are left are there
    assert egress.position.backfill is None
    assert left_out(egress, {f"e{number}" for number in range(gone + 1, 8)}) == set()


def test_of_events_that_are_alike_none_stands_for_another(egress: Egress) -> None:
    # Given a page on which the second event comes once more, at its end, and nothing tells where each stands
    records = [RawRecord(event(number)) for number in (1, 2, 3, 4, 5, 6, 7, 2)]
    # When two are read once more, of which the position holds nothing, and the first is gone then
    first_portion_of(egress, *records)
    stored = egress.workflow.cursor("events").value
    assert "e2" not in re.findall(r"\w+", stored) and "Camp" not in stored
    egress.events.pages = [RawPage(records[1:], "1", False, 600)]
    egress.carry()
    # Then those between the two are there
    assert egress.position.backfill is None
    assert left_out(egress, {f"e{number}" for number in range(2, 8)}) == set()
