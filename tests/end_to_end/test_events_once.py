"""Each event once on the timeline, however often and in whatever order it comes."""

from tests.end_to_end.conftest import OpenEvents
from tests.end_to_end.event_stage import EventStage


def entries(events: EventStage) -> int:
    """How many entries the journal has, each time that an event is delivered."""
    return int(events.admin.get("/events/journal")["entries"])


def test_duplicates_disorder_redelivery_and_restarts_add_nothing(open_events: OpenEvents) -> None:
    # Given a journal that delivers in disorder and much twice, and small pages
    events = open_events(batch_size=50)
    events.switch(journal_duplicates=0.4, journal_disorder=150, journal_max_limit=60)
    told = events.campaign(sends=250, late_bounces=0.1)
    assert entries(events) > told["events"] * 1.2

    # When it is read, and the workflow is stopped and started in the middle
    events.admin.put("/faults", {"dynamics": {"latency_ms": 30}})
    events.run("worker", "beat")
    events.start()
    for part in (0.2, 0.5):
        events.wait_for_writes(int(told["events"] * part))
        events.restart()
    events.faults()

    # Then each event is there once
    events.wait_until_read(entries(events))
    events.wait_until_settled()
    created = events.counts()["created"]

    # When all of it is delivered once more
    events.admin.post("/events/journal", {"again": 1.0})
    events.wait_until_read(entries(events))

    # Then nothing is added
    events.wait_until_settled()
    assert events.counts()["created"] == created


def test_an_installation_that_remembers_nothing_adds_nothing(events: EventStage) -> None:
    # Given a campaign that is on the timelines
    told = events.campaign()
    events.run("worker", "beat")
    events.start()
    events.wait_until_settled()
    created = events.counts()["created"]
    assert created > 100

    # When everything that is remembered is lost, and the journal is read from its beginning
    events.stop()
    events.wait_until(lambda: events.queue.backlog().leased == 0, "nobody is at work")
    events.store.redis.flushall()
    revision = events.configure()
    more = events.campaign(seed=2, campaign="afterwards")
    events.start(revision)
    events.wait_until_read(told["events"] + more["events"])

    # Then the new events are there, and the old ones once
    events.wait_until_settled()
    assert events.counts()["created"] > created
