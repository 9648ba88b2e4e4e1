"""To whom events belong: contacts that Dynamics has, does not have yet, or will never have."""

from tests.end_to_end import documents
from tests.end_to_end.documents import event
from tests.end_to_end.event_stage import EventStage


def test_events_of_an_unknown_contact_wait_visibly_and_follow_when_it_appears(events: EventStage) -> None:
    # Given a campaign to people of whom Dynamics knows some
    coming, never = "0a000000-0000-4000-8000-00000000000a", "0b000000-0000-4000-8000-00000000000b"
    known = list(events.admin.contacts())[:30]
    events.campaign(sends=32, recipients=[*known, coming, never], hard_bounces=0, soft_bounces=0, late_bounces=0)
    strangers = [one for one in events.truth() if one["contact"] in (coming, never)]
    assert {one["contact"] for one in strangers} == {coming, never}

    # When it is read
    events.run("worker", "beat")
    events.start(events.save(documents.egress(contact_limit_seconds=20)))

    # Then the others appear, and those of unknown contacts wait, where operators see it
    events.wait_until_settled(but_for_parked=True)
    events.wait_until(lambda: events.queue.backlog().parked == len(strangers), "all events of strangers wait")
    shown = events.shown()
    assert shown["parked"] == len(strangers) and shown["set_aside"] == 0
    assert any("contact" in note and "wait" in note for note in shown["notes"]), shown["notes"]

    # When one of these contacts is created in Dynamics
    events.admin.post("/dynamics/tables/contact/create", {"ids": [coming]})

    # Then its events follow by themselves
    theirs = sum(one["contact"] == coming for one in strangers)
    events.wait_until(lambda: not events.differences(), "the events of the new contact are there")

    # When the limit of the other ones is over
    events.restart(events.save(documents.egress(contact_limit_seconds=1)))

    # Then they are set aside with the reason, which names nobody
    lost = len(strangers) - theirs
    events.wait_until(lambda: events.queue.backlog().dead == lost, "the others are set aside")
    events.wait_until_settled()
    reasons = {letter.reason for letter in events.letters().values()}
    assert {reason.kind for reason in reasons} == {"related-missing"}
    assert all("contact" in reason.sentence and never not in reason.sentence for reason in reasons)


def test_events_of_profiles_without_an_external_id_are_set_aside_or_left_out(events: EventStage) -> None:
    # Given a campaign to profiles of which some have no externalId, beside an event of a profile with another one
    told = events.campaign(sends=60, without_id=0.3)
    events.deliver(event(1, "send", "customer 4711"))
    nobodys = sum(not one["contact"] and one["failure"] != "soft" for one in events.truth())
    assert nobodys
    events.run("worker", "beat")

    # When they are read as usual
    events.start(events.save(documents.egress()))

    # Then the others appear, and each of these is set aside with the part that is missing or wrong
    events.wait_until(lambda: events.queue.backlog().dead == nobodys + 1, "what belongs to nobody is set aside")
    events.wait_until_settled()
    sentences = [letter.reason.sentence for letter in events.letters().values()]
    assert sentences.count("The event has no data.externalId.") == nobodys
    assert sum("no GUID" in sentence for sentence in sentences) == 1
    assert "4711" not in "".join(sentences)

    # When the configuration ignores those without an externalId, and another campaign is sent
    events.restart(events.save(documents.egress(without_contact="ignore")))
    filtered = events.totals()["filtered"]
    more = events.campaign(sends=60, without_id=0.3, seed=2, campaign="ignored")
    events.wait_until_read(told["events"] + 1 + more["events"])

    # Then these are counted and left out, and nobody is bothered
    events.wait_until_settled()
    assert events.totals()["filtered"] > filtered
    assert events.queue.backlog().dead == nobodys + 1
