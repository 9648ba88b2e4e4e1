"""Both directions at once between two systems with clocks, with people, delays and deaths at any moment."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.consent_flags import FlagPair, Policy, WireFlag
from config.optinout import OptinoutConfig
from store.decisions import Confirmed
from sync.consent.memory import System
from sync.consent.rule import NEVER_MS, Rule
from tests.unit.sync.consent.two_systems import Change, TwoSystems

FLAGS: tuple[WireFlag, ...] = ("blackListEmail", "blackListMobile")

SOUND = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_flags = st.sampled_from(FLAGS)
_STEPS: list[tuple[int, st.SearchStrategy[tuple[Any, ...]]]] = [
    (4, st.tuples(st.just("person"), st.sampled_from(list(System)), _flags)),
    (1, st.tuples(st.just("other_edit"))),
    (3, st.tuples(st.just("poll"))),
    (3, st.tuples(st.just("read_changes"))),
    (10, st.tuples(st.just("work"), st.integers(0, 3))),
    (1, st.tuples(st.just("die"))),
    (1, st.tuples(st.just("settle"))),
]
steps = st.lists(
    st.tuples(
        st.sampled_from([step for often, step in _STEPS for _ in range(often)]).flatmap(lambda step: step),
        st.sampled_from([1, 120, 700, 1500, 40_000]),
    ),
    max_size=60,
)
skews = st.sampled_from([(0, 0), (0, 3000), (3000, 0), (-3000, 2000)])


def configured(policy: Policy) -> OptinoutConfig:
    return OptinoutConfig(
        direction="bidirectional",
        flags=(
            FlagPair(dynamics="donotemail", campaign="blackListEmail", policy=policy),
            FlagPair(dynamics="followemail", campaign="blackListMobile", opted_out=False, policy=policy),
        ),
    )


def play(world: TwoSystems, steps: list[tuple[tuple[Any, ...], int]]) -> None:
    for (kind, *arguments), ms in steps:
        world.ms += ms
        getattr(world, kind)(*arguments)
    world.settle()


def check_the_end(world: TwoSystems) -> None:
    """What holds of every policy."""
    for flag in FLAGS:
        in_dynamics, in_campaign = (world.changes[system][flag].opted_out for system in System)
        assert in_dynamics is in_campaign, f"{flag} differs"
    assert world.writes <= 2 * world.genuine
    assert not world.open()
    ends = [decision.confirmed for decision in world.recorded() if decision.written_to]
    assert ends.count(Confirmed.ANSWER) <= world.writes
    if not world.unanswered:
        # What is found without an answer may be somebody else's, and what is not found may have been undone.
        assert ends.count(Confirmed.ANSWER) == world.writes


def documented(dynamics: Change, record_ms: int, campaign: Change) -> bool:
    """What Adobe's page says, of the people's changes alone."""
    if campaign.stamp_ms // 1000 > record_ms // 1000:
        return campaign.opted_out
    return dynamics.opted_out or campaign.opted_out


@SOUND
@given(steps, skews)
def test_the_documented_rule_decides_on_the_changes_that_people_made(
    steps: list[tuple[tuple[Any, ...], int]], ahead: tuple[int, int]
) -> None:
    # Given two systems whose clocks differ, and anything that people, readers, writers and accidents may do
    world = TwoSystems(configured("documented"), *ahead)
    # When it has all come to an end
    play(world, steps)
    # Then both say the same, and nothing was decided that the rule does not demand
    check_the_end(world)
    for read, plan in world.reads:
        for decision in plan.decisions:
            flag: Any = decision.flag
            demanded = [documented(one, read.record_ms, other) for one, other in read.sides(flag)]
            decided = plan.memory.flags[flag].sent
            assert decided
            if decision.rule == Rule.IN_DOUBT:
                # An answer was lost, so that it could not be told whose the record's last change was.
                assert read.found
                assert decided.opted_out
            else:
                assert decided.opted_out in demanded


@SOUND
@given(steps)
def test_the_most_restrictive_policy_ends_with_whoever_opted_out(
    steps: list[tuple[tuple[Any, ...], int]],
) -> None:
    world = TwoSystems(configured("most_restrictive"))
    play(world, steps)
    check_the_end(world)
    assert all(decision.rule == Rule.MOST_RESTRICTIVE for decision in world.recorded())


def newest(dynamics: Change, campaign: Change) -> bool:
    return (dynamics if dynamics.ms > campaign.ms else campaign).opted_out


@SOUND
@given(steps)
def test_the_newest_change_wins_or_opted_out_where_that_cannot_be_told(
    steps: list[tuple[tuple[Any, ...], int]],
) -> None:
    # Given changes of which none goes back before anybody has seen it: no system would tell of that one
    world = TwoSystems(configured("newest"))
    for (kind, *arguments), ms in steps:
        world.ms += ms
        if kind == "person":
            system, flag = arguments
            if system is System.DYNAMICS and flag in world.since_read:
                continue
            if system is System.CAMPAIGN and flag in world.under_way:
                continue
            if system is System.CAMPAIGN and world.ms - world.written_ms.get(flag, 0) < 2500:
                world.ms += 2500
        getattr(world, kind)(*arguments)
    # When it has all come to an end
    world.settle()
    # Then both say the same, and what was decided is the newest change, or opted out
    check_the_end(world)
    for read, plan in world.reads:
        for decision in plan.decisions:
            decided_flag: Any = decision.flag
            decided = plan.memory.flags[decided_flag].sent
            assert decided
            if decision.rule in (Rule.IN_DOUBT, Rule.OPTED_OUT_WINS):
                assert decided.opted_out
            else:
                assert decided.opted_out in [newest(*sides) for sides in read.sides(decided_flag)]


@SOUND
@given(
    st.lists(st.tuples(st.sampled_from([*System, None]), _flags, st.sampled_from([1, 300, 1001, 60_000])), max_size=20),
    st.sampled_from([1, 1200, 5000]),
)
def test_one_change_after_the_other_is_passed_on_exactly(
    changes: list[tuple[System | None, WireFlag, int]], pause_ms: int
) -> None:
    # Given people who change one flag after the other, and other things of the contact, however soon
    world = TwoSystems(configured("newest"))
    world.settle(pause_ms)
    for system, flag, ms in changes:
        world.ms += ms
        if system is None:
            world.other_edit()
        else:
            world.person(system, flag)
            said = world.changes[system][flag].opted_out
        # When each is passed on before the next
        world.settle(pause_ms)
        # Then it is what both say, opted in or out, and there was no doubt
        if system is not None:
            assert [world.changes[one][flag].opted_out for one in System] == [said, said]
    check_the_end(world)
    assert world.writes == len([system for system, _, _ in changes if system])
    assert not [decision for decision in world.recorded() if decision.rule == Rule.IN_DOUBT]


@SOUND
@given(steps)
def test_one_way_ends_with_what_campaign_says_and_never_writes_to_it(
    steps: list[tuple[tuple[Any, ...], int]],
) -> None:
    # Given the direction from Campaign to Dynamics, in which nobody reads changes of Dynamics
    config = configured("documented").model_copy(update={"direction": "campaign_to_dynamics"})
    world = TwoSystems(config)
    world.read_changes = lambda: None  # type: ignore[method-assign]
    for (kind, *arguments), ms in steps:
        world.ms += ms
        getattr(world, kind)(*arguments)
    # When Campaign has the last word
    world.ms += 1
    for flag in FLAGS:
        world.person(System.CAMPAIGN, flag)
    world.settle()
    # Then it is what Dynamics says, and Campaign was never written
    check_the_end(world)
    assert {decision.written_to for decision in world.recorded()} <= {System.DYNAMICS, ""}
    assert not world.written_ms
    # And nobody was opted in before somebody had touched the flag in Campaign
    for decision in world.recorded():
        if decision.rule == Rule.UNTOUCHED:
            assert decision.written_to == "" and decision.dynamics[0]
        elif decision.written_to and not decision.campaign[0]:
            assert decision.campaign[1] != NEVER_MS
