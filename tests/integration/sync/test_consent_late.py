"""Requests that were given up and are carried out late, when the contact has said something else by then."""

from typing import Any

import pytest

from config.consent_flags import FlagPair
from connectors.errors import Unreachable
from store.decisions import Confirmed
from store.record_queue import Again, Lane, Leased, Unchanged
from sync.consent.memory import CARRIED_OUT_WITHIN_MS
from sync.consent.payload import OF_DYNAMICS
from sync.consent.target import ConsentTarget
from sync.streams import Send
from tests.integration.sync.consent_stage import PAIRS, ConsentStage


class GivenUp:
    """The next request of this kind is given up before the system has begun with it; `lands` when it has."""

    def __init__(self, system: Any, name: str) -> None:
        self._real = getattr(system, name)
        self._system, self._name = system, name
        self._held: list[tuple[Any, ...]] = []
        setattr(system, name, self._give_up)

    def _give_up(self, *arguments: Any) -> Any:
        self._held.append(arguments)
        setattr(self._system, self._name, self._real)
        raise Unreachable("dynamics", "no answer within 20 seconds")

    def lands(self) -> None:
        [arguments] = self._held
        self._real(*arguments)


def out_on_both_sides(stage: ConsentStage, direction: str, policy: Any) -> str:
    pair = FlagPair(dynamics="donotemail", campaign="blackListEmail", policy=policy)
    stage.config = stage.config.model_copy(update={"direction": direction, "flags": (pair,)})
    ann = stage.ids[0]
    stage.profile(ann)
    stage.contact(ann, donotemail=True)
    stage.wait(5)
    stage.profile(ann, blackListEmail=True)
    assert isinstance(stage.changed_in_campaign(ann), Unchanged)
    stage.wait(20)
    return ann


