"""Memories of consent come under the first payload key while writers work, so that the old one can go."""

import pytest
from redis import Redis

from store.consent import ConsentStore
from store.decisions import Decision
from store.keys import LEDGER_BUCKETS, WorkflowKeys
from store.resealing import REST_MS, Resealer
from store.sealing import AesSeal, PayloadSeal, UnknownKey

OLD, NEW = b"o" * 32, b"n" * 32
NOW = 1_800_000_000_000
ANN, BOB = "5d6c7f1e-0f0b-4b0e-9a58-000000000001", "5d6c7f1e-0f0b-4b0e-9a58-000000000002"


@pytest.fixture
def workflow() -> WorkflowKeys:
    return WorkflowKeys("test", "optinout")


def of(redis: Redis, workflow: WorkflowKeys, *keys: bytes) -> ConsentStore:
    return ConsentStore(redis, workflow, AesSeal(keys))


def walk(redis: Redis, workflow: WorkflowKeys, seal: PayloadSeal, now_ms: int = NOW) -> int:
    """A whole walk; answers how many were sealed anew."""
    return Resealer(redis, workflow, seal).go_on(now_ms, LEDGER_BUCKETS)


def decided(contact: str) -> Decision:
    sides = (False, NOW - 1), (True, NOW - 2)
    return Decision(contact, "blackListEmail", *sides, 0, "newest", "campaign-newer", "campaign", "dynamics", NOW)


def test_what_the_old_key_has_sealed_opens_without_it_in_the_end(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given a memory with a closed decision before it, an open decision, and a memory from before there were keys
    old = of(redis, workflow, OLD)
    old.confirm(ANN, b"ann", old.decide(ANN, b"", [decided(ANN)]), "answer", NOW)
    old.decide(BOB, b"bob", [decided(BOB)])
    carl = BOB[:-1] + "3"
    ConsentStore(redis, workflow).decide(carl, b"carl")
    # When the key is another one, and everything was walked through
    both = AesSeal([NEW, OLD])
    assert walk(redis, workflow, both) == 4
    # Then the new one alone opens it, and the chain of closed decisions is as it was
    new = of(redis, workflow, NEW)
    assert new.memories([ANN, BOB, carl]) == [b"ann", b"bob", b"carl"]
    assert [one.contact for one in new.open_of([BOB])[0]] == [BOB]
    assert len(of(redis, workflow, NEW, OLD).of_contact(ANN)) == 1
    assert new.confirm(BOB, b"done", [new.open_of([BOB])[0][0].number], "answer", NOW) == 1


def test_it_is_told_how_far_it_has_come_and_only_a_walk_that_meets_nothing_else_ends_it(
    redis: Redis, workflow: WorkflowKeys
) -> None:
    of(redis, workflow, OLD).decide(ANN, b"ann")
    resealer = Resealer(redis, workflow, AesSeal([NEW, OLD]))
    assert resealer.progress() is None
    # When half of it was looked at
    resealer.go_on(NOW, LEDGER_BUCKETS // 2)
    found = resealer.progress()
    assert found and (found.share, found.closed, found.whole_ms) == (0.5, 0, None)
    # And all of it: then it was not met under the first key alone, so that there is another walk
    resealer.go_on(NOW, LEDGER_BUCKETS // 2)
    assert (found := resealer.progress()) and (found.share, found.whole_ms) == (0, None)
    assert resealer.go_on(NOW + 1, LEDGER_BUCKETS) == 0
    assert (found := resealer.progress()) and found.whole_ms == NOW + 1
    # And then it rests for a day, whatever comes
    of(redis, workflow, OLD).decide(BOB, b"bob")
    assert resealer.go_on(NOW + REST_MS, LEDGER_BUCKETS) == 0
    assert resealer.go_on(NOW + 1 + REST_MS, LEDGER_BUCKETS) == 1
    # While another first key begins at once, and is told of alone
    other = Resealer(redis, workflow, AesSeal([b"x" * 32, NEW, OLD]))
    assert other.progress() is None and other.go_on(NOW, LEDGER_BUCKETS) == 2


def test_memories_are_looked_at_a_slice_at_a_time(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given many of them
    old = of(redis, workflow, OLD)
    contacts = [f"5d6c7f1e-0f0b-4b0e-9a58-{number:012x}" for number in range(400)]
    for contact in contacts:
        old.decide(contact, contact.encode())
    resealer = Resealer(redis, workflow, AesSeal([NEW, OLD]))
    # When a slice has enough with ten
    changed = [resealer.go_on(NOW, LEDGER_BUCKETS, memories=10)]
    assert 10 <= changed[0] < 100
    # Then the next ones go on where it ended, until all are done
    while (found := resealer.progress()) and found.share:
        changed.append(resealer.go_on(NOW, LEDGER_BUCKETS, memories=10))
    assert sum(changed) == 400
    assert of(redis, workflow, NEW).memories(contacts) == [contact.encode() for contact in contacts]


def test_a_memory_that_a_writer_keeps_meanwhile_stays(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given a writer that keeps another memory just while the old one is sealed anew
    old = of(redis, workflow, OLD)
    old.decide(ANN, b"old")

    class Slow(AesSeal):
        def seal(self, owner: str, payload: bytes) -> bytes:
            old.decide(ANN, b"newer")
            return super().seal(owner, payload)

    walk(redis, workflow, Slow([NEW, OLD]))
    # Then that one stays, and comes under the first key with the next walk
    assert old.memories([ANN]) == [b"newer"]
    assert walk(redis, workflow, AesSeal([NEW, OLD])) == 1
    assert of(redis, workflow, NEW).memories([ANN]) == [b"newer"]


def test_what_no_key_opens_is_counted_and_left(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given a memory under a key that is not listed, and one under the old one
    of(redis, workflow, b"x" * 32).decide(ANN, b"ann")
    of(redis, workflow, OLD).decide(BOB, b"bob")
    # When all is walked through, Then that one is counted, as long as it is so, and keeps nobody from going on
    resealer = Resealer(redis, workflow, AesSeal([NEW, OLD]))
    assert resealer.go_on(NOW, LEDGER_BUCKETS) == 1
    assert resealer.go_on(NOW, LEDGER_BUCKETS) == 0
    found = resealer.progress()
    assert found and (found.closed, found.whole_ms) == (1, None)
    with pytest.raises(UnknownKey):
        of(redis, workflow, NEW, OLD).memories([ANN])
    assert of(redis, workflow, b"x" * 32).memories([ANN]) == [b"ann"]


def test_without_keys_nothing_is_done(redis: Redis, workflow: WorkflowKeys) -> None:
    of(redis, workflow, OLD).decide(ANN, b"ann")
    resealer = Resealer(redis, workflow)
    assert resealer.go_on(NOW, LEDGER_BUCKETS) == 0 and resealer.progress() is None
    assert not redis.exists(workflow.resealing)


def test_each_contact_is_opened_by_itself(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given two contacts, of which one is sealed with a key that is not listed
    of(redis, workflow, OLD).decide(ANN, b"ann")
    new = of(redis, workflow, NEW)
    new.decide(BOB, b"bob")
    # Then the other one is known
    ann, bob = new.known([ANN, BOB])
    assert isinstance(ann, UnknownKey) and bob == (b"bob", [])
