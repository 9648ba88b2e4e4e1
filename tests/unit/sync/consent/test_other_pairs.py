"""A flag that is paired with another column, or the other way round: nobody has changed anything, and nobody may be
opted in by that."""

import pytest

from config.consent_flags import WireFlag
from config.optinout import OptinoutConfig
from connectors.clocks import Skew
from sync.consent.memory import Memory, Sent, System, mark_of
from sync.consent.news import is_news_of_contact, is_news_of_profile
from sync.consent.reconciling import Plan, reconcile
from sync.consent.rule import Seen
from sync.consent.states import ContactState, ProfileState, Skews
from tests.unit.sync.consent.test_reconciling import CONTACT, T, profile, sent_to

SKEWS = Skews(Skew(0, 0), Skew(0, 0))
FLAG: WireFlag = "blackListEmail"
POLICIES = ("documented", "newest", "campaign", "most_restrictive")


def paired(column: str, opted_out: bool = True, policy: str = "newest") -> OptinoutConfig:
    pair = {"dynamics": column, "campaign": FLAG, "policy": policy, "opted_out": opted_out}
    return OptinoutConfig.model_validate({"direction": "bidirectional", "flags": [pair]})


def row(second: int = 5, version: int = 1, **columns: bool) -> ContactState:
    return ContactState(CONTACT, columns, T + second * 1000, f'W/"{version}"')


def looked_at(config: OptinoutConfig, contact: ContactState, told: ProfileState, memory: Memory | None) -> Plan:
    return reconcile(config, contact, told, memory, T + 60_000, SKEWS)


@pytest.mark.parametrize("policy", POLICIES)
def test_what_another_column_says_is_no_change_of_dynamics(policy: str) -> None:
    # Given somebody who has opted out on both sides, in Campaign last
    told = profile(True, 9000, live=True)
    before = looked_at(paired("donotemail", policy=policy), row(donotemail=True), told, None)
    assert sent_to(before) == ({}, {})
    # When the flag is paired with another column, which was "no" all the time
    after = looked_at(paired("donotbulkemail", policy=policy), row(donotbulkemail=False), told, before.memory)
    # Then opted out stands, and what is decided is what would be decided of somebody who was never seen
    assert sent_to(after) == ({"donotbulkemail": True}, {})
    anew = looked_at(paired("donotbulkemail", policy=policy), row(donotbulkemail=False), told, None)
    assert anew.decisions == after.decisions
    # And a change of that column is one from then on
    later = row(90, 2, donotbulkemail=False)
    kept = after.memory.dynamics_answered('W/"1"', T + 60_000)
    assert not is_news_of_contact(paired("donotbulkemail", policy=policy), kept, row(donotbulkemail=True))
    assert is_news_of_contact(paired("donotbulkemail", policy=policy), kept, later)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_pair_that_is_turned_round_is_no_change_of_dynamics(policy: str) -> None:
    # Given a pair the wrong way round, and somebody who has opted out in Campaign
    wrong, right = paired("followemail", True, policy), paired("followemail", False, policy)
    told, contact = profile(True, 9000, live=True), row(followemail=True)
    memory = looked_at(wrong, contact, told, None).memory
    # When that is set right, Then it is news on both sides, and the opt-out goes to Dynamics
    assert is_news_of_contact(right, memory, contact) and is_news_of_profile(right, memory, told, SKEWS)
    assert sent_to(looked_at(right, contact, told, memory)) == ({"followemail": False}, {})


def test_it_stays_so_while_two_profiles_are_there() -> None:
    # Given somebody who has opted out in Campaign, by another column
    told = profile(True, 9000, live=True)
    memory = looked_at(paired("donotemail"), row(donotemail=True), told, None).memory
    # When two profiles are found, of which neither has, and nothing can be written
    config, doubles = paired("donotbulkemail"), profile(False, 9500, live=True)._replace(is_sure=False)
    left = looked_at(config, row(donotbulkemail=True), doubles, memory)
    assert sent_to(left) == ({}, {})
    # Then what the other column said is no change of Dynamics afterwards either
    after = looked_at(config, row(donotbulkemail=False), told, left.memory)
    assert sent_to(after) == ({"donotbulkemail": True}, {})


def test_what_was_sent_to_another_column_is_not_looked_for_and_to_campaign_it_is() -> None:
    # Given decisions without an answer, made with another column
    config, told = paired("donotbulkemail"), profile(False, 9000, live=True)
    kept = looked_at(paired("donotemail"), row(donotemail=False), told, None).memory
    mark = mark_of(paired("donotemail").flags[0])
    for to, is_found in ((System.DYNAMICS, False), (System.CAMPAIGN, True)):
        sent = Sent(to, True, T + 20_000, Seen(True, T + 15_000))
        flag = kept.flags[FLAG]._replace(sent=sent)
        assert flag.pair == mark
        memory = Memory(kept.etag, kept.modified_ms, kept.record, None, 1, {FLAG: flag})
        # When both sides show that value, Then it is ours in Campaign alone
        plan = looked_at(config, row(30, 2, donotbulkemail=True), profile(True, 20_500, live=True), memory)
        assert [one.found for one in plan.closed] == ([True] if is_found else [])
