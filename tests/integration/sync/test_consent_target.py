"""The target of consent against a sandbox: what it reads, decides, writes and remembers, and what it never touches."""

from collections.abc import Iterator

import orjson
import pytest

from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.errors import Refused, RelatedMissing, Unreachable
from connectors.http import NoThrottle
from store.decisions import Confirmed
from store.freshness import OPTOUT
from store.record_queue import Again, Lane, Leased, Parent, Parked, Unchanged
from store.store import Store
from sync.consent.payload import OF_DYNAMICS
from sync.mapping.mapper import Unmappable
from sync.reasons import reason_of
from sync.streams import Send
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.integration.sync.consent_stage import PAIRS, ConsentStage
from tests.sandboxes import Sandbox

STRANGER = "00000000-0000-4000-8000-00000000000c"


@pytest.fixture
def stage(sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConsentStage]:
    monkeypatch.setenv("DYNAMICS_SECRET", sandbox.info["dynamics"]["client_secret"])
    monkeypatch.setenv("CAMPAIGN_SECRET", sandbox.info["campaign"]["client_secret"])
    sandbox.admin.put("/switches", {"profile_key": ""})
    dynamics = Dynamics(dynamics_connection(sandbox), NoThrottle())
    campaign = Campaign(campaign_connection(sandbox), NoThrottle())
    stage = ConsentStage(dynamics, campaign, sandbox.admin, store.workflow("optinout"))
    for contact in stage.ids[:3]:
        stage.contact(contact, donotemail=False, followemail=True)
    stage.wait(10)
    yield stage
    dynamics.close()
    campaign.close()


def test_an_opt_out_in_campaign_reaches_dynamics_once(stage: ConsentStage) -> None:
    # Given a contact who opts out in Campaign, later than anything changed in Dynamics
    ann = stage.ids[0]
    stage.profile(ann)
    stage.wait(5)
    stage.profile(ann, blackListEmail=True)
    # When the change is written
    assert stage.changed_in_campaign(ann) is False
    # Then Dynamics has it, after one question and one change, and Campaign was not written
    assert stage.flags(ann) == (True, True)
    assert stage.asked == ["current", "update_all"]
    # And the decision is on record with its end
    [decision] = stage.decisions(ann)
    assert (decision.rule, decision.winner, decision.written_to) == ("campaign-newer", "campaign", "dynamics")
    assert decision.dynamics[0] is False and decision.campaign[0] is True
    assert decision.confirmed == Confirmed.ANSWER and decision.skew_ms is not None
    # And neither its repetition nor its echo in Dynamics costs anything more
    stage.asked.clear()
    assert isinstance(stage.changed_in_campaign(ann), Unchanged)
    assert isinstance(stage.changed_in_dynamics(ann), Unchanged)
    assert "update_all" not in stage.asked and "update" not in stage.asked
    assert len(stage.decisions(ann)) == 1


def test_an_opt_out_in_dynamics_reaches_the_one_profile_and_its_echo_is_no_news(stage: ConsentStage) -> None:
    # Given a contact who opts out in Dynamics, by a column that says the opposite, too
    ann = stage.ids[0]
    stage.profile(ann)
    stage.contact(ann, donotemail=True, followemail=False)
    # When the change is written
    assert stage.changed_in_dynamics(ann) is False
    # Then the profile has both flags, in one request, and the row was not written
    assert stage.asked == ["profile_by_key", "current", "update"]
    [profile] = [one for one in stage.admin.profiles() if one["externalId"] == ann]
    assert profile["blackListEmail"] is True and profile["blackListMobile"] is True
    # And what Campaign tells of it is our own word
    assert not stage.is_news(ann)
    assert {decision.rule for decision in stage.decisions(ann)} == {"opted-out-wins"}


