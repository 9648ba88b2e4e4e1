"""Reading the events journal from any beginning, over its end, and over the expiry of a position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from config.connections import JournalAccess
from connectors.errors import AccessDenied, ForeignLink, Malformed, TryAgain, Unavailable
from connectors.http import NoThrottle
from connectors.journal import Journal
from sync.events.journal_source import JournalSource
from sync.pages import RawPage, RawRecord
from tests.integration.connectors.odd_server import Call, OddServer, Reply

PATH = "/events/organizations/1/integrations/2/a-b"
DAY_MS = 86_400_000
#: 2026-11-01 12:00 UTC
NOON_MS = 1_793_534_400_000


class Pass:
    def header(self, timeout: float) -> str:
        return "Bearer token"

    def renew(self, refused: str, timeout: float) -> str:
        return "Bearer another"


class PretendJournal:
    """A journal of numbered events, each kept for seven days; position n is behind the n-th."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS
        self.events: list[tuple[int, Any]] = []
        self.links = True  #: whether the end of the journal names a link
        self.asked: list[str] = []
        self.page_size = 2

    def add(self, *values: Any) -> None:
        self.events += [(self.now_ms, value) for value in values]

    def later(self, days: float = 0, seconds: float = 0) -> None:
        self.now_ms += int(days * DAY_MS + seconds * 1000)

    def __call__(self, call: Call) -> Reply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}
        self.asked.append(urlsplit(call.path).query)
        oldest = self._first_since(self.now_ms - 7 * DAY_MS)
        begin = oldest
        if "since" in query:
            begin = int(query["since"])
            if begin and begin - 1 < oldest:
                return Reply(410, body=f"Events at position {begin} have expired.".encode())
        elif "seek" in query:
            back = re.fullmatch(r"-PT(\d+)S", query["seek"])
            assert back
            begin = max(oldest, self._first_since(self.now_ms - int(back[1]) * 1000))
        found = self.events[begin : begin + int(query.get("limit", self.page_size))]
        link = f'<{PATH}?since={begin + len(found)}>; rel="next"'
        if not found:
            return Reply(204, headers={"Link": link, "retry-after": "5"} if self.links else {"retry-after": "5"})
        items = [{"position": str(begin + place), "event": value} for place, (_, value) in enumerate(found)]
        return Reply(json={"events": items}, headers={"Link": link})

    def _first_since(self, ms: int) -> int:
        return next((place for place, (at, _) in enumerate(self.events) if at >= ms), len(self.events))


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer() as server:
        yield server


@pytest.fixture
def journal(server: OddServer) -> PretendJournal:
    journal = PretendJournal()
    server.script = journal
    return journal


@pytest.fixture
def connected(server: OddServer) -> Iterator[Journal]:
    access = JournalAccess(server.origin + PATH, "0@AdobeOrg", "key", "${env:UNUSED}", (), server.origin)
    connected = Journal(access, NoThrottle(), token=Pass())
    yield connected
    connected.close()


@pytest.fixture
def source(connected: Journal, journal: PretendJournal) -> JournalSource:
    return JournalSource(connected, None, lambda: journal.now_ms)


def numbered(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in numbers]


def read_on(source: JournalSource, position: str) -> tuple[list[Any], RawPage]:
    """All events up to the journal's end, and the page that told it."""
    found: list[Any] = []
    while True:
        page = source.fetch(position, 5)
        found += [event.value for event in page.records]
        if not page.more:
            return found, page
        assert not page.missed
        position = page.behind


def test_everything_that_is_kept_is_read_once_and_in_pages(source: JournalSource, journal: PretendJournal) -> None:
    # Given five events
    journal.add(*numbered(1, 2, 3, 4, 5))
    # When the journal is read for the first time
    found, last = read_on(source, source.beginning(None))
    # Then all were read, and when to ask again is what the journal says
    assert found == numbered(1, 2, 3, 4, 5)
    assert (last.more, last.wait, last.missed) == (False, 5.0, "")
    # And what comes later is read from there
    journal.add(*numbered(6))
    assert read_on(source, last.behind)[0] == numbered(6)


