"""An event that was set aside, and comes corrected, appears; and one that fits is never hidden by one that does not."""

from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from connectors.errors import Refused
from sync.events.event import activity_id
from tests.integration.sync.timeline import ANN, Egress, event

FIRST = activity_id("open", "e1")


@pytest.fixture
def egress(redis: Redis) -> Egress:
    return Egress(redis)


def comes(egress: Egress, one: dict[str, Any]) -> None:
    """The event is read and written."""
    egress.events.add(one, more=False, wait=600)
    egress.redis.hset(egress.queue.keys.cursor, "value", replace(egress.position, due_ms=0).dump())
    egress.carry()


def test_an_event_that_was_set_aside_appears_once_it_comes_corrected(egress: Egress) -> None:
    # Given an event without a contact, which was set aside
    comes(egress, event(1, contact=""))
    assert [letter.reason.kind for letter in egress.letters()] == ["unmappable"]
    # When it comes anew, as it was, Then that letter is left as it is
    comes(egress, event(1, contact=""))
    assert (len(egress.letters()), egress.queue.backlog().total) == (1, 0)
    # When it comes with its contact, Then it appears, and nothing is set aside any more
    comes(egress, event(1))
    assert (set(egress.timelines.activities), egress.letters()) == ({FIRST}, [])


def test_an_event_that_waits_is_not_replaced_by_one_that_does_not_fit(egress: Egress) -> None:
    # Given an event that waits, and comes once more without its contact
    egress.events.add(event(1), event(1, contact=""), more=False, wait=600)
    # When it is written, Then it appears
    egress.carry()
    assert (set(egress.timelines.activities), egress.letters()) == ({FIRST}, [])


def test_what_dynamics_refused_is_tried_again_by_a_retry_or_a_replay_alone(egress: Egress) -> None:
    # Given an event that fits, and that Dynamics refused
    egress.timelines.denied[ANN] = Refused("dynamics", "a column is required")
    comes(egress, event(1))
    egress.timelines.denied.clear()
    # When it comes once more, Then it stays set aside
    comes(egress, event(1))
    assert (len(egress.letters()), egress.timelines.activities) == (1, {})
    # When it is read once more in a replay, Then it appears
    egress.workflow.replays.ask("events", "ann", "")
    egress.start()
    egress.carry()
    assert (set(egress.timelines.activities), egress.letters()) == ({FIRST}, [])