def test_an_opt_in_in_campaign_wins_over_an_older_record_and_loses_to_a_newer_one(stage: ConsentStage) -> None:
    # Given two contacts who opted out, of whom one has opted in again in Campaign since
    ann, bob = stage.ids[:2]
    for contact in (ann, bob):
        stage.profile(contact)
        stage.contact(contact, donotemail=True)
        assert stage.changed_in_dynamics(contact) is False
    stage.wait(30)
    stage.profile(ann, blackListEmail=False)
    # And the other one, too, whose record was then changed in Dynamics in some other way
    stage.profile(bob, blackListEmail=False)
    stage.wait(30)
    stage.contact(bob, donotfax=True)
    # When both are written
    answers = stage.write((ann, stage.told(ann)), (bob, stage.told(bob)))
    # Then the one is opted in on both sides, and the other opted out
    assert list(answers) == [False, False]
    assert (stage.flags(ann), stage.flags(bob)) == ((False, False), (True, True))
    assert stage.decisions(ann)[-1].rule == "campaign-newer"
    assert stage.decisions(bob)[-1].rule == "opted-out-wins"
    assert stage.decisions(bob)[-1].written_to == "campaign"


def test_a_row_that_changes_while_it_is_written_is_read_and_decided_again(stage: ConsentStage) -> None:
    # Given a contact who opts out in Campaign, and whose row is changed just before ours arrives
    ann = stage.ids[0]
    stage.profile(ann)
    stage.wait(5)
    stage.profile(ann, blackListEmail=True)
    told = stage.told(ann)
    stage.hook(stage.dynamics, "update_all", before=lambda: stage.contact(ann, donotemail=True))
    # When it is written
    assert isinstance(stage.changed_in_campaign(ann, told), Unchanged)
    # Then what was decided was not written, since it was there by then
    assert stage.flags(ann) == (True, True)
    assert [decision.confirmed for decision in stage.decisions(ann)] == [Confirmed.REFUSED]


def test_a_contact_that_is_deleted_while_it_is_written_is_not_made_again(stage: ConsentStage) -> None:
    # Given a contact who opts out in Campaign, and whose row is deleted just before ours arrives
    ann = stage.ids[0]
    stage.profile(ann, blackListEmail=True)
    told = stage.told(ann)
    stage.hook(stage.dynamics, "update_all", before=lambda: stage.admin.post("/dynamics/delete", {"ids": [ann]}))
    # When it is written, then it is set aside, and the contact is not there
    answer = stage.changed_in_campaign(ann, told)
    assert isinstance(answer, Refused) and answer.code == "deleted"
    assert ann not in stage.admin.contacts()
    assert [decision.confirmed for decision in stage.decisions(ann)] == [Confirmed.REFUSED]


def test_nothing_goes_to_campaign_before_a_row_that_has_changed_was_read_again(stage: ConsentStage) -> None:
    # Given a contact who opted out of one thing in Campaign and of another in Dynamics
    ann = stage.ids[0]
    stage.profile(ann)
    stage.contact(ann, followemail=False)
    stage.wait(5)
    stage.profile(ann, blackListEmail=True)
    # And opts in again in Dynamics just before ours arrives
    stage.hook(stage.dynamics, "update_all", before=lambda: stage.contact(ann, followemail=True))
    # When both are written
    assert stage.changed_in_dynamics(ann) is False
    # Then only what is still so is written, and the decisions of the first attempt have come to nothing
    [profile] = [one for one in stage.admin.profiles() if one["externalId"] == ann]
    assert profile["blackListMobile"] is False
    assert stage.flags(ann) == (True, True)
    ends = [(decision.flag, decision.confirmed) for decision in stage.decisions(ann)]
    assert sorted(ends) == [
        ("blackListEmail", Confirmed.ANSWER),
        ("blackListEmail", Confirmed.REFUSED),
        ("blackListMobile", Confirmed.REFUSED),
    ]


