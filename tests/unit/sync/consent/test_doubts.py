"""What is in doubt, and what is not believed unseen: lost answers, rows of old files, flags without a time."""

from typing import Any

import pytest

from config.optinout import OptinoutConfig
from sync.consent.news import is_news_of_profile
from sync.consent.reconciling import reconcile
from tests.unit.sync.consent.test_reconciling import PUSH, SKEWS, T, configured, profile, row, rules, sent_to


@pytest.mark.parametrize("there", [True, False])
def test_newest_does_not_know_who_spoke_last_where_an_answer_of_dynamics_was_lost_and_the_value_is_as_before(
    there: bool,
) -> None:
    # Given a change of Campaign that we have sent to Dynamics, whose answer is lost
    config = configured(policy="newest")
    memory = reconcile(config, row(there, 5), profile(there, 5000), None, T + 6000, SKEWS).memory
    sent = reconcile(config, row(there, 5), profile(not there, 12_000, live=True), memory, T + 12_500, SKEWS)
    assert sent.to_dynamics == {"donotemail": not there}
    # When the row has the value of before in another version: set back, or never written and changed in something else
    told = profile(not there, 12_000, read=21_000, live=True)
    plan = reconcile(config, row(there, 20, 3), told, sent.memory, T + 21_000, SKEWS)
    # Then that is in doubt, and opted out stands
    assert rules(plan.decisions) == [("in-doubt", "campaign" if there else "dynamics")]
    # But where it is the version of before, nothing was written, and the change of Campaign is the later one
    again = reconcile(config, row(there, 5), told, sent.memory, T + 21_000, SKEWS)
    assert rules(again.decisions) == [("campaign-newer", "dynamics")]


@pytest.mark.parametrize("here", [True, False])
def test_newest_does_not_know_who_spoke_last_where_an_answer_of_campaign_was_lost_and_the_flag_tells_no_time(
    here: bool,
) -> None:
    # Given a change of Dynamics that we have sent to Campaign, for a flag without a time, and the answer is lost
    config = configured(policy="newest", campaign=PUSH)
    first = profile(not here, 1000, flag=PUSH, live=True)
    memory = reconcile(config, row(not here, 1), first, None, T + 2000, SKEWS).memory
    before = profile(here, 5000, flag=PUSH, live=True)
    memory = reconcile(config, row(here, 5), before, memory, T + 6000, SKEWS).memory
    sent = reconcile(config, row(not here, 12, 2), before, memory, T + 12_500, SKEWS)
    assert sent.to_campaign == {PUSH: not here}
    # When the profile has changed, and has the value of before
    changed = profile(here, 20_000, flag=PUSH, read=21_000, live=True)
    plan = reconcile(config, row(not here, 12, 2), changed, sent.memory, T + 21_000, SKEWS)
    # Then that is in doubt, and opted out stands
    assert rules(plan.decisions) == [("in-doubt", "dynamics" if here else "campaign")]
    # But where it has not changed, nothing was written, and the change of Dynamics is the later one
    again = reconcile(config, row(not here, 12, 2), before, sent.memory, T + 21_000, SKEWS)
    assert rules(again.decisions) == [("dynamics-newer", "campaign")]


def without_polling(config: OptinoutConfig) -> OptinoutConfig:
    return config.model_copy(update={"poll": None})


@pytest.mark.parametrize("poll", [True, False])
@pytest.mark.parametrize("direction", ["bidirectional", "campaign_to_dynamics"])
def test_a_row_of_a_file_with_a_time_of_before_the_clock_was_set_right_is_not_believed_unseen(
    direction: str, poll: bool
) -> None:
    # Given an opt-in in Campaign of after its clock was set right
    config = configured(direction=direction)
    config = config if poll else without_polling(config)
    known = profile(False, 15_000, read=15_500, live=True)
    memory = reconcile(config, row(False, 5), known, None, T + 15_600, SKEWS).memory
    # When a row of a file tells of an opt-out of before, by a clock that was half a minute ahead
    told = profile(True, 40_000, read=20_000)
    assert is_news_of_profile(config, memory, told, SKEWS)
    # Then Campaign is asked, and what it says counts
    assert reconcile(config, row(False, 5), told, memory, T + 20_000, SKEWS).is_hasty
    plan = reconcile(config, row(False, 5), known, memory, T + 20_000, SKEWS)
    assert sent_to(plan) == ({}, {}) and plan.decisions == ()


def test_one_way_and_without_polling_an_opt_out_of_a_file_is_written_at_once() -> None:
    for direction, is_looked_up in (("campaign_to_dynamics", False), ("bidirectional", True)):
        config = without_polling(configured(direction=direction))
        memory = reconcile(config, row(False, 5), profile(False, 4000, live=True), None, T, SKEWS).memory
        plan = reconcile(config, row(False, 5), profile(True, 9000, read=20_000), memory, T + 20_000, SKEWS)
        assert plan.to_dynamics == {"donotemail": True} and plan.is_hasty is is_looked_up


@pytest.mark.parametrize("changed", [{"direction": "campaign_to_dynamics"}, {"policy": "campaign"}])
def test_a_push_flag_that_nobody_touched_opts_nobody_in_where_campaign_decides_alone_later(changed: Any) -> None:
    # Given a flag without a time that was seen once, and never to change, while Dynamics had its say, too
    config = configured(campaign=PUSH, policy="most_restrictive")
    told = profile(False, 4000, flag=PUSH, live=True)
    memory = reconcile(config, row(False, 5), told, None, T + 6000, SKEWS).memory
    # When Campaign decides alone from now on, and the contact has opted out in Dynamics
    later = configured(campaign=PUSH, **changed)
    plan = reconcile(later, row(True, 20, 2), told, memory, T + 21_000, SKEWS)
    # Then the opt-out stands
    assert plan.to_dynamics == {} and {one.rule for one in plan.decisions} == {"in-doubt"}
    # And once the flag was seen to change, it counts
    plan = reconcile(later, row(True, 20, 2), profile(True, 30_000, flag=PUSH, live=True), plan.memory, T, SKEWS)
    plan = reconcile(later, row(True, 20, 2), profile(False, 40_000, flag=PUSH, live=True), plan.memory, T, SKEWS)
    assert plan.to_dynamics == {"donotemail": False}
