"""A replay is asked for once, pending until the next start, withdrawn or begun; a later request does not undo it."""

import pytest
from redis import Redis

from store.acts import Acts
from store.keys import WorkflowKeys
from store.lifecycle import Lifecycle
from store.replay_ids import PART, UNASKED_SECONDS
from store.replays import Ids, Only, Replay, Replays


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


def test_what_is_pending_begins_with_a_start_only_while_it_is_one(
    redis: Redis, workflow: WorkflowKeys, replays: Replays
) -> None:
    # Given a request of which people were told that it waits for the next start
    lifecycle = Lifecycle(redis, workflow)
    lifecycle.start("ann", "", 1)
    lifecycle.run(1, "worker", "ready")
    replays.ask("contact", "ann", "", now_ms=1000)
    # When start-up checks come late, to the run they were for, or after it, then it is pending as before
    assert replays.begin(2000, generation=1) == 0
    lifecycle.stop("ann", "")
    assert replays.begin(2000, generation=1) == replays.begin(2000, generation=2) == 0
    lifecycle.start("ann", "", 1)
    assert replays.begin(2000, generation=1) == 0
    # But it begins with the start itself
    assert replays.begin(2000, generation=3) == 1


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


def test_a_replay_that_began_is_ended_once_and_the_next_one_says_so(replays: Replays, acts: Acts) -> None:
    # Given one that began, and one that nobody ever asked for
    replays.ask("events", "ann", "", now_ms=1000, since_ms=5)
    replays.begin(2000)
    # When both are ended, twice
    ended = [replays.end(stream, "bob", "enough", now_ms=3000) for stream in ("events", "contact") for _ in range(2)]
    # Then one was, and history says by whom
    assert ended == [True, False, False, False]
    assert replays.began("events") == Replay(1000, "ann", "", 2000, 5, None, ended_ms=3000)
    newest = acts.newest(1)[0]
    assert (newest.at_ms, newest.by, newest.action, newest.stream, newest.why) == (
        *(3000, "bob", "replay end", "events", "enough"),
    )
    # And the next one goes on with nothing of it, and the one after that is no exception any more
    for now_ms, anew in ((4000, True), (5000, False)):
        replays.ask("events", "ann", "", now_ms=now_ms)
        replays.begin(now_ms)
        assert replays.began("events") == Replay(now_ms, "ann", "", now_ms, anew=anew)


def test_history_says_who_asked_and_who_withdrew(replays: Replays, acts: Acts) -> None:
    # When a replay is asked for twice, withdrawn twice, and nothing begins
    for _ in range(2):
        replays.ask("contact", "ann", "new field", now_ms=1000)
    for _ in range(2):
        replays.cancel("contact", "bob", "a mistake", now_ms=2000)
    replays.begin(3000)
    # Then history tells of each act that changed something, the newest first
    assert [(e.at_ms, e.by, e.action, e.stream, e.why) for e in acts.newest()] == [
        (2000, "bob", "replay cancel", "contact", "a mistake"),
        (1000, "ann", "replay ask", "contact", "new field"),
    ]


def test_one_begins_alone_while_the_workflow_runs_and_never_twice_at_the_same_time(
    replays: Replays, lifecycle: Lifecycle, generation: int, acts: Acts
) -> None:
    # Given two that are pending
    for stream in ("contact", "account"):
        replays.ask(stream, "ann", "", now_ms=1000)
    # When one is to begin at once, twice, Then it alone does, once
    assert [replays.begin_now("contact", "bob", "soon", now_ms=2000) for _ in range(2)] == [True, False]
    pending, begun = replays.both()
    assert (list(pending), list(begun)) == (["account"], ["contact"])
    assert (acts.newest(1)[0].action, acts.newest(1)[0].by, acts.newest(1)[0].why) == ("replay now", "bob", "soon")
    # And the next one is another one, even within the same millisecond
    replays.ask("contact", "ann", "", now_ms=2000)
    assert replays.begin_now("contact", "bob", now_ms=2000)
    began = replays.began("contact")
    assert began is not None and began.began_ms == 2001
    # And while nothing runs, none begins
    lifecycle.stop("ann", "")
    assert not replays.begin_now("account", "bob")


