"""An import that takes long, stops in the middle or is not taken is waited for, or withdrawn, and nothing is lost."""

import threading

import paramiko
import pytest

from connectors.errors import CredentialsRefused, Unreachable
from store.lifecycle import State
from sync.loading.looking import LoadWatch
from tasks.tick import tick
from tests.integration.sync.loading_crashes import assert_all_is_well
from tests.integration.sync.loading_stage import FIELDS, IMPORTS, RESULTS, LoadStage


@pytest.mark.parametrize("how", [{"stop_after_rows": 25}, {"fail_after_rows": 25}])
def test_an_import_that_ends_in_the_middle_is_withdrawn_and_the_rest_is_written_singly(
    loading: LoadStage, how: dict[str, int]
) -> None:
    # Given a workflow that is stopped, or fails, after some rows
    loading.imports(**how)
    ids = loading.start_with(100)
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
    load = loading.make_load(100)
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
    loading.make_load(50)
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
    loading.start_with(50)
    if trigger == "start":
        loading.stand("finished")
    # When a load is made
    loading.write_until_done()
    # Then it is imported
    assert_all_is_well(loading)
    assert loading.in_files() == len(loading.journal())
    # And when an import does not end there, people can say so, since nobody can see that nobody imports
    monkeypatch.setattr("sync.loading.timing.LONG_MS", 0)
    loading.imports(takes_files=False)
    loading.create(50)
    loading.read()
    load = loading.write_until_loaded()
    loading.write()
    loading.write()
    assert f"nothing imports {load.name}.csv any more, give it up with: d365acs load abandon" in loading.trouble()
    loading.admin.delete(f"/sftp/files/{IMPORTS}/{load.name}.csv")
    loading.put_file(f"{RESULTS}/{load.name}.written.csv", "externalId\n")
    loading.write_until_done()
    assert_all_is_well(loading)


def test_a_start_waits_for_the_import_of_the_run_before(loading: LoadStage) -> None:
    # Given an import that takes its time, while the workflow is stopped and edited, and a contact changes
    loading.imports(delay_seconds=1000)
    ids = loading.start_with(100)
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
    assert trouble.sentence == f"An import of {load.count:,} records of contact in Campaign is to end first"
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
    load = loading.make_load(100)
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


@pytest.mark.parametrize("named", [True, False])
def test_a_start_that_waits_for_long_logs_in_once(loading: LoadStage, named: bool) -> None:
    # Given an import that takes its time, on a server that the configuration still names, or does not
    others = _open_sessions()
    loading.imports(delay_seconds=1000)
    load = loading.make_load(100)
    loading.write()
    loading.stop()
    if not named:
        loading.configure(connections=loading.connections(sftp=None), workflow=None)
    loading.press_start()
    # When a start has looked ten times whether it has ended
    loading.admin.delete("/calls")
    for _ in range(10):
        tick(loading.runtime, "ingress")
        loading.redis.hdel(loading.workflow.keys.trouble, "load")
    # Then both systems were asked so often, and each had to let it in once
    calls = loading.admin.get("/calls")
    assert calls["campaign"]["GET"] >= 10 and calls["sftp"]["stat"] >= 10
    assert (calls["sftp"]["login"], sum(calls["tokens"].values())) == (1, 1)
    # And its end is seen as soon as it is looked for again; nothing is left open after that
    loading.admin.post("/clock", {"advance": 2000})
    loading.imports()
    loading.tick_until(State.RUNNING)
    assert loading.in_files() == load.count
    assert _open_sessions() <= others


def test_a_start_of_another_configuration_waits_with_that_one(loading: LoadStage) -> None:
    # Given a start that waits for an import, with a configuration that does not reach Campaign
    loading.imports(delay_seconds=1000)
    loading.make_load(100)
    loading.write()
    loading.stop()
    good = loading.connections()
    away = good.campaign.model_copy(update={"token_url": "http://127.0.0.1:9/ims/token/v3"})
    loading.configure(connections=loading.connections(campaign=away))
    loading.press_start()
    tick(loading.runtime, "ingress")
    assert "tried again" in loading.workflow.troubles.all()[0].sentence
    # When that is corrected, and started anew
    loading.workflow.lifecycle.stop("ann", "")
    loading.configure(connections=good)
    loading.press_start()
    loading.redis.delete(loading.workflow.keys.trouble)
    tick(loading.runtime, "ingress")
    # Then nothing but the import is waited for
    assert loading.workflow.troubles.all()[0].sentence.endswith("in Campaign is to end first")


def test_what_was_not_in_its_place_at_the_stop_is_given_up_at_the_start(loading: LoadStage) -> None:
    loading.make_load(100)
    loading.stop()
    loading.configure(workflow=None)
    loading.start()
    assert loading.files() == {} and loading.loads.read() is None
    loading.write_until_done()
    assert_all_is_well(loading)
    assert loading.in_files() == 0


def test_an_import_that_has_not_ended_for_long_is_told(loading: LoadStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.loading.timing.LONG_MS", 0)
    loading.imports(delay_seconds=1000)
    loading.make_load(100)
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
    loading.make_load(100)
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


def _open_sessions() -> set[paramiko.Transport]:
    """Of this process. Processes that were made to crash in it have left theirs open."""
    return {one for one in threading.enumerate() if isinstance(one, paramiko.Transport) and one.is_active()}
