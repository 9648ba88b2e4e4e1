"""The journal: whatever its pages hold, every event becomes an activity, a count of what is left out, or a dead letter
with a reason; and whatever answers in its place, only clear errors come out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis import Redis

from config.connections import JournalAccess
from connectors.errors import ConnectorError
from connectors.journal import Journal
from sync.events.event import Verdict
from sync.events.journal_source import JournalSource
from sync.events.payload import keep
from sync.mapping.mapper import Unmappable
from sync.pages import RawPage, RawRecord
from tests.fuzz.answers import PLANTED, STATUSES, bodies, headers, is_clean
from tests.fuzz.budget import examples
from tests.fuzz.odd_values import VALUES, as_json, deep, mutated
from tests.integration.connectors.conftest import Pass, Pauses
from tests.integration.connectors.odd_server import OddServer, Reply
from tests.integration.sync.timeline import ANN, Egress, event

PATH = "/events/organizations/1/integrations/2/a-b"
NEXT = f'<{PATH}?since=moose:2>; rel="next"'

EVENTS = [
    event(1, "send"),
    event(2, "open", contact=PLANTED),
    event(3, "click", url="https://example.com/?a=1", mirrorPageUrl="https://mirror.example.com/1"),
    event(4, "bounce", failureType="Hard"),
    event(5, "bounce", failureType="soft"),
    event(6, "open", contact="00000000-0000-4000-8000-00000000000f"),
]
ITEMS = [{"position": f"camel:{place}", "event": one} for place, one in enumerate(EVENTS)]


@pytest.fixture
def journal(server: OddServer, throttle: Pauses) -> Iterator[Journal]:
    access = JournalAccess(
        url=server.origin + PATH,
        org_id="0@AdobeOrg",
        client_id="key",
        client_secret="${env:UNUSED}",
        scopes=("openid",),
        token_url=f"{server.origin}/token",
    )
    journal = Journal(access, throttle, token=Pass())
    yield journal
    journal.close()


class Once:
    """A source that gives a page once, and nothing from then on."""

    def __init__(self, page: RawPage) -> None:
        self.page = page

    def beginning(self, since_ms: int | None) -> str:
        return ""

    def fetch(self, position: str, timeout: float) -> RawPage:
        page, self.page = self.page, RawPage([], self.page.behind, False, 60.0)
        return page


_ITEMS = st.one_of(
    st.sampled_from(ITEMS).flatmap(mutated),
    st.sampled_from(EVENTS).flatmap(mutated).map(lambda one: {"position": "camel:9", "event": one}),
    st.sampled_from(ITEMS),
    VALUES,
    st.sampled_from([deep(200), {"event": deep(300)}, {"event": {"id": deep(250)}}]),
)


@examples(40)
@given(items=st.lists(_ITEMS, min_size=1, max_size=6))
@example(items=[[deep(300)], {"event": deep(300)}, {"event": {"id": "e1", "data": deep(300)}}])
def test_every_event_of_a_page_ends_somewhere_and_none_stops_the_others(
    server: OddServer, journal: Journal, redis: Redis, items: list[Any]
) -> None:
    # Given a page whose events are what nobody promised
    redis.flushdb()
    egress = Egress(redis)
    server.replies = [Reply(body=as_json({"events": items}), headers={"Link": NEXT})]
    source = JournalSource(journal, None)
    try:
        page = source.fetch(source.beginning(None), 5)
    except ConnectorError as error:
        # A page that is not JSON is asked for again; a JSON of any other shape is read
        is_clean(error)
        assert not _is_json(as_json(items))
        return
    assert len(page.records) == len(items)
    # When it is read and written
    egress.stream = replace(egress.stream, source=egress.source_of(Once(page)))
    egress.carry()
    # Then each event was left out and counted, or is an activity, waits for its contact, or is a dead letter
    rules = egress.source_of(Once(page)).rules
    expected = [_becomes(record, rules) for record in page.records]
    letters = {letter.id: letter.reason for letter in egress.letters()}
    parked = {record.id for record in egress.queue.parked(egress.workflow.now_ms() + 1)}
    assert {one for one in expected if one} == egress.timelines.activities.keys() | letters.keys() | parked
    assert egress.totals().get("filtered", 0) == expected.count("")
    assert egress.totals().get("read", 0) == len(items)
    # And every reason is a sentence that holds nothing of it
    for reason in letters.values():
        assert reason.sentence.endswith(".") and PLANTED not in reason.sentence
        assert "nobody foresaw" not in reason.sentence


def _becomes(record: RawRecord, rules: Any) -> str:
    """The id under which an event waits; empty for one that is left out."""
    found = None
    if record.value is not None:
        try:
            found = rules.understand(record.value, datetime.now(UTC))
        except Unmappable:
            found = None
    return "" if isinstance(found, Verdict) else keep(record, "journal", rules, found).record_id


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
        return True
    except orjson.JSONDecodeError:
        return False


PAGES: list[Any] = [{"events": ITEMS, "_page": {"count": 6}}, {"events": []}, {"error_code": "403003", "message": "x"}]
LINKS = st.one_of(
    st.just(NEXT),
    st.builds(
        '<{}>; rel="{}"'.format,
        st.sampled_from([f"{PATH}?since=a", "https://elsewhere.example/x", "//elsewhere.example/x", "..", "", "\\\\x"]),
        st.sampled_from(["next", "NEXT prev", "count", ""]),
    ),
    st.sampled_from(["<", "<>;" * 2000, '<x>; rel="next' * 50, "<a>;rel=next, <b>;rel=next"]),
)


@examples(60)
@given(st.lists(st.tuples(STATUSES, bodies(PAGES), headers(), LINKS), min_size=1, max_size=3), st.booleans())
def test_whatever_answers_in_the_journals_place_a_page_comes_or_a_clear_error(
    server: OddServer, journal: Journal, answers: list[Any], later: bool
) -> None:
    # Given answers that nobody promised, to a first reading or to one that goes on
    server.replies = [Reply(status, None, body, {"Link": link} | head) for status, body, head, link in answers]
    server.script = lambda _: Reply(204, headers={"Link": NEXT})
    source = JournalSource(journal, 100)
    position = source.beginning(None)
    try:
        for _ in range(3 if later else 1):
            page = source.fetch(position, 5)
            # Then a page leads on, and asks for no wait beyond an hour
            assert 0 <= page.wait <= 3600
            assert not page.records or page.behind != position
            position = page.behind
    except ConnectorError as error:
        is_clean(error)
        assert "elsewhere" not in str(error)
    assert all(call.path.startswith("/") and "elsewhere" not in call.path for call in server.calls)
    server.calls.clear()


def test_an_event_that_fits_is_shown(server: OddServer, journal: Journal, redis: Redis) -> None:
    # The properties above would hold of a product that sets everything aside
    egress = Egress(redis)
    server.replies = [Reply(body=as_json({"events": ITEMS}), headers={"Link": NEXT})]
    source = JournalSource(journal, None)
    page = source.fetch(source.beginning(None), 5)
    egress.stream = replace(egress.stream, source=egress.source_of(Once(page)))
    egress.carry()
    assert [one["contact"] for one in egress.timelines.activities.values()] == [ANN] * 3
    assert (len(egress.letters()), egress.queue.backlog().parked, egress.totals()["filtered"]) == (1, 1, 1)
