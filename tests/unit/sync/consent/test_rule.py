"""The rule about consent: the documented one as a table of its own, and what holds for every combination."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.consent_flags import POLICIES, Policy
from sync.consent.rule import NEVER_MS, Rule, Ruling, Seen, Winner, decide, one_way

OUT, IN, UNTOLD = True, False, None
VALUES = (OUT, IN, UNTOLD)

#: A few seconds, so that any two moments are often in the same one.
_MOMENTS = st.integers(1_700_000_000_000, 1_700_000_003_999)
_TIMES = st.none() | _MOMENTS
_VALUES = st.sampled_from(VALUES)
_POLICIES = st.sampled_from(POLICIES)


@st.composite
def seen(draw: st.DrawFn) -> Seen:
    """Anything that a system may say, times known in part among it."""
    at = draw(_TIMES)
    after = draw(st.none() | st.integers(-1, at - 1)) if at is not None else None
    return Seen(draw(_VALUES), at, after)


# What Adobe's page says of the bidirectional direction, word by word: Campaign's flag changed later than the record in
# Dynamics: Campaign's value. The record changed later, or in the same second: true wins if either side is true.
DOCUMENTED = {
    # (Dynamics, Campaign, Campaign's change minus Dynamics' in seconds): the answer
    (OUT, OUT, 1): (OUT, Winner.BOTH, Rule.EQUAL),
    (OUT, OUT, 0): (OUT, Winner.BOTH, Rule.EQUAL),
    (OUT, OUT, -1): (OUT, Winner.BOTH, Rule.EQUAL),
    (OUT, IN, 1): (IN, Winner.CAMPAIGN, Rule.CAMPAIGN_NEWER),
    (OUT, IN, 0): (OUT, Winner.DYNAMICS, Rule.OPTED_OUT_WINS),
    (OUT, IN, -1): (OUT, Winner.DYNAMICS, Rule.OPTED_OUT_WINS),
    (IN, OUT, 1): (OUT, Winner.CAMPAIGN, Rule.CAMPAIGN_NEWER),
    (IN, OUT, 0): (OUT, Winner.CAMPAIGN, Rule.OPTED_OUT_WINS),
    (IN, OUT, -1): (OUT, Winner.CAMPAIGN, Rule.OPTED_OUT_WINS),
    (IN, IN, 1): (IN, Winner.BOTH, Rule.EQUAL),
    (IN, IN, 0): (IN, Winner.BOTH, Rule.EQUAL),
    (IN, IN, -1): (IN, Winner.BOTH, Rule.EQUAL),
}


@pytest.mark.parametrize("case", DOCUMENTED)
@pytest.mark.parametrize("into_the_second", [0, 1, 999])
def test_the_documented_rule_is_what_its_page_says(case: tuple[bool, bool, int], into_the_second: int) -> None:
    # Given a record of Dynamics, whose time has whole seconds, and a flag of Campaign, whose time has milliseconds
    in_dynamics, in_campaign, seconds = case
    dynamics = Seen(in_dynamics, 1_700_000_000_000)
    campaign = Seen(in_campaign, 1_700_000_000_000 + seconds * 1000 + into_the_second)
    # When it is decided, then the answer, who says so and why are those of the page
    ruling = decide("documented", dynamics, campaign)
    assert (ruling.opted_out, ruling.winner, ruling.rule) == DOCUMENTED[case]
    assert not ruling.doubtful


@pytest.mark.parametrize(
    ("dynamics_ms", "campaign_ms"), [(None, 1_700_000_000_000), (1_700_000_000_000, None), (None, None)]
)
def test_with_a_time_missing_opted_out_stands_and_the_case_is_shown(
    dynamics_ms: int | None, campaign_ms: int | None
) -> None:
    # Given a contact who has opted out in Dynamics and not in Campaign, and a time that is not told
    ruling = decide("documented", Seen(OUT, dynamics_ms), Seen(IN, campaign_ms))
    # Then Campaign might have been the newer one: opted out stands, and it is said that this is not sure
    assert ruling == Ruling(OUT, Winner.DYNAMICS, Rule.IN_DOUBT, True)
    # While an opt-out in Campaign wins whatever the times are: nothing is doubtful there
    assert decide("documented", Seen(IN, dynamics_ms), Seen(OUT, campaign_ms)) == Ruling(
        OUT, Winner.CAMPAIGN, Rule.OPTED_OUT_WINS, False
    )


@given(_POLICIES, seen(), seen())
def test_every_combination_has_one_answer(policy: Policy, dynamics: Seen, campaign: Seen) -> None:
    ruling = decide(policy, dynamics, campaign)
    assert ruling == decide(policy, dynamics, campaign)
    assert (ruling.opted_out is None) == (ruling.winner is Winner.NEITHER)
    assert (ruling.rule is Rule.IN_DOUBT) == ruling.doubtful
    if ruling.winner is Winner.BOTH:
        assert dynamics.opted_out is campaign.opted_out is ruling.opted_out


@given(_POLICIES, seen(), seen())
def test_nothing_is_decided_that_no_system_says(policy: Policy, dynamics: Seen, campaign: Seen) -> None:
    for ruling in (decide(policy, dynamics, campaign), one_way(dynamics, campaign)):
        if ruling.opted_out is not None:
            assert ruling.opted_out in (dynamics.opted_out, campaign.opted_out)
            said_by = {Winner.DYNAMICS: [dynamics], Winner.CAMPAIGN: [campaign], Winner.BOTH: [dynamics, campaign]}
            assert all(side.opted_out is ruling.opted_out for side in said_by[ruling.winner])


@given(_POLICIES, seen(), seen())
def test_no_opt_out_becomes_an_opt_in_unless_the_policy_says_so(policy: Policy, dynamics: Seen, campaign: Seen) -> None:
    # Given anything that the two systems may say, in which one has opted out
    ruling = decide(policy, dynamics, campaign)
    if ruling.opted_out is False and OUT in (dynamics.opted_out, campaign.opted_out):
        # When it is decided that the contact has not, then one system decides alone, or both values and times are told
        # and the change that says so is the later one
        assert not ruling.doubtful
        if policy in ("dynamics", "campaign"):
            assert ruling.winner == policy
            return
        assert policy != "most_restrictive"
        assert None not in (dynamics.opted_out, campaign.opted_out, dynamics.at_ms, campaign.at_ms)
        opted_in, opted_out = (dynamics, campaign) if dynamics.opted_out is False else (campaign, dynamics)
        assert policy == "newest" or opted_in is campaign
        assert opted_in.at_ms is not None and opted_out.at_ms is not None
        assert opted_in.at_ms // 1000 > opted_out.at_ms // 1000


def _told(side: Seen) -> Iterator[Seen]:
    """Everything that may be behind what a system says: one value, one second."""
    values = (OUT, IN) if side.opted_out is None else (side.opted_out,)
    if side.at_ms is None:
        # Before, in, between and after all seconds that the other one may name.
        seconds = list(range(1_699_999_998, 1_700_000_007))
    elif side.after_ms is None:
        seconds = [side.at_ms // 1000]
    else:
        first = max((side.after_ms + 1) // 1000, 1_699_999_998)
        seconds = list(range(first, side.at_ms // 1000 + 1))
    for value, second in itertools.product(values, seconds):
        yield Seen(value, second * 1000)


@given(st.sampled_from(["documented", "most_restrictive", "newest"]), seen(), seen())
@example("newest", Seen(IN, 1_700_000_002_000, 1_699_999_999_999), Seen(OUT, 1_700_000_001_500))
def test_a_case_is_in_doubt_where_what_is_not_told_could_lead_elsewhere(
    policy: Policy, dynamics: Seen, campaign: Seen
) -> None:
    # Given everything that may be behind what the two say
    answers = {decide(policy, d, c).opted_out for d in _told(dynamics) for c in _told(campaign)}
    # When it is decided on what they say
    ruling = decide(policy, dynamics, campaign)
    # Then it is the only answer that there can be
    if not ruling.doubtful:
        assert answers == {ruling.opted_out}
    else:
        # Or opted out, if anybody says so; an opt-in is no answer where a value is not told
        assert len(answers) == 2 or UNTOLD in (dynamics.opted_out, campaign.opted_out)
        assert ruling.opted_out is (OUT if OUT in (dynamics.opted_out, campaign.opted_out) else None)


@given(seen(), seen())
def test_newest_follows_the_later_change(dynamics: Seen, campaign: Seen) -> None:
    if None in (dynamics.at_ms, campaign.at_ms, dynamics.opted_out, campaign.opted_out):
        return
    ruling = decide("newest", dynamics._replace(after_ms=None), campaign._replace(after_ms=None))
    assert dynamics.at_ms is not None and campaign.at_ms is not None
    seconds = campaign.at_ms // 1000 - dynamics.at_ms // 1000
    both = dynamics.opted_out or campaign.opted_out
    assert ruling.opted_out == (campaign.opted_out if seconds > 0 else dynamics.opted_out if seconds < 0 else both)


def touched(campaign: Seen) -> bool:
    """Whether somebody is known to have set or cleared Campaign's flag."""
    return campaign.opted_out is True or campaign.after_ms is not None or campaign.at_ms not in (None, NEVER_MS)


