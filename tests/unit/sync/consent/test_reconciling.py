"""Two sides of a contact brought together: what is written, what is ours, what is outdated, what is in doubt."""

from typing import Any

import pytest

from config.consent_flags import FlagPair, WireFlag
from config.optinout import FlagTimes, OptinoutConfig
from connectors.clocks import Skew
from store.decisions import Decision
from sync.consent.doubles import as_one
from sync.consent.memory import CARRIED_OUT_WITHIN_MS, HELD_MS, Memory, System
from sync.consent.news import is_news_of_contact, is_news_of_profile
from sync.consent.reconciling import Plan, reconcile
from sync.consent.rule import NEVER_MS, Seen
from sync.consent.states import ContactState, ProfileState, Skews

CONTACT = "5f6c1d2e-0000-4000-8000-000000000001"
T = 1_700_000_000_000
SKEWS = Skews(Skew(0, 0), Skew(0, 0))


def configured(**changed: Any) -> OptinoutConfig:
    given: dict[str, Any] = {"dynamics": "donotemail", "campaign": "blackListEmail"}
    for name in ("policy", "opted_out", "campaign"):
        if name in changed:
            given[name] = changed.pop(name)
    whole: dict[str, Any] = {"direction": "bidirectional", "flags": (FlagPair(**given),), **changed}
    return OptinoutConfig(**whole)


def row(value: bool | None, seconds: int, version: int = 1) -> ContactState:
    return ContactState(CONTACT, {"donotemail": value}, T + seconds * 1000, f'W/"{version}"')


def profile(value: bool | None, ms: int | None, read: int = 0, live: bool = False, **changed: Any) -> ProfileState:
    """`ms`: the flag's time after T."""
    flag = changed.get("flag", "blackListEmail")
    at = ms if ms is None or ms == NEVER_MS else T + ms
    return ProfileState({flag: Seen(value, at)}, changed.get("modified", at), T + (read or (ms or 0)), live)


def sent_to(plan: Plan) -> tuple[dict[str, bool], dict[Any, bool]]:
    return plan.to_dynamics, plan.to_campaign


def answered(plan: Plan, second: int, version: int = 2) -> Memory:
    """What is remembered once both systems have confirmed."""
    after = plan.memory.dynamics_answered(f'W/"{version}"', T + second * 1000) if plan.to_dynamics else plan.memory
    moment = T + second * 1000
    return after.campaign_answered(moment, moment + 100, Skew(0, 0)) if plan.to_campaign else after


def rules(decisions: tuple[Decision, ...]) -> list[tuple[str, str]]:
    return [(decision.rule, decision.written_to) for decision in decisions]


def test_equal_sides_cost_nothing_and_are_remembered() -> None:
    plan = reconcile(configured(), row(True, 5), profile(True, 9000), None, T, SKEWS)
    assert sent_to(plan) == ({}, {}) and plan.decisions == ()
    assert plan.memory.flags["blackListEmail"].campaign == Seen(True, T + 9000)


def test_a_column_that_means_the_opposite_is_turned_over() -> None:
    config = configured(opted_out=False)
    # Given a column that says that the contact wants it
    assert sent_to(reconcile(config, row(False, 5), profile(True, 9000), None, T, SKEWS)) == ({}, {})
    # When the contact opts out in Campaign, then it says that the contact does not
    assert sent_to(reconcile(config, row(True, 5), profile(True, 9000), None, T, SKEWS))[0] == {"donotemail": False}
    # And in again
    assert sent_to(reconcile(config, row(False, 5), profile(False, 9000), None, T, SKEWS))[0] == {"donotemail": True}


@pytest.mark.parametrize("opted_out", [True, False])
def test_a_column_without_a_value_takes_an_opt_out_and_nothing_in_doubt(opted_out: bool) -> None:
    # Given a row that does not say anything
    config = configured(opted_out=opted_out)
    out = reconcile(config, row(None, 5), profile(True, NEVER_MS), None, T, SKEWS)
    assert out.to_dynamics == {"donotemail": opted_out}
    # When Campaign says that the contact has not opted out
    still = reconcile(config, row(None, 5), profile(False, 9000), None, T, SKEWS)
    # Then nothing is written, and it is on record once
    assert sent_to(still) == ({}, {})
    assert rules(still.decisions) == [("in-doubt", "")]
    assert reconcile(config, row(None, 5), profile(False, 9000), still.memory, T, SKEWS).decisions == ()


