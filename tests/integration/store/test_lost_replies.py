"""The client repeats a script whose reply was lost. It has been done already; doing it again harms nobody."""

from collections.abc import Iterator

import pytest
from redis import Redis

from store.acts import Acts
from store.cursors import CursorChanged, Placing, read_cursor
from store.keys import StreamKeys, WorkflowKeys
from store.lifecycle import Lifecycle, State
from store.loads import LoadedRecord, Loads
from store.record_queue import CursorMoved, Lane, Parent, Parked, Reason, RecordQueue, Stored
from store.replays import Ids, Replays
from store.revisions import EditedMeanwhile, Revisions
from store.throttle import Allowance, SharedThrottle
from tests.integration.store.losing_replies import connect_losing_replies, lose_next_reply, lost
from tests.integration.store.records import changes, confirm, entry, record_id


@pytest.fixture
def lossy(redis: Redis, redis_url: str, generation: int) -> Iterator[Redis]:
    with connect_losing_replies(redis_url) as client:
        yield client


@pytest.fixture
def lossy_queue(lossy: Redis, keys: StreamKeys, generation: int) -> RecordQueue:
    return RecordQueue(lossy, keys)


def test_a_page_whose_reply_was_lost_is_stored_once(
    redis: Redis, keys: StreamKeys, lossy_queue: RecordQueue, generation: int
) -> None:
    # Given a page of one part
    lose_next_reply()
    # When it is stored, its reply is lost and the client repeats it, Then the reader hears that the cursor has moved
    with pytest.raises(CursorMoved):
        lossy_queue.put_page(generation, 0, changes(300), "after page 1")
    assert lost()
    # And the page is there once, with its cursor
    assert lossy_queue.backlog().waiting == redis.llen(keys.ready) == 300
    assert (read_cursor(redis, keys).number, read_cursor(redis, keys).value) == (1, "after page 1")


def test_a_part_of_a_page_whose_reply_was_lost_is_stored_once(
    redis: Redis, keys: StreamKeys, lossy_queue: RecordQueue, generation: int
) -> None:
    # Given a page of three parts, of which the first has to be repeated
    lose_next_reply()
    stored = lossy_queue.put_page(generation, 0, changes(1200), "after page 1")
    assert lost()
    # Then the page is there once; the repeated part says that it was there
    assert stored == Stored(queued=700, replaced=0, skipped=500)
    assert lossy_queue.backlog().waiting == redis.llen(keys.ready) == 1200
    assert read_cursor(redis, keys).number == 1


def test_records_leased_by_a_lost_reply_come_back_when_their_lease_is_over(
    lossy_queue: RecordQueue, generation: int
) -> None:
    # Given three records
    lossy_queue.put_page(generation, 0, changes(3), "next")
    lose_next_reply()
    # When the reply to a lease of two is lost, Then the repeated lease gives the third
    batch = lossy_queue.lease(generation, 2, 60_000, now_ms=0)
    assert lost() and [record.id for record in batch.records] == [record_id(2)]
    assert confirm(lossy_queue, batch, now_ms=1) == set()
    # And the two that nobody knows of wait again after their minute
    assert lossy_queue.reap(now_ms=60_000) == 2
    again = lossy_queue.lease(generation, 2, 60_000, now_ms=60_000)
    assert {record.id for record in again.records} == {record_id(0), record_id(1)}


def test_a_renewal_whose_reply_was_lost_holds(lossy_queue: RecordQueue, generation: int) -> None:
    lossy_queue.put_page(generation, 0, changes(3), "next")
    batch = lossy_queue.lease(generation, 3, 60_000, now_ms=0)
    lose_next_reply()
    # When a renewal is repeated, Then all are held for a minute from now
    assert lossy_queue.renew(generation, batch.number, 60_000, now_ms=30_000)
    assert lost() and lossy_queue.reap(now_ms=89_999) == 0


def test_a_settlement_whose_reply_was_lost_counts_once(lossy_queue: RecordQueue, generation: int) -> None:
    lossy_queue.put_page(generation, 0, changes(3), "next")
    batch = lossy_queue.lease(generation, 3, 60_000)
    lose_next_reply()
    # When the settlement is repeated, Then the repetition is not believed, for nobody holds the records any more
    assert confirm(lossy_queue, batch) == {record_id(number) for number in range(3)}
    # But the first was: they are confirmed, and nothing of them waits
    assert lost() and lossy_queue.backlog().total == 0
    assert lossy_queue.ledger.entries([record_id(0)]) == [entry(1)]