def test_the_page_size_is_asked_for(connected: Journal, journal: PretendJournal) -> None:
    source = JournalSource(connected, 4, lambda: journal.now_ms)
    journal.add(*numbered(1, 2, 3, 4, 5))
    assert len(source.fetch(source.beginning(None), 5).records) == 4


def test_a_page_that_was_read_can_be_read_again(source: JournalSource, journal: PretendJournal) -> None:
    # Given a position, of which the page behind was lost with its reader
    journal.add(*numbered(1, 2, 3))
    behind = source.fetch(source.beginning(None), 5).behind
    # When it is read twice
    assert source.fetch(behind, 5) == source.fetch(behind, 5)


@pytest.mark.parametrize("links", [True, False])
def test_from_now_on_nothing_older_and_everything_newer_is_read(
    source: JournalSource, journal: PretendJournal, links: bool
) -> None:
    # Given an event of yesterday, and a reading that begins with those to come
    journal.links = links
    journal.add(*numbered(1))
    journal.later(days=1)
    first = source.fetch(source.beginning(journal.now_ms), 5)
    assert (first.records, first.more) == ([], False)
    # When one comes while nobody asks, and is asked for long after
    journal.add(*numbered(2))
    journal.later(days=2)
    # Then it is read, and only it
    assert read_on(source, first.behind)[0] == numbered(2)


def test_a_backfill_brings_all_events_since_its_time(source: JournalSource, journal: PretendJournal) -> None:
    # Given events of three days
    for number in (1, 2, 3):
        journal.add(*numbered(number))
        journal.later(days=1)
    # When those since the second day are asked for
    found, last = read_on(source, source.beginning(NOON_MS + DAY_MS))
    # Then the clocks' difference is allowed for, and nothing is said to be missed
    assert found == numbered(2, 3)
    assert journal.asked[0] == f"seek=-PT{2 * 86_400 + 60}S"
    assert last.missed == ""


def test_a_backfill_from_before_what_is_kept_says_what_is_missed(
    source: JournalSource, journal: PretendJournal
) -> None:
    # Given an event of ten days ago and one of today
    journal.add(*numbered(1))
    journal.later(days=10)
    journal.add(*numbered(2))
    # When all since then are asked for
    page = source.fetch(source.beginning(NOON_MS), 5)
    # Then the reading begins with the oldest that is left
    assert [event.value for event in page.records] == numbered(2)
    assert page.missed == (
        "The journal no longer has all events since 2026-11-01 12:00 UTC: those between 2026-11-01 12:00 UTC and about "
        "2026-11-04 12:00 UTC are missed. Reading goes on from the oldest event that is left. Campaign's log export "
        "files may still have what is missed; whatever else they have appears once more, under other ids."
    )
    assert read_on(source, page.behind)[1].missed == ""


def test_a_backfill_that_begins_in_the_future_waits_for_what_comes(
    source: JournalSource, journal: PretendJournal
) -> None:
    assert read_on(source, source.beginning(NOON_MS + DAY_MS))[0] == []
    assert journal.asked == ["seek=-PT60S"]


def test_a_position_that_expired_leads_to_the_oldest_and_says_what_is_missed(
    source: JournalSource, journal: PretendJournal
) -> None:
    # Given a journal that was read to its end, and then not for ten days
    journal.add(*numbered(1))
    behind = read_on(source, source.beginning(None))[1].behind
    journal.later(days=1)
    journal.add(*numbered(2))
    journal.later(days=9)
    journal.add(*numbered(3))
    # When reading goes on
    page = source.fetch(behind, 5)
    # Then it does so with the oldest that is left
    assert [event.value for event in page.records] == numbered(3)
    assert journal.asked[-2:] == ["since=1", ""]
    assert page.missed.startswith(
        "The journal no longer serves the position of 2026-11-01 12:00 UTC: those between 2026-11-01 12:00 UTC and "
        "about 2026-11-04 12:00 UTC are missed."
    )
    # And says so once
    found, last = read_on(source, page.behind)
    assert (found, last.missed) == ([], "")


