"""A process has no more requests under way than its share, and tells what it has seen when it asks for the next."""

import itertools
import queue
import threading

import pytest
from redis.exceptions import ConnectionError

from sync.turns import EVERY_SECONDS, NoTurn, Turns


class Share:
    """Answers what it is set to, and keeps what it was told."""

    def __init__(self, share: int) -> None:
        self.share = share
        self.told: list[tuple[bool, bool]] = []
        self.now = 0.0

    def __call__(self, full: bool, congested: bool, under_way: int) -> int:
        self.told.append((full, congested))
        return self.share

    def turns(self) -> Turns:
        return Turns(self, lambda: self.now)

    def ask_again(self, turns: Turns) -> tuple[bool, bool]:
        self.now += EVERY_SECONDS
        turns.enter(0)
        turns.leave()
        return self.told[-1]


def test_no_more_are_under_way_than_the_share() -> None:
    turns = Share(2).turns()
    turns.enter(0)
    turns.enter(0)
    with pytest.raises(NoTurn):
        turns.enter(0)
    # Until one has ended
    turns.leave()
    turns.enter(0)


def test_whoever_waits_goes_on_as_soon_as_another_has_ended() -> None:
    # Given one turn, which is taken, and somebody who waits for it
    turns = Turns(lambda full, congested, under_way: 1)
    turns.enter(0)
    entered = threading.Event()

    def wait_for_it() -> None:
        turns.enter(60)
        entered.set()

    waiting = threading.Thread(target=wait_for_it, daemon=True)
    waiting.start()
    assert not entered.is_set()
    # When it ends, Then it is the other's
    turns.leave()
    assert entered.wait(30)


def test_what_was_seen_is_told_with_the_next_question_and_once() -> None:
    share = Share(3)
    turns = share.turns()
    turns.enter(0)
    assert share.told == [(False, False)]
    turns.enter(0)
    turns.enter(0)
    for _ in range(3):
        turns.leave()
    assert share.ask_again(turns) == (True, False)
    assert share.ask_again(turns) == (False, False)
    for status in (429, 502, 503, 504, None):
        turns.note("write", 100, status, 0.1)
        assert share.ask_again(turns) == (False, True)
        assert share.ask_again(turns) == (False, False)
    turns.note_congestion()
    assert share.ask_again(turns) == (False, True)


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_what_campaign_answers_to_a_record_that_it_refuses_is_no_congestion(status: int) -> None:
    share = Share(3)
    turns = share.turns()
    turns.enter(0)
    turns.leave()
    turns.note("write", 100, status, 0.1)
    assert share.ask_again(turns) == (False, False)


def test_answers_that_take_longer_are_congestion_and_large_requests_are_not_held_against_small_ones() -> None:
    share = Share(3)
    turns = share.turns()
    for seconds, size, congested in ((0.1, 500, False), (1.0, 500_000, False), (1.0, 510, True)):
        turns.enter(0)
        turns.leave()
        for _ in range(5):
            turns.note("write", size, 201, seconds)
        assert share.ask_again(turns) == (False, congested)


def test_the_share_is_asked_for_twice_a_second_and_after_a_rest_before_anything_is_sent() -> None:
    share = Share(3)
    turns = share.turns()
    for _ in range(100):
        turns.enter(0)
        turns.leave()
    assert len(share.told) == 1
    share.now += 3600
    share.share = 0
    with pytest.raises(NoTurn):
        turns.enter(0)


def test_what_is_under_way_is_told_of_for_as_long_as_it_takes() -> None:
    # Given a request that takes longer than an answer counts, and nobody who wants another turn
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    questions = itertools.count()

    def share(full: bool, congested: bool, under_way: int) -> int:
        told.put(under_way)
        if next(questions) == 2:
            raise ConnectionError("Redis is away for a moment")
        return 1

    turns = Turns(share)
    turns.enter(0)
    # When time passes, Then all are told of it again and again
    assert [told.get(timeout=30) for _ in range(4)] == [0, 1, 1, 1]
    # Until it has ended
    turns.leave()
    with pytest.raises(queue.Empty):
        told.get(timeout=3 * EVERY_SECONDS)