def test_reaping_whose_reply_was_lost_reaps_once(lossy_queue: RecordQueue, generation: int) -> None:
    lossy_queue.put_page(generation, 0, changes(3), "next")
    lossy_queue.lease(generation, 3, 60_000, now_ms=0)
    lose_next_reply()
    # When it is repeated, Then there is nothing left to reap, and each record has one death on its account
    assert lossy_queue.reap(now_ms=60_000) == 0
    assert lost()
    assert [record.deaths for record in lossy_queue.lease(generation, 3, 1, now_ms=60_000).records] == [1, 1, 1]


def test_a_start_and_a_stop_whose_reply_was_lost_count_once(
    lossy: Redis, workflow: WorkflowKeys, lifecycle: Lifecycle, acts: Acts, generation: int
) -> None:
    lossy_life = Lifecycle(lossy, workflow)
    # When a stop and a start are each repeated, Then the repetition finds it done
    lose_next_reply()
    assert lossy_life.stop("ann", "rest") is False and lost()
    lose_next_reply()
    assert lossy_life.start("ann", "go", revision=2) is False and lost()
    # And the state has changed once by each, and history says so once
    life = lifecycle.read()
    assert (life.state, life.generation, life.revision) == (State.STARTING, generation + 2, 2)
    assert [event.action for event in acts.newest(2)] == ["start", "stop"]


def test_a_revision_whose_reply_was_lost_is_saved_once(lossy: Redis, workflow: WorkflowKeys) -> None:
    revisions = Revisions(lossy, workflow)
    assert revisions.save(0, "one", "ann", "first") == 1
    lose_next_reply()
    # When saving is repeated, Then the editor hears its number, and the revision is there once
    assert revisions.save(1, "two", "ann", "second") == 2
    assert lost() and revisions.newest() == 2
    # And whoever saves the same without having seen it is told so
    with pytest.raises(EditedMeanwhile):
        revisions.save(1, "two", "ann", "second")


def test_a_revision_that_others_followed_before_it_was_repeated_is_told_with_its_number(
    redis: Redis, lossy: Redis, workflow: WorkflowKeys
) -> None:
    # Given an editor whose answer is lost, and another one who is quicker than the repetition
    revisions, others = Revisions(lossy, workflow), Revisions(redis, workflow)
    lose_next_reply(meanwhile=lambda: others.save(1, "two", "ben", "second"))
    # When the first saves, Then it is saved once, with the number that it got
    assert revisions.save(0, "one", "ann", "first") == 1
    assert lost() and [one.document for one in revisions.all()] == ["two", "one"]


def test_a_position_whose_reply_was_lost_is_placed_once(
    redis: Redis, lossy: Redis, keys: StreamKeys, lifecycle: Lifecycle, acts: Acts, generation: int
) -> None:
    # Given a workflow that is stopped, and somebody who starts it before the repetition
    assert lifecycle.stop("ann", "rest")
    before = read_cursor(redis, keys)
    lose_next_reply(meanwhile=lambda: lifecycle.start("ben", "go", revision=1))
    # When a position is placed, Then it is told to be done, and history says so once
    Placing(lossy, keys).place(before, "elsewhere", "ann", "a mistake")
    assert lost()
    cursor = read_cursor(redis, keys)
    assert (cursor.number, cursor.value) == (before.number + 1, "elsewhere")
    assert [event.action for event in acts.newest(3)] == ["start", "state set", "stop"]
    # And whoever has not seen it is told so
    assert lifecycle.stop("ann", "rest")
    with pytest.raises(CursorChanged):
        Placing(lossy, keys).place(before, "elsewhere", "ann", "a mistake")


def test_a_pause_and_a_permit_whose_reply_was_lost_keep_their_promises(lossy: Redis) -> None:
    throttle = SharedThrottle(lossy, "throttle", Allowance(10, 10))
    throttle.pause(1, now_ms=0)
    throttle.ask(1, now_ms=1000)
    # When a permit's reply is lost, Then its permits are lost with it, never given twice
    lose_next_reply()
    assert throttle.ask(5, now_ms=1000)[0] == 4
    assert lost()
    # And a repeated pause is as long as one
    lose_next_reply()
    throttle.pause(30, now_ms=2000)
    assert lost() and throttle.ask(1, now_ms=2000) == (0, 30_000)


