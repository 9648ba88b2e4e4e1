"""Which way consent travels, and by which names: all four directions, all eight flags, both spellings."""

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.consent_stage import ConsentStage

#: All eight, half of them by the names on Adobe's pages; each with a column of its own.
EVERY_FLAG: tuple[documents.Plain, ...] = (
    {"dynamics": "donotbulkemail", "campaign": "denyList"},
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "donotfax", "campaign": "denyListFax"},
    {"dynamics": "donotsendmm", "campaign": "blackListMobile"},
    {"dynamics": "donotphone", "campaign": "denyListPhone"},
    {"dynamics": "donotpostalmail", "campaign": "blackListPostalMail"},
    {"dynamics": "followemail", "campaign": "denyListPushnotification", "opted_out": False},
    {"dynamics": "donotbulkpostalmail", "campaign": "ccpaOptOut"},
)


def test_nothing_moves_here_unless_the_direction_says_so(consent: ConsentStage) -> None:
    # Given people who said different things in the two systems
    jo, ann = consent.people(2)
    consent.opt("campaign", "blackListEmail", True, jo)
    consent.opt("dynamics", "blackListEmail", True, ann)
    before = consent.rows()
    consent.run("worker", "beat")

    # When the workflow runs without a direction, and with that of ingress
    said = []
    for direction in ("disabled", "dynamics_to_campaign"):
        consent.start(consent.save(documents.optinout(direction)))
        consent.wait_for_state(State.RUNNING)
        consent.wait_for_ticks(1)
        said.append(consent.d365acs("workflow", "ls"))
        consent.stop()

    # Then nothing was read or written, and it is said where consent travels
    assert consent.totals()["read"] == 0
    assert consent.rows() == before
    assert "optinout is disabled and moves nothing" in said[0]
    assert "by the mapping of contact in ingress" in said[1] and "d365acs mapping add-flags contact" in said[1]

    # When the pairs are added to the mapping of ingress, as is offered, and ingress runs
    consent.save_ingress(documents.ingress(documents.contacts(pairs=[("lastname", "lastName")])))
    consent.d365acs("mapping", "add-flags", "contact")
    ingress = consent.store.workflow("ingress")
    assert ingress.lifecycle.start("tester", "test", ingress.revisions.newest())

    # Then what Dynamics says is in Campaign, for every contact, and no flag was written in Dynamics
    consent.wait_until(lambda: all(row["profiles"] for row in consent.rows().values()), "everybody has a profile")
    consent.wait_until_settled()
    assert consent.stands("blackListEmail", jo) == (False, False)
    assert consent.stands("blackListEmail", ann) == (True, True)
    assert {write["side"] for write in consent.made()} == {"campaign"}
    assert not consent.workflow.consent.stats().decided


def test_one_way_writes_dynamics_alone_and_asks_nobody_what_was_there(consent: ConsentStage) -> None:
    # Given people with profiles
    consent.save(documents.optinout("campaign_to_dynamics"))
    jo, ann, eve = consent.people(3)
    consent.run_until_read()

    # When somebody opts out in Campaign, somebody in Dynamics, and somebody later in Dynamics than in Campaign
    consent.opt("campaign", "blackListEmail", True, jo, eve)
    consent.wait_until_settled()
    consent.opt("dynamics", "blackListEmail", True, ann)
    consent.opt("dynamics", "blackListEmail", False, eve)
    consent.wait_for_looks("campaign")

    # Then Campaign's word is in Dynamics, Dynamics' word is where it was, and Campaign was never written
    assert consent.stands("blackListEmail", jo) == (True, True)
    assert consent.stands("blackListEmail", ann) == (True, False)
    assert consent.stands("blackListEmail", eve) == (False, True)
    assert {(write["side"], write["id"]) for write in consent.made()} == {("dynamics", jo), ("dynamics", eve)}

    # When Campaign says something new of these, whatever Dynamics says
    consent.opt("campaign", "blackListEmail", False, eve)
    consent.opt("campaign", "blackListEmail", True, ann)
    consent.opt("campaign", "blackListEmail", False, ann)

    # Then all flags are as Campaign has them
    consent.wait_until_settled()
    assert consent.stands("blackListEmail", ann) == (False, False)
    assert {write["side"] for write in consent.made()} == {"dynamics"}
    assert {decision["rule"] for decision in consent.decisions()} == {"one-way"}


def test_all_eight_flags_travel_both_ways_by_either_spelling(consent: ConsentStage) -> None:
    # Given two people who have opted out of nothing
    consent.save(documents.optinout(flags=EVERY_FLAG))
    jo, ann = consent.people(2)
    consent.run_until_read()
    assert consent.writes() == 0

    # When one opts out of everything in Campaign, the other in Dynamics
    flags = [pair["campaign"] for pair in consent.pairs]
    assert len(flags) == 8
    for flag in flags:
        consent.opt("campaign", flag, True, jo)
        consent.opt("dynamics", flag, True, ann)

    # Then both have opted out of everything on both sides
    consent.wait_until_settled()
    assert [consent.stands(flag, id_) for flag in flags for id_ in (jo, ann)] == [(True, True)] * 16
    written = [(write["side"], flag) for write in consent.made() for flag in write["changed"]]
    assert sorted(written) == sorted(
        [("dynamics", pair["dynamics"]) for pair in EVERY_FLAG] + [("campaign", flag) for flag in flags]
    )
