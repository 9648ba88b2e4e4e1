"""Payload keys are changed while consent is remembered under the old one; and memories that nobody can read."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.http import NoThrottle
from store.keys import LEDGER_BUCKETS
from store.ledger import bucket_number, field_of
from store.sealing import AesSeal, UnknownKey
from store.store import Store
from sync.consent.case import Illegible
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.integration.sync.consent_readers import ConsentReaders
from tests.integration.sync.consent_stage import ConsentStage
from tests.sandboxes import Sandbox

OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture
def stage(sandbox: Sandbox, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConsentStage]:
    """Ann is remembered under the old key, Bob is not; then both opt out in Campaign."""
    monkeypatch.setenv("DYNAMICS_SECRET", sandbox.info["dynamics"]["client_secret"])
    monkeypatch.setenv("CAMPAIGN_SECRET", sandbox.info["campaign"]["client_secret"])
    sandbox.admin.put("/switches", {"profile_key": ""})
    dynamics = Dynamics(dynamics_connection(sandbox), NoThrottle())
    campaign = Campaign(campaign_connection(sandbox), NoThrottle())
    stage = ConsentStage(dynamics, campaign, sandbox.admin, Store(redis, "test", AesSeal([OLD])).workflow("optinout"))
    ann, bob = stage.ids[:2]
    for contact in (ann, bob):
        stage.contact(contact, donotemail=False, followemail=True)
        stage.profile(contact)
    stage.wait(10)
    stage.changed_in_campaign(ann)
    stage.wait(20)
    for contact in (ann, bob):
        stage.profile(contact, blackListEmail=True)
    yield stage
    dynamics.close()
    campaign.close()


def use(stage: ConsentStage, redis: Redis, *keys: bytes) -> None:
    stage.store = Store(redis, "test", AesSeal(keys)).workflow("optinout")


def altered(memory: bytes) -> bytes:
    return memory[:-1] + bytes([memory[-1] ^ 1])


def test_the_old_key_may_go_once_all_that_is_remembered_came_under_the_new_one(
    stage: ConsentStage, redis: Redis
) -> None:
    ann, bob = stage.ids[:2]
    # Given the new key in front of the old one, and all memories walked through
    use(stage, redis, NEW, OLD)
    stage.store.resealer.go_on(stage.store.now_ms(), LEDGER_BUCKETS)
    # When the old one is taken out, Then both opt-outs arrive
    use(stage, redis, NEW)
    of_ann, of_bob = stage.told(ann), stage.told(bob)
    assert stage.write((ann, of_ann), (bob, of_bob)) == [False, False]
    assert stage.flags(ann) == stage.flags(bob) == (True, True)


def test_a_key_that_went_too_early_keeps_no_other_contact_from_being_written(stage: ConsentStage, redis: Redis) -> None:
    ann, bob = stage.ids[:2]
    # When the old key is taken out while a memory is under it, and both are written in one request
    use(stage, redis, NEW)
    of_ann, of_bob = stage.told(ann), stage.told(bob)
    told, written = stage.write((ann, of_ann), (bob, of_bob))
    # Then the one is told, for the workflow to stop with it, and nothing was written of her; the other one is written
    assert type(told) is UnknownKey and "add the old key" in str(told)
    assert (stage.flags(ann), written, stage.flags(bob)) == ((False, True), False, (True, True))
    # And with the key she is written, too
    use(stage, redis, NEW, OLD)
    assert stage.changed_in_campaign(ann) is False and stage.flags(ann) == (True, True)


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"\0Bof a later version", lambda _: b"\0Anot a memory", lambda _: b"", altered],
    ids=["layout", "memory", "empty", "altered"],
)
def test_a_memory_that_is_damaged_is_one_contacts_trouble(
    stage: ConsentStage, redis: Redis, damage: Callable[[bytes], bytes]
) -> None:
    ann, bob = stage.ids[:2]
    # Given a memory that somebody has damaged
    [bucket] = redis.scan_iter("*memories:*")
    for field, memory in redis.hgetall(bucket).items():
        assert isinstance(memory, bytes)
        redis.hset(bucket, field, damage(memory))
    # When both are written
    of_ann, of_bob = stage.told(ann), stage.told(bob)
    told, written = stage.write((ann, of_ann), (bob, of_bob))
    # Then the one is set aside at once with its reason, and the other one written
    assert isinstance(told, Illegible) and told.sentence.startswith("What is remembered of this contact cannot be read")
    assert (written, stage.flags(bob)) == (False, (True, True))


def test_a_memory_that_is_damaged_keeps_nobody_from_being_read(readers: ConsentReaders, redis: Redis) -> None:
    # Given two contacts who are remembered, one of them in a layout that nobody knows
    readers.settle()
    readers.wait(20)
    field = field_of(readers.ann)
    redis.hset(readers.store.keys.memories(bucket_number(field)), field, b"\0Bof a later version")
    # When both opt out in Campaign
    readers.profile(readers.ann, blackListEmail=True)
    readers.profile(readers.bob, blackListEmail=True)
    readers.settle()
    # Then the one is set aside with its reason, and the other one has opted out on both sides
    letter = readers.queue.dead_letter(readers.ann)
    assert letter is not None and letter.reason.kind == "illegible" and "layout b'B'" in letter.reason.sentence
    assert (readers.flags(readers.ann), readers.flags(readers.bob)) == ((False, True), (True, True))
    assert readers.troubles() == {}
