"""The end of a load is known for sure: whatever Redis forgets, whoever looks on, however Campaign's workflow ends."""

from typing import Any

import pytest
from redis import Redis

from connectors.campaign_workflows import Workflows
from connectors.errors import Unreachable
from connectors.sftp import Sftp
from store.lifecycle import State
from store.loads import Load, Loads
from store.record_queue import RecordQueue
from sync.loading import collecting, results, timing
from sync.loading.looking import LoadWatch
from tests.integration.sync.loading_crashes import assert_all_is_well, look, once
from tests.integration.sync.loading_stage import LoadStage

Snapshot = dict[bytes, tuple[bytes, int]]

HOUR_MS = 3_600_000


def remembered(redis: Redis, *keys: str) -> Snapshot:
    """What Redis has saved by now: all of it, or these keys."""
    names = [key.encode() for key in keys] or list(redis.scan_iter("*"))
    return {name: (packed, max(redis.pttl(name), 0)) for name in names if (packed := redis.dump(name)) is not None}


def forget_since(redis: Redis, saved: Snapshot) -> None:
    """It comes back without what was not saved."""
    for name in redis.scan_iter("*"):
        if name not in saved:
            redis.delete(name)
    for name, (packed, ttl_ms) in saved.items():
        redis.restore(name, ttl_ms, packed, replace=True)


def write_until_imported(stage: LoadStage, count: int) -> Load:
    """Campaign has said what it has written; nobody has looked at it yet."""
    load = stage.make_load(count)
    for _ in range(20):
        if any(path.endswith(".written.csv") for path in stage.files()):
            return load
        if not stage.imports()["signals"]:
            stage.write()
    raise AssertionError(f"{stage.loads.read()} {stage.imports()}")


def write_until_over(stage: LoadStage) -> None:
    for _ in range(20):
        stage.write()
        if stage.loads.read() is None:
            return
    raise AssertionError(f"{stage.loads.read()} {stage.workflow.troubles.all()}")


def ended(stage: LoadStage) -> bool:
    load = stage.loads.read()
    return load is not None and load.ended_ms > 0


