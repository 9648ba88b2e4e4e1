"""Small things remembered of an instance and of a workflow: the acknowledgement, schemas, all revisions, the ledger."""

from redis import Redis

from store.acknowledgement import Acknowledgement
from store.keys import LEDGER_BUCKETS
from store.record_queue import Change, RecordQueue
from store.store import Store
from tests.integration.store.records import confirm, entry, record_id


def test_the_first_acknowledgement_stands(redis: Redis) -> None:
    stage, production = Store(redis, "stage"), Store(redis, "production")
    assert stage.privacy.read() is None
    # Given somebody who has acknowledged
    assert stage.privacy.record("ann", 1000) is True
    # When another does, Then the first stands
    assert stage.privacy.record("bob", 2000) is False
    assert stage.privacy.read() == Acknowledgement(1000, "ann")
    # And another instance knows nothing of it
    assert production.privacy.read() is None


def test_schemas_belong_to_their_generation_and_their_version_rises(redis: Redis) -> None:
    kept = Store(redis, "test").workflow("ingress")
    assert kept.schemas(1) is None and kept.schemas_version(1) == 0
    # Given a generation that learnt twice
    kept.keep_schemas(1, b"first")
    before = kept.schemas_version(1)
    kept.keep_schemas(1, b"second \xff")
    assert kept.schemas(1) == b"second \xff" and kept.schemas_version(1) > before > 0
    # When the next one learns, Then nothing is left of the first
    kept.keep_schemas(3, b"third")
    assert (kept.schemas(1), kept.schemas_version(1)) == (None, 0)
    assert (kept.schemas(3), kept.schemas_version(3)) == (b"third", 1)
    # And what the first learns late does not disturb the present one
    kept.keep_schemas(1, b"late")
    assert (kept.schemas(3), kept.schemas_version(3)) == (b"third", 1)


def test_each_stream_tells_until_when_it_was_read(redis: Redis) -> None:
    kept = Store(redis, "test").workflow("ingress")
    assert kept.caught_up_ms("contact") is None
    kept.note_caught_up("contact", 1000)
    kept.note_caught_up("contact", 2000)
    assert (kept.caught_up_ms("contact"), kept.caught_up_ms("account")) == (2000, None)


def test_each_stream_tells_when_its_deletions_were_hindered_last(redis: Redis) -> None:
    kept = Store(redis, "test").workflow("ingress")
    assert kept.hindered_ms("contact") == 0
    kept.note_hindered("contact", 1000)
    assert (kept.hindered_ms("contact"), kept.hindered_ms("account")) == (1000, 0)


def test_all_revisions_are_told_the_newest_first(redis: Redis) -> None:
    revisions = Store(redis, "test").workflow("ingress").revisions
    assert revisions.all(10) == []
    for number in range(4):
        revisions.save(number, f"document {number + 1}", "ann", "", now_ms=number)
    assert [(r.number, r.document) for r in revisions.all(10)] == [(n, f"document {n}") for n in (4, 3, 2, 1)]
    assert [r.number for r in revisions.all(2)] == [4, 3]


def test_who_walks_through_the_whole_ledger_meets_every_record_once(queue: RecordQueue, generation: int) -> None:
    # Given 400 confirmed records by GUID, and some by name, of which one is as long as a GUID's 16 bytes
    ids = [*(record_id(number) for number in range(400)), "ann", "C-1047-000000001", "é"]
    queue.put_page(generation, 0, [Change(i, 3, b"") for i in ids], "next")
    confirm(queue, queue.lease(generation, 500, 60_000))
    # When the ledger is walked through in pieces, the last one shorter than asked for
    found = [pair for first in range(0, LEDGER_BUCKETS, 7000) for pair in queue.ledger.scan(first, 7000)]
    # Then every record is met, once, with its entry
    assert sorted(found) == sorted((i, entry(3)) for i in ids)
