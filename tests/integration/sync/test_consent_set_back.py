"""Somebody who sets back what is written, a worker with a clock of its own, and contacts that are deleted."""

import time
from typing import Any

import pytest

from config.optinout import OptinoutConfig
from connectors.errors import Refused, Unreachable
from store.decisions import Confirmed
from store.record_queue import Again, Parent, Parked, Unchanged
from sync.consent.memory import HELD_MS
from sync.consent.memory_bytes import pack, unpack
from sync.consent.merging import merged
from sync.consent.payload import of_campaign, profile_of
from sync.consent.rule import Seen
from sync.consent.states import ProfileState
from sync.consent.target import ConsentTarget
from tests.integration.sync.consent_readers import ConsentReaders
from tests.integration.sync.consent_stage import PAIRS, ConsentStage


def campaign_wins(direction: str) -> OptinoutConfig:
    policy = {"policy": "campaign"} if direction == "bidirectional" else {}
    return OptinoutConfig.model_validate(
        {
            "direction": direction,
            "flags": [{"dynamics": "donotemail", "campaign": "blackListEmail", **policy}],
        }
    )


@pytest.mark.parametrize("direction", ["bidirectional", "campaign_to_dynamics"])
def test_an_opt_in_that_a_program_keeps_setting_back_is_held_back_told_and_tried_again(
    stage: ConsentStage, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact who has opted in again in Campaign, which decides
    stage.config, ann = campaign_wins(direction), stage.ids[0]
    stage.profile(ann, blackListEmail=True)
    stage.wait(5)
    stage.profile(ann, blackListEmail=False)
    # And a program in Dynamics that opts the contact out again each time
    for _ in range(5):
        stage.contact(ann, donotemail=True)
        assert stage.changed_in_dynamics(ann) is False
        assert stage.flags(ann) == (False, False)
    assert stage.store.consent.answered(stage.store.now_ms()) is None
    # When it does so once more, Then nothing is written, and the change waits for an hour
    stage.contact(ann, donotemail=True)
    for _ in range(3):
        answer = stage.changed_in_dynamics(ann)
        assert isinstance(answer, Again) and HELD_MS - 60_000 < answer.wait_ms <= HELD_MS and not answer.counts
    assert stage.flags(ann) == (True, False)
    # And that is on record once, and told of
    told = stage.decisions(ann)
    assert [(one.rule, one.written_to) for one in told[5:]] == [("held", "")] and len(told) == 6
    answered = stage.store.consent.answered(stage.store.now_ms())
    assert answered is not None and (answered.many, answered.contact) == (1, ann)
    # And after that time it is written once more, and held back again
    later = ConsentTarget(
        stage.dynamics, stage.campaign, stage.table, stage.config, stage.store.consent, 2,
        lambda: stage.store.now_ms() + HELD_MS,
    )  # fmt: skip
    monkeypatch.setattr(stage, "target", lambda: later)
    assert stage.changed_in_dynamics(ann) is False
    stage.contact(ann, donotemail=True)
    assert isinstance(stage.changed_in_dynamics(ann), Again)


def test_an_opt_out_that_a_program_keeps_setting_back_is_written_each_time_and_told_of(stage: ConsentStage) -> None:
    # Given a contact who has opted out in Campaign, which decides, and a program that opts it in again each time
    stage.config, ann = campaign_wins("bidirectional"), stage.ids[0]
    stage.profile(ann, blackListEmail=True)
    for turn in range(7):
        stage.contact(ann, donotemail=False)
        # Then the opt-out is written whenever it is due
        assert stage.changed_in_dynamics(ann) is False
        assert stage.flags(ann) == (True, True)
        # And from the sixth time on it is told
        assert (stage.store.consent.answered(stage.store.now_ms()) is None) is (turn < 5)


def test_other_flags_of_a_contact_are_written_while_one_is_held_back(stage: ConsentStage) -> None:
    # Given a contact one of whose flags is held back
    pairs = [{**pair.model_dump(), "policy": "campaign"} for pair in PAIRS]
    stage.config = OptinoutConfig.model_validate({"direction": "bidirectional", "flags": pairs})
    ann = stage.ids[0]
    stage.profile(ann, blackListEmail=True)
    stage.wait(5)
    stage.profile(ann, blackListEmail=False)
    for _ in range(6):
        stage.contact(ann, donotemail=True)
        answer = stage.changed_in_dynamics(ann)
    assert isinstance(answer, Again)
    # When another one changes in Campaign
    stage.profile(ann, blackListMobile=True)
    # Then it is written, and the one that is held back is looked at later all the same
    assert isinstance(stage.changed_in_campaign(ann), Again)
    assert stage.admin.contacts()[ann]["followemail"] is False
    assert stage.flags(ann) == (True, False)


@pytest.mark.parametrize("ahead_s", [600, -600])
def test_a_worker_whose_clock_is_not_that_of_redis_loses_no_opt_out(
    readers: ConsentReaders, monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    # Given a worker whose clock is ten minutes off, and a flag without a time of its own
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + ahead_s)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + ahead_s * 1_000_000_000)
    readers.use(flags=[{"dynamics": "donotemail", "campaign": "blackListPushnotification"}])
    readers.settle()
    readers.wait(5)
    # And a contact who was looked up just now, since it changed in Dynamics
    bob = readers.bob
    readers.contact(bob, donotemail=True)
    readers.read_all()
    readers.contact(bob, donotemail=False)
    readers.settle()
    # When it opts out in Campaign
    readers.wait(60)
    readers.profile(bob, blackListPushnotification=True)
    readers.restart()
    readers.settle()
    # Then Dynamics has it
    assert readers.admin.contacts()[bob]["donotemail"] is True
    # And what is told of times is told by the clock that all share
    [kept] = readers.store.consent.memories([bob])
    assert kept is not None and abs(unpack(kept).profile_read_ms - readers.store.now_ms()) < 120_000
    [decision] = readers.store.consent.of_contact(bob)
    assert abs(decision.decided_ms - readers.store.now_ms()) < 120_000


