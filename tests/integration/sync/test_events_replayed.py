"""Events that are read once more, through a window of time: beside the new ones, and nothing outside it."""

from dataclasses import replace

import pytest
from redis import Redis

from connectors.errors import AccessDenied, Unavailable
from sync.events.event import activity_id
from sync.events.position import LIVE_PAGES
from sync.pages import RawPage, RawRecord
from sync.streams import Slice
from tests.integration.sync.timeline import NOW, Egress, event

NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture
def egress(redis: Redis) -> Egress:
    return Egress(redis)


def begun_backfill(egress: Egress) -> None:
    """Three events of three days were written and deleted by hand; a replay of the last four days, but not of the last
    day and a half, is being read: one page of it."""
    for days_ago, more in ((3, True), (2, True), (1, False)):
        egress.events.add(event(days_ago, days_ago=days_ago), more=more, wait=0 if more else 600)
    egress.carry()
    egress.timelines.activities.clear()
    day = 86_400_000
    egress.workflow.replays.ask("events", "ann", "", since_ms=NOW_MS - 4 * day, until_ms=NOW_MS - 36 * 3_600_000)
    egress.start()
    egress.read(Slice(0, lambda: False))
    assert egress.position.backfill is not None and egress.position.backfill.events == 1


def test_a_backfill_brings_back_the_events_of_its_window_beside_the_new_ones(egress: Egress) -> None:
    # Given three events of different days that were written, two of whose activities were deleted by hand
    egress.events.add(event(1, days_ago=5), event(2, days_ago=3), event(3, days_ago=1))
    egress.events.add(more=False, wait=60)
    egress.carry()
    for number in (1, 2):
        del egress.timelines.activities[activity_id("open", f"e{number}")]
    # When the events of four to two days ago are asked for once more
    now_ms = egress.workflow.now_ms()
    day = 86_400_000
    egress.workflow.replays.ask("events", "ann", "", since_ms=now_ms - 4 * day, until_ms=now_ms - 2 * day)
    egress.start()
    egress.carry()
    # Then only that of the window is back, and the source was asked from its begin on
    assert set(egress.timelines.activities) == {activity_id("open", f"e{number}") for number in (2, 3)}
    assert egress.events.since == [None, now_ms - 4 * day]
    # And the two outside the window are counted nowhere once more
    assert egress.totals() == {"read": 4, "written": 4}
    # And it is over: another run reads nothing again
    assert egress.position.backfill is None
    asked = len(egress.events.asked)
    egress.start()
    egress.carry()
    assert len(egress.events.asked) == asked


def test_new_events_come_before_those_that_are_read_once_more(egress: Egress) -> None:
    # Given a backfill of two pages, and new events behind what was read
    egress.events.add(event(1))
    egress.events.add(event(2))
    egress.events.add(event(3), more=False, wait=60)
    egress.read(Slice(0, lambda: False))
    egress.workflow.replays.ask("events", "ann", "")
    egress.start()
    # When all is read, Then the source is asked for the new ones first
    egress.read()
    assert egress.events.asked[:3] == ["0", "1", "2"]
    assert egress.events.asked.index("0", 1) > egress.events.asked.index("2")


def test_a_window_is_read_while_new_events_never_end(egress: Egress) -> None:
    # Given a backfill, and a source that has new events at each question
    egress.events.add(event(1), more=False, wait=60)
    egress.read()
    egress.workflow.replays.ask("events", "ann", "")
    egress.start()
    asked: list[str] = []

    class Busy:
        def beginning(self, since_ms: int | None) -> str:
            return "again"

        def fetch(self, position: str, timeout: float) -> RawPage:
            asked.append(position)
            more = position != "again" or asked.count("again") < 3
            return RawPage([RawRecord(event(len(asked)))], position, more)

    egress.stream = replace(egress.stream, source=egress.source_of(Busy()))
    egress.redis.hset(egress.queue.keys.cursor, "value", replace(egress.position, due_ms=0).dump())
    # When it is read page by page, Then most pages are new events, and the window comes to its end
    for _ in range(3 * (LIVE_PAGES + 1)):
        egress.read(Slice(0, lambda: False))
    assert asked == [*["1"] * LIVE_PAGES, "again"] * 3
    assert egress.position.backfill is None