def test_a_writer_whose_contact_another_one_has_taken_over_sends_nothing(stage: ConsentStage) -> None:
    # Given a writer that has read both sides of a contact, and then slept while another one brought them together
    ann = stage.ids[0]
    stage.profile(ann, blackListEmail=True)
    told = stage.told(ann)
    stage.hook(stage.dynamics, "current", after=lambda: overtaken(stage, ann, told))
    # When it wakes up
    answer = stage.changed_in_campaign(ann, told)
    # Then it leaves the contact for later, and what the other one has written stands alone
    assert isinstance(answer, Again)
    assert stage.asked.count("update_all") == 1
    assert len(stage.decisions(ann)) == 1


def test_what_was_never_answered_is_looked_up_before_a_notice_is_believed(stage: ConsentStage) -> None:
    # Given an opt-out in Dynamics whose way to Campaign ended without an answer, and a notice of before
    ann = stage.ids[0]
    stage.profile(ann)
    told = stage.told(ann)
    stage.contact(ann, donotemail=True)
    stage.hook(stage.campaign, "update", after=lost)
    stage.changed_in_dynamics(ann)
    stage.asked.clear()
    # When the notice is written
    assert isinstance(stage.changed_in_campaign(ann, told), Unchanged)
    # Then Campaign was asked first, and our own word was found there
    assert stage.asked == ["profile_by_key", "current"]
    assert [decision.confirmed for decision in stage.decisions(ann)] == [Confirmed.READING]


def test_an_answer_that_is_lost_is_found_by_reading_and_nothing_is_sent_twice(stage: ConsentStage) -> None:
    # Given an opt-out in Campaign that reaches Dynamics, and an answer that is lost
    ann = stage.ids[0]
    stage.profile(ann)
    stage.wait(5)
    stage.profile(ann, blackListEmail=True)
    told = stage.told(ann)
    stage.hook(stage.dynamics, "update_all", after=lost)
    assert isinstance(stage.changed_in_campaign(ann, told), Unreachable)
    assert stage.decisions(ann)[0].confirmed is None
    # When it is tried again
    stage.asked.clear()
    assert isinstance(stage.changed_in_campaign(ann, told), Unchanged)
    # Then it is found there
    assert "update_all" not in stage.asked
    [decision] = stage.decisions(ann)
    assert decision.confirmed == Confirmed.READING
    assert stage.flags(ann) == (True, True)


def test_an_answer_of_campaign_that_is_lost_is_found_by_reading(stage: ConsentStage) -> None:
    # Given an opt-out in Dynamics that reaches Campaign, and an answer that is lost
    ann = stage.ids[0]
    stage.profile(ann)
    stage.contact(ann, donotemail=True)
    stage.hook(stage.campaign, "update", after=lost)
    assert isinstance(stage.changed_in_dynamics(ann), Unreachable)
    # When it is tried again, then it is found there, and Campaign's time of it is no change of Campaign's
    stage.asked.clear()
    assert isinstance(stage.changed_in_dynamics(ann), Unchanged)
    assert "update" not in stage.asked
    assert [decision.confirmed for decision in stage.decisions(ann)] == [Confirmed.READING]
    assert not stage.is_news(ann)


def overtaken(stage: ConsentStage, contact: str, told: bytes) -> None:
    assert stage.changed_in_campaign(contact, told) is False


def lost() -> None:
    raise Unreachable("dynamics", "no answer came")


def test_a_contact_without_a_profile_is_left_alone(stage: ConsentStage) -> None:
    # Given a contact who opted out in Dynamics and has no profile
    ann = stage.ids[0]
    stage.contact(ann, donotemail=True)
    # When the change is written, then there is nothing to write to
    assert isinstance(stage.changed_in_dynamics(ann), Unchanged)
    assert stage.decisions(ann) == [] and stage.admin.profiles() == []
    # And where Campaign is read in files only, which might never tell of a new profile, it is looked for again
    stage.config = stage.config.model_copy(update={"poll": None})
    assert isinstance(stage.changed_in_dynamics(ann), Again)