def test_a_flag_that_was_never_touched_is_older_than_any_record() -> None:
    plan = reconcile(configured(), row(True, 5), profile(False, NEVER_MS), None, T, SKEWS)
    assert rules(plan.decisions) == [("opted-out-wins", "campaign")]
    # While a time that is not told could be any
    plan = reconcile(configured(), row(True, 5), profile(False, None), None, T, SKEWS)
    assert rules(plan.decisions) == [("in-doubt", "campaign")]


def test_the_time_of_our_own_writing_is_no_change_of_the_record() -> None:
    # Given an opt-out of Campaign that we have written to Dynamics, at second 20
    first = reconcile(configured(), row(False, 5), profile(True, 9000), None, T, SKEWS)
    memory = answered(first, 20)
    # When the contact opts in again in Campaign, at second 12, and that is told late
    again = reconcile(configured(), row(True, 20, 2), profile(False, 12_000), memory, T, SKEWS)
    # Then it is later than any change that a person made in Dynamics
    assert rules(again.decisions) == [("campaign-newer", "dynamics")]
    # But not once somebody has changed the record since
    edited = reconcile(configured(), row(True, 21, 3), profile(False, 12_000), memory, T, SKEWS)
    assert rules(edited.decisions) == [("opted-out-wins", "campaign")]


def test_after_a_lost_answer_it_is_in_doubt_whose_the_last_change_of_the_record_was() -> None:
    # Given an opt-out of Campaign that we have sent to Dynamics, whose answer is lost
    sent = reconcile(configured(), row(False, 5), profile(True, 9000), None, T + 20_000, SKEWS).memory
    # When it is found there, in a version that may be ours
    found = reconcile(configured(), row(True, 20, 2), profile(True, 9000), sent, T + 30_000, SKEWS)
    [closed] = found.closed
    assert closed.found and closed.to is System.DYNAMICS and found.decisions == ()
    # Then an opt-in between the two changes of the record is in doubt, a later one is not
    between = reconcile(configured(), row(True, 20, 2), profile(False, 12_000), found.memory, T, SKEWS)
    assert rules(between.decisions) == [("in-doubt", "campaign")]
    later = reconcile(configured(), row(True, 20, 2), profile(False, 22_000), found.memory, T, SKEWS)
    assert rules(later.decisions) == [("campaign-newer", "dynamics")]


@pytest.mark.parametrize(
    ("contact", "why"),
    [
        (row(False, 25, 3), "the row is not as we sent it: somebody changed it since"),
        (row(True, 10, 3), "the row changed before we sent anything"),
    ],
)
def test_after_a_lost_answer_a_version_that_cannot_be_ours_is_somebody_else_s(contact: ContactState, why: str) -> None:
    sent = reconcile(configured(), row(False, 5), profile(True, 9000), None, T + 20_000, SKEWS).memory
    found = reconcile(configured(), contact, profile(True, 9000), sent, T + 30_000, SKEWS)
    assert found.memory.record == Seen(None, contact.modified_ms), why


def test_what_was_never_sent_is_not_found_and_decided_anew() -> None:
    # Given a decision to write to Dynamics, and a writer that died before it sent anything
    sent = reconcile(configured(), row(False, 5), profile(True, 9000), None, T, SKEWS).memory
    # When the contact is reconciled again
    again = reconcile(configured(), row(False, 5), profile(True, 9000), sent, T, SKEWS)
    # Then the decision of before has come to nothing, and the same is decided again
    assert [closed.found for closed in again.closed] == [False]
    assert again.to_dynamics == {"donotemail": True} and len(again.decisions) == 1