def test_a_file_takes_nothing_from_what_polling_has_told(stage: ConsentStage) -> None:
    # Given a contact who is opted out on both sides, and whose profile was made again with an older time
    ann = stage.ids[0]
    stage.profile(ann)
    stage.wait(5)
    stage.profile(ann, blackListEmail=True)
    assert stage.changed_in_campaign(ann) is False
    polled = profile_of(stage.told(ann))
    assert polled is not None
    older = polled._replace(flags={**polled.flags, "blackListEmail": Seen(False, 1)})
    # When a row of a file with a later time is merged with it
    row = ProfileState({"blackListEmail": Seen(False, polled.read_ms + 10**9)}, None, polled.read_ms)
    stage.asked.clear()
    payload = of_campaign(merged(stage.config, older, row))
    assert isinstance(stage.changed_in_campaign(ann, payload), Unchanged)
    # Then Campaign itself was asked, and nobody was opted in
    assert stage.asked[0] == "profile_by_key" and stage.flags(ann) == (True, True)


def test_a_change_of_a_contact_that_was_deleted_is_set_aside_with_the_reason(stage: ConsentStage) -> None:
    # Given a contact that was looked at, and then deleted in Dynamics
    ann = stage.ids[0]
    stage.profile(ann)
    assert isinstance(stage.changed_in_campaign(ann), Unchanged)
    stage.admin.post("/dynamics/delete", {"ids": [ann]})
    # When its profile changes
    stage.wait(5)
    stage.profile(ann, blackListEmail=True)
    answer = stage.changed_in_campaign(ann)
    # Then it does not wait for a contact that will not come
    assert isinstance(answer, Refused) and answer.code == "deleted"
    assert "has deleted it since" in answer.sentence
    # But one way, where nobody would tell if it was restored, it does
    stage.config = campaign_wins("campaign_to_dynamics")
    assert stage.changed_in_campaign(ann) == Parked(ann, Parent("contact", ann), released=False)


def test_a_writer_that_confirms_late_leaves_the_memory_of_whoever_came_after_it(stage: ConsentStage) -> None:
    # Given an opt-out on its way to Dynamics, while another writer keeps a memory of the contact
    ann, kept = stage.ids[0], stage.store.consent
    stage.profile(ann, blackListEmail=True)
    others = b""

    def overtake() -> None:
        nonlocal others
        [memory] = kept.memories([ann])
        assert memory is not None
        others = pack(unpack(memory).without_profile())
        kept.decide(ann, others)

    stage.hook(stage.dynamics, "update_all", after=overtake)
    # When it is answered, Then the contact is looked at again, and the other one's memory stands
    assert isinstance(stage.changed_in_campaign(ann), Again)
    assert kept.memories([ann]) == [others]
    # And how the decision ended is on record, with the column that was paired
    [decision] = stage.decisions(ann)
    assert (decision.confirmed, decision.column) == (Confirmed.ANSWER, "donotemail")


def test_a_writer_whose_open_decision_another_one_has_closed_meanwhile_decides_nothing(stage: ConsentStage) -> None:
    # Given an opt-out that reached Dynamics, and whose answer was lost
    ann, kept = stage.ids[0], stage.store.consent
    stage.profile(ann, blackListEmail=True)
    told = stage.told(ann)

    def lost() -> None:
        raise Unreachable("dynamics", "no answer")

    stage.hook(stage.dynamics, "update_all", after=lost)
    assert isinstance(stage.changed_in_campaign(ann, told), Unreachable)
    stage.contact(ann, donotemail=False)

    # When a writer reads both sides, and another one brings them together before it goes on
    def meanwhile() -> None:
        stage.changed_in_campaign(ann, told)

    stage.hook(stage.dynamics, "current", after=meanwhile)
    others: list[bytes | None] = []
    real = stage.dynamics.current

    def noted(*arguments: Any, **options: Any) -> Any:
        found = real(*arguments, **options)
        others.extend(kept.memories([ann]))
        return found

    stage.dynamics.current = noted  # type: ignore[method-assign]
    answer = stage.changed_in_campaign(ann, told)
    # Then it leaves the contact for later, and what the other one remembers stands
    assert isinstance(answer, Again)
    assert kept.memories([ann]) == others[-1:]
