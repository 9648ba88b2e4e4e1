"""Requests of all worker processes together."""

from redis import Redis

from connectors.requests_made import EDGES, NO_ANSWER, RequestsMade
from store.keys import InstanceKeys
from store.requests import Requests


def test_what_processes_have_asked_adds_up(redis: Redis) -> None:
    # Given two processes that have asked the same systems
    kept = Requests(redis, InstanceKeys("test"))
    for seconds in (0.2, 40.0):
        made = RequestsMade()
        made.note("dynamics", "GET", "200", seconds)
        made.note("campaign", "PATCH", NO_ANSWER, 0.001)
        made.note_pause("campaign", 1.5)
        # When each tells what it has asked, once
        kept.add(made.take())
        kept.add(made.take())
    # Then the totals are those of both
    totals = kept.totals()
    assert totals.answers == {("dynamics", "GET", "200"): 2, ("campaign", "PATCH", "none"): 2}
    assert totals.durations == {("dynamics", EDGES.index(0.25)): 1, ("dynamics", len(EDGES)): 1, ("campaign", 0): 2}
    assert totals.seconds == {"dynamics": 40.2, "campaign": 0.002}
    assert (totals.pauses, totals.paused_seconds) == ({"campaign": 2}, {"campaign": 3.0})


def test_what_could_not_be_told_is_told_the_next_time() -> None:
    made = RequestsMade()
    made.note("dynamics", "GET", "200", 0.1)
    made.put_back(made.take())
    assert made.take()["answer", "dynamics", "GET", "200"] == 1
