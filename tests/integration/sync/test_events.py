"""Email events on their way from a source to the timelines: each once, none lost, and what does not fit is told."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from redis import Redis

from connectors.dynamics_errors import create_error_of
from connectors.errors import AccessDenied, Malformed, Refused, Unavailable
from connectors.wire import Answer
from sync import unknown_contacts
from sync.events.activity_target import MOST_REFUSALS
from sync.events.event import activity_id
from sync.events.position import LIVE_PAGES
from sync.pages import RawPage, RawRecord
from sync.retry import MOST_ATTEMPTS
from sync.streams import ReadEnd, Slice
from tests.integration.sync.timeline import ANN, BOB, NOW, Egress, event

CAROL = "00000000-0000-4000-8000-00000000000c"
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture
def egress(redis: Redis) -> Egress:
    return Egress(redis)


def test_events_become_activities_regarding_their_contacts(egress: Egress) -> None:
    # Given one event of each kind
    egress.events.add(event(1, "send"), event(2, "open", contact=BOB), event(3, "click", url="https://example.com/a"))
    egress.events.add(event(4, "bounce", failureType="Hard"), more=False, wait=60)
    # When they are read and written
    egress.carry()
    # Then each is an activity of its table, regarding its contact, under an id that is made of it
    found = egress.timelines.activities
    assert {(one["set"], one["contact"]) for one in found.values()} == {
        ("sends", ANN), ("opens", BOB), ("clicks", ANN), ("bounces", ANN)
    }  # fmt: skip
    assert found[activity_id("click", "e3")]["subject"] == "Campaign Name: Camp; Delivery Name: DM1"
    assert found[activity_id("click", "e3")]["adobe_trackingurl"] == "https://example.com/a"
    assert egress.totals() == {"read": 4, "written": 4}


def test_an_event_that_comes_again_is_no_second_activity(egress: Egress) -> None:
    # Given an event that is delivered twice at once, and once more when it was written
    egress.events.add(event(1), event(1), event(2))
    egress.events.add(event(2), event(1), more=False, wait=60)
    egress.read(Slice(0, lambda: False))
    egress.write()
    egress.carry()
    # Then there are two activities, each created once
    assert len(egress.timelines.activities) == 2
    assert egress.totals() == {"read": 5, "written": 2, "unchanged": 2}


def test_a_confirmation_that_is_lost_leads_to_no_second_activity(egress: Egress) -> None:
    # Given a request whose effect is there, and whose answer is lost
    egress.events.add(event(1), event(2), more=False, wait=60)
    egress.timelines.failing = [Malformed("dynamics", "torn")]
    egress.carry()
    assert egress.queue.backlog().waiting == 2
    # When it is tried again
    egress.let_time_pass()
    egress.write()
    # Then both were there already, and nothing was created twice
    assert len(egress.timelines.activities) == 2
    assert (egress.totals()["unchanged"], egress.queue.backlog().total) == (2, 0)


def test_what_is_switched_off_or_soft_costs_nothing_and_is_counted(egress: Egress) -> None:
    # Given opens switched off, and a bounce that is not final
    egress.start(events={"opens": False})
    egress.events.add(event(1, "open"), event(2, "bounce", failureType="soft"), event(3, "send"), more=False, wait=60)
    # When they are read and written
    egress.carry()
    # Then only the send appears, in one request, and the others are counted
    assert egress.totals() == {"read": 3, "filtered": 2, "written": 1}
    assert egress.timelines.requests == [1]


def test_a_switch_counts_for_what_waits_too(egress: Egress) -> None:
    # Given an open and a send that wait when opens are switched off
    egress.events.add(event(1, "open"), event(2, "send"), more=False, wait=60)
    egress.read()
    egress.start(events={"opens": False})
    # When they are written
    egress.write()
    # Then the open does not appear
    assert [one["set"] for one in egress.timelines.activities.values()] == ["sends"]


def test_what_does_not_fit_is_set_aside_with_the_part_that_is_wrong(egress: Egress) -> None:
    # Given events without an id, a known type, a contact, a sound time, and one that is none at all, among good ones
    without_id = event(1)
    del without_id["id"]
    egress.events.add(
        event(10),
        without_id,
        {**event(2), "type": "com.example.other"},
        event(3, contact=""),
        event(4, contact="jo@example.com"),
        event(5, eventDate=(NOW + timedelta(days=2)).isoformat()),
        event(6, eventDate="soon"),
        {"id": "e7", "type": "com.adobe.campaign.email.open", "data": "a text"},
        RawRecord(None, "opens.txt line 17", "Line 17 of opens.txt is not utf-8.", "caf"),
        event(11),
        more=False,
        wait=60,
    )
    # When they are read and written
    egress.carry()
    # Then the good ones appear, and each of the others is a dead letter that names the path, and no value
    assert len(egress.timelines.activities) == 2
    sentences = sorted(letter.reason.sentence for letter in egress.letters())
    assert len(sentences) == 8
    told = " ".join(sentences)
    for part in ("no id", "egress.types", "no data.externalId", "no GUID", "ahead of now", "data.eventDate", "Line 17"):
        assert part in told, part
    assert "jo@example.com" not in told and "com.example.other" not in told
    assert {letter.reason.kind for letter in egress.letters()} == {"unmappable", "unreadable"}
    # And the same events again are the same dead letters
    egress.events.pages = [egress.events.pages[0]] * 2
    egress.start(place="elsewhere")
    egress.carry()
    assert len(egress.letters()) == 8 and len(egress.timelines.activities) == 2


def test_an_event_for_an_unknown_contact_waits_for_it_and_follows_by_itself(
    egress: Egress, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two events for a contact that Dynamics does not have yet
    monkeypatch.setattr(unknown_contacts, "ASK_EVERY_MS", 0)
    egress.events.add(event(1, contact=CAROL), event(2, contact=CAROL), event(3), more=False, wait=60)
    egress.carry()
    # Then they wait apart, and the other one appears
    assert (egress.queue.backlog().parked, len(egress.timelines.activities)) == (2, 1)
    # When they are looked after and the contact is still missing, Then they wait on, for one question
    egress.write()
    assert egress.queue.backlog().parked == 2
    assert egress.timelines.asked == [[CAROL]]
    # When the contact appears, Then they are written
    egress.timelines.contacts.add(CAROL)
    egress.write()
    assert [one["contact"] for one in egress.timelines.activities.values()].count(CAROL) == 2
    assert egress.queue.backlog().total == 0


def test_an_event_whose_contact_does_not_come_within_the_limit_is_set_aside(
    egress: Egress, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an event that waits for its contact
    monkeypatch.setattr(unknown_contacts, "ASK_EVERY_MS", 0)
    egress.events.add(event(1, contact=CAROL), event(2), more=False, wait=60)
    egress.carry()
    # When the limit is over
    egress.start(contact_limit_seconds=0)
    egress.write()
    # Then it is a dead letter with that reason, and blocks nothing
    [letter] = egress.letters()
    assert (letter.reason.kind, letter.reason.sentence) == (
        "related-missing",
        unknown_contacts.OVER.format(limit="egress.contact_limit_seconds"),
    )
    assert egress.queue.backlog().total == 0


def test_many_unknown_contacts_are_few_questions(egress: Egress, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given 250 events for as many unknown contacts
    monkeypatch.setattr(unknown_contacts, "ASK_EVERY_MS", 0)
    egress.events.add(
        *(event(number, contact=f"00000000-0000-4000-9000-{number:012}") for number in range(250)), more=False, wait=60
    )
    egress.carry()
    egress.timelines.asked.clear()
    # When they are looked after, Then each question is for a hundred of them
    egress.write()
    assert [len(ids) for ids in egress.timelines.asked] == [100, 100, 50]
    assert egress.queue.backlog().parked == 250
    # And nobody is asked again at once
    monkeypatch.undo()
    egress.write()
    assert len(egress.timelines.asked) == 3


def test_a_page_whose_position_was_not_stored_is_read_again_and_doubles_nothing(
    egress: Egress, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two pages, and a process that dies before the second one's position is stored
    egress.events.add(event(1), event(2))
    egress.events.add(event(3), more=False, wait=60)
    put_page, calls = type(egress.queue).put_page, []

    def dies(queue: object, *args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise MemoryError
        return put_page(queue, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(egress.queue), "put_page", dies)
    with pytest.raises(MemoryError):
        egress.read()
    monkeypatch.undo()
    # When the next one reads
    egress.read()
    egress.write()
    # Then every event appears, once
    assert len(egress.timelines.activities) == 3
    assert egress.totals() == {"read": 3, "written": 3}


def test_the_source_is_left_alone_until_it_may_have_more(egress: Egress) -> None:
    # Given a source that asks to be left alone for a minute
    egress.events.add(event(1), more=False, wait=60)
    assert egress.read() is ReadEnd.CAUGHT_UP
    asked = len(egress.events.asked)
    # When it is read again at once, and by another run
    assert egress.read() is ReadEnd.CAUGHT_UP
    egress.start()
    egress.read()
    # Then it was not asked
    assert len(egress.events.asked) == asked


def test_a_source_in_trouble_is_waited_for_and_shown(egress: Egress) -> None:
    # Given a source that is down behind its first page
    egress.events.add(event(1))
    egress.events.pages.append(Unavailable("journal", "Campaign's event journal is not available (503)", wait=30))
    # When it is read
    assert egress.read() is ReadEnd.WAITING
    # Then what came before is kept, and the trouble is shown
    assert egress.queue.backlog().waiting == 1
    [trouble] = egress.workflow.troubles.all()
    assert (trouble.where, trouble.sentence) == ("events.read", "Campaign's event journal is not available (503)")


def test_a_full_queue_pauses_reading_and_loses_nothing(redis: Redis) -> None:
    # Given a high-water mark of three, and five pages of two events
    egress = Egress(redis, high_water=3)
    for page in range(5):
        egress.events.add(event(2 * page), event(2 * page + 1), more=page < 4, wait=0 if page < 4 else 60)
    # When reading and writing take turns
    assert egress.read() is ReadEnd.FULL
    assert egress.queue.backlog().waiting == 4
    for _ in range(5):
        egress.write()
        egress.read()
    egress.write()
    # Then all ten appear
    assert len(egress.timelines.activities) == 10


def test_events_that_were_missed_are_told_until_they_are_history(egress: Egress) -> None:
    # Given a page that says what was lost
    egress.events.add(event(1), missed="Events of three days were lost", more=False, wait=60)
    # When it is read, Then the position keeps the sentence, beyond the pages that follow
    egress.read()
    assert egress.position.missed is not None
    assert egress.position.missed.sentence == "Events of three days were lost"


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


def file_row(number: int, days_ago: float) -> dict[str, object]:
    """An open as files have it."""
    data = event(number, days_ago=days_ago)["data"]
    return {"id": f"f{number}", "type": "open", "externalId": data["externalId"], "eventDate": data["eventDate"]}


def test_a_batch_that_is_refused_as_a_whole_blames_only_what_spoils_it(egress: Egress) -> None:
    # Given a hundred events, one of which makes Dynamics refuse the whole request
    egress.events.add(*(event(number) for number in range(100)), more=False, wait=60)
    egress.timelines.spoilt = activity_id("open", "e37")
    # When they are written
    egress.carry()
    # Then that one is set aside, and all the others appear
    [letter] = egress.letters()
    assert (letter.id, letter.reason.kind) == (egress.timelines.spoilt, "refused")
    assert len(egress.timelines.activities) == 99


def test_events_that_wait_for_contacts_do_not_keep_others_from_being_read(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a queue that is full of events for contacts that never come
    egress = Egress(redis, high_water=10)
    egress.events.add(*(event(number, contact=f"00000000-0000-4000-9000-{number:012}") for number in range(10)))
    egress.events.add(event(20), event(21), more=False, wait=60)
    assert egress.read() is ReadEnd.FULL
    egress.write()
    assert egress.queue.backlog().parked == 10
    # When writing and reading go on
    egress.write()
    egress.read()
    egress.write()
    # Then the others appear, and those are set aside with the reason
    assert len(egress.timelines.activities) == 2
    assert {letter.reason.sentence for letter in egress.letters()} == {unknown_contacts.FULL.format(nouns="events")}


def test_what_was_read_from_the_journal_is_understood_so_when_files_are_read_now(egress: Egress) -> None:
    # Given events of the journal that wait when the source becomes files, whose columns have other names
    egress.events.add(event(1), event(2), more=False, wait=60)
    egress.read()
    egress.start(place="there", source="files", without_contact="ignore")
    # When they are written, Then they appear
    egress.write()
    assert len(egress.timelines.activities) == 2


def test_an_event_nested_too_deeply_is_set_aside_and_blocks_nothing(egress: Egress) -> None:
    # Given an event that no queue can hold, between two others
    deep: dict[str, object] = {}
    for _ in range(600):
        deep = {"a": deep}
    egress.events.add(event(1), {**event(2), "more": deep}, event(3), more=False, wait=60)
    # When they are read and written
    egress.carry()
    # Then it is a dead letter, and the others appear
    [letter] = egress.letters()
    assert letter.reason.sentence == "The event is nested too deeply to be kept."
    assert len(egress.timelines.activities) == 2


def test_an_answer_of_somebody_else_condemns_no_event(egress: Egress) -> None:
    # Given a proxy that answers in place of Dynamics, more often than a record is tried that nobody understands
    egress.events.add(*(event(number) for number in range(20)), more=False, wait=60)
    egress.read()
    egress.timelines.down = [Malformed("dynamics", "the answer is none to a batch") for _ in range(500)]
    for _ in range(MOST_ATTEMPTS + 3):
        egress.write()
        assert egress.workflow.troubles.all(), "the outage is shown"
        egress.let_time_pass()
    # When Dynamics is back, Then all events appear
    egress.timelines.down.clear()
    egress.write()
    assert (len(egress.timelines.activities), egress.letters()) == (20, [])


def test_a_gateway_that_refuses_every_request_condemns_no_event(egress: Egress) -> None:
    # Given a gateway that answers 400 whatever is sent
    egress.events.add(*(event(number) for number in range(100)), more=False, wait=60)
    egress.read()
    egress.timelines.down = [Refused("dynamics", "the request is not valid (400)") for _ in range(60)]
    # When events are written, Then it is taken for an outage after a few requests
    egress.write()
    assert len(egress.timelines.requests) <= MOST_REFUSALS + 1
    assert egress.letters() == []
    assert egress.workflow.troubles.all()


def test_one_event_that_breaks_its_batch_does_not_hold_the_others_for_ever(egress: Egress) -> None:
    # Given an event because of which Dynamics answers the whole request with 500
    egress.events.add(*(event(number) for number in range(30)), more=False, wait=60)
    egress.timelines.breaking = activity_id("open", "e17")
    egress.read()
    # When writing goes on for a while
    for _ in range(20):
        egress.write()
        egress.let_time_pass()
    # Then all others appear, and that one waits on
    assert len(egress.timelines.activities) == 29
    assert (egress.queue.backlog().total, egress.letters()) == (1, [])


def test_one_contact_out_of_reach_is_that_events_own_matter(egress: Egress) -> None:
    # Given a contact that the application user may not append to
    body = {"error": {"code": "0x80048405", "message": "SecLib::AccessCheckEx failed. ObjectID: x"}}
    denied = Answer("dynamics", "Dynamics PATCH opens", 403, {}, orjson.dumps(body))
    egress.timelines.denied[BOB] = create_error_of(denied, "opens", b"{}")
    egress.events.add(event(1), event(2, contact=BOB), event(3), more=False, wait=60)
    # When the events are written
    egress.carry()
    # Then the workflow goes on, and only that event is set aside, with the remedy
    assert len(egress.timelines.activities) == 2
    [letter] = egress.letters()
    assert "append to contacts at organization level" in letter.reason.sentence


def test_the_limit_does_not_run_while_the_workflow_stands_still(egress: Egress) -> None:
    # Given an event for an unknown contact that was queued long before this run began
    egress.events.add(event(1, contact=CAROL), more=False, wait=60)
    egress.read()
    egress.queue_earlier(hours=25)
    egress.start()
    # When it is written and looked after
    egress.write()
    egress.write()
    # Then its contact has its time
    assert (egress.queue.backlog().parked, egress.letters()) == (1, [])


def test_nothing_stays_of_contacts_that_were_waited_for(egress: Egress, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given events that wait for their contacts
    monkeypatch.setattr(unknown_contacts, "ASK_EVERY_MS", 0)
    people = [f"00000000-0000-4000-9000-{number:012}" for number in range(50)]
    egress.events.add(*(event(number, contact=one) for number, one in enumerate(people)), more=False, wait=60)
    egress.carry()
    # When the contacts come, and the events with them
    egress.timelines.contacts.update(people)
    egress.write()
    # Then Redis remembers none of them
    assert len(egress.timelines.activities) == 50
    for key in egress.redis.scan_iter():
        assert people[7].encode() not in (egress.redis.dump(key) or b""), key