def test_a_second_replay_takes_in_the_one_that_is_being_read(egress: Egress) -> None:
    # Given three events whose activities were deleted by hand, and a replay of the older ones that has begun
    begun_backfill(egress)
    day, now_ms = 86_400_000, egress.workflow.now_ms()
    # When one of the newest is asked for, and egress is stopped and started
    egress.workflow.replays.ask("events", "bob", "", since_ms=now_ms - 36 * 3_600_000)
    egress.start()
    egress.read(Slice(0, lambda: False))
    # Then both are read together, from the beginning of the earlier one
    backfill = egress.position.backfill
    assert backfill is not None and (backfill.since_ms, backfill.until_ms) == (egress.events.since[1], None)
    assert egress.events.since[1:] == [egress.events.since[1]] * 2 and now_ms - 5 * day < (backfill.since_ms or 0)
    egress.carry()
    assert len(egress.timelines.activities) == 3


def test_another_source_goes_on_with_the_window_from_its_own_beginning(egress: Egress) -> None:
    # Given a replay that is being read
    begun_backfill(egress)
    window = egress.position.backfill
    assert window is not None
    # When another source is read
    egress.start(place="there")
    egress.read(Slice(0, lambda: False))
    # Then it is asked for the same window, from where that begins there
    assert egress.events.since[-1] == window.since_ms
    found = egress.position.backfill
    assert found is not None
    assert (found.next, found.since_ms, found.until_ms, found.events) == ("0", window.since_ms, window.until_ms, 0)
    egress.carry()
    assert egress.position.backfill is None and egress.queue.backlog().total == 0


def test_a_replay_that_was_taken_up_is_kept_while_the_source_does_not_answer(egress: Egress) -> None:
    # Given a replay that begins while the source is down
    egress.events.add(event(1), more=False, wait=0)
    egress.carry()
    egress.events.pages = [Unavailable("journal", "it is down", wait=0)] * 2
    read_ms = egress.workflow.cursor("events").at_ms
    egress.redis.hset(egress.queue.keys.cursor, "value", replace(egress.position, next="0", due_ms=0).dump())
    egress.workflow.replays.ask("events", "ann", "", since_ms=1000)
    egress.start()
    egress.read()
    # Then the next one takes it in, and nothing pretends that something was read
    assert egress.workflow.cursor("events").at_ms == read_ms
    egress.workflow.replays.ask("events", "bob", "", since_ms=2000)
    egress.start()
    egress.read()
    assert egress.position.backfill is not None and egress.position.backfill.since_ms == 1000


def test_a_window_that_cannot_be_read_keeps_nothing_else_from_it_and_can_be_ended(egress: Egress) -> None:
    # Given a replay whose first page only a change of configuration could bring
    egress.events.add(event(1), more=False, wait=0)
    egress.carry()
    egress.workflow.replays.ask("events", "ann", "")
    egress.events.pages[0] = AccessDenied("sftp", "The folder old may not be listed")
    egress.start()
    # When it is read while new events come
    egress.events.add(event(2), more=False, wait=0)
    egress.redis.hset(egress.queue.keys.cursor, "value", replace(egress.position, due_ms=0).dump())
    egress.carry()
    egress.events.add(event(3), more=False, wait=0)
    egress.redis.hset(egress.queue.keys.cursor, "value", replace(egress.position, due_ms=0).dump())
    egress.carry()
    # Then those appear, and the trouble is shown with both ways out
    assert len(egress.timelines.activities) == 3
    [trouble] = egress.workflow.troubles.all()
    assert (trouble.where, trouble.sentence) == (
        "events.backfill",
        "The folder old may not be listed; new events are read meanwhile; give the replay up with: "
        "d365acs replay cancel egress",
    )
    # When the replay is ended, Then at once nothing more is asked for it, and the trouble is over
    assert egress.workflow.replays.end("events", "ann")
    egress.read()
    assert (egress.position.backfill, egress.workflow.troubles.all()) == (None, [])
    # And the next one begins afresh
    egress.workflow.replays.ask("events", "ann", "", since_ms=5000)
    egress.start()
    egress.read()
    assert egress.events.since[-1] == 5000


def test_a_replay_that_was_ended_while_nothing_ran_is_not_taken_in_by_the_next_one(egress: Egress) -> None:
    begun_backfill(egress)
    egress.workflow.replays.end("events", "ann")
    egress.workflow.replays.ask("events", "ann", "", since_ms=NOW_MS)
    egress.start()
    egress.read(Slice(0, lambda: False))
    assert egress.events.since[-1] == NOW_MS