def test_flags_never_go_back_to_what_a_notice_tells_late() -> None:
    # Given an opt-in in Campaign that was seen
    memory = reconcile(configured(), row(False, 5), profile(False, 9000), None, T, SKEWS).memory
    # When an older file says that the contact has opted out
    plan = reconcile(configured(), row(False, 5), profile(True, 7000, read=99_000), memory, T, SKEWS)
    # Then it is left aside
    assert sent_to(plan) == ({}, {}) and plan.decisions == ()
    assert not is_news_of_profile(configured(), memory, profile(True, 7000, read=99_000), SKEWS)


def test_what_we_wrote_to_campaign_is_no_news_and_a_person_s_change_is() -> None:
    # Given an opt-out of Dynamics that we have written to Campaign, in second 20
    memory = answered(reconcile(configured(), row(True, 15), profile(False, 9000), None, T, SKEWS), 20)
    # Then what is told of second 20 is ours, and what still has the time of before is outdated
    assert not is_news_of_profile(configured(), memory, profile(True, 20_050), SKEWS)
    assert not is_news_of_profile(configured(), memory, profile(False, 9000), SKEWS)
    # And any other value, or a later time, is news
    assert is_news_of_profile(configured(), memory, profile(False, 20_300), SKEWS)
    assert is_news_of_profile(configured(), memory, profile(True, 40_000), SKEWS)


def test_a_row_is_news_when_a_paired_column_is_another() -> None:
    memory = reconcile(configured(), row(True, 5), profile(True, 9000), None, T, SKEWS).memory
    assert not is_news_of_contact(configured(), memory, row(True, 5, 1))
    assert not is_news_of_contact(configured(), memory, row(True, 50, 2))
    assert is_news_of_contact(configured(), memory, row(False, 50, 2))
    assert is_news_of_contact(configured(), None, row(False, 50, 2))


def test_what_waits_for_campaign_is_looked_up_before_campaign_is_written() -> None:
    contact = row(True, 15)
    assert reconcile(configured(), contact, profile(False, 9000), None, T, SKEWS).is_hasty
    assert not reconcile(configured(), contact, profile(False, 9000, live=True), None, T, SKEWS).is_hasty
    # A change of Campaign that goes to Dynamics bears its time with it: nothing else is needed
    polled = profile(True, 9000)._replace(present=True)
    assert not reconcile(configured(), row(False, 5), polled, None, T, SKEWS).is_hasty
    # Unless it does not, or stood in a file, perhaps for a day
    timeless = profile(True, None)._replace(present=True)
    assert reconcile(configured(), row(False, 5), timeless, None, T, SKEWS).is_hasty
    assert reconcile(configured(), row(False, 5), polled._replace(present=False), None, T, SKEWS).is_hasty


def test_without_a_profile_nothing_is_decided_and_nothing_stays_open() -> None:
    sent = reconcile(configured(), row(True, 15), profile(False, 9000), None, T, SKEWS).memory
    plan = reconcile(configured(), row(True, 15), None, sent, T, SKEWS)
    assert sent_to(plan) == ({}, {}) and not plan.memory.is_open
    assert [(closed.to, closed.found) for closed in plan.closed] == [(System.CAMPAIGN, False)]


def test_one_way_follows_campaign_whenever_somebody_said_so_there() -> None:
    config = configured(direction="campaign_to_dynamics")
    for value, other in ((True, False), (False, True)):
        plan = reconcile(config, row(other, 500), profile(value, 9000), None, T, SKEWS)
        assert sent_to(plan) == ({"donotemail": value}, {}) and rules(plan.decisions) == [("one-way", "dynamics")]
    # What is not understood says nothing
    plan = reconcile(config, row(True, 5), profile(None, 9000), None, T, SKEWS)
    assert sent_to(plan) == ({}, {}) and rules(plan.decisions) == [("in-doubt", "")]


PUSH: WireFlag = "blackListPushnotification"