@given(seen(), seen())
def test_one_way_takes_what_somebody_said_in_campaign_and_nothing_it_does_not_say(
    dynamics: Seen, campaign: Seen
) -> None:
    ruling = one_way(dynamics, campaign)
    if campaign.opted_out is None:
        assert ruling == Ruling(None, Winner.NEITHER, Rule.IN_DOUBT, True)
    elif touched(campaign) or dynamics.opted_out is campaign.opted_out:
        assert ruling.opted_out is campaign.opted_out and not ruling.doubtful
    else:
        assert ruling.opted_out is (OUT if dynamics.opted_out else None)


@pytest.mark.parametrize("alone", [one_way, lambda *sides: decide("campaign", *sides)])
@given(dynamics=seen())
def test_nobody_is_opted_in_by_a_flag_that_nobody_ever_touched(
    alone: Callable[[Seen, Seen], Ruling], dynamics: Seen
) -> None:
    # Given a profile as every new one is: not opted out, and never changed; or without a time that would tell
    for campaign in (Seen(IN, NEVER_MS), Seen(IN, None)):
        # When Campaign alone decides, then an opt-out in Dynamics stands, and where there is none nothing is decided
        ruling = alone(dynamics, campaign)
        assert ruling.opted_out is dynamics.opted_out
        assert dynamics.opted_out is IN or ruling.rule is (Rule.IN_DOUBT if campaign.at_ms is None else Rule.UNTOUCHED)


@given(st.sampled_from(["most_restrictive", "dynamics", "campaign"]), seen(), seen(), _TIMES, _TIMES)
def test_policies_without_times_do_not_look_at_them(
    policy: Policy, dynamics: Seen, campaign: Seen, one: int | None, other: int | None
) -> None:
    if policy == "campaign" and touched(campaign) != touched(Seen(campaign.opted_out, other)):
        return  # but for whether the flag was ever touched
    assert decide(policy, dynamics, campaign) == decide(
        policy, Seen(dynamics.opted_out, one), Seen(campaign.opted_out, other)
    )
