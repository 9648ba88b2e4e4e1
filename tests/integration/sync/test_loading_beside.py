"""Files and single writes of one table beside each other: neither keeps the other from its records."""

import pytest

from store.record_queue import RecordQueue
from sync.batch_writer import BatchWriter
from tests.integration.sync.loading_stage import LoadStage


def test_records_that_a_writer_gave_back_unsent_may_still_travel_in_a_file(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a writer that has taken a batch, and whose slice ends before it has sent anything
    loading.configure(threshold=1000)
    loading.start_with(50)
    with monkeypatch.context() as patched:
        patched.setattr(BatchWriter, "_send_on", lambda writer: writer._writing.over.set())
        loading.write()
    assert loading.journal() == [] and loading.entries() == [None] * len(loading.wanted())
    # When files are made of as many
    loading.stop()
    loading.configure(threshold=20)
    loading.start()
    loading.write_until_done()
    # Then all of them travel in one
    assert loading.names() == loading.wanted()
    assert loading.in_files() == len(loading.wanted())


def test_a_record_that_may_have_been_sent_is_not_forgotten_with_the_rest(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given records of which the ledger says already that they may be in Campaign
    loading.configure(threshold=1000)
    loading.start_with(5)
    batch = loading.queue.lease(loading.generation, 500, 60_000)
    sent, *_ = [record.id for record in batch.records]
    loading.queue.sending(batch.number, [sent])
    loading.queue.settle(batch.number, [])
    loading.redis.zadd(loading.queue.keys.batches, {str(batch.number): 1})
    loading.queue.reap()
    # When a writer takes them, and gives all of them back unsent
    with monkeypatch.context() as patched:
        patched.setattr(BatchWriter, "_send_on", lambda writer: writer._writing.over.set())
        loading.write()
    # Then of that one it is still said
    assert loading.queue.ledger.entries([sent]) != [None]


def test_changes_in_front_of_new_records_go_back_and_keep_no_file_from_being_made(loading: LoadStage) -> None:
    # Given changes of records that Campaign has, and new records behind them
    first = loading.start_with(30)
    loading.write_until_done()
    for record_id in first:
        loading.rename(record_id, "Changed")
    new = loading.create(40)
    loading.read()
    # When a file is made
    load = loading.write_until_loaded()
    # Then it holds the new ones, and the changes are written while it is on its way
    assert load.count == len(new)
    loading.write()
    assert [loading.names()[record_id] for record_id in first] == ["Changed"] * len(first)
    loading.write_until_done()
    assert loading.names() == loading.wanted()


def test_a_table_is_read_on_while_a_file_holds_as_much_as_the_queue_may(loading: LoadStage) -> None:
    # Given a load as large as the high-water mark
    loading.runtime = loading.another(high_water=50)
    loading.imports(takes_files=False)
    loading.make_load(100 - len(loading.wanted()))
    # When somebody changes what is not in it, then that is read all the same
    queue = RecordQueue(loading.redis, loading.queue.keys, high_water=50)
    assert loading.queue.total() >= 50 and not queue.is_full()
    [late] = loading.create(1)
    for _ in range(5):
        loading.read()
        loading.write()
    assert late in loading.names()