def test_two_profiles_with_one_key_are_refused_and_left_alone(stage: ConsentStage) -> None:
    # Given two profiles that carry one contact's key, and a neighbour with one
    ann, bob = stage.ids[:2]
    for _ in range(2):
        stage.campaign.create("profile", {"externalId": ann, "email": "a@example.com"}, 10)
    stage.profile(bob)
    stage.contact(ann, donotemail=True)
    stage.contact(bob, donotemail=True)
    # When both contacts are written
    refused, written = stage.write((ann, OF_DYNAMICS), (bob, OF_DYNAMICS))
    # Then the first is refused with its reason, and the neighbour is not held up
    assert isinstance(refused, Refused) and "two profiles carry this contact's key" in refused.sentence
    assert written is False
    assert [one["blackListEmail"] for one in stage.admin.profiles() if one["externalId"] == ann] == [False, False]
    assert stage.flags(bob) == (True, True)


def test_a_stranger_waits_for_its_contact(stage: ConsentStage) -> None:
    stage.profile(STRANGER, blackListEmail=True)
    assert stage.changed_in_campaign(STRANGER) == Parked(STRANGER, Parent("contact", STRANGER), released=False)
    # While a contact that was deleted in Dynamics is done with
    assert isinstance(stage.changed_in_dynamics(STRANGER), Unchanged)


def test_a_stranger_is_set_aside_at_once_where_nobody_is_to_wait(stage: ConsentStage) -> None:
    # Given a limit of no time, and an opt-out of somebody whom Dynamics does not have
    stage.config = stage.config.model_copy(update={"contact_limit_seconds": 0})
    stage.profile(STRANGER, blackListEmail=True)
    # When it is written, Then it is set aside, as it is when the time is over
    answer = stage.changed_in_campaign(STRANGER)
    assert isinstance(answer, RelatedMissing) and reason_of(answer).kind == "related-missing"
    # While a contact that was deleted in Dynamics is done with
    assert isinstance(stage.changed_in_dynamics(STRANGER), Unchanged)


def test_a_profile_whose_key_is_no_contact_is_refused_by_itself(stage: ConsentStage) -> None:
    record = Leased("4711", 1, 0, Lane.LIVE, OF_DYNAMICS, 0, 0)
    with pytest.raises(Unmappable, match="externalId of this profile is not the id of a contact"):
        stage.target().prepare(record, None)


def test_a_value_that_is_not_understood_changes_nothing_and_is_shown_once(stage: ConsentStage) -> None:
    # Given a contact who opted out in Dynamics, and one who did not, and a file that nobody understands
    ann, bob = stage.ids[:2]
    stage.config = stage.config.model_copy(update={"direction": "campaign_to_dynamics"})
    for contact in (ann, bob):
        stage.profile(contact)
    stage.contact(ann, donotemail=True)
    flags = {"blackListEmail": {"out": None, "at": None}}
    payload = orjson.dumps({"from": "campaign", "flags": flags, "seen": stage.store.now_ms(), "modified": None})
    # When it is written, twice
    for _ in range(2):
        answers = stage.write((ann, payload), (bob, payload))
        # Then nothing is
        assert all(isinstance(answer, Unchanged) for answer in answers)
    assert (stage.flags(ann), stage.flags(bob)) == ((True, False), (False, False))
    # And what the profiles themselves say is on record once: nobody ever touched that of the first; the others agree
    [decision] = stage.decisions(ann)
    assert (decision.rule, decision.written_to) == ("untouched", "")
    assert stage.decisions(bob) == []