def test_the_push_flag_counts_from_when_another_value_was_seen() -> None:
    config = configured(campaign=PUSH)
    # Given a contact who has opted out in Dynamics, and a flag without a time that is seen for the first time
    first = reconcile(config, row(True, 5), profile(False, 9000, flag=PUSH), None, T, SKEWS)
    # Then it cannot be told since when it stands: opted out wins
    assert rules(first.decisions) == [("in-doubt", "campaign")]
    memory = answered(first, 20)
    # When it is seen with the value that we wrote, then that is ours
    assert not is_news_of_profile(config, memory, profile(True, 25_000, flag=PUSH), SKEWS)
    # And with the other one later, it has changed by then
    later = reconcile(config, row(True, 5), profile(False, 30_000, flag=PUSH), memory, T, SKEWS)
    assert rules(later.decisions) == [("campaign-newer", "dynamics")]
    # While a reading of before our writing is outdated
    assert not is_news_of_profile(config, memory, profile(False, 19_000, flag=PUSH), SKEWS)


@pytest.mark.parametrize("value", [True, False])
def test_a_plain_change_in_dynamics_of_a_flag_without_a_time_is_the_newest_and_not_in_doubt(value: bool) -> None:
    # Given a contact whose push flag says the same on both sides since both were seen first
    config = configured(campaign=PUSH, policy="newest")
    seen = profile(not value, None, read=10_000, flag=PUSH, modified=T + 9000)
    memory = reconcile(config, row(not value, 5), seen, None, T + 10_000, SKEWS).memory
    # When it changes in Dynamics, and the profile in something else
    later = profile(not value, None, read=70_000, live=True, flag=PUSH, modified=T + 65_000)
    plan = reconcile(config, row(value, 60, 2), later, memory, T + 70_000, SKEWS)
    # Then that is the later change, with the moments on record between which it was made
    assert rules(plan.decisions) == [("dynamics-newer", "campaign")]
    [decision] = plan.decisions
    assert decision.dynamics == (value, T + 60_000) and decision.dynamics_after_ms == T + 9999
    # But while somebody is opted in who was never seen before, it is in doubt
    assert rules(
        reconcile(config, row(False, 60), profile(True, None, read=1, flag=PUSH), None, T, SKEWS).decisions
    ) == [("in-doubt", "dynamics")]


def test_the_record_names_no_policy_where_none_applies_and_how_true_the_clocks_are() -> None:
    skews = Skews(Skew(0, 300), Skew(200, 400))
    [one_way] = reconcile(
        configured(direction="campaign_to_dynamics"), row(False, 5), profile(True, 9000), None, T, skews
    ).decisions
    assert (one_way.policy, one_way.column, one_way.skew_ms, one_way.skew_within_ms) == ("", "donotemail", 200, 700)
    [both] = reconcile(configured(), row(False, 5), profile(True, 9000), None, T, skews).decisions
    assert (both.policy, both.dynamics_after_ms, both.campaign_after_ms) == ("documented", None, None)


def test_a_profile_whose_key_is_spelt_otherwise_than_before_is_news_whatever_it_says() -> None:
    # Given a contact whose sides agree, by a profile that Campaign told of
    config, told = configured(), profile(False, 9000, read=10_000)._replace(present=True)
    memory = reconcile(config, row(False, 5), told, None, T, SKEWS).memory
    assert not is_news_of_profile(config, memory, told, SKEWS)
    # When another one is told that says the very same under another spelling, then it is news, and that is remembered
    other = told._replace(spelt="1")
    assert is_news_of_profile(config, memory, other, SKEWS)
    after = reconcile(config, row(False, 5), other, memory, T, SKEWS).memory
    assert after.spelt == "1"
    # Until the one that is there alone was looked up
    assert reconcile(config, row(False, 5), told._replace(live=True), after, T, SKEWS).memory.spelt == ""
    # And a file does not tell how a key is spelt in Campaign
    assert not is_news_of_profile(config, after, told._replace(present=False), SKEWS)


def test_of_two_profiles_opt_outs_are_passed_on_and_nothing_else() -> None:
    # Given two profiles of a contact, looked up, of which one has opted out
    config, is_out = configured(), profile(True, 9000, live=True)
    both = as_one([profile(False, 12_000, live=True), is_out])
    assert (both.is_sure, both.doubles, both.flags["blackListEmail"]) == (False, True, is_out.flags["blackListEmail"])
    # Then it is written to Dynamics
    plan = reconcile(config, row(False, 5), both, None, T, SKEWS)
    assert sent_to(plan) == ({"donotemail": True}, {})
    # And neither is anybody opted in by two that agree, nor is Campaign written
    agreed = as_one([profile(False, 12_000, live=True), profile(False, 9000, live=True)])
    for policy in ("documented", "campaign", "dynamics"):
        assert sent_to(reconcile(configured(policy=policy), row(True, 5), agreed, None, T, SKEWS)) == ({}, {})