def test_one_that_began_is_paused_and_resumed_until_it_is_ended(replays: Replays, acts: Acts) -> None:
    assert not replays.pause("contact", "ann") and not replays.resume("contact", "ann")
    replays.ask("contact", "ann", "", now_ms=1000)
    assert not replays.pause("contact", "ann")
    replays.begin(2000)

    def stands() -> tuple[int | None, bool]:
        began = replays.began("contact")
        assert began is not None
        return began.paused_ms, began.goes_on

    assert [replays.pause("contact", "ann", now_ms=3000) for _ in range(2)] == [True, False]
    assert stands() == (3000, False)
    assert [replays.resume("contact", "ann", now_ms=4000) for _ in range(2)] == [True, False]
    assert stands() == (None, True)
    assert replays.pause("contact", "ann", now_ms=5000) and replays.end("contact", "ann", now_ms=6000)
    assert not replays.pause("contact", "ann") and not replays.resume("contact", "ann")
    told = [(event.action, event.at_ms) for event in acts.newest()]
    assert told == [
        ("replay end", 6000), ("replay pause", 5000), ("replay resume", 4000), ("replay pause", 3000),
        ("replay ask", 1000),
    ]  # fmt: skip


def test_what_confines_a_request_is_kept_with_it_and_its_ids_for_as_long_as_it_is(
    replays: Replays, redis: Redis
) -> None:
    # Given ids, of which nobody has said yet what they are for
    known = [f"00000000-0000-4000-8000-{number:012x}" for number in range(PART + 1)]
    kept = replays.ids_of("contact")
    ids = Ids(kept.token, kept.keep(known))
    [key] = redis.keys("*replay-ids*")
    assert ids.count == PART + 1 and 0 < redis.ttl(key) <= UNASKED_SECONDS
    # When they are asked for, Then they are kept for good, and the request says all that confines it
    only = Only(5, 9, ("lastname begins_with é",), ids, 2.5)
    assert replays.ask("contact", "ann", "", None, 5, 9, only.where, ids, 2.5)
    assert redis.ttl(key) == -1
    replays.begin(2000)
    began = replays.began("contact")
    assert began is not None and (began.only, began.only.is_whole) == (only, False)
    # And parts that were read can be removed
    assert kept.parts(0, 5) == [known[:PART], known[PART:]]
    kept.drop_before(1, 1)
    assert kept.parts(1, 5) == [known[PART:]]
    # And nothing is left when it is ended; nor of a request that is taken back, or not taken
    assert replays.end("contact", "ann")
    for times in range(2):
        kept = replays.ids_of("contact")
        assert replays.ask("contact", "ann", "", ids=Ids(kept.token, kept.keep(known))) is (times == 0)
    assert len(redis.keys("*replay-ids*")) == 1
    assert replays.cancel("contact", "ann")
    assert redis.keys("*replay-ids*") == []


def test_an_act_is_done_to_the_one_that_is_meant_or_to_none(replays: Replays, redis: Redis) -> None:
    # Given one that began, and one that is pending, each as somebody looked at it
    looked_at = []
    for now_ms in (1000, 2000):
        kept = replays.ids_of("contact")
        ids = Ids(kept.token, kept.keep(["00000000-0000-4000-8000-000000000001"]))
        assert replays.ask("contact", "ann", "", now_ms, ids=ids)
        looked_at.append(replays.all()["contact"])
        if now_ms == 1000:
            replays.begin(now_ms)
    began, pending = replays.began("contact"), looked_at[1]
    # When the pending one begins meanwhile, and another one is asked for
    replays.begin(3000)
    assert replays.ask("contact", "ann", "", 4000)
    before = replays.both()
    # Then neither that one nor the one that began since is touched in place of theirs
    assert not replays.cancel("contact", "ann", which=pending)
    assert not replays.pause("contact", "ann", which=began) and not replays.end("contact", "ann", which=began)
    assert replays.both() == before and len(redis.keys("*replay-ids*")) == 2
    # And what is remembered of acts, for when their answers are lost, is forgotten by itself
    answers = redis.keys("*answer:*")
    assert answers and all(0 < redis.ttl(key) <= 600 for key in answers)