def test_one_way_writes_what_campaign_says_and_never_to_campaign(stage: ConsentStage) -> None:
    # Given contacts who say other things than their profiles, of which somebody has touched each
    ann, bob = stage.ids[:2]
    stage.config = stage.config.model_copy(update={"direction": "campaign_to_dynamics"})
    stage.profile(ann, blackListEmail=True)
    stage.profile(bob, blackListEmail=True)
    stage.profile(bob, blackListEmail=False)
    stage.contact(bob, donotemail=True)
    # When both are written
    assert list(stage.write((ann, stage.told(ann)), (bob, stage.told(bob)))) == [False, False]
    # Then Campaign's word stands on both sides, whichever it is, after a look at the one who is opted in
    assert (stage.flags(ann), stage.flags(bob)) == ((True, True), (False, False))
    assert stage.asked == ["current", "profile_by_key", "current", "update_all"]
    assert {decision.rule for one in (ann, bob) for decision in stage.decisions(one)} == {"one-way"}
    # And what was queued of Dynamics while it was read, too, leads to a look, and nothing more
    assert isinstance(stage.changed_in_dynamics(ann), Unchanged)


def test_fifty_contacts_take_one_question_and_one_change(stage: ConsentStage) -> None:
    # Given fifty contacts who opted out in Campaign
    stage.wait(5)
    ids = stage.ids[:50]
    for contact in ids:
        stage.profile(contact, blackListEmail=True)
    notices = [(contact, stage.told(contact)) for contact in ids]
    stage.asked.clear()
    # When they are written together
    answers = stage.write(*notices)
    # Then it takes one request to read them and at most one to write them (some had opted out there already)
    assert {answer if isinstance(answer, bool) else type(answer) for answer in answers} <= {False, Unchanged}
    assert stage.asked.count("current") == 1 and stage.asked.count("update_all") == 1
    assert all(stage.admin.contacts()[contact]["donotemail"] for contact in ids)


def test_a_policy_that_lets_campaign_win_needs_no_times(stage: ConsentStage) -> None:
    ann = stage.ids[0]
    pairs = tuple(pair.model_copy(update={"policy": "campaign"}) for pair in PAIRS)
    stage.config = stage.config.model_copy(update={"flags": pairs})
    stage.profile(ann, blackListEmail=True)
    stage.profile(ann, blackListEmail=False)
    stage.contact(ann, donotemail=True)
    assert stage.changed_in_dynamics(ann) is False
    assert stage.flags(ann) == (False, False)
    assert stage.decisions(ann)[0].rule == "system-wins"
    # But a flag that nobody ever touched wins nothing
    bob = stage.ids[1]
    stage.profile(bob)
    stage.contact(bob, donotemail=True)
    assert stage.changed_in_dynamics(bob) is False
    assert stage.flags(bob) == (True, True)
    assert stage.decisions(bob)[0].rule == "untouched"


def test_when_an_opt_out_was_made_is_known_once_it_has_arrived(stage: ConsentStage) -> None:
    # Given a contact who opts out in Campaign, and one who changed nothing
    ann, bob = stage.ids[:2]
    for contact in (ann, bob):
        stage.profile(contact)
    stage.wait(5)
    stage.profile(ann, blackListEmail=True)
    told = [stage.told(contact) for contact in (ann, bob)]
    # When both are written
    target, sends = stage.target(), []
    for contact, payload in zip((ann, bob), told, strict=True):
        send = target.prepare(Leased(contact, 1, stage.store.now_ms(), Lane.LIVE, payload, 0, 0), None)
        assert isinstance(send, Send)
        sends.append(send)
    target.send(sends, lambda: 10.0)
    # Then the opt-out counts from the time that Campaign tells, on its way to Dynamics; who changed nothing counts not
    [decision] = [one for one in stage.decisions(ann) if one.written_to]
    at_ms = decision.campaign[1]
    assert at_ms is not None
    assert (sends[0].changed_ms, sends[0].opt_outs) == (at_ms, ((OPTOUT["dynamics"], at_ms),))
    assert (sends[1].changed_ms, sends[1].opt_outs) == (None, ())
