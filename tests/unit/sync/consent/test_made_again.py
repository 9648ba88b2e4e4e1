"""A profile under the same key that is another one: by a flag without a time it opts nobody in."""

from dataclasses import replace
from typing import Any

import pytest

from sync.consent.doubles import as_one
from sync.consent.memory import Sent, System
from sync.consent.news import is_news_of_profile
from sync.consent.reconciling import reconcile
from sync.consent.states import ProfileState
from tests.unit.sync.consent.test_reconciling import PUSH, SKEWS, T, answered, configured, profile, row


def pushed(value: bool, ms: int, who: int, **marks: Any) -> ProfileState:
    """A profile whose one flag has no time of its own; `ms` after T it was changed, and read."""
    return profile(value, ms, flag=PUSH)._replace(present=True, who=who, **marks)


@pytest.mark.parametrize("sent", [None, System.DYNAMICS, System.CAMPAIGN])
@pytest.mark.parametrize(
    "changed",
    [{"direction": "campaign_to_dynamics"}, *({"policy": policy} for policy in ("documented", "newest", "campaign"))],
)
def test_a_profile_that_was_made_again_opts_nobody_in_by_a_flag_without_time(
    changed: dict[str, str], sent: System | None
) -> None:
    # Given somebody who has opted out in a profile, on both sides, or just about to be
    config = configured(campaign=PUSH, **changed)
    first = reconcile(config, row(False, 5), pushed(True, 9000, 1, live=True), None, T, SKEWS)
    assert first.to_dynamics
    memory = answered(first, 10)
    old = memory.flags[PUSH]
    if sent:
        memory = replace(memory, flags={PUSH: old._replace(sent=Sent(sent, True, T + 9500, old.campaign))})
    # When that one is deleted and another is made, which says "not opted out" of itself
    again = pushed(False, 20_000, 2)
    assert is_news_of_profile(config, memory, again, SKEWS)
    plan = reconcile(config, row(True, 10, 2), again._replace(live=True), memory, T + 21_000, SKEWS)
    # Then Dynamics stays as it is
    assert not plan.to_dynamics
    # But when somebody then says so in the new one: opts out, and in again
    out = pushed(True, 30_000, 2, live=True)
    memory = answered(reconcile(config, row(True, 10, 2), out, plan.memory, T + 31_000, SKEWS), 32, 2)
    back = reconcile(config, row(True, 10, 2), pushed(False, 40_000, 2, live=True), memory, T + 41_000, SKEWS)
    assert back.to_dynamics == {"donotemail": False}


def test_a_profile_that_is_another_is_news_and_is_remembered() -> None:
    # Given a contact whose sides agree, and a profile that says the very same, but is another one
    config = configured(campaign=PUSH, direction="campaign_to_dynamics")
    memory = reconcile(config, row(False, 5), pushed(False, 9000, 1), None, T, SKEWS).memory
    other = pushed(False, 9000, 2)
    assert not is_news_of_profile(config, memory, pushed(False, 9000, 1), SKEWS)
    # Then that is news until it is remembered
    assert is_news_of_profile(config, memory, other, SKEWS)
    after = reconcile(config, row(False, 5), other, memory, T, SKEWS).memory
    assert (after.who, is_news_of_profile(config, after, other, SKEWS)) == (2, False)
    # And a row of a file, which does not tell which one it is, changes nothing about that
    of_file = pushed(False, 9000, 0)._replace(present=False)
    assert reconcile(config, row(False, 5), of_file, after, T, SKEWS).memory.who == 2


def test_of_two_profiles_it_is_remembered_that_they_were_two() -> None:
    one, other = pushed(True, 9000, 1, live=True), pushed(False, 9000, 2, live=True)
    together = as_one([one, other])
    assert together.who == as_one([other, one]).who not in (0, 1, 2)
