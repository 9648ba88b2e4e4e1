"""A decision in the words that a privacy officer reads."""

from typing import Any

import pytest

from config.consent_flags import POLICIES, SPELLINGS
from control.consent.words import POLICIES as TOLD
from control.consent.words import changed, channel, outcome, sentences
from store.consent import Confirmed, Decision
from sync.consent.rule import Rule, Seen, decide, one_way

DECIDED = 1_795_168_807_000  # 2026-11-20 10:00:07 UTC


def decision(**given: Any) -> Decision:
    """Campaign says opted out, and later than Dynamics."""
    usual = Decision(
        "5d6c7f1e-0f0b-4b0e-9a58-000000000001",
        "blackListEmail",
        (False, DECIDED - 127_000),
        (True, DECIDED - 2_000),
        200,
        "documented",
        "campaign-newer",
        "campaign",
        "dynamics",
        DECIDED,
        DECIDED + 1000,
        Confirmed.ANSWER,
    )
    return usual._replace(**given)


def test_a_decision_says_what_both_said_how_it_was_decided_and_what_came_of_it() -> None:
    assert sentences(decision()) == [
        "Dynamics: not opted out; the record was changed on 2026-11-20 09:58:00 UTC. "
        "Campaign: opted out, changed on 2026-11-20 10:00:05 UTC.",
        "Clocks: that of Campaign was 0.2 s ahead of that of Dynamics, as measured; times were compared as they are.",
        "Policy documented: Campaign's value if its flag was changed later than the record in Dynamics; otherwise "
        "opted out if either system says so.",
        "Rule campaign-newer: The change in Campaign is the later one, so Campaign's value counts.",
        "Decided: opted out, as Campaign says. Written to Dynamics on 2026-11-20 10:00:08 UTC, as Dynamics confirmed.",
    ]


def test_a_time_that_is_known_in_part_is_told_with_both_its_ends() -> None:
    # Given a flag of push notifications, with the later change by the moments that are known
    given = {"policy": "newest", "flag": "blackListPushnotification", "rule": "in-doubt"}
    bounds = {"dynamics_after_ms": DECIDED - 200_000, "campaign_after_ms": DECIDED - 62_000}
    [said, *_] = sentences(decision(**given, **bounds))
    # Then each is told with its span, and without a lower end as a latest moment
    assert said == (
        "Dynamics: not opted out, changed between 2026-11-20 09:56:47 UTC and 2026-11-20 09:58:00 UTC. "
        "Campaign: opted out, changed between 2026-11-20 09:59:05 UTC and 2026-11-20 10:00:05 UTC."
    )
    [said, *_] = sentences(decision(**given))
    assert said.count("at the latest") == 2


@pytest.mark.parametrize(
    ("skew_ms", "within_ms", "said"),
    [
        (200, 700, "Clocks: both systems had the same time, as far as can be measured, which is true to 0.7 s."),
        (-1800, 640, "Clocks: that of Campaign was 1.8 s behind that of Dynamics, as measured, true to 0.7 s; times "
         "were compared as they are."),
    ],
)  # fmt: skip
def test_clocks_are_not_told_apart_within_what_can_be_measured(skew_ms: int, within_ms: int, said: str) -> None:
    assert sentences(decision(skew_ms=skew_ms, skew_within_ms=within_ms))[1] == said


def test_one_way_names_no_policy() -> None:
    for rule in ("one-way", "in-doubt"):
        assert not any("Policy" in sentence for sentence in sentences(decision(policy="", rule=rule)))


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ({"confirmed": None, "written_ms": None}, "It is to be written to Dynamics; whether it was is not known yet."),
        (
            {"confirmed": Confirmed.READING},
            "Sent to Dynamics: the answer was lost, and the value was found there on 2026-11-20 10:00:08 UTC.",
        ),
        (
            {"confirmed": Confirmed.REFUSED, "written_ms": None},
            "Not written to Dynamics, which refused it or had changed meanwhile; what came next is told by a later "
            "decision, or by what is set aside.",
        ),
        (
            {"confirmed": Confirmed.UNKNOWN, "written_ms": None},
            "Sent to Dynamics, if at all, without an answer, and not found there later: either it was written and then "
            "changed again, or it never was.",
        ),
        ({"written_to": "", "confirmed": None, "written_ms": None}, "Nothing was to be written."),
    ],
)
def test_every_end_is_told(given: dict[str, Any], end: str) -> None:
    assert sentences(decision(**given))[-1] == f"Decided: opted out, as Campaign says. {end}"