def test_the_push_flag_may_have_no_time_at_all() -> None:
    config = configured(campaign=PUSH, times=FlagTimes(push="none"))
    memory = reconcile(config, row(True, 5), profile(True, None, read=9000, flag=PUSH), None, T, SKEWS).memory
    plan = reconcile(config, row(True, 5), profile(False, None, read=30_000, flag=PUSH), memory, T, SKEWS)
    assert rules(plan.decisions) == [("in-doubt", "campaign")]


def test_newest_knows_the_flag_s_change_from_other_changes_of_the_record() -> None:
    config = configured(policy="newest")
    # Given a contact who opted out in Dynamics and in again in Campaign
    memory = answered(reconcile(config, row(True, 5), profile(True, 4000), None, T, SKEWS), 6)
    # When only something else of the record was changed after that, then the opt-in is the later change
    plan = reconcile(config, row(True, 60, 2), profile(False, 50_000), memory, T, SKEWS)
    assert rules(plan.decisions) == [("campaign-newer", "dynamics")]
    # And the first time that a contact is seen, it cannot be told what of the record changed last
    plan = reconcile(config, row(True, 60, 2), profile(False, 50_000), None, T, SKEWS)
    assert rules(plan.decisions) == [("in-doubt", "campaign")]


def test_what_we_wrote_and_what_is_not_there_any_more_is_no_change_of_anybody() -> None:
    # Given an opt-out of Dynamics that we have written to Campaign
    config = configured(policy="newest")
    memory = answered(reconcile(config, row(True, 15), profile(False, 9000, live=True), None, T, SKEWS), 20)
    # When the profile is as before, with the time of before: somebody has put back an old copy of it
    plan = reconcile(config, row(True, 15), profile(False, 9000, read=30_000, live=True), memory, T, SKEWS)
    # Then that is no opt-in
    assert plan.to_dynamics == {} and plan.to_campaign == {"blackListEmail": True}


def test_the_skew_of_the_clocks_is_on_record_and_changes_nothing() -> None:
    skews = Skews(Skew(-2000, 10), Skew(5000, 10))
    plan = reconcile(configured(), row(True, 5), profile(False, 9000), None, T, skews)
    assert [decision.skew_ms for decision in plan.decisions] == [7000]
    assert rules(plan.decisions) == [("campaign-newer", "dynamics")]


def test_a_polled_profile_that_says_otherwise_with_an_older_time_is_looked_up() -> None:
    # Given an opt-out in Campaign that was seen, and is in Dynamics, too
    memory = reconcile(configured(), row(True, 5), profile(True, 9000), None, T, SKEWS).memory
    # When a profile is polled that says otherwise, as one that was made again: never changed
    polled = profile(False, NEVER_MS, read=30_000)._replace(present=True)
    # Then it is news, and not believed before Campaign was asked
    assert is_news_of_profile(configured(), memory, polled, SKEWS)
    assert reconcile(configured(), row(True, 5), polled, memory, T, SKEWS).is_hasty
    # And if it says so itself, then the opt-out is passed on to it
    plan = reconcile(configured(), row(True, 5), polled._replace(live=True), memory, T, SKEWS)
    assert sent_to(plan) == ({}, {"blackListEmail": True})


def test_that_no_profile_is_there_is_remembered_with_what_dynamics_says_meanwhile() -> None:
    # Given both sides in step, and then no profile, while the contact opts out in Dynamics
    memory = reconcile(configured(), row(False, 5), profile(False, 4000), None, T, SKEWS).memory
    left = reconcile(configured(), row(True, 15, 2), None, memory, T, SKEWS).memory
    # When a profile comes that says what the one of before said
    again = profile(False, 4000, read=60_000)._replace(present=True)
    # Then it is news, and takes the opt-out
    assert is_news_of_profile(configured(), left, again, SKEWS)
    plan = reconcile(configured(), row(True, 15, 2), again._replace(live=True), left, T, SKEWS)
    assert sent_to(plan) == ({}, {"blackListEmail": True})


