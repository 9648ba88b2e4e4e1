"""A replay is asked for once, pending until the next start, withdrawn or begun; a later request does not undo it."""

import pytest
from redis import Redis

from store.keys import WorkflowKeys
from store.lifecycle import Lifecycle
from store.replays import Replay, Replays


@pytest.fixture
def replays(redis: Redis, workflow: WorkflowKeys) -> Replays:
    return Replays(redis, workflow)


def test_asking_twice_is_harmless(replays: Replays) -> None:
    assert replays.all() == {} and replays.began("contact") is None
    # Given a replay that was asked for
    assert replays.ask("contact", "ann", "new: field", now_ms=1000) is True
    # When somebody else asks for the same, Then the first request stands
    assert replays.ask("contact", "bob", "", now_ms=2000) is False
    assert replays.all() == {"contact": Replay(1000, "ann", "new: field", None)}
    assert replays.began("contact") is None


def test_every_pending_replay_begins_with_the_start(replays: Replays) -> None:
    # Given two that are pending and one that was withdrawn
    for stream in ("contact", "account", "asked:by"):
        replays.ask(stream, "ann", "é", now_ms=1_700_000_000_001)
    assert replays.cancel("account", "bob", "a mistake") is True
    # When they begin, Then both did at that time, and a second start begins nothing
    assert replays.begin(1_700_000_000_005) == 2
    assert replays.begin(1_700_000_000_009) == 0
    begun = Replay(1_700_000_000_001, "ann", "é", 1_700_000_000_005)
    assert replays.all() == {"contact": begun, "asked:by": begun}
    assert (replays.began("contact"), replays.began("account")) == (begun, None)


def test_a_new_request_leaves_the_last_beginning_alone(replays: Replays) -> None:
    # Given a replay that began
    replays.ask("contact", "ann", "", now_ms=1000)
    replays.begin(2000)
    # When another is asked for, Then it is pending, and the last one began when it began
    assert replays.ask("contact", "bob", "once more", now_ms=3000) is True
    assert replays.all() == {"contact": Replay(3000, "bob", "once more", None)}
    assert replays.began("contact") == Replay(1000, "ann", "", 2000)
    # And when it is withdrawn, the earlier one is seen again; what began cannot be withdrawn
    assert replays.cancel("contact", "bob") is True
    assert replays.cancel("contact", "bob") is False
    assert replays.all() == {"contact": Replay(1000, "ann", "", 2000)}


def test_a_replay_that_began_is_ended_once_and_the_next_one_says_so(replays: Replays, lifecycle: Lifecycle) -> None:
    # Given one that began, and one that nobody ever asked for
    replays.ask("events", "ann", "", now_ms=1000, since_ms=5)
    replays.begin(2000)
    # When both are ended, twice
    ended = [replays.end(stream, "bob", "enough", now_ms=3000) for stream in ("events", "contact") for _ in range(2)]
    # Then one was, and history says by whom
    assert ended == [True, False, False, False]
    assert replays.began("events") == Replay(1000, "ann", "", 2000, 5, None, ended_ms=3000)
    newest = lifecycle.history(1)[0]
    assert (newest.at_ms, newest.by, newest.action, newest.stream, newest.why) == (
        *(3000, "bob", "replay end", "events", "enough"),
    )
    # And the next one goes on with nothing of it, and the one after that is no exception any more
    for now_ms, anew in ((4000, True), (5000, False)):
        replays.ask("events", "ann", "", now_ms=now_ms)
        replays.begin(now_ms)
        assert replays.began("events") == Replay(now_ms, "ann", "", now_ms, anew=anew)


def test_history_says_who_asked_and_who_withdrew(replays: Replays, lifecycle: Lifecycle) -> None:
    # When a replay is asked for twice, withdrawn twice, and nothing begins
    for _ in range(2):
        replays.ask("contact", "ann", "new field", now_ms=1000)
    for _ in range(2):
        replays.cancel("contact", "bob", "a mistake", now_ms=2000)
    replays.begin(3000)
    # Then history tells of each act that changed something, the newest first
    assert [(e.at_ms, e.by, e.action, e.stream, e.why) for e in lifecycle.history()] == [
        (2000, "bob", "replay cancel", "contact", "a mistake"),
        (1000, "ann", "replay ask", "contact", "new field"),
    ]
