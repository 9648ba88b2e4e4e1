"""Batches in trouble: refused as a whole, torn, late, or failing in parts. Nothing is lost, nothing is there twice."""

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.conftest import OpenEvents
from tests.end_to_end.event_stage import EventStage

#: Small batches, so that there are many of them.
BATCHES = documents.egress(batch_size=20)

#: What happens to whole batches, and to single operations in them.
WHOLE = {
    **dict.fromkeys(("rate_429", "rate_500", "rate_503", "rate_timeout_before"), 0.04),
    **dict.fromkeys(("rate_timeout_after", "rate_reset", "rate_reset_after"), 0.06),
    **dict.fromkeys(("rate_truncated", "rate_malformed"), 0.08),
}
PARTS = {"rate_operation_429": 0.01, "rate_operation_500": 0.03, "rate_operation_500_after": 0.03}
#: Seconds; the storm is to be long in faults, not in time.
QUICK = {"retry_after": 0.2, "hold_seconds": 0.5, "latency_after_ms": 20}


def test_a_storm_over_batches_loses_nothing_and_doubles_nothing(open_events: OpenEvents) -> None:
    # Given a workflow that runs, and a campaign of some hundred events
    events = open_events(lease_seconds=4, slice_seconds=1)
    events.run("worker", "beat")
    events.start(events.save(BATCHES))
    events.wait_for_state(State.RUNNING)

    # When batches and their parts fail in every way, before their effect and after it, and tokens expire
    events.faults(seed=1, dynamics=WHOLE | PARTS | QUICK, tokens={"rate_500": 0.05})
    events.campaign(sends=350)
    events.wait_for_writes(120)
    events.admin.post("/tokens/expire")
    events.wait_until(lambda: sum(events.dealt("dynamics").values()) > 25, "a storm is a storm", 60)
    dealt = events.dealt("dynamics")
    events.faults()

    # Then each event is there once in the end, and nothing was set aside
    events.wait_until_settled(60)
    assert events.life.state is State.RUNNING
    assert not events.letters()

    # And parts did fail, before their effect and after it
    assert dealt.keys() >= {"operation_500", "operation_500_after"}


def test_limits_of_the_service_are_kept_and_waited_out(events: EventStage) -> None:
    # Given a Dynamics that takes few requests in a while
    events.run("worker", "beat")
    events.start(events.save(BATCHES))
    events.wait_for_state(State.RUNNING)
    events.switch(service_protection=True, limit_requests=4, limit_window_seconds=1)

    # When a campaign is read
    told = events.campaign(sends=120)
    events.wait_until_settled(60)

    # Then every event is there once, and batches that were refused as a whole were sent again
    calls = events.admin.get("/calls")
    assert calls["statuses"]["dynamics"].get("429", 0) > 0
    assert events.counts()["created"] >= 0.9 * told["events"]
    assert events.life.state is State.RUNNING and not events.letters()

    # And operations were not sent much more often than there are events
    assert calls["batched_operations"] < 2 * told["events"]


def test_an_outage_of_dynamics_is_shown_and_waited_out(events: EventStage) -> None:
    # Given a workflow that has caught up
    events.campaign(sends=20)
    events.run("worker", "beat")
    events.start()
    events.wait_until_settled()

    # When Dynamics is down, and a campaign is sent
    events.faults(dynamics={"rate_503": 1.0, "retry_after": 0.5})
    told = events.campaign(seed=2, campaign="meanwhile", soft_bounces=0)
    events.wait_until(lambda: events.workflow.troubles.get("events.write"), "the trouble is shown")

    # Then its events are read and wait, none is given up, and it is said why
    events.wait_until(lambda: events.queue.backlog().total == told["events"], "all its events wait")
    trouble = events.workflow.troubles.get("events.write")
    assert trouble is not None and trouble.sentence.startswith("Dynamics")
    assert events.life.state is State.RUNNING and not events.letters()

    # When it is back
    events.faults()

    # Then they follow, and the trouble is over
    events.wait_until_settled()
    events.wait_until(lambda: not events.workflow.troubles.all(), "no trouble is shown any more")


def test_events_that_are_refused_keep_no_other_from_appearing(events: EventStage) -> None:
    # Given a campaign, and among its events some with texts that Dynamics has no room for, or that lie far ahead
    ann = next(iter(events.admin.contacts()))
    events.deliver(
        documents.event(1, "click", ann, url="https://www.example.com/" + "x" * 2000),
        documents.event(2, "send", ann, campaignName="x" * 201),
        documents.event(3, "open", ann, eventDate="2999-01-01T00:00:00Z"),
        {"id": "event-4", "type": "com.adobe.campaign.email.other", "data": {"externalId": ann}},
        {**documents.event(5, "send", ann), "id": None},
    )
    events.admin.post("/events/journal", {"entries": ['"xxx"', "17", '{"position": "x", "event": [1, 2]}']})
    events.campaign(sends=60)
    events.run("worker", "beat")

    # When all are read
    events.start(events.save(BATCHES))

    # Then the others appear
    events.wait_until_settled()

    # And each of these is set aside with what is wrong with it, which is told without repeating it
    sentences = " ".join(letter.reason.sentence for letter in events.letters().values())
    assert len(events.letters()) == 8
    for named in ("adobe_trackingurl", "subject", "data.eventDate", "egress.types", "no id", "not a JSON object"):
        assert named in sentences, sentences
    assert "xxx" not in sentences
