"""A right has one holder; it outlives neither its block nor, for long, its holder's death."""

import threading
import time

from redis import Redis

from store.rights import Right

KEY = "right"


def test_only_one_holds_a_right(redis: Redis) -> None:
    # Given a right that is held
    with Right(redis, KEY) as first:
        # When another wants it, Then it is not given, and the other's leaving does not take it away
        with Right(redis, KEY) as second:
            assert (first, second) == (True, False)
        assert redis.exists(KEY)
    # And afterwards it is free
    with Right(redis, KEY) as third:
        assert third is True


def test_a_right_is_kept_while_its_holder_works(redis: Redis) -> None:
    # Given a right that lasts 200 ms unless it is extended
    with Right(redis, KEY, ttl_ms=200):
        extended = 0
        left, give_up = redis.pttl(KEY), time.monotonic() + 20
        # When its holder works on for several of them
        while extended < 5:
            assert time.monotonic() < give_up, "the right was not extended"
            now = redis.pttl(KEY)
            assert now > 0, "the right ran out under its holder"
            extended += now > left
            left = now
    # Then it never ran out, and nobody extends it any more
    assert not redis.exists(KEY)
    assert "keep-right" not in {thread.name for thread in threading.enumerate()}


def test_the_right_of_a_dead_holder_ends_by_itself(redis: Redis) -> None:
    # Given a holder that was killed: nobody extends its right
    assert Right(redis, KEY, ttl_ms=50).take()
    # When somebody else tries again and again
    give_up = time.monotonic() + 10
    other = Right(redis, KEY)
    while not other.take():
        assert time.monotonic() < give_up
    # Then it is given
    assert redis.exists(KEY)


def test_a_holder_that_slept_through_its_right_takes_nobody_elses(redis: Redis) -> None:
    # Given a holder whose right ran out and was given to another
    late, other = Right(redis, KEY), Right(redis, KEY)
    assert late.take()
    redis.delete(KEY)
    assert other.take()
    # When it extends and releases, Then the other's right stands
    assert late.extend() is False
    late.release()
    assert other.extend() is True
