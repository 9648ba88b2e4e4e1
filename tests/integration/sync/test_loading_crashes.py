"""A load whose maker dies or falls asleep loses nothing, doubles nothing, and brings no old value back."""

from typing import Any

import pytest

from connectors.sftp import Sftp
from store.lifecycle import State
from store.loads import Loads
from store.record_queue import RecordQueue
from sync.loading import collecting
from tests.integration.sync.loading_crashes import POINTS, Crash, assert_all_is_well, crash, leases_run_out, look, once
from tests.integration.sync.loading_stage import LoadStage


@pytest.mark.parametrize(("owner", "method", "when", "nth"), POINTS)
def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, owner: type, method: str, when: str, nth: int
) -> None:
    # Given several batches that are about to travel in a file
    monkeypatch.setattr(collecting, "BATCH", 90)
    ids = loading.start_with(20)
    # When the process dies on its way
    with monkeypatch.context() as patched:
        calls = crash(patched, owner, method, when, nth)
        with pytest.raises(Crash):
            for _ in range(20):
                loading.write()
        assert len(calls) == nth
    # And meanwhile something changes
    loading.rename(ids[0], "Newer")
    loading.read()
    # Then another process goes on where it was
    other = loading.another()
    leases_run_out(loading)
    loading.write_until_done(other)
    assert_all_is_well(loading)
    # And no record was written twice but for the one that changed, and those whose answer nobody heard
    assert len(loading.journal()) <= len(loading.wanted()) + 1


@pytest.mark.parametrize(("owner", "method", "when", "nth"), POINTS[4::3])
def test_a_crash_and_a_start_do_so_too(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, owner: type, method: str, when: str, nth: int
) -> None:
    # Given a process that dies on its way, and a workflow that is stopped after that
    monkeypatch.setattr(collecting, "BATCH", 90)
    ids = loading.start_with(20)
    with monkeypatch.context() as patched:
        crash(patched, owner, method, when, nth)
        with pytest.raises(Crash):
            for _ in range(20):
                loading.write()
    loading.stop()
    loading.rename(ids[0], "Newer")
    leases_run_out(loading)
    # When it is started
    loading.start()
    # Then whatever was under way has ended before it runs
    assert loading.loads.read() is None
    loading.read()
    loading.write_until_done()
    assert_all_is_well(loading)
    assert len(loading.journal()) <= len(loading.wanted()) + 1


@pytest.mark.parametrize("nth", [1, 2])
def test_a_crash_while_a_file_is_given_up_leaves_no_doubt(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    # Given a load that was stopped before its file was in place
    monkeypatch.setattr(collecting, "BATCH", 90)
    loading.make_load(20)
    loading.stop()
    loading.press_start()
    # When the one that gives it up dies, right after the file has lost its name, or after the first batch
    with monkeypatch.context() as patched:
        crash(patched, *((Sftp, "move", "after", 1) if nth == 1 else (RecordQueue, "settle", "after", 1)))
        with pytest.raises(Crash):
            loading.tick_until(State.RUNNING)
    # Then the next one knows that it never was in place
    loading.tick_until(State.RUNNING)
    assert loading.loads.read() is None and loading.journal() == []
    loading.write_until_done()
    assert_all_is_well(loading)
    assert len(loading.journal()) == len(loading.wanted())


def test_who_wakes_after_the_load_was_withdrawn_brings_no_old_file_into_place(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a holder that falls asleep right before its file comes into place
    ids = loading.start_with(60)
    loading.write_until_loaded()

    def meanwhile() -> None:
        # ...while another process puts it there, the workflow is stopped, and the load withdrawn
        look(loading)
        loading.stand("stopped")
        while loading.loads.read() is not None:
            look(loading)
        # ...and a contact changes, and is written
        loading.rename(ids[0], "Newer")
        loading.read()
        assert loading.files() == {}
        loading.stand("started")

    loading.imports(delay_seconds=1000)  # it is told of the file, and does not take it
    once(monkeypatch, Sftp, "move", meanwhile)
    # When it wakes
    loading.write()
    loading.admin.post("/clock", {"advance": 2000})
    loading.imports()
    # Then nothing comes into place any more
    assert loading.files() == {}
    loading.write_until_done()
    assert_all_is_well(loading)
    assert loading.in_files() == 0


def test_who_wakes_after_its_lease_has_run_out_commits_nothing(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a holder that falls asleep with a whole file under its hidden name
    ids = loading.start_with(60)

    def meanwhile() -> None:
        leases_run_out(loading)
        loading.rename(ids[0], "Newer")
        loading.read()

    once(monkeypatch, Loads, "commit", meanwhile)
    # When it wakes after others have got its records
    loading.write()
    # Then its file is gone, and its records are written by whoever has them
    assert loading.loads.read() is None and loading.files() == {}
    loading.loads.wait_until(0)
    loading.write_until_done()
    assert_all_is_well(loading)


def test_a_commit_whose_answer_is_lost_gives_nothing_back(loading: LoadStage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a commit that Redis has made, and whose answer was lost
    loading.start_with(60)
    original = Loads.commit

    def lost(self: Loads, *args: Any) -> bool:
        original(self, *args)
        raise ConnectionError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(Loads, "commit", lost)
        with pytest.raises(ConnectionError):
            loading.write()
    # Then the load has the records: they travel in the file, once
    load = loading.loads.read()
    assert load is not None and loading.queue.backlog().leased == load.count
    loading.write_until_done()
    assert_all_is_well(loading)
    assert loading.in_files() == len(loading.journal()) == len(loading.wanted())
