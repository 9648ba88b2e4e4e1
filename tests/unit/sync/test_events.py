"""Which of Campaign's events appear in Dynamics, of whom they tell, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.events.event import Event, Verdict
from sync.mapping.mapper import Unmappable
from tests.unit.sync.events import CONTACT, NOW, journal_event, row, rules, understood

NO = None  # does not appear
DEAD = "dead letter"


def what_becomes_of(value: dict[str, Any], **config: Any) -> str | None:
    try:
        found = rules(**config).understand(value, NOW)
    except Unmappable:
        return DEAD
    return found.kind if isinstance(found, Event) else NO


@pytest.mark.parametrize(
    ("kind", "failure", "appears"),
    [
        ("send", "", "send"),
        ("send", "hard", "send"),  # what a send has no status for is no failure
        ("open", "", "open"),
        ("open", "soft", "open"),
        ("click", "", "click"),
        ("bounce", "hard", "bounce"),
        ("bounce", "HARD", "bounce"),
        ("bounce", "2", "bounce"),
        ("bounce", "soft", NO),
        ("bounce", "1", NO),
        ("bounce", "", "bounce"),
        ("bounce", None, "bounce"),
        ("resurrection", "", DEAD),
    ],
)
def test_an_event_of_the_journal_appears_as_its_type_says(kind: str, failure: str | None, appears: str | None) -> None:
    assert what_becomes_of(journal_event(kind, failureType=failure)) == appears


@pytest.mark.parametrize(
    ("kind", "status", "failure", "appears"),
    [
        # A delivery log: a send with a status, which changes when the email comes back days later.
        ("send", "", "", "send"),
        ("send", "1", "", "send"),
        ("send", "Sent", "", "send"),
        ("send", "sent", "soft", "send"),  # a failure that was got over
        ("send", "6", "", NO),
        ("send", "Pending", "", NO),
        ("send", "0", "", NO),
        ("send", "2", "2", "bounce"),
        ("send", "Failed", "Hard", "bounce"),
        ("send", "Failed", "Soft", NO),
        ("send", "2", "1", NO),
        ("send", "Failed", "Ignored", NO),
        ("send", "Failed", "", DEAD),
        ("send", "Misplaced", "", DEAD),
        # Tracking logs have none, and one that is there says nothing about them.
        ("2", "", "", "open"),
        ("Email click", "", "", "click"),
        ("1", "2", "2", "click"),
        ("open", "Misplaced", "soft", "open"),
        ("Opt-out", "", "", NO),
        ("Mirror page", "", "", NO),
        ("6", "", "", NO),
        # An export may name bounces itself.
        ("bounce", "2", "2", "bounce"),
        ("bounce", "Failed", "Soft", NO),
        ("bounce", "", "", "bounce"),
        ("4711", "", "", DEAD),
        ("", "1", "", DEAD),
    ],
)
def test_a_line_of_a_log_appears_as_type_status_and_failure_say(
    kind: str, status: str, failure: str, appears: str | None
) -> None:
    value = row(type=kind, status=status, failureType=failure)
    assert what_becomes_of(value, source="files") == appears


@pytest.mark.parametrize("switch", ["sends", "opens", "clicks", "bounces"])
@pytest.mark.parametrize("kind", ["send", "open", "click", "bounce"])
def test_each_switch_leaves_out_its_own_kind_and_no_other(switch: str, kind: str) -> None:
    appears = what_becomes_of(journal_event(kind, failureType="hard"), events={switch: False})
    assert appears == (NO if switch == f"{kind}s" else kind)


@pytest.mark.parametrize(("sends", "bounces"), [(True, False), (False, True)])
def test_a_send_that_failed_is_switched_as_a_bounce(sends: bool, bounces: bool) -> None:
    failed = row(status="failed", failureType="hard")
    appears = what_becomes_of(failed, source="files", events={"sends": sends, "bounces": bounces})
    assert appears == ("bounce" if bounces else NO)


def test_without_a_column_for_failures_no_send_that_failed_is_a_bounce() -> None:
    files = {"fields": {"failure_type": None}}
    assert what_becomes_of(row(status="failed", failureType="hard"), source="files", files=files) is NO
    # and without one for the status every send is one
    assert what_becomes_of(row(status="failed"), source="files", files={"fields": {"status": None}}) == "send"


def test_an_event_is_taken_over_with_everything_that_it_tells() -> None:
    click = journal_event("click", url="https://shop.example.com/?a=1&b=2", id="e9")
    assert understood(click) == Event(
        kind="click",
        id="e9",
        contact=CONTACT,
        time=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
        campaign="2026Spring",
        delivery="DM190",
        url="https://shop.example.com/?a=1&b=2",
        mirror_page="https://mirror.example.com/1",
    )


def test_what_need_not_be_told_is_empty_when_it_is_not() -> None:
    # Given an event without campaign, with an empty delivery, and blanks for a mirror page
    found = understood(journal_event(campaignName=None, deliveryName="", mirrorPageUrl="  "))
    # Then it appears all the same
    assert (found.campaign, found.delivery, found.url, found.mirror_page) == ("", "", "", "")
    # and so does one whose fields are not looked for
    nowhere = dict.fromkeys(("campaign", "delivery", "url", "mirror_page", "failure_type"))
    assert understood(journal_event(), journal={"fields": nowhere}).campaign == ""


def test_a_dot_leads_into_an_object_of_the_journal_and_is_a_letter_in_the_name_of_a_column() -> None:
    # Given an event whose id lies deep, as other providers of I/O Events have it
    value = {**journal_event(), "header": {"_adobeio": {"msgId": "deep"}}}
    assert understood(value, journal={"fields": {"id": "header._adobeio.msgId"}}).id == "deep"
    # Given a file whose column has a dot in its name
    value = {**row(), "log.id": "flat"}
    assert understood(value, source="files", files={"fields": {"id": "log.id"}}).id == "flat"


def test_a_number_is_taken_for_a_text_where_a_text_is_wanted() -> None:
    found = understood(journal_event(id=4711, campaignName=2026))
    assert (found.id, found.campaign) == ("4711", "2026")
    assert rules().activity_id(journal_event(id=4711)) == rules().activity_id(journal_event(id="4711"))


@pytest.mark.parametrize("path", ["id", "type", "data.externalId", "data.eventDate"])
@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_a_part_that_is_missing_is_named_by_its_path(path: str, nothing: str | None) -> None:
    with pytest.raises(Unmappable) as caught:
        rules().understand(journal_event(**{path.split(".")[-1]: nothing}), NOW)
    assert (caught.value.field, caught.value.sentence) == (path, f"The event has no {path}.")


@pytest.mark.parametrize("data", [None, "text", 7, [], True], ids=str)
def test_data_that_is_no_object_has_nothing_in_it(data: object) -> None:
    with pytest.raises(Unmappable, match=r"^The event has no data\.externalId\.$"):
        rules().understand({**journal_event(), "data": data}, NOW)


@pytest.mark.parametrize("wrong", [True, 1.5, [], {"a": 1}, 1 << 70], ids=str)
@pytest.mark.parametrize("path", ["id", "type", "data.externalId", "data.campaignName", "data.url"])
def test_what_is_no_text_is_refused_where_a_text_is_wanted(path: str, wrong: object) -> None:
    with pytest.raises(Unmappable) as caught:
        rules().understand(journal_event(**{path.split(".")[-1]: wrong}), NOW)
    assert caught.value.sentence == f"{path} is neither text nor a whole number."


@pytest.mark.parametrize("wrong", ["a\nb", "a\0b", "\ud800", "a\x7f"], ids=repr)
def test_text_that_no_column_takes_is_refused(wrong: str) -> None:
    with pytest.raises(Unmappable, match=r"^data\.campaignName holds control characters, or half of a letter\.$"):
        rules().understand(journal_event(campaignName=wrong), NOW)
    # while letters that are merely rare are taken over
    rare = "Frühling \N{CAT FACE}\N{ZERO WIDTH JOINER}\N{BLACK LARGE SQUARE} a\N{NO-BREAK SPACE}b"
    assert understood(journal_event(campaignName=rare)).campaign == rare


@pytest.mark.parametrize(
    "spelling",
    [
        CONTACT,
        CONTACT.upper(),
        f"{{{CONTACT}}}",
        f"({CONTACT.upper()})",
        f"  {{ {CONTACT} }} ",
        CONTACT.replace("-", ""),
        f"{{{CONTACT.replace('-', '').upper()}}}",
    ],
)
def test_a_contact_is_known_by_any_spelling_of_its_id(spelling: str) -> None:
    assert understood(journal_event(externalId=spelling)).contact == CONTACT


@pytest.mark.parametrize(
    "text", ["CRM-4711", CONTACT[:-1], CONTACT + "0", f"{{{CONTACT}", CONTACT.replace("3f", "3g"), f"({CONTACT}}}", 12]
)
def test_what_is_no_guid_is_no_contact(text: object) -> None:
    with pytest.raises(Unmappable, match=r"^data\.externalId is not the id of a contact: it is no GUID\.$"):
        rules(without_contact="ignore").understand(journal_event(externalId=text), NOW)


def test_an_event_of_somebody_who_is_not_from_dynamics_can_be_ignored() -> None:
    stranger = journal_event(externalId="")
    assert what_becomes_of(stranger) == DEAD
    assert what_becomes_of(stranger, without_contact="ignore") is NO


@pytest.mark.parametrize(
    ("limit", "ahead", "words"),
    [
        (3600, timedelta(hours=5), "5 hours"),
        (3600, timedelta(days=400), "9,600 hours"),
        (3600, timedelta(minutes=61), "61 minutes"),
        (10, timedelta(seconds=11), "11 seconds"),
    ],
)
def test_a_clock_that_is_fast_beyond_the_limit_is_refused(limit: int, ahead: timedelta, words: str) -> None:
    value = journal_event(eventDate=(NOW + ahead).isoformat())
    with pytest.raises(Unmappable) as caught:
        rules(future_limit_seconds=limit).understand(value, NOW)
    assert caught.value.sentence == (
        f"data.eventDate lies {words} ahead of now, more than egress.future_limit_seconds allows."
    )
    # and exactly at the limit it is not
    at_limit = journal_event(eventDate=(NOW + timedelta(seconds=limit)).isoformat())
    assert what_becomes_of(at_limit, future_limit_seconds=limit) == "open"


def test_a_limit_beyond_all_times_is_none() -> None:
    assert what_becomes_of(journal_event(eventDate="2055-01-01T00:00:00Z"), future_limit_seconds=1e300) == "open"


@pytest.mark.parametrize(
    ("date", "sentence"),
    [
        ("22.11.2026", "data.eventDate is not a point in time as ISO 8601 or egress.date_formats write it."),
        ("2026-02-30", "data.eventDate is no date and time of the calendar."),
        (True, "data.eventDate is neither a point in time as text nor a whole number of milliseconds since 1970."),
        (1764000000, "data.eventDate lies before the year 2000; a number counts milliseconds since 1970, not seconds."),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_without_repeating_it(date: object, sentence: str) -> None:
    with pytest.raises(Unmappable) as caught:
        rules().understand(journal_event(eventDate=date), NOW)
    assert (caught.value.field, caught.value.sentence) == ("data.eventDate", sentence)


def test_an_unknown_type_and_an_unknown_status_say_where_they_are_listed() -> None:
    with pytest.raises(Unmappable, match=r"^The value of type is not among egress\.types: it is an unknown type\.$"):
        rules().understand(journal_event("sms"), NOW)
    with pytest.raises(Unmappable, match=r"^The value of status is not among egress\.statuses: .* unknown status\.$"):
        rules(source="files").understand(row(status="lost"), NOW)
    with pytest.raises(Unmappable, match=r"a send that failed, and has no failureType that says whether for good\.$"):
        rules(source="files").understand(row(status="failed"), NOW)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_JSON = st.recursive(
    _SCALARS | st.sampled_from([CONTACT, "com.adobe.campaign.email.send", "send", "failed", "2026-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NAMES = ["externalId", "eventDate", "campaignName", "deliveryName", "url", "mirrorPageUrl", "failureType", "status"]
_DATA = st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES, _JSON))
_EVENTS = st.fixed_dictionaries({}, optional={"id": _JSON, "type": _JSON, "data": _JSON | _DATA}) | st.builds(
    lambda changes: {**journal_event(), **changes}, st.dictionaries(st.sampled_from(["id", "type", "data"]), _JSON)
)


@settings(max_examples=300)
@given(_EVENTS | st.dictionaries(st.text(max_size=5), _JSON, max_size=4), st.sampled_from(["journal", "files"]))
@example({"id": "\ud800", "type": "send"}, "journal")
@example({"id": 10**4000, "type": "send"}, "journal")
@example(journal_event(eventDate=10**400), "journal")
@example(journal_event(eventDate=float("nan")), "journal")
@example(journal_event(eventDate="0001-01-01T00:00:00+14:00"), "journal")
@example(journal_event(eventDate="9999-12-31T23:59:59-14:00"), "journal")
def test_whatever_json_comes_it_is_an_event_or_left_out_or_refused(value: dict[str, Any], source: str) -> None:
    # Given any JSON object at all
    config: dict[str, Any] = {"source": source, "files": {"fields": {"contact": "data", "time": "data"}}}
    ready = rules(**config, date_formats=["%d/%m/%Y"])
    # Then it has an id, the same each time
    assert ready.activity_id(value) == rules(**config).activity_id(value)
    # and is an event, or is left out, or is refused with a sentence
    try:
        found = ready.understand(value, NOW)
    except Unmappable as refused:
        assert refused.sentence.endswith(".") and refused.field
        return
    assert found is Verdict.FILTERED or isinstance(found, Event)
    if isinstance(found, Event):
        assert found.kind == ready.kind_of(value)