@pytest.mark.parametrize("direction", ["bidirectional", "campaign_to_dynamics"])
def test_nobody_is_opted_in_before_the_profile_was_looked_up(direction: str) -> None:
    config = configured(direction=direction)
    waits = profile(False, 9000)._replace(present=True)
    assert reconcile(config, row(True, 5), waits, None, T, SKEWS).is_hasty
    live = reconcile(config, row(True, 5), waits._replace(live=True), None, T, SKEWS)
    assert not live.is_hasty and live.to_dynamics == {"donotemail": False}
    # While an opt-out is written at once
    told = profile(True, 9000)._replace(present=True)
    out = reconcile(config, row(False, 5), told, None, T, SKEWS)
    assert not out.is_hasty and out.to_dynamics == {"donotemail": True}
    # But both ways not one that may have been taken back since, as in a file
    of_file = reconcile(config, row(False, 5), told._replace(present=False), None, T, SKEWS)
    assert of_file.is_hasty is (direction == "bidirectional")


def test_whether_a_decision_came_to_nothing_is_told_only_where_it_is_known() -> None:
    # Given an opt-out of Campaign that was sent to Dynamics without an answer
    sent = reconcile(configured(), row(False, 5), profile(True, 9000), None, T + 20_000, SKEWS).memory
    # Then a row in the version of before was never written, once it cannot be any more; of another one nobody can tell
    late = T + 20_000 + CARRIED_OUT_WITHIN_MS
    for contact, now_ms, came_to_nothing in (
        (row(False, 5), late, True),
        (row(False, 5), late - 1, False),
        (row(False, 25, 3), late, False),
    ):
        [closed] = reconcile(configured(), contact, profile(True, 9000), sent, now_ms, SKEWS).closed
        assert (closed.found, closed.came_to_nothing) == (False, came_to_nothing)


def test_of_a_pair_that_was_taken_away_nothing_is_kept() -> None:
    # Given a decision that is open, and a configuration without its pair
    sent = reconcile(configured(), row(False, 5), profile(True, 9000), None, T, SKEWS).memory
    assert sent.is_open
    without = configured(campaign="blackListMobile")
    plan = reconcile(without, row(False, 5), profile(False, 9000, flag="blackListMobile"), sent, T, SKEWS)
    assert not plan.memory.is_open and set(plan.memory.flags) == {"blackListMobile"}


def test_the_record_has_campaign_s_own_time_where_a_later_one_was_compared() -> None:
    # Given an opt-out of Dynamics that both sides have, and an opt-in in Campaign whose clock is far behind
    config = configured(policy="newest")
    memory = answered(reconcile(config, row(True, 15), profile(False, 1000, live=True), None, T, SKEWS), 20)
    plan = reconcile(config, row(True, 20, 2), profile(False, 5000, live=True), memory, T, SKEWS)
    # Then it is the later one, and the time on record is the one that Campaign told
    [decision] = plan.decisions
    assert decision.rule == "campaign-newer" and decision.campaign == (False, T + 5000)