def after_the_wait(stage: ConsentStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was given up by now is carried out any more."""
    store = stage.store
    later = ConsentTarget(
        stage.dynamics, stage.campaign, stage.table, stage.config, store.consent, 2,
        lambda: store.now_ms() + CARRIED_OUT_WITHIN_MS,
    )  # fmt: skip
    monkeypatch.setattr(stage, "target", lambda: later)


BOTH_WAYS = [
    ("campaign_to_dynamics", "documented"),
    *(("bidirectional", policy) for policy in ("documented", "newest", "campaign")),
]


@pytest.mark.parametrize(("direction", "policy"), BOTH_WAYS)
def test_an_opt_in_that_dynamics_carries_out_late_is_taken_back(
    stage: ConsentStage, direction: str, policy: str
) -> None:
    # Given somebody who has opted out on both sides, and then opts in in Campaign
    ann = out_on_both_sides(stage, direction, policy)
    stage.profile(ann, blackListEmail=False)
    # When our request takes so long that it is given up, and the contact has opted out again meanwhile
    given_up = GivenUp(stage.dynamics, "update_all")
    assert isinstance(stage.changed_in_campaign(ann), Unreachable)
    stage.wait(20)
    stage.profile(ann, blackListEmail=True)
    # Then the contact is looked at again once it cannot be carried out any more, however often it is looked at before
    for _ in range(2):
        answer = stage.changed_in_campaign(ann)
        assert isinstance(answer, Again) and not answer.counts
        assert CARRIED_OUT_WITHIN_MS - 60_000 < answer.wait_ms <= CARRIED_OUT_WITHIN_MS
    assert [one.confirmed for one in stage.decisions(ann)] == [None]
    # And when it is carried out before that, opted out stands in the end
    stage.wait(5)
    given_up.lands()
    assert stage.flags(ann) == (False, True)
    assert stage.changed_in_campaign(ann) is False
    assert stage.flags(ann) == (True, True)
    assert [one.confirmed for one in stage.decisions(ann)] == [Confirmed.READING, Confirmed.ANSWER]


@pytest.mark.parametrize("policy", ["documented", "newest"])
def test_an_opt_in_that_campaign_carries_out_late_is_taken_back(stage: ConsentStage, policy: str) -> None:
    # Given somebody who has opted out on both sides, and then opts in in Dynamics, which is the policy then
    ann = out_on_both_sides(stage, "bidirectional", "newest")
    stage.contact(ann, donotemail=False)
    # When our request takes so long that it is given up, and the contact has opted out again meanwhile
    given_up = GivenUp(stage.campaign, "update")
    assert isinstance(stage.changed_in_dynamics(ann), Unreachable)
    stage.wait(20)
    stage.contact(ann, donotemail=True)
    [pair] = stage.config.flags
    stage.config = stage.config.model_copy(update={"flags": (pair.model_copy(update={"policy": policy}),)})
    assert isinstance(stage.changed_in_dynamics(ann), Again)
    # And it is carried out after that
    stage.wait(5)
    given_up.lands()
    assert stage.flags(ann) == (True, False)
    # Then opted out stands in the end
    assert stage.changed_in_campaign(ann) is False
    assert stage.flags(ann) == (True, True)


def test_what_is_not_carried_out_in_time_has_come_to_nothing(
    stage: ConsentStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an opt-in that was given up, and that nobody wants any more
    ann = out_on_both_sides(stage, "bidirectional", "newest")
    stage.profile(ann, blackListEmail=False)
    GivenUp(stage.dynamics, "update_all")
    assert isinstance(stage.changed_in_campaign(ann), Unreachable)
    stage.wait(20)
    stage.profile(ann, blackListEmail=True)
    assert isinstance(stage.changed_in_campaign(ann), Again)
    # When it cannot be carried out any more
    after_the_wait(stage, monkeypatch)
    assert isinstance(stage.changed_in_campaign(ann), Unchanged)
    # Then that is on record, and nothing is open
    assert [one.confirmed for one in stage.decisions(ann)] == [Confirmed.REFUSED]
    assert stage.store.consent.stats().open == 0


def test_another_flag_that_is_written_meanwhile_is_no_answer_to_what_was_given_up(stage: ConsentStage) -> None:
    # Given an opt-in that was given up, and that nobody wants any more
    ann = out_on_both_sides(stage, "bidirectional", "newest")
    stage.config = stage.config.model_copy(update={"flags": (*stage.config.flags, PAIRS[1])})
    stage.changed_in_campaign(ann)
    stage.profile(ann, blackListEmail=False)
    given_up = GivenUp(stage.dynamics, "update_all")
    assert isinstance(stage.changed_in_campaign(ann), Unreachable)
    stage.wait(20)
    stage.profile(ann, blackListEmail=True)
    assert isinstance(stage.changed_in_campaign(ann), Again)
    # When another flag is written to Dynamics
    stage.profile(ann, blackListMobile=True)
    assert stage.changed_in_campaign(ann) is False
    # Then what was given up comes too late, for a version that is not there any more, and that is on record
    given_up.lands()
    assert stage.flags(ann) == (True, True)
    ends = {(one.flag, one.confirmed) for one in stage.decisions(ann)}
    assert ends == {("blackListEmail", Confirmed.REFUSED), ("blackListMobile", Confirmed.ANSWER)}
    assert isinstance(stage.changed_in_dynamics(ann), Unchanged)


def test_nothing_is_asked_between_the_allowance_and_the_request_to_campaign(stage: ConsentStage) -> None:
    # Given an opt-out of Dynamics that is to be written to Campaign
    ann, order = stage.ids[0], []
    stage.profile(ann)
    stage.contact(ann, donotemail=True)

    def now_ms() -> int:
        order.append("clock")
        return stage.store.now_ms()

    def allowance() -> float:
        order.append("allowance")
        return 10.0

    target = ConsentTarget(
        stage.dynamics, stage.campaign, stage.table, stage.config, stage.store.consent, 2, now_ms
    )  # fmt: skip
    stage.hook(stage.campaign, "update", before=lambda: order.append("update"))
    # When it is written
    send = target.prepare(Leased(ann, 1, stage.store.now_ms(), Lane.LIVE, OF_DYNAMICS, 0, 0), None)
    assert isinstance(send, Send) and list(target.send([send], allowance)) == [False]
    # Then the allowance was still true when the request began, since Redis may take long to tell the time
    assert order[order.index("update") - 1] == "allowance"