def test_what_is_missed_counts_from_the_last_time_that_everything_was_read(
    source: JournalSource, journal: PretendJournal
) -> None:
    # Given a journal that was read to its end, and of which one more page was read the day after
    journal.add(*numbered(1))
    behind = read_on(source, source.beginning(None))[1].behind
    journal.later(days=1)
    journal.add(*numbered(2, 3, 4))
    behind = source.fetch(behind, 5).behind
    # When reading goes on too late
    journal.later(days=9)
    page = source.fetch(behind, 5)
    # Then both times are told
    assert page.missed.startswith(
        "The journal no longer serves the position of 2026-11-02 12:00 UTC: those between 2026-11-01 12:00 UTC and "
        "about 2026-11-04 12:00 UTC are missed."
    )


def test_a_position_in_the_midst_that_expired_says_before_when_events_are_missed(
    source: JournalSource, journal: PretendJournal
) -> None:
    # Given a reading that never reached the end
    journal.add(*numbered(1, 2, 3))
    behind = source.fetch(source.beginning(None), 5).behind
    journal.later(days=8)
    # When it goes on too late
    page = source.fetch(behind, 5)
    # Then only the later end of the gap is known
    assert page.missed.startswith(
        "The journal no longer serves the position of 2026-11-01 12:00 UTC: some from before 2026-11-02 12:00 UTC are "
        "missed."
    )


def test_after_a_quiet_week_nothing_is_said_to_be_missed(source: JournalSource, journal: PretendJournal) -> None:
    # Given a journal without a new event for ten days, asked every day: on the eighth its position expires
    journal.add(*numbered(1))
    position = source.beginning(None)
    for _ in range(10):
        last = read_on(source, position)[1]
        assert last.missed == ""
        position = last.behind
        journal.later(days=1)
    # When one comes
    journal.add(*numbered(2))
    # Then it is read
    found, last = read_on(source, position)
    assert (found, last.missed) == (numbered(2), "")


def test_an_idle_journal_gives_another_position_once_a_minute_at_most(
    source: JournalSource, journal: PretendJournal
) -> None:
    # Given a journal at its end
    journal.add(*numbered(1))
    behind = read_on(source, source.beginning(None))[1].behind
    # When it is asked within a minute, and after
    journal.later(seconds=59)
    assert source.fetch(behind, 5).behind == behind
    journal.later(seconds=1)
    assert source.fetch(behind, 5).behind != behind


def test_an_expired_position_is_kept_until_the_oldest_page_has_come(
    server: OddServer, source: JournalSource, journal: PretendJournal
) -> None:
    # Given an expired position, and trouble when the oldest events are asked for
    journal.add(*numbered(1, 2, 3))
    behind = source.fetch(source.beginning(None), 5).behind
    server.replies = [Reply(410), Reply(503)]
    with pytest.raises(Unavailable):
        source.fetch(behind, 5)
    # When it is tried again
    server.replies = [Reply(410)]
    page = source.fetch(behind, 5)
    # Then nothing was lost, the sentence included
    assert [event.value for event in page.records] == numbered(1, 2)
    assert page.missed


def test_a_journal_that_says_expired_to_everything_is_tried_again(server: OddServer, source: JournalSource) -> None:
    server.script = lambda call: Reply(410)
    with pytest.raises(Malformed):
        source.fetch(source.beginning(None), 5)


def test_an_empty_journal_without_links_is_asked_again_from_the_same_beginning(
    source: JournalSource, journal: PretendJournal
) -> None:
    # Given a journal in which nothing ever happened
    journal.links = False
    first = source.fetch(source.beginning(None), 5)
    assert (first.records, first.more, first.behind) == ([], False, source.beginning(None))
    # When something does, however late
    journal.later(days=30)
    journal.add(*numbered(1))
    # Then it is read
    assert read_on(source, first.behind)[0] == numbered(1)