def fought(config: OptinoutConfig, rounds: int, every_ms: int, value: bool) -> tuple[list[Plan], int]:
    """What is planned while somebody in Dynamics answers each writing of `value` with the opposite."""
    memory: Memory | None = None
    plans: list[Plan] = []
    version, now_ms = 1, T
    for _ in range(rounds):
        told = profile(value, 9000, read=now_ms - T, live=True)
        plan = reconcile(config, row(not value, 5, version), told, memory, now_ms, SKEWS)
        plans.append(plan)
        memory = answered(plan, (now_ms - T) // 1000, version + 1)
        version, now_ms = version + 2, now_ms + every_ms
    return plans, now_ms


@pytest.mark.parametrize("every_ms", [2000, 30 * 60_000, 24 * 3_600_000])
def test_an_opt_in_that_somebody_keeps_setting_back_is_held_back_for_a_while(every_ms: int) -> None:
    # Given a policy by which Campaign wins, and a program in Dynamics that opts the contact out whenever we opt it in
    config = configured(policy="campaign")
    plans, _ = fought(config, 12, every_ms, value=False)
    # Then it is answered five times, and after that once an hour at most
    assert all(plan.to_dynamics == {"donotemail": False} for plan in plans[:5])
    assert not any(plan.answered for plan in plans[:5])
    assert all(plan.answered == ("blackListEmail",) for plan in plans[5:])
    held = [plan for plan in plans if plan.held_until_ms is not None]
    assert all(sent_to(plan) == ({}, {}) for plan in held)
    assert len(held) == {2000: 7, 30 * 60_000: 4, 24 * 3_600_000: 0}[every_ms]
    # And each time that it was held back is on record once
    assert all(rules(plan.decisions) == [("held", "")] for plan in held[:1])
    assert not any(plan.decisions for plan in plans if plan.held_until_ms and plans[plans.index(plan) - 1] in held)


def test_a_held_opt_in_is_written_again_after_the_hour_and_at_once_when_campaign_changes() -> None:
    # Given an opt-in that is held back
    config = configured(policy="campaign")
    plans, now_ms = fought(config, 6, 2000, value=False)
    held = plans[-1]
    assert held.held_until_ms == T + 4 * 2000 + HELD_MS
    # When the hour is over, Then it is written once more
    later = reconcile(config, row(True, 5, 11), profile(False, 9000, live=True), held.memory, held.held_until_ms, SKEWS)
    assert later.to_dynamics == {"donotemail": False}
    # And when the contact has opted out and in again in Campaign meanwhile, at once
    out = reconcile(config, row(True, 5, 11), profile(True, 20_000, live=True), held.memory, now_ms, SKEWS)
    assert sent_to(out) == ({}, {})
    back = reconcile(config, row(True, 5, 11), profile(False, 25_000, live=True), out.memory, now_ms, SKEWS)
    assert back.to_dynamics == {"donotemail": False}


@pytest.mark.parametrize("direction", ["bidirectional", "campaign_to_dynamics"])
def test_an_opt_out_is_never_held_back_and_yet_it_is_told_that_somebody_answers_it(direction: str) -> None:
    plans, _ = fought(configured(direction=direction), 12, 2000, value=True)
    assert all(plan.to_dynamics == {"donotemail": True} for plan in plans)
    assert [bool(plan.answered) for plan in plans] == [False] * 5 + [True] * 7


def test_answers_that_were_lost_count_as_writings() -> None:
    # Given an opt-in that is set back each time, and whose answers are all lost
    config, memory = configured(policy="campaign"), None
    for turn in range(5):
        told = profile(False, 9000, read=turn * 2000, live=True)
        plan = reconcile(config, row(True, 5 + turn, turn * 2 + 1), told, memory, T + turn * 2000, SKEWS)
        assert plan.to_dynamics == {"donotemail": False}
        memory = plan.memory
    # Then it is held back all the same
    last = reconcile(config, row(True, 15, 11), profile(False, 9000, live=True), memory, T + 10_000, SKEWS)
    assert last.held_until_ms is not None and last.to_dynamics == {}
    # But not where a system does not answer, and nobody can tell whether anything was written
    config = configured(policy="dynamics", campaign="blackListPushnotification")
    memory = None
    for turn in range(9):
        told = profile(True, None, read=turn * 2000, live=True, flag="blackListPushnotification")
        plan = reconcile(config, row(False, 5), told, memory, T + turn * 2000, SKEWS)
        assert plan.to_campaign == {"blackListPushnotification": False}
        memory = plan.memory
    # And not where nothing was ever written
    config = configured(policy="campaign")
    memory = None
    for turn in range(9):
        plan = reconcile(config, row(True, 5), profile(False, 9000, live=True), memory, T + turn * 2000, SKEWS)
        assert plan.to_dynamics == {"donotemail": False}
        memory = plan.memory