def test_a_server_that_forgets_the_end_of_a_load_finds_it_again(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an import whose results are there
    write_until_imported(loading, 60)
    saved = remembered(loading.redis)
    monkeypatch.setattr(timing, "SURE_MS", HOUR_MS)
    # When it is settled, and Redis comes back without its last second
    loading.write()
    assert ended(loading) and loading.queue.total() == 0
    forget_since(loading.redis, saved)
    assert not ended(loading) and loading.queue.total() > 0
    # Then its files still tell how it has ended
    loading.write()
    assert ended(loading) and loading.files()
    # And they go once that cannot be forgotten any more
    monkeypatch.setattr(timing, "SURE_MS", 0)
    write_until_over(loading)
    assert_all_is_well(loading)
    assert loading.files() == {} and loading.off() == ""
    assert len(loading.journal()) == len(loading.wanted())


def test_a_server_that_forgets_that_a_file_was_given_up_finds_it_again(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a load that was stopped before its file was in place
    loading.make_load(60)
    loading.stop()
    loading.press_start()
    saved = remembered(loading.redis)
    monkeypatch.setattr(timing, "SURE_MS", HOUR_MS)
    # When it is given up, and Redis comes back without its last second
    with pytest.raises(AssertionError):
        loading.tick_until(State.RUNNING)
    assert ended(loading)
    forget_since(loading.redis, saved)
    # Then it is still seen that it never was in place
    with pytest.raises(AssertionError):
        loading.tick_until(State.RUNNING)
    assert ended(loading) and [path[-9:] for path in loading.files()] == [".given-up"]
    monkeypatch.setattr(timing, "SURE_MS", 0)
    loading.tick_until(State.RUNNING)
    assert loading.files() == {}
    loading.write_until_done()
    assert_all_is_well(loading)
    assert len(loading.journal()) == len(loading.wanted())


def test_a_server_that_forgets_what_was_announced_hears_it_again(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a file that has come into place, and is not taken
    loading.imports(takes_files=False)
    loading.make_load(60)
    saved = remembered(loading.redis)
    loading.write()
    ids, ledger = list(loading.wanted()), loading.queue.ledger
    assert ledger.perhaps_present(ids) == set(ids)
    # When Redis comes back without its last second
    forget_since(loading.redis, saved)
    assert ledger.perhaps_present(ids) == set()
    # Then nobody takes for certain that Campaign does not hold them
    loading.write()
    assert ledger.perhaps_present(ids) == set(ids)
    loading.stand("stopped")
    loading.write_until_done()
    assert_all_is_well(loading)


def test_what_is_held_again_after_the_end_is_settled_again(loading: LoadStage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a load whose end is known
    write_until_imported(loading, 60)
    keys = loading.queue.keys
    held = remembered(loading.redis, keys.records, keys.leases, keys.batches)
    monkeypatch.setattr(timing, "SURE_MS", HOUR_MS)
    loading.write()
    assert ended(loading) and loading.queue.total() == 0
    # When its records are held again all the same
    for name, (packed, _) in held.items():
        loading.redis.restore(name, 0, packed, replace=True)
    assert loading.queue.total() > 0
    # Then they are settled again, by the same results
    monkeypatch.setattr(timing, "SURE_MS", 0)
    write_until_over(loading)
    assert_all_is_well(loading)
    assert loading.in_files() == len(loading.journal()) == len(loading.wanted())


@pytest.mark.parametrize("ends", ["well", "withdrawn", "given up"])
def test_what_a_batch_holds_and_the_load_does_not_know_is_given_back(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    # Given a load that has lost what it knew of a batch
    monkeypatch.setattr(collecting, "BATCH", 20)
    load = loading.make_load(60)
    loading.redis.hdel(loading.queue.keys.load, f"batch:{load.batches[1]}")
    # When it ends, in whatever way
    if ends == "withdrawn":
        loading.imports(takes_files=False)
        loading.write()
        loading.stand("stopped")
    elif ends == "given up":
        loading.stop()
        loading.configure(workflow=None)
        loading.start()
    # Then nobody waits for ever
    loading.write_until_done()
    assert_all_is_well(loading)
    assert loading.files() == {}


def test_no_file_comes_into_place_after_a_stop(loading: LoadStage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an operator who stops while a file is about to come into place
    load = loading.make_load(60)
    once(monkeypatch, RecordQueue, "sending", loading.stop)
    # When that was prepared
    loading.write()
    # Then it does not come there, and the next start gives it up
    assert [path.rpartition("/")[2] for path in loading.files()] == [f".{load.name}.csv.part"]
    loading.start()
    assert loading.files() == {} and loading.imports()["signals"] == []
    # And nobody doubts any more that Campaign does not hold them
    assert loading.queue.ledger.perhaps_present(list(loading.wanted())) == set()
    loading.write_until_done()
    assert_all_is_well(loading)


@pytest.mark.parametrize("trigger", ["signal", "start"])
def test_campaign_is_told_of_no_file_after_a_stop(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, trigger: str
) -> None:
    # Given a file in its place, and an operator who stops before the workflow is told of it
    loading.configure(trigger=trigger)
    loading.create(60)
    loading.start()
    loading.imports(ends=trigger == "start")
    if trigger == "start":
        loading.stand("finished")
    loading.read()
    load = loading.write_until_loaded()
    once(monkeypatch, Workflows, "state", loading.stop)
    loading.write()
    assert [path.rpartition("/")[2] for path in loading.files()] == [f"{load.name}.csv"]
    assert loading.imports()["signals"] == loading.imports()["commands"] == []
    # Then the next start tells it, and waits for its end
    loading.start()
    assert loading.loads.read() is None and loading.in_files() == load.count
    loading.write_until_done()
    assert_all_is_well(loading)


@pytest.mark.parametrize("where", [(Sftp, "open"), (Loads, "records"), (RecordQueue, "settle")])
def test_who_reads_the_results_late_does_not_take_the_import_for_a_bad_one(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, where: tuple[type, str]
) -> None:
    # Given one that falls asleep over the results, while another one settles them, and forgets the load
    write_until_imported(loading, 60)
    once(monkeypatch, *where, lambda: look(loading))
    # When it wakes
    look(loading)
    # Then it says nothing of a load that is over
    assert loading.loads.read() is None
    assert loading.off() == "" and loading.trouble() == ""
    assert_all_is_well(loading)


def test_results_that_are_much_too_large_are_not_read(loading: LoadStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_BYTES_BEFORE", 0)
    monkeypatch.setattr(results, "_BYTES_PER_ROW", 3)
    load = write_until_imported(loading, 60)
    write_until_over(loading)
    assert f"its results could not be read, since it is too large for {load.count} records" in loading.off()
    loading.write_until_done()
    assert_all_is_well(loading)


def test_an_import_whose_workflow_is_stopping_may_still_write_and_is_waited_for(loading: LoadStage) -> None:
    # Given an import under way, row by row
    loading.imports(rows_per_second=0.5)
    load = loading.make_load(60)
    loading.write()
    loading.admin.post("/clock", {"advance": 10})
    assert loading.imports()["runs"][-1]["state"] == "importing"
    # When the workflow is about to stop
    loading.stand("stopping")
    for _ in range(4):
        loading.write()
    # Then nothing of it is written singly before that is over
    assert loading.queue.backlog().leased == load.count and loading.off() == ""
    assert loading.in_files() == len(loading.journal()) < load.count
    loading.admin.post("/clock", {"advance": 10_000})
    loading.write_until_done()
    assert_all_is_well(loading)
    assert loading.in_files() == len(loading.journal()) == load.count


def test_a_server_that_does_not_answer_is_asked_ever_more_seldom(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an import whose end cannot be looked for, since the server is silent
    monkeypatch.setattr("sync.patience.FIRST_WAIT", 1000.0)
    loading.make_load(60)
    asked: list[str] = []

    def silent(*args: Any) -> bool:
        asked.append("")
        raise Unreachable("sftp", "the server was silent for too long")

    with monkeypatch.context() as patched:
        patched.setattr(LoadWatch, "look", silent)
        # When other records come meanwhile
        late = loading.create(30)
        loading.read()
        for _ in range(4):
            loading.write()
    # Then they are written, and no slice waits for the server again
    assert len(asked) == 1 and "was silent" in loading.trouble()
    assert loading.names().keys() == set(late)
    # And the import is looked after when its time has come
    loading.workflow.troubles.clear("contact.load")
    loading.write_until_done()
    assert_all_is_well(loading)
