"""Whatever is killed at whatever moment, and whatever people do meanwhile: consent ends as the rule demands.

More than the usual seeds: `KILL_SEEDS=100 pytest tests/end_to_end/test_consent_kills.py`; `KILL_SEEDS=40-60` are those.
"""

from collections import Counter

import pytest

from store.lifecycle import State
from tests.end_to_end import consent_truth, documents
from tests.end_to_end.conftest import OpenConsent
from tests.end_to_end.consent_stage import BOTH, ConsentStage
from tests.end_to_end.killer import Killer, seeds

PAIRS: tuple[documents.Plain, ...] = (
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "followemail", "campaign": "denyListMobile", "opted_out": False},
    {"dynamics": "donotphone", "campaign": "blackListPhone", "policy": "most_restrictive"},
    {"dynamics": "donotpostalmail", "campaign": "blackListPostalMail", "policy": "campaign"},
    {"dynamics": "donotbulkpostalmail", "campaign": "ccpaOptOut", "policy": "newest"},
)
#: What ingress carries: a change of it is a change of the record, too.
CARRIED: documents.Plain = {"dynamics": "donotfax", "campaign": "blackListFax"}

#: How often something dies in one run, Redis once among it.
KILLS = 3
#: What people change in one run.
CHANGES = 200
FAULTS = {
    "rate_429": 0.01,
    "rate_500": 0.01,
    "rate_reset": 0.01,
    "rate_reset_after": 0.03,
    "rate_truncated": 0.02,
    "rate_malformed": 0.01,
    "latency_ms": 5,
    "latency_jitter_ms": 40,
    "latency_after_ms": 10,
}


def people_change_their_minds(consent: ConsentStage, seed: int) -> str:
    """For some seconds from now on; who is deleted in the end."""
    some, others = consent.ids[:30], consent.ids[30:]
    pairs = [*consent.pairs, CARRIED]
    both = {"side": "both", "conflicts": 0.3, "ids": some, "changes": CHANGES * 3 // 4, "rate": 20}
    here = {"side": "dynamics", "ids": others, "changes": CHANGES // 4, "rate": 7}
    for plan in (both, here):
        consent.admin.post("/consent/changes", {**plan, "pairs": pairs, "seed": seed})
    return others[-1]


def wait_for_changes(consent: ConsentStage, killer: Killer, many: int) -> None:
    killer.wait_until(lambda: len(consent.changes()) >= many or not consent.left(), "people go on")


def run_again(consent: ConsentStage, killer: Killer) -> None:
    """Starts the workflow if it is stopped, and waits until it runs."""
    if consent.life.state is State.STOPPED:
        consent.start(consent.workflow.revisions.newest())
    killer.wait_until(lambda: consent.life.state is not State.STARTING, "the start-up checks have an outcome")
    assert consent.life.state is State.RUNNING, consent.report()


@pytest.mark.parametrize("seed", seeds("2"))
def test_consent_is_as_the_rule_demands_whatever_is_killed(open_consent: OpenConsent, seed: int) -> None:
    # Given people of whom half have profiles, an ingress that makes the others, clocks that differ, systems with faults
    consent = open_consent(lease_seconds=3, slice_seconds=1, batch_size=10)
    consent.switch(campaign_clock_offset=(2, 0, -2)[seed % 3])
    consent.save(documents.optinout(flags=PAIRS, files={"settled_seconds": 0}))
    consent.profiles(*consent.ids[:30])
    begun = consent.rows()
    pairs = [("lastname", "lastName"), (CARRIED["dynamics"], CARRIED["campaign"])]
    carried = consent.save_ingress(documents.ingress(documents.contacts(pairs=pairs)))
    killer = Killer(consent, seed)
    run_again(consent, killer)
    ingress = consent.store.workflow("ingress")
    assert ingress.lifecycle.start("tester", "test", carried)
    killer.wait_until(lambda: ingress.lifecycle.read().state is State.RUNNING, "ingress runs")
    faults: documents.Plain = {**dict.fromkeys(BOTH, FAULTS), "sftp": {"rate_reset": 0.05}}
    consent.faults(seed=seed, **faults)

    # When they change their minds in both systems, while workers and Redis die, and the workflow is stopped and started
    gone = people_change_their_minds(consent, seed)
    events = killer.chance.sample(["redis", *killer.chance.choices(("worker", "children", "a child"), k=2)], KILLS)
    events.insert(killer.chance.randrange(len(events)), "stop")
    moments = sorted(killer.chance.sample(range(10, CHANGES), len(events)))
    for what, moment in zip(events, moments, strict=True):
        wait_for_changes(consent, killer, moment)
        consent.admin.post("/consent/export")
        if what == "stop":
            consent.stop()
            consent.faults()  # the checks at the start would be tried again for long
            run_again(consent, killer)
            consent.faults(seed=-seed, **faults)
        else:
            killer.kill(what)
    killer.wait_until(lambda: not consent.left(), "people are done")
    consent.admin.post("/dynamics/delete", {"ids": [gone]})
    consent.faults()

    # Then both sides are equal, whoever was deleted stays so, and nothing is left to be done
    run_again(consent, killer)
    killer.wait_until(lambda: all(row["profiles"] for row in consent.rows().values()), "everybody has a profile")
    killer.wait_until(
        lambda: consent.is_settled(but_for_parked=True),
        "both sides are equal, and nothing waits but for the deleted",
        60,
    )
    assert gone not in consent.admin.contacts()
    assert {record.id for record in consent.queue.parked(consent.store.now_ms(), 10)} <= {gone}
    assert not consent.letters()

    # And each flag is as the rule demands of what people did
    rows, changes, made, decisions = consent.rows(), consent.changes(), consent.made(), consent.decisions()
    uncertain = {found["contact"] for found in decisions
                 if found["written_to"] == "dynamics" and found["confirmed"] != "answer"}  # fmt: skip
    judged = {id_: row for id_, row in rows.items() if row["dynamics"] is not None}
    wrong, certain = consent_truth.judged(PAIRS, begun, judged, changes, made, uncertain)
    assert not wrong, "\n".join(wrong)
    assert certain > 0.7 * len(judged) * len(PAIRS)

    # And every write of ours is on record, with its end, and none was made that changed nothing
    written = Counter(consent_truth.written(consent.part, made))
    ended = Counter((one["contact"], one["written_to"], one["flag"]) for one in decisions if one["confirmed"])
    answered = Counter((one["contact"], one["written_to"], one["flag"]) for one in decisions
                       if one["confirmed"] == "answer")  # fmt: skip
    assert not written - ended and not answered - written
    assert all(found["closed"] for found in decisions)
    assert not consent_truth.needless(consent.part, made, changes)

    # And nothing was written more often than people gave cause to
    causes = Counter(consent_truth.causes(PAIRS, begun, changes, made))
    twice = Counter((id_, flag) for id_, _, flag in written.elements()) - causes
    assert not twice, twice
