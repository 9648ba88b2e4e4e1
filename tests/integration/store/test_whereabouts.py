"""Where one record stands on its queue."""

from redis import Redis

from store.keys import StreamKeys
from store.outcomes import Again, Outcome, Parent, Parked
from store.record_queue import Change, Lane, RecordQueue
from store.whereabouts import Place, Whereabouts, waiting_for, whereabouts
from tests.integration.store.records import record_id

ANN, BOB, EVE, JOE = (record_id(number) for number in range(1, 5))
NOW, MINUTE = 1_000_000, 60_000
CONTACT = Parent("contact", "c-1")


def at(redis: Redis, keys: StreamKeys, id_: str) -> Whereabouts:
    found = whereabouts(redis, keys, id_)
    assert found is not None
    return found


def test_a_record_is_found_wherever_it_is(redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int) -> None:
    assert whereabouts(redis, keys, ANN) is None
    # Given four records, one of them read again
    queue.feed(generation, [Change(id_, 7, b"{}") for id_ in (ANN, BOB, EVE)], Lane.LIVE, NOW)
    queue.feed(generation, [Change(JOE, 8, b"{}")], Lane.REPLAY, NOW + 1)
    # Then each waits in its lane
    assert at(redis, keys, ANN) == Whereabouts(Place.LANE, Lane.LIVE, 7, NOW, 0)
    assert at(redis, keys, JOE) == Whereabouts(Place.LANE, Lane.REPLAY, 8, NOW + 1, 0)
    # When they are leased, Then a writer has them until its lease ends
    batch = queue.lease(generation, 500, MINUTE, NOW + 2)
    assert at(redis, keys, ANN) == Whereabouts(Place.LEASED, Lane.LIVE, 7, NOW, 0, NOW + 2 + MINUTE)
    # When one failed and two wait for a contact
    outcomes: list[Outcome] = [
        Again(ANN, 5000, True),
        Parked(BOB, CONTACT, released=False),
        Parked(EVE, CONTACT, released=False),
    ]
    assert queue.settle(batch.number, outcomes, NOW + 3) == set()
    # Then one waits until it is tried again, and the others for their contact
    assert at(redis, keys, ANN) == Whereabouts(Place.DELAYED, Lane.LIVE, 7, NOW, 1, NOW + 3 + 5000)
    assert at(redis, keys, BOB) == Whereabouts(Place.PARKED, Lane.LIVE, 7, NOW, 0, parked_ms=NOW + 3, parent=CONTACT)
    # And the contact tells who waits for it, as many as are wanted, and nobody for another one
    assert set(waiting_for(redis, keys, CONTACT, 10)) == {BOB, EVE}
    assert len(waiting_for(redis, keys, CONTACT, 1)) == 1
    assert waiting_for(redis, keys, Parent("contact", "c-10"), 10) == []
