"""Whatever is killed at whatever moment, and whatever people do meanwhile: consent ends as the rule demands.

Usually a few seeds, each with little of everything. With `KILL_SEEDS` there is more of it: seed 17 alone is
`KILL_SEEDS=17-17 pytest tests/end_to_end/test_consent_kills.py`, the first hundred are `KILL_SEEDS=100`.
"""

import os
from collections import Counter

import pytest

from tests.end_to_end import consent_histories, consent_truth
from tests.end_to_end.conftest import OpenConsent
from tests.end_to_end.consent_chaos import BIG, PAIRS, SMALL, Chaos
from tests.end_to_end.killer import seeds

#: Each of them decides in every big run.
RULES = {"campaign-newer", "dynamics-newer", "most-restrictive", "opted-out-wins", "system-wins"}
#: What decides where somebody says something right after us, as the policy `documented` demands it.
#: Where clocks are not known well enough, an opt-out is in doubt, and stands all the same.
CAMPAIGN_AFTER_US = [({"campaign-newer", "opted-out-wins"}, "dynamics", True), ({"campaign-newer"}, "dynamics", False)]
DYNAMICS_AFTER_US = [({"opted-out-wins"}, "campaign", True), ({"opted-out-wins"}, "dynamics", True)]
#: Faults by which nothing was done, and by which it was.
BEFORE = ("429", "500", "reset", "timeout_before")
AFTER = ("malformed", "reset_after", "timeout_after", "truncated")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", seeds("4"))
def test_consent_is_as_the_rule_demands_whatever_is_killed(open_consent: OpenConsent, seed: int) -> None:
    # Given people of whom half have profiles, an ingress that makes the others, clocks that differ, systems with faults
    consent = open_consent(app="tests.end_to_end.hurried", lease_seconds=2, slice_seconds=1, batch_size=10)
    shape = BIG if "KILL_SEEDS" in os.environ else SMALL
    chaos = Chaos(consent, seed, shape)
    chaos.begin()

    # When they change their minds in both systems, profiles are deleted and made again, and clocks are set, while
    # workers die and files arrive; in a big run once more, with another configuration for a while, a replay, and Redis
    # dying
    for lines in shape.parts:
        chaos.live(lines)
        chaos.rest()

    # Then nothing is left to be done, and whoever was deleted stays so
    assert chaos.gone and not chaos.gone & consent.admin.contacts().keys()
    assert {record.id for record in consent.queue.parked(consent.store.now_ms(), 10)} <= chaos.gone
    assert not [letter.reason for id_, letter in consent.letters().items() if id_ not in chaos.gone]

    # And each flag is as the rule demands of what people did
    changes, made, profiles, decisions = consent.changes(), consent.made(), consent.made_profiles(), consent.decisions()
    uncertain = {found["contact"] for found in decisions
                 if found["written_to"] == "dynamics" and found["confirmed"] != "answer"}  # fmt: skip
    pasts = consent_histories.histories(PAIRS, changes, made, profiles)
    judged = consent_histories.judge(PAIRS, chaos.begun, chaos.demanded, chaos.rests, pasts, uncertain)
    once_more = f"KILL_SEEDS={seed}-{seed} pytest tests/end_to_end/test_consent_kills.py"
    assert not judged.wrong, "\n".join([once_more, *judged.wrong])

    # And every write of ours is on record, with its end, and none was made that changed nothing
    assert not (found := consent_truth.unrecorded(PAIRS, made, decisions)), "\n".join([once_more, *found])
    assert all(found["closed"] for found in decisions), once_more
    assert not (found := consent_truth.needless({"flags": PAIRS}, made, changes)), "\n".join([once_more, *found])

    # And nothing that we wrote was taken for somebody's change
    answered = [found for found in decisions if found["confirmed"] == "answer"]
    for id_, demanded in zip(chaos.told_back, (CAMPAIGN_AFTER_US, DYNAMICS_AFTER_US), strict=True):
        theirs = [one for one in answered if one["contact"] == id_]
        assert [(one["written_to"], one["opted_out"]) for one in theirs] == [one[1:] for one in demanded], once_more
        assert all(one["rule"] in rules for one, (rules, *_) in zip(theirs, demanded, strict=True)), once_more
    assert not (found := consent_truth.echoes(decisions, made, changes)), "\n".join([once_more, *found])

    # And nothing was written more often than people gave cause to
    written = Counter((id_, flag) for id_, _, flag in consent_truth.written({"flags": PAIRS}, made))
    twice = written - Counter(consent_truth.causes(PAIRS, chaos.begun, changes, made, profiles))
    assert not twice, f"{once_more}\n{twice}"

    # And all of that was work: on both sides, by each rule, with answers lost before and after the effect
    assert min(Counter(one["side"] for one in changes).values()) >= shape.all_changes / 5
    assert min(Counter(one["written_to"] for one in answered).values()) >= shape.all_changes / 24
    assert shape is SMALL or {found["rule"] for found in decisions} >= RULES
    assert judged.certain > judged.judged / 2 and judged.newest >= shape.all_changes / 40
    dealt = chaos.dealt()
    lost = [sum(dealt[fault] for fault in faults) for faults in (BEFORE, AFTER)]
    assert any(lost) if shape is SMALL else all(lost), dealt
    assert consent.files_read() and {one["made"] for one in profiles} == {True, False}
