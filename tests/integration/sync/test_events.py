"""Email events on their way from a source to the timelines: each once, none lost, and what does not fit is told."""

from datetime import timedelta

import orjson
import pytest
from redis import Redis

from connectors.dynamics_errors import create_error_of
from connectors.errors import Malformed, Refused, Unavailable
from connectors.wire import Answer
from store.outcome_log import Ending
from sync import unknown_contacts
from sync.events.activity_target import MOST_REFUSALS
from sync.events.event import activity_id
from sync.pages import RawRecord
from sync.retry import MOST_ATTEMPTS
from sync.streams import ReadEnd, Slice
from tests.integration.sync.timeline import ANN, BOB, NOW, Egress, event

CAROL = "00000000-0000-4000-8000-00000000000c"


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
    past = egress.workflow.outcomes("events").of(letter.id)
    assert [(one.ending, one.cause) for one in past] == [(Ending.REFUSED, "related-missing"), (Ending.PARKED, "")]
    # And the other one was created
    [other] = egress.workflow.outcomes("events").of(activity_id("open", "e2"))
    assert (other.ending, other.attempts) == (Ending.CREATED, 1)
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
