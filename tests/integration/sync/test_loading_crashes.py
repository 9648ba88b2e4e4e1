"""A load whose maker dies, sleeps or is stopped loses nothing, doubles nothing, and brings no old value back."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest

from connectors.campaign_workflows import Workflows
from connectors.errors import CredentialsRefused, Unreachable
from connectors.sftp import Sftp
from store.lifecycle import State
from store.loads import Loads
from store.record_queue import RecordQueue
from store.records import NEVER_MS
from sync.loading import collecting
from sync.loading.collecting import Collector
from sync.loading.looking import LoadWatch
from tasks.tick import tick
from tests.integration.sync.loading_stage import FIELDS, IMPORTS, RESULTS, LoadStage

Hook = Callable[..., Any]


class Crash(BaseException):
    """The process is gone: nothing of what it would do on its way out is done."""


def crash(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, when: str, nth: int = 1) -> list[str]:
    """The process dies before or after the nth call of a method; what comes after is another one. Says that it did."""
    original: Hook = getattr(owner, method)
    calls: list[str] = []

    def dying(self: Any, *args: Any, **given: Any) -> Any:
        calls.append(method)
        if len(calls) == nth:
            monkeypatch.setattr(Collector, "_abandon", lambda *args: None)
            if when == "after":
                with suppress(Exception):
                    original(self, *args, **given)
            raise Crash
        return original(self, *args, **given)

    monkeypatch.setattr(owner, method, dying)
    return calls


def leases_run_out(stage: LoadStage) -> None:
    """So much later: those that are held by a load never do."""
    for number in cast(list[bytes], stage.redis.zrangebyscore(stage.queue.keys.batches, 0, f"({NEVER_MS}")):
        stage.redis.zadd(stage.queue.keys.batches, {number: 1})
    while stage.queue.reap():
        pass


def assert_all_is_well(stage: LoadStage) -> None:
    """Everything is in Campaign as it is in Dynamics, nothing old came over something new, nothing is left behind."""
    assert stage.names() == stage.wanted()
    newest: dict[str, str] = {}
    for entry in stage.journal():
        newest[entry["key"]] = entry["version"]
    assert newest == stage.wanted()
    assert stage.loads.read() is None and stage.queue.backlog().total == 0
    assert not list(stage.queue.dead_letters())


POINTS: list[tuple[type, str, str, int]] = [
    (Sftp, "create", "after", 1),
    (RecordQueue, "lease", "after", 1),
    (Loads, "draft", "after", 1),
    (Loads, "commit", "before", 1),
    (Loads, "commit", "after", 1),
    (RecordQueue, "sending", "before", 1),
    (RecordQueue, "sending", "after", 1),
    (Sftp, "move", "before", 1),
    (Sftp, "move", "after", 1),
    (Loads, "note", "before", 1),
    (Workflows, "signal", "before", 1),
    (Workflows, "signal", "after", 1),
    (Loads, "note_trigger", "before", 1),
    (Sftp, "open", "before", 1),
    (RecordQueue, "settle", "before", 1),
    (RecordQueue, "settle", "after", 1),
    (RecordQueue, "settle", "after", 2),
    (Sftp, "remove", "before", 1),
    (Sftp, "remove", "after", 1),
    (Sftp, "remove", "after", 2),
    (Loads, "forget", "before", 1),
    (Loads, "forget", "after", 1),
]


@pytest.mark.parametrize(("owner", "method", "when", "nth"), POINTS)
def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, owner: type, method: str, when: str, nth: int
) -> None:
    # Given several batches that are about to travel in a file
    monkeypatch.setattr(collecting, "BATCH", 90)
    ids = loading.create(20)
    loading.start()
    loading.read()
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
    ids = loading.create(20)
    loading.start()
    loading.read()
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
    loading.create(20)
    loading.start()
    loading.read()
    loading.write_until_loaded()
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


def look(stage: LoadStage) -> None:
    """Another process looks after the load, while the first one sleeps."""
    other = stage.another()
    loader = other.streams("ingress", stage.generation)["contact"].loader
    assert loader is not None
    loader.look(stage.workflow, stage.generation, lambda: False)


def once(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, meanwhile: Callable[[], None]) -> None:
    """Before the first call of a method something else happens: its caller slept that long."""
    original: Hook = getattr(owner, method)

    def late(self: Any, *args: Any, **given: Any) -> Any:
        monkeypatch.setattr(owner, method, original)
        meanwhile()
        return original(self, *args, **given)

    monkeypatch.setattr(owner, method, late)


def test_who_wakes_after_the_load_was_withdrawn_brings_no_old_file_into_place(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a holder that falls asleep right before its file comes into place
    ids = loading.create(60)
    loading.start()
    loading.read()
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
    ids = loading.create(60)
    loading.start()
    loading.read()

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
    loading.create(60)
    loading.start()
    loading.read()
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


@pytest.mark.parametrize("how", [{"stop_after_rows": 25}, {"fail_after_rows": 25}])
def test_an_import_that_ends_in_the_middle_is_withdrawn_and_the_rest_is_written_singly(
    loading: LoadStage, how: dict[str, int]
) -> None:
    # Given a workflow that is stopped, or fails, after some rows
    loading.imports(**how)
    ids = loading.create(100)
    loading.start()
    loading.read()
    loading.write_until_loaded()
    loading.rename(ids[0], "Newer")
    loading.read()
    # When that is found out
    loading.write_until_done()
    # Then nothing is missing, and operators know why no more loads are made
    assert_all_is_well(loading)
    assert loading.in_files() == 25 and "took the file, and said nothing" in loading.off()
    assert loading.files() == {} and loading.trouble() == ""


def test_a_file_that_is_not_taken_is_withdrawn_once_the_workflow_is_stopped_and_not_before(loading: LoadStage) -> None:
    # Given a workflow that runs and does not take the file
    loading.imports(takes_files=False)
    loading.create(100)
    loading.start()
    loading.read()
    load = loading.write_until_loaded()
    for _ in range(5):
        loading.write()
    assert loading.queue.backlog().leased == load.count and len(loading.files()) == 1
    # When it is paused
    loading.stand("paused")
    for _ in range(3):
        loading.write()
    # Then that is told, and still waited for
    assert "WKF201 is paused" in loading.trouble() and len(loading.files()) == 1
    # And when it is stopped, the records are written singly
    loading.stand("stopped")
    loading.write_until_done()
    assert_all_is_well(loading)
    assert "did not take the file" in loading.off() and loading.in_files() == 0


def test_a_workflow_that_is_gone_from_campaign_imports_nothing(loading: LoadStage) -> None:
    loading.imports(takes_files=False)
    loading.create(50)
    loading.start()
    loading.read()
    loading.write_until_loaded()
    loading.write()
    loading.admin.delete("/imports/WKF201")
    loading.write_until_done()
    assert_all_is_well(loading)


@pytest.mark.parametrize("trigger", ["signal", "start"])
def test_an_instance_that_does_not_tell_how_workflows_stand_is_told_of_the_file_all_the_same(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, trigger: str
) -> None:
    # Given such an instance
    loading.configure(trigger=trigger)
    loading.admin.put("/switches", {"workflow_states": dict.fromkeys(("started", "stopped", "finished"), "")})
    loading.imports(ends=trigger == "start", takes_files=True)
    loading.create(50)
    loading.start()
    loading.read()
    if trigger == "start":
        loading.stand("finished")
    # When a load is made
    loading.write_until_done()
    # Then it is imported
    assert_all_is_well(loading)
    assert loading.in_files() == len(loading.journal())
    # And when an import does not end there, people can say so, since nobody can see that nobody imports
    monkeypatch.setattr("sync.loading.looking.LONG_MS", 0)
    loading.imports(takes_files=False)
    loading.create(50)
    loading.read()
    load = loading.write_until_loaded()
    loading.write()
    loading.write()
    assert f"take it away, and leave {load.name}.written.csv with the line externalId" in loading.trouble()
    loading.admin.delete(f"/sftp/files/{IMPORTS}/{load.name}.csv")
    loading.put_file(f"{RESULTS}/{load.name}.written.csv", "externalId\n")
    loading.write_until_done()
    assert_all_is_well(loading)


def test_a_start_waits_for_the_import_of_the_run_before(loading: LoadStage) -> None:
    # Given an import that takes its time, while the workflow is stopped and edited, and a contact changes
    loading.imports(delay_seconds=1000)
    ids = loading.create(100)
    loading.start()
    loading.read()
    load = loading.write_until_loaded()
    loading.write()
    loading.stop()
    loading.rename(ids[0], "Newer")
    loading.configure(fields={**FIELDS, "jobtitle": "middleName"}, workflow="WKF202", folder="d365_loads/elsewhere")
    loading.admin.patch("/imports/WKF202", {"resource": "profile"})
    # When it is started, and the patience of a start has long been over
    loading.press_start()
    loading.redis.hset(loading.workflow.keys.lifecycle, "since", 1)
    with pytest.raises(AssertionError):
        loading.tick_until(State.RUNNING)
    # Then it still starts, and says what it waits for
    tick(loading.runtime, "ingress")
    assert loading.state is State.STARTING
    (trouble,) = loading.workflow.troubles.all()
    assert trouble.sentence == f"Waiting for an import of {load.count:,} records of contact in Campaign to end"
    # And when the import ends, it bears with systems that are away as if it began now; then it runs
    loading.workflow.troubles.note("start", "Campaign is away", 0, 0)
    loading.admin.post("/clock", {"advance": 2000})
    loading.imports()
    loading.tick_until(State.RUNNING)
    assert loading.loads.read() is None and loading.in_files() == load.count
    loading.read()
    loading.write_until_done()
    assert_all_is_well(loading)


def test_a_start_finds_the_import_where_it_was_left_whatever_the_configuration_says_now(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an import under way, and a configuration without the SFTP server
    loading.imports(delay_seconds=1000)
    loading.create(100)
    loading.start()
    loading.read()
    load = loading.write_until_loaded()
    loading.write()
    loading.stop()
    loading.configure(connections=loading.connections(sftp=None), workflow=None)
    # When it is started, and the key of that server is gone, too
    with monkeypatch.context() as patched:
        patched.delenv("SFTP_KEY")
        loading.press_start()
        loading.tick_until(State.FAILED)
    # Then it says what is to be put back
    why = loading.workflow.lifecycle.read().why or ""
    assert f"An import of {load.count} records of contact is under way" in why and "SFTP_KEY" in why
    # And with the key it finds the end of the import, and starts
    loading.press_start()
    loading.admin.post("/clock", {"advance": 2000})
    loading.imports()
    loading.tick_until(State.RUNNING)
    assert loading.in_files() == load.count and loading.files() == {}
    loading.read()
    loading.write_until_done()
    assert_all_is_well(loading)


def test_what_was_not_in_its_place_at_the_stop_is_given_up_at_the_start(loading: LoadStage) -> None:
    loading.create(100)
    loading.start()
    loading.read()
    loading.write_until_loaded()
    loading.stop()
    loading.configure(workflow=None)
    loading.start()
    assert loading.files() == {} and loading.loads.read() is None
    loading.write_until_done()
    assert_all_is_well(loading)
    assert loading.in_files() == 0


def test_an_import_that_has_not_ended_for_long_is_told(loading: LoadStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.loading.looking.LONG_MS", 0)
    loading.imports(delay_seconds=1000)
    loading.create(100)
    loading.start()
    loading.read()
    loading.write_until_loaded()
    loading.write()
    assert "has not ended; look at the workflow WKF201 in Campaign: stopped there" in loading.trouble()
    loading.admin.post("/clock", {"advance": 2000})
    loading.write_until_done()
    assert loading.trouble() == ""


@pytest.mark.parametrize("error", [Unreachable("sftp", "it is away"), CredentialsRefused("sftp", "the key is refused")])
def test_trouble_with_looking_is_told_and_holds_up_nobody_else(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    # Given an import whose end cannot be looked for
    monkeypatch.setattr("sync.patience.FIRST_WAIT", 0.0)
    loading.create(100)
    loading.start()
    loading.read()
    loading.write_until_loaded()
    with monkeypatch.context() as patched:

        def fail(*args: object) -> None:
            raise error

        patched.setattr(LoadWatch, "look", fail)
        # When something else is created
        late = loading.create(1)[0]
        loading.read()
        loading.write()
        # Then it is written, and the trouble told
        assert late in loading.names() and loading.trouble() in str(error)
    loading.write_until_done()
    assert_all_is_well(loading)
    assert loading.trouble() == ""