def test_a_window_leaves_out_what_does_not_fit_and_lies_outside(egress: Egress) -> None:
    # Given events of an unknown type, some of which have no time that can be read, set aside and then dropped
    odd = [{**event(number, days_ago=number), "type": "com.example.other"} for number in range(1, 6)]
    timeless = {**event(6, eventDate="soon"), "type": "com.example.other"}
    egress.events.add(*odd, timeless, more=False, wait=60)
    egress.carry()
    assert len(egress.letters()) == 6
    egress.redis.delete(egress.queue.keys.dead)
    # When the window of one of them is read once more
    day = 86_400_000
    egress.workflow.replays.ask("events", "ann", "", since_ms=NOW_MS - 3 * day - 1000, until_ms=NOW_MS - 2 * day - 1000)
    egress.start()
    egress.carry()
    # Then that one is back, and the one that may have been of it
    assert len(egress.letters()) == 2


def test_a_backfill_begins_while_the_workflow_runs_and_keeps_to_its_rate(egress: Egress) -> None:
    # Given events that were read, on two pages
    for number, more in ((1, True), (2, False)):
        egress.events.add(event(number), more=more, wait=0 if more else 600)
    egress.carry()
    egress.timelines.activities.clear()
    # When they are to be read once more at once, one in two seconds
    assert egress.workflow.replays.ask("events", "ann", "", rate=0.5)
    assert egress.workflow.replays.begin_now("events", "ann")
    egress.read()
    # Then one page was read, and the next one is not due yet
    backfill = egress.position.backfill
    assert backfill is not None and backfill.events == 1
    assert backfill.due_ms > egress.workflow.now_ms() + 1000


def test_no_more_than_seconds_worth_of_a_page_goes_onto_the_queue_at_once(
    egress: Egress, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given five events on one page, of which one is outside the window, written and deleted by hand
    days = {1: 3, 2: 3, 3: 9, 4: 3, 5: 3}
    egress.events.add(*(event(number, days_ago=ago) for number, ago in days.items()), more=False, wait=600)
    egress.carry()
    egress.timelines.activities.clear()
    # When they are read once more, one a second at most
    day = 86_400_000
    assert egress.workflow.replays.ask("events", "ann", "", rate=1.0, since_ms=NOW_MS - 5 * day)
    assert egress.workflow.replays.begin_now("events", "ann")
    egress.carry()
    # Then two seconds' worth of them is written, and the turn of the others is to come
    assert set(egress.timelines.activities) == {activity_id("open", f"e{number}") for number in (1, 2)}
    backfill = egress.position.backfill
    assert backfill is not None and (backfill.events, backfill.handed) == (2, 2)
    assert backfill.due_ms > egress.workflow.now_ms()
    # When it has come, after a start anew, and something has been added to the page meanwhile
    monkeypatch.setattr("sync.events.reading.next_due_ms", lambda now_ms, queued, rate: 0)
    [page] = egress.events.pages
    assert isinstance(page, RawPage)
    egress.events.pages[0] = page._replace(records=[*page.records, *[RawRecord(event(6), "")]])
    egress.start()
    due = replace(egress.position, backfill=replace(backfill, due_ms=0))
    egress.redis.hset(egress.queue.keys.cursor, "value", due.dump())
    read = egress.totals()["read"]
    egress.carry()
    # Then each appears once, and was handed on once
    assert set(egress.timelines.activities) == {activity_id("open", f"e{number}") for number in (1, 2, 4, 5, 6)}
    assert (egress.totals()["read"], egress.position.backfill) == (read + 3, None)
    # And that all was read is known
    egress.read()
    over = egress.workflow.replays.began("events")
    assert over is not None and over.over_ms is not None


def test_a_backfill_that_is_paused_stands_still_over_a_restart_and_goes_on(egress: Egress) -> None:
    begun_backfill(egress)
    # When it is paused, the workflow is started anew, and something new happens
    assert egress.workflow.replays.pause("events", "ann")
    egress.start()
    egress.events.add(event(9), more=False, wait=600)
    egress.redis.hset(egress.queue.keys.cursor, "value", replace(egress.position, due_ms=0).dump())
    egress.carry()
    # Then that appears, and no more of the window was read
    backfill = egress.position.backfill
    assert backfill is not None and backfill.events == 1
    assert activity_id("open", "e9") in egress.timelines.activities
    # When it is resumed, Then the rest of it appears
    assert egress.workflow.replays.resume("events", "ann")
    egress.carry()
    assert egress.position.backfill is None
    assert {activity_id("open", f"e{number}") for number in (2, 3)} <= set(egress.timelines.activities)
