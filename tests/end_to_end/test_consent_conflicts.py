"""Who wins where both systems have changed: each way by the documented rule, within one second, and by each policy."""

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.consent_stage import ConsentStage
from tests.end_to_end.consent_truth import second

EMAIL = "blackListEmail"
#: A pair for each policy.
POLICIES: tuple[documents.Plain, ...] = (
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "donotphone", "campaign": "blackListPhone", "policy": "most_restrictive"},
    {"dynamics": "donotfax", "campaign": "blackListFax", "policy": "newest"},
    {"dynamics": "donotpostalmail", "campaign": "blackListPostalMail", "policy": "dynamics"},
    {"dynamics": "followemail", "campaign": "blackListMobile", "opted_out": False, "policy": "campaign"},
)


def run_and_stop(consent: ConsentStage) -> None:
    """Everybody is looked at; what happens from now on is seen when the workflow starts again, all of it at once."""
    consent.run_until_read()
    assert consent.writes() == 0
    consent.stop()
    consent.wait_for_state(State.STOPPED)
    consent.later()


def test_a_conflict_is_decided_each_way_by_the_documented_rule_and_explained(consent: ConsentStage) -> None:
    # Given some who have opted out of emails on both sides, and some who have not
    opting_in, edited_after, opting_in_late, edited_at_once, opting_out, out_then_edited, out_then_in = consent.people(
        7
    )
    for side in ("dynamics", "campaign"):
        consent.opt(side, EMAIL, True, opting_in, edited_after, opting_in_late, edited_at_once)
    run_and_stop(consent)

    # When both sides change while nobody looks: first one, then the other, or both within one second
    consent.edit(opting_in, opting_out)
    consent.opt("campaign", EMAIL, False, edited_after)
    consent.opt("campaign", EMAIL, True, out_then_edited)
    consent.opt("dynamics", EMAIL, True, out_then_in)
    consent.later()
    consent.opt("campaign", EMAIL, False, opting_in)
    consent.opt("campaign", EMAIL, True, opting_out, out_then_in)
    consent.opt("campaign", EMAIL, False, out_then_in)
    consent.edit(edited_after, out_then_edited)
    consent.opt("dynamics", EMAIL, False, opting_in_late)
    consent.begin_a_second()
    consent.opt("campaign", EMAIL, False, edited_at_once)
    consent.edit(edited_at_once)
    row = consent.rows()[edited_at_once]
    assert second(row["modifiedon"]) == second(row["profiles"][0]["times"][f"{EMAIL}LastModified"])
    before = consent.rows()
    consent.start()
    consent.wait_until_settled()

    # Then Campaign's later word counts; where it is not later, or not by a second, opted out does
    wanted = {
        opting_in: (False, "dynamics", "campaign-newer", "campaign"),
        opting_out: (True, "dynamics", "campaign-newer", "campaign"),
        out_then_in: (False, "dynamics", "campaign-newer", "campaign"),
        edited_after: (True, "campaign", "opted-out-wins", "dynamics"),
        out_then_edited: (True, "dynamics", "opted-out-wins", "campaign"),
        opting_in_late: (True, "dynamics", "opted-out-wins", "campaign"),
        edited_at_once: (True, "campaign", "opted-out-wins", "dynamics"),
    }
    assert {id_: consent.stands(EMAIL, id_) for id_ in wanted} == {id_: (out, out) for id_, (out, *_) in wanted.items()}

    # And each was written once, where it differed
    assert {write["id"]: write["side"] for write in consent.made()} == {id_: to for id_, (_, to, *_) in wanted.items()}
    assert consent.writes() == len(wanted)

    # And the record has each decision: what both said, since when, the rule, who won, what was written and confirmed
    decisions = {decision["contact"]: decision for decision in consent.decisions()}
    assert len(decisions) == len(consent.decisions()) == len(wanted)
    for id_, (out, to, rule, winner) in wanted.items():
        found, row = decisions[id_], before[id_]
        sides = consent.sides(EMAIL, row)
        assert (found["dynamics_opted_out"], found["campaign_opted_out"]) == sides
        assert second(found["dynamics_changed"]) == second(row["modifiedon"])
        assert found["campaign_changed"].replace("T", " ") == row["profiles"][0]["times"][f"{EMAIL}LastModified"]
        assert (found["opted_out"], found["rule"], found["winner"]) == (out, rule, winner)
        assert (found["written_to"], found["confirmed"], found["policy"]) == (to, "answer", "documented")
        assert found["decided"] <= found["written"] <= found["closed"]

    # And both ways it can be explained to somebody who was not there
    told = consent.d365acs("consent", "explain", edited_after)
    assert "Dynamics: opted out; the record was changed on" in told and "Campaign: not opted out, changed on" in told
    assert "Rule opted-out-wins" in told and "Decided: opted out, as Dynamics says. Written to Campaign on" in told
    told = consent.d365acs("consent", "explain", opting_in)
    assert "Rule campaign-newer" in told and "Decided: not opted out, as Campaign says. Written to Dynamics on" in told


def test_each_flag_is_decided_by_its_own_policy(consent: ConsentStage) -> None:
    # Given somebody who has opted out of everything, and somebody who has opted out of nothing
    consent.save(documents.optinout(flags=POLICIES))
    jo, ann = consent.people(2)
    flags = [pair["campaign"] for pair in POLICIES]
    for flag in flags:
        for side in ("dynamics", "campaign"):
            consent.opt(side, flag, True, jo)
    run_and_stop(consent)

    # When one opts in to everything in Dynamics, and one opts out there and says later in Campaign that it is not so
    for flag in flags:
        consent.opt("dynamics", flag, True, ann)
    consent.later()
    for flag in flags:
        consent.opt("dynamics", flag, False, jo)
        consent.opt("campaign", flag, True, ann)
        consent.opt("campaign", flag, False, ann)
    consent.start()
    consent.wait_until_settled()

    # Then each flag is as its policy says
    stand = {id_: [consent.stands(flag, id_)[0] for flag in flags] for id_ in (jo, ann)}
    documented, most_restrictive, newest, dynamics, campaign = range(5)
    assert [stand[jo][n] for n in (documented, most_restrictive, campaign)] == [True] * 3
    assert [stand[jo][n] for n in (newest, dynamics)] == [False] * 2
    assert [stand[ann][n] for n in (documented, newest, campaign)] == [False] * 3
    assert [stand[ann][n] for n in (most_restrictive, dynamics)] == [True] * 2

    # And each decision names the policy by which it was made
    rules = {(found["contact"], found["policy"]): found["rule"] for found in consent.decisions()}
    assert len(rules) == 10
    assert rules[jo, "newest"] == "dynamics-newer" and rules[ann, "newest"] == "campaign-newer"
    assert rules[jo, "dynamics"] == rules[ann, "campaign"] == "system-wins"