def test_where_nothing_was_decided_nothing_is_said_to_be() -> None:
    undecided = decision(
        dynamics=(False, None), campaign=(None, None), rule="in-doubt", winner="neither", written_to="", skew_ms=None
    )
    assert sentences(undecided) == [
        "Dynamics: not opted out; when that changed is not told. Campaign: not told; when that changed is not told.",
        "Clocks: how far those of the two systems were apart is not known.",
        "Policy documented: Campaign's value if its flag was changed later than the record in Dynamics; otherwise "
        "opted out if either system says so.",
        "Rule in-doubt: What is not told leaves it open, so nothing was decided and nothing changed: a case in doubt.",
    ]


def test_one_way_has_no_policy_and_newest_speaks_of_the_flag() -> None:
    assert not any("Policy" in line for line in sentences(decision(policy="", rule="one-way")))
    assert sentences(decision(policy="newest"))[0].startswith(
        "Dynamics: not opted out, changed on 2026-11-20 09:58:00 UTC at the latest."
    )
    assert "Neither change is plainly" in sentences(decision(policy="newest", rule="opted-out-wins"))[3]


def test_a_flag_without_a_time_of_its_own_was_changed_at_the_latest_when_its_profile_was() -> None:
    told = sentences(decision(flag="blackListPushnotification"))[0]
    assert told.endswith("Campaign: opted out, changed on 2026-11-20 10:00:05 UTC at the latest.")


def test_a_decision_that_was_held_back_says_why_and_speaks_of_no_policy() -> None:
    told = sentences(decision(rule="held", winner="neither", written_to="", campaign=(False, DECIDED)))
    assert told[-1].startswith("Rule held: What was written is set back again and again, so the opt-in is held back")
    assert not any(line.startswith(("Policy", "Decided")) for line in told)


def test_a_flag_that_was_never_changed_and_clocks_that_agree_or_lag_are_told() -> None:
    told = sentences(decision(campaign=(True, 0), skew_ms=-49))
    assert told[0].endswith("Campaign: opted out, never changed.")
    assert told[1] == "Clocks: both systems had the same time, as far as can be measured."
    assert "4.0 s behind that of Dynamics" in sentences(decision(skew_ms=-4000))[1]


def test_every_flag_policy_and_rule_has_words() -> None:
    assert all(channel(flag) != flag for flag in SPELLINGS.values())
    assert set(TOLD) == set(POLICIES)
    for rule in Rule:
        assert not any("does not know" in line for line in sentences(decision(rule=rule.value)))
    # And a word of a later version is passed on as it is
    later = decision(flag="blackListLetter", rule="later", policy="later", winner="later")
    assert channel(later.flag) == "blackListLetter"
    assert sentences(later)[-1] == "Rule later: this version of d365acs does not know the rule."


@pytest.mark.parametrize("policy", [*POLICIES, None])
def test_what_is_said_to_be_decided_is_what_the_rule_decides(policy: str | None) -> None:
    # Given every combination of values and times
    sides = [Seen(value, at) for value in (True, False, None) for at in (None, 1000, 2000)]
    for dynamics in sides:
        for campaign in sides:
            ruling = decide(policy, dynamics, campaign) if policy else one_way(dynamics, campaign)  # type: ignore[arg-type]
            # When only the sides and the winner are kept, then the outcome follows from them
            kept = decision(dynamics=dynamics[:2], campaign=campaign[:2], winner=ruling.winner.value)
            assert outcome(kept) is ruling.opted_out


def test_times_are_told_as_far_as_they_are_known() -> None:
    assert [changed(at, after) for at, after in ((None, None), (0, None), (DECIDED, None), (DECIDED, 5))] == [
        "not told",
        "never",
        "2026-11-20 10:00:07 UTC",
        "by 2026-11-20 10:00:07 UTC",
    ]
