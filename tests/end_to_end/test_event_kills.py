"""Whatever is killed at whatever moment: each event is on the timeline, and none was ever created twice.

More than the usual seeds: `KILL_SEEDS=100 pytest tests/end_to_end/test_event_kills.py`; `KILL_SEEDS=40-60` are those.
"""

import pytest

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.conftest import OpenEvents
from tests.end_to_end.event_stage import EventStage
from tests.end_to_end.killer import Killer, seeds

#: How often something dies in one run, Redis once among it.
KILLS = 3


class EventKiller(Killer):
    """At a moment that the seed says."""

    def __init__(self, events: EventStage, seed: int) -> None:
        super().__init__(events, seed)
        self.events = events

    def wait_for_a_moment(self, most: int) -> None:
        """Until more has been read, or written, or is in somebody's hands; or no time at all."""
        events, chance = self.events, self.chance
        more = chance.randrange(1, most)
        match chance.choice(("now", "read", "written", "written", "leased", "leased")):
            case "read":
                goal = min(events.totals()["read"] + more, most)
                self.wait_until(lambda: events.totals()["read"] >= goal, "more is read")
            case "written":
                goal = min(events.writes() + more // 2, most // 2)
                self.wait_until(lambda: events.writes() >= goal, "more is written")
            case "leased":
                self.wait_until(lambda: events.queue.backlog().leased or self.is_done(most), "records are in work")

    def is_done(self, most: int) -> bool:
        return self.events.totals()["read"] >= most and self.events.queue.backlog().total == 0


@pytest.mark.parametrize("seed", seeds("3"))
def test_kills_at_any_moment_lose_and_double_nothing(open_events: OpenEvents, seed: int) -> None:
    # Given a campaign with duplicates, in small pages and small batches, and a Dynamics that answers late
    events = open_events(lease_seconds=2, slice_seconds=1, batch_size=40)
    source = "journal" if seed % 2 else "files"
    if source == "journal":
        events.switch(journal_duplicates=0.2, journal_disorder=50, journal_max_limit=60)
        part = documents.egress(batch_size=20)
    else:
        events.switch(sftp_bytes_per_second=100_000)
        part = documents.files(afterwards="archive", archive_folder="done") | {"batch_size": 20}
    told = events.campaign(sends=250, seed=seed, late_bounces=0.1, into=source, files={"count": 3, "overlap": 5})
    slow = {"latency_ms": 10, "latency_jitter_ms": 40, "latency_after_ms": 30}
    events.faults(seed=seed, dynamics=slow, journal={"latency_ms": 50})
    events.start(events.save(part))

    # When workers are killed again and again, some of their children or all of them, and Redis once
    killer = EventKiller(events, seed)
    victims = ["redis", *killer.chance.choices(("worker", "children", "a child"), k=KILLS - 1)]
    for what in killer.chance.sample(victims, KILLS):
        killer.wait_for_a_moment(told["events"])
        killer.kill(what)
    events.faults()
    events.switch(sftp_bytes_per_second=None)

    # Then each event is there once in the end, and none was ever created twice
    killer.wait_until(events.is_settled, "both sides are equal and nothing waits", 60)
    assert events.life.state is State.RUNNING
    assert events.counts()["twice"] == 0
    assert not events.letters()