def test_a_backfill_of_an_empty_journal_never_misses_anything(source: JournalSource, journal: PretendJournal) -> None:
    # Given a journal without links and without events, asked every day for ten days
    journal.links = False
    position = source.beginning(NOON_MS)
    for _ in range(10):
        last = read_on(source, position)[1]
        assert last.missed == ""
        position = last.behind
        journal.later(days=1)


def test_all_that_is_kept_can_be_asked_for_as_a_time(source: JournalSource, journal: PretendJournal) -> None:
    # Given a journal with an event
    journal.add(*numbered(1))
    # When all is asked for, Then it is there, and nothing is said to be missed
    page = source.fetch(source.beginning(0), 5)
    assert ([event.value for event in page.records], page.missed) == (numbered(1), "")


def test_another_registration_is_read_since_the_time_until_which_this_one_was(
    server: OddServer, source: JournalSource, journal: PretendJournal
) -> None:
    # Given a position of one journal, at its end
    journal.add(*numbered(1, 2, 3))
    behind = read_on(source, source.beginning(None))[1].behind
    # When the configuration names another one
    access = JournalAccess(f"{server.origin}/events/other", "0@AdobeOrg", "key", "${env:UNUSED}", (), server.origin)
    other = Journal(access, NoThrottle(), token=Pass())
    page = JournalSource(other, None, lambda: journal.now_ms).fetch(behind, 5)
    other.close()
    # Then it is not read by the other's link, and nothing that came in between is passed over
    assert server.calls[-1].path == "/events/other?seek=-PT60S"
    assert (len(page.records), page.missed) == (2, "")


def test_what_is_no_object_is_told_with_its_place_and_without_its_value(
    source: JournalSource, journal: PretendJournal
) -> None:
    # Given events of every other kind
    journal.page_size = 10
    journal.add([1, 2], "Mrs Miller", 7, True, None, {"id": 1})
    events = source.fetch(source.beginning(None), 5).records
    # Then each has a place of its own, the same each time
    assert [event.value for event in events] == [None, None, None, None, None, {"id": 1}]
    assert [event.where for event in events[:5]] == [f"journal {place}" for place in range(5)]
    assert events[1] == RawRecord(
        None, "journal 1", "The event is a text, not a JSON object.", '"Mrs Miller"', position="1"
    )
    assert [event.flaw for event in events[:5]] == [
        f"The event is {what}, not a JSON object." for what in ("a list", "a text", "a number", "true or false", "null")
    ]


def test_an_unreadable_event_without_a_position_keeps_one_name(server: OddServer, source: JournalSource) -> None:
    # Given two such events on a page that is read twice
    told = {"events": [["a"], ["b"]]}
    server.script = lambda call: Reply(json=told, headers={"Link": f'<{PATH}?since=9>; rel="next"'})
    first, again = (source.fetch(source.beginning(None), 5).records for _ in range(2))
    # Then they are told apart, and are the same again
    assert first == again
    assert len({event.where for event in first}) == 2


def test_of_a_long_unreadable_event_only_the_beginning_is_kept(source: JournalSource, journal: PretendJournal) -> None:
    journal.add("\u00e9" * 5000)
    [event] = source.fetch(source.beginning(None), 5).records
    assert event.excerpt == '"' + "\u00e9" * 999


@pytest.mark.parametrize(
    ("reply", "kind"), [(Reply(503), TryAgain), (Reply(200), TryAgain), (Reply(403), AccessDenied)]
)
def test_trouble_is_told_as_it_is(
    server: OddServer, source: JournalSource, reply: Reply, kind: type[Exception]
) -> None:
    server.replies = [reply]
    with pytest.raises(kind):
        source.fetch(source.beginning(None), 5)


def test_a_journal_that_leads_elsewhere_is_not_followed(server: OddServer, source: JournalSource) -> None:
    elsewhere = {"Link": '<https://evil.example/x?since=1>; rel="next"'}
    server.replies = [Reply(json={"events": [{"event": {"id": 1}}]}, headers=elsewhere)]
    with pytest.raises(ForeignLink):
        source.fetch(source.beginning(None), 5)