def test_what_was_fed_is_fed_once(lossy_queue: RecordQueue, generation: int) -> None:
    lose_next_reply()
    # When the first of two parts is repeated, Then it is recognised
    assert lossy_queue.feed(generation, changes(700), Lane.LIVE) == Stored(200, 0, 500)
    assert lost() and lossy_queue.backlog().waiting == 700


def test_parking_and_giving_up_whose_replies_were_lost_happen_once(lossy_queue: RecordQueue, generation: int) -> None:
    lossy_queue.put_page(generation, 0, changes(2), "next")
    batch = lossy_queue.lease(generation, 2, 60_000)
    lose_next_reply()
    # When parking is repeated, Then the repetition is not believed, but the first was
    parent = Parent("account", "acme")
    assert lossy_queue.settle(batch.number, [Parked(record_id(n), parent) for n in range(2)]) == {
        record_id(0),
        record_id(1),
    }
    assert lost() and lossy_queue.backlog().parked == 2
    # And when giving up is repeated, there is nobody left to give up
    lose_next_reply()
    assert lossy_queue.unpark([record_id(0)], Reason("orphan", "No parent.")) == 0
    assert lost() and (lossy_queue.backlog().dead, lossy_queue.backlog().parked) == (1, 1)


def test_a_replay_whose_reply_was_lost_is_asked_for_once(
    lossy: Redis, workflow: WorkflowKeys, lifecycle: Lifecycle, acts: Acts
) -> None:
    replays = Replays(lossy, workflow)
    lose_next_reply()
    # When asking is repeated, Then it is told to be asked for, and history says so once
    assert replays.ask("contact", "ann", "") is True and lost()
    assert [event.action for event in acts.newest(2)] == ["replay ask", "run"]
    # And who asks for the same after that is told that it is pending
    assert replays.ask("contact", "ann", "") is False


def test_a_replay_that_began_before_asking_was_repeated_is_not_asked_for_again(
    lossy: Redis, workflow: WorkflowKeys
) -> None:
    replays = Replays(lossy, workflow)
    # Given a reply that is lost while somebody begins the replay
    lose_next_reply(lambda: Replays(lossy, workflow).begin_now("contact", "bob"))
    # When asking is repeated, Then it is told to be asked for, and none is pending
    assert replays.ask("contact", "ann", "") is True and lost()
    pending, begun = replays.both()
    assert pending == {} and begun["contact"].by == "ann"


def test_the_ids_of_a_replay_whose_reply_was_lost_are_kept(lossy: Redis, workflow: WorkflowKeys) -> None:
    # Given ids that are kept for a request
    replays = Replays(lossy, workflow)
    kept = replays.ids_of("contact")
    assert kept.keep([record_id(0)]) == 1
    # When the reply to asking is lost, and asking is repeated
    lose_next_reply()
    assert replays.ask("contact", "ann", "", ids=Ids(kept.token, 1)) is True and lost()
    # Then the request that is pending has its ids, for as long as it takes
    assert replays.both()[0]["contact"].ids == Ids(kept.token, 1)
    assert replays.ids_of("contact", kept.token).parts(0, 1) == [[record_id(0)]]
    assert lossy.ttl(workflow.stream("contact").replay_ids(kept.token)) == -1


def test_a_load_whose_commit_was_not_answered_is_not_taken_for_refused(
    lossy: Redis, keys: StreamKeys, lossy_queue: RecordQueue, generation: int
) -> None:
    # Given records in a file for Campaign's import
    lossy_queue.put_page(generation, 0, changes(3), "after page 1")
    batch, loads = lossy_queue.lease(generation, 500, 60_000), Loads(lossy, keys)
    kept = [LoadedRecord(one.id, entry(one.version), one.queued_ms, one.lane, False) for one in batch.records]
    loads.draft("profile_1", batch.number, kept)
    lose_next_reply()
    # When the commit is repeated, then it is told to be done: whoever gave the records back would bring old values back
    assert loads.commit(generation, "profile_1", {batch.number: 3}, {})
    assert lost()
