"""d365acs workflow: what an operator reads, word for word."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from config.settings import Settings
from control import operate
from control.status.workflow import status_of
from store.client import connect
from store.embedded import EmbeddedServer
from store.lifecycle import Lifecycle, State
from store.outcomes import Parent, Parked, Reason, Refused
from store.records import Change
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import Run

pytestmark = pytest.mark.usefixtures("acknowledged")

NOBODY = (
    "No worker answers: there is no worker, nor a beat. Start them with: d365acs up (or the lines of the Procfile)."
)


def shown(text: str) -> str:
    """The text with every age of seconds alike."""
    return re.sub(r"\b\d s ago", "0 s ago", text)


def apply(run: Run, file: Path) -> Result:
    result = run("config", "apply", str(file))
    assert result.exit_code == 0, result.output
    return result


def set_running(ingress: WorkflowStore) -> int:
    life = ingress.lifecycle.read()
    assert ingress.lifecycle.run(life.generation, "start-up checks", "both systems answer")
    return life.generation


def test_a_fresh_instance_lists_its_workflows_and_says_what_is_missing(run: Run) -> None:
    # Given a store in which nothing was ever saved
    result = run("workflow", "ls")
    # Then the workflows are shown stopped, with the next step
    assert result.exit_code == 0
    assert result.stdout == (
        "WORKFLOW  STATE    SINCE  BACKLOG  PARKED  OLDEST  SET ASIDE  TOKEN\n"
        "ingress   STOPPED  -            -       -       -          -      -\n"
        "egress    STOPPED  -            -       -       -          -      -\n"
        "optinout  STOPPED  -            -       -       -          -      -\n"
        "\n"
        "No workflow has a configuration yet; save one with: d365acs config apply FILE\n"
    )


def test_a_start_without_a_configuration_is_refused_with_the_way_out(run: Run) -> None:
    result = run("workflow", "start", "ingress")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == ("Error: ingress has no configuration yet; save one with: d365acs config apply FILE\n")


@pytest.mark.parametrize("verb", ["show", "start", "stop", "restart", "watch"])
def test_an_unknown_workflow_is_named_with_those_there_are(run: Run, verb: str) -> None:
    result = run("workflow", verb, "egres")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no workflow egres; there are ingress, egress and optinout.\n"


def test_a_start_without_a_worker_stays_starting_and_the_list_says_that_nobody_answers(run: Run, file: Path) -> None:
    # Given a saved configuration, and neither worker nor beat
    apply(run, file)
    # When the workflow is started
    started = run("workflow", "start", "ingress")
    # Then it is STARTING, and both commands say that no worker answers
    assert (started.exit_code, started.stdout) == (0, "ingress: STOPPED -> STARTING, revision 1.\n")
    assert started.stderr == f"{NOBODY}\n"
    listed = run("workflow", "ls")
    assert shown(listed.stdout) == (
        "WORKFLOW  STATE     SINCE    BACKLOG  PARKED  OLDEST  SET ASIDE  TOKEN\n"
        "ingress   STARTING  0 s ago        0       0       -          0      -\n"
        "egress    STOPPED   -              -       -       -          -      -\n"
        "optinout  STOPPED   -              -       -       -          -      -\n"
        "\n"
        f"ingress: {NOBODY}\n"
    )


@pytest.mark.usefixtures("answering")
def test_waiting_for_a_start_ends_with_exit_code_1_if_it_does_not_come(run: Run, file: Path) -> None:
    apply(run, file)
    result = run("workflow", "start", "ingress", "--wait", "--timeout", "0")
    assert result.exit_code == 1
    assert result.stderr == "Error: ingress is still STARTING after 0 s.\n"


def test_starting_what_starts_or_runs_already_says_so_and_changes_nothing(
    run: Run, file: Path, ingress: WorkflowStore
) -> None:
    # Given a workflow that starts, then runs
    apply(run, file)
    run("workflow", "start", "ingress")
    again = run("workflow", "start", "ingress")
    generation = set_running(ingress)
    running = run("workflow", "start", "ingress", "--wait")
    # Then another start is no failure and no new generation
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr.splitlines()[0] == "ingress is STARTING already."
    assert (running.exit_code, running.stdout, running.stderr) == (0, "", "ingress is RUNNING already.\n")
    assert ingress.lifecycle.read().generation == generation


def test_who_comes_second_is_told_the_state_that_is(
    run: Run, file: Path, ingress: WorkflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two operators who both see a stopped workflow, and bob is quicker
    apply(run, file)
    begin, end = Lifecycle.start, Lifecycle.stop
    monkeypatch.setattr(Lifecycle, "start", lambda self, *given: begin(self, "bob", "", 1) and begin(self, *given))
    # When ann starts it, Then she reads what it is now, not what she saw before
    started = run("workflow", "start", "ingress")
    assert (started.exit_code, started.stdout) == (0, "")
    assert started.stderr.splitlines()[0] == "ingress is STARTING already."
    assert json.loads(run("workflow", "start", "ingress", "-o", "json").stdout)["before"] == "STARTING"
    # And the same when both stop it
    monkeypatch.setattr(Lifecycle, "stop", lambda self, *given: end(self, "bob", "") and end(self, *given))
    assert run("workflow", "stop", "ingress").stderr == "ingress is stopped already.\n"


def test_a_stop_keeps_the_backlog_and_records_who_and_why(run: Run, file: Path, ingress: WorkflowStore) -> None:
    # Given a workflow that runs with two waiting records, and one that waits for its parent
    apply(run, file)
    run("workflow", "start", "ingress")
    generation = set_running(ingress)
    ingress.lifecycle.add_streams(["contact"])
    queue = ingress.queue("contact")
    queue.put_page(generation, 0, [Change("child", 1, b"{}")], "")
    queue.settle(queue.lease(generation, 10, 60_000).number, [Parked("child", Parent("account", "p"))])
    queue.put_page(generation, 0, [Change("a", 1, b"{}"), Change("b", 1, b"{}")], "")
    # When it is stopped, twice
    first = run("workflow", "stop", "ingress", "--why", "deploy", "--wait")
    second = run("workflow", "stop", "ingress")
    # Then the first stop says what is kept, and the second that there was nothing to do
    assert (first.exit_code, first.stdout) == (0, "ingress: RUNNING -> STOPPED, 3 records kept on the queue.\n")
    assert (second.exit_code, second.stdout, second.stderr) == (0, "", "ingress is stopped already.\n")
    # And it is on record
    event = ingress.acts.newest(1)[0]
    assert (event.by, event.why, event.action, event.to_state) == ("ann", "deploy", "stop", "STOPPED")


def test_a_stop_that_waits_is_over_when_no_writer_holds_a_record(
    run: Run, file: Path, ingress: WorkflowStore, store: Store
) -> None:
    # Given a record in a writer's hands
    apply(run, file)
    run("workflow", "start", "ingress")
    generation = set_running(ingress)
    ingress.lifecycle.add_streams(["contact"])
    ingress.queue("contact").put_page(generation, 0, [Change("a", 1, b"{}")], "")
    batch = ingress.queue("contact").lease(generation, 10, 60_000)
    # When a stop waits for it in vain
    result = run("workflow", "stop", "ingress", "--wait", "--timeout", "0.2")
    # Then it says so; and once the writer has told what became of it, the waiting is over
    assert result.exit_code == 1
    assert result.stderr == "Error: Records were still being written after 0.2 s; they end by themselves.\n"
    ingress.queue("contact").settle(batch.number, [Refused("a", Reason("refused", "It is wrong."))])
    assert operate.await_rest(store, "ingress", timeout=0)


def test_a_writer_that_died_does_not_hold_up_a_stop(run: Run, file: Path, ingress: WorkflowStore) -> None:
    # Given a record whose writer died with it: its lease runs out, and nobody takes it back
    apply(run, file)
    run("workflow", "start", "ingress")
    generation = set_running(ingress)
    ingress.lifecycle.add_streams(["contact"])
    ingress.queue("contact").put_page(generation, 0, [Change("a", 1, b"{}")], "")
    ingress.queue("contact").lease(generation, 10, 50)
    # When the workflow is stopped; then the waiting ends with the lease
    result = run("workflow", "stop", "ingress", "--wait", "--timeout", "20")
    assert (result.exit_code, result.stdout) == (0, "ingress: RUNNING -> STOPPED, 1 record kept on the queue.\n")


def test_a_failed_workflow_shows_its_reason_cannot_be_stopped_and_can_be_started(
    run: Run, file: Path, ingress: WorkflowStore
) -> None:
    # Given a workflow that has failed
    apply(run, file)
    run("workflow", "start", "ingress")
    ingress.lifecycle.fail(ingress.lifecycle.read().generation, "worker", "Dynamics: the secret is wrong")
    # Then the list says why
    assert shown(run("workflow", "ls").stdout).endswith("\n\ningress failed: Dynamics: the secret is wrong.\n")
    # And a stop leaves the reason to be read, and a start begins anew
    stopped = run("workflow", "stop", "ingress")
    assert (stopped.exit_code, stopped.stdout) == (0, "")
    assert stopped.stderr == "ingress has failed and does not run; there is nothing to stop.\n"
    assert ingress.lifecycle.read().state is State.FAILED
    assert run("workflow", "start", "ingress").stdout == "ingress: FAILED -> STARTING, revision 1.\n"


@pytest.mark.usefixtures("answering")
def test_unapplied_changes_are_shown_by_list_and_stop_until_the_next_start(
    run: Run, file: Path, ingress: WorkflowStore, edited: Callable[[str, str], Path]
) -> None:
    # Given a workflow that runs while its configuration is edited
    apply(run, file)
    run("workflow", "start", "ingress")
    set_running(ingress)
    saved = apply(run, edited("firstName", "middleName"))
    warning = (
        "ingress: saved changes are not running yet (revision 1 runs, 2 is saved); stop and start it to apply them.\n"
    )
    # Then the edit, the list and the stop say that it does not run yet
    assert saved.stderr == (
        "ingress runs under an earlier revision; apply the changes with: d365acs workflow restart ingress\n"
    )
    assert run("workflow", "ls").stdout.endswith(f"\n\n{warning}")
    assert run("workflow", "stop", "ingress").stderr == warning
    # And after the next start nobody says so any more
    assert run("workflow", "start", "ingress").stdout == "ingress: STOPPED -> STARTING, revision 2.\n"
    assert "saved changes" not in run("workflow", "ls").output


@pytest.mark.usefixtures("answering")
def test_a_restart_takes_the_newest_revision(
    run: Run, file: Path, ingress: WorkflowStore, edited: Callable[[str, str], Path]
) -> None:
    apply(run, file)
    run("workflow", "start", "ingress")
    set_running(ingress)
    apply(run, edited("firstName", "middleName"))
    result = run("workflow", "restart", "ingress")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "ingress: RUNNING -> STARTING, revision 2.\n",
        "",
    )


@pytest.mark.usefixtures("answering")
def test_an_outage_is_no_failure_and_is_shown_with_its_beginning_and_reason(
    run: Run, file: Path, ingress: WorkflowStore, store: Store
) -> None:
    # Given a workflow that runs, and a Campaign that has been down for three minutes
    apply(run, file)
    run("workflow", "start", "ingress")
    set_running(ingress)
    now_ms = store.now_ms()
    for _ in range(4):
        ingress.troubles.note("contact.write", "Campaign does not answer (503)", now_ms - 180_000, now_ms)
    # Then the state stays RUNNING, and the list says since when and why it waits
    listed = run("workflow", "ls").stdout
    assert "ingress   RUNNING" in listed
    assert listed.endswith(
        "\n\ningress has waited for 3 min to write contact, tried 4 times: Campaign does not answer (503).\n"
    )


def test_programs_get_everything_as_json(run: Run, file: Path, ingress: WorkflowStore) -> None:
    # Given a workflow that runs, with a waiting and a refused record
    apply(run, file)
    run("workflow", "start", "ingress")
    generation = set_running(ingress)
    ingress.lifecycle.add_streams(["contact"])
    queue = ingress.queue("contact")
    queue.put_page(generation, 0, [Change("a", 1, b"{}")], "")
    queue.settle(queue.lease(generation, 10, 60_000).number, [Refused("a", Reason("refused", "It is wrong."))])
    queue.put_page(generation, 0, [Change("b", 1, b"{}")], "")
    # When it is listed for a program
    found, unused, _ = json.loads(run("workflow", "ls", "-o", "json").stdout)
    # Then numbers are numbers, and times are in ISO 8601
    assert (found["state"], found["backlog"], found["set_aside"]) == ("RUNNING", 1, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["since"])
    assert found["revision"] == {"active": 1, "newest": 1, "unapplied": False}
    assert found["streams"][0]["totals"] == {
        **{"read": 2, "filtered": 0, "written": 0, "unchanged": 0, "again": 0},
        **{"refused": 1, "parked": 0},
    }
    assert found["workers"]["answer"] is False
    assert found["notes"] == [
        f"ingress: {NOBODY}",
        "ingress: 1 record was refused and set aside; why: d365acs dlq stats ingress",
    ]
    # And of a workflow that is not configured there is nothing to note
    assert (unused["workflow"], unused["revision"]["newest"], unused["notes"]) == ("egress", None, [])
    # And the same in lines, and for one workflow
    lines = run("workflow", "ls", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["workflow"] for line in lines] == ["ingress", "egress", "optinout"]
    assert json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["generation"] == generation


@pytest.mark.usefixtures("answering")
def test_one_workflow_is_shown_with_its_streams(run: Run, file: Path, ingress: WorkflowStore) -> None:
    apply(run, file)
    run("workflow", "start", "ingress")
    set_running(ingress)
    assert shown(run("workflow", "show", "ingress").stdout) == (
        "Workflow      ingress (instance production)\n"
        "State         RUNNING\n"
        "Since         0 s ago\n"
        "By            ann\n"
        "Why           -\n"
        "Generation    1\n"
        "Revision      1\n"
        "Processes     1 worker (4 slots), 1 beat\n"
        "Last tick     0 s ago\n"
        "Engine calls  0 today, 0 in 30 days\n"
        "\n"
        "STREAM   BACKLOG  PARKED  OLDEST  SET ASIDE  READ  WRITTEN  UNCHANGED  FILTERED  TOKEN  READS\n"
        "contact        0       0       -          0     0        0          0         0      -  nothing yet\n"
    )


def test_watching_shows_rates_and_ends_after_so_many_looks(run: Run, file: Path) -> None:
    apply(run, file)
    table = run("workflow", "watch", "--count", "2", "--interval", "0.1")
    assert table.exit_code == 0
    assert table.stdout.splitlines()[:2] == [
        "WORKFLOW  STATE    SINCE  BACKLOG  PARKED  OLDEST  READ/S  WRITTEN/S  SET ASIDE",
        "ingress   STOPPED  -            0       0       -       0          0          0",
    ]
    lines = run("workflow", "watch", "ingress", "--count", "3", "--interval", "0.1", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["STOPPED"] * 3


def test_one_workflow_is_shown_again_and_again(run: Run, file: Path) -> None:
    apply(run, file)
    # Given one look, When it is watched, Then people see the same again, and programs a line for each look
    once = run("workflow", "show", "ingress").stdout
    watched = run("workflow", "show", "ingress", "--watch", "--count", "2", "--interval", "0.1")
    assert (watched.exit_code, watched.stdout) == (0, 2 * once)
    lines = run("workflow", "show", "ingress", "--watch", "--count", "2", "--interval", "0.1", "-o", "jsonl").stdout
    assert [json.loads(line)["causes"] for line in lines.splitlines()] == [[], []]
    # And so is the list of all
    once = run("workflow", "ls").stdout
    assert run("workflow", "ls", "--watch", "--count", "2", "--interval", "0.1").stdout == 2 * once
    # And a wrong name is an error at once
    assert run("workflow", "show", "nothing", "--watch").stderr.startswith("Error: There is no workflow nothing")


def test_a_program_that_watches_is_not_cut_off_by_an_outage_of_redis() -> None:
    # Given a program that reads lines (in a home of its own, short: a socket stands in it)
    with tempfile.TemporaryDirectory(prefix="d365acs-") as home, EmbeddedServer(Path(home)) as server:
        program = [sys.executable, "-c", "from cli.main import main; main()"]
        command = [*program, "--home", home, "workflow", "watch", "-o", "jsonl", "--interval", "0.1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
            assert watch.stdout is not None and watch.stderr is not None
            assert json.loads(watch.stdout.readline())["revision"]["newest"] is None
            # When Redis is away for a while
            server.kill()
            # Then this is said, and lines come again when it is back
            assert watch.stderr.readline().startswith(f"The embedded server of {home} does not run")
            server.start()
            with connect(server.url) as redis:
                Store(redis, "production").workflow("ingress").revisions.save(0, "", "ann", "")
            while json.loads(watch.stdout.readline())["revision"]["newest"] is None:
                continue
            watch.terminate()


def test_instances_share_nothing(run: Run, file: Path, settings: Settings, store: Store) -> None:
    # Given a configuration that was applied to one instance
    assert run("--instance", "stage", "config", "apply", str(file)).exit_code == 0
    # Then another one knows nothing of it
    assert status_of(store, settings, "ingress").newest_revision == 0
    assert "no configuration yet" not in run("--instance", "stage", "workflow", "ls").stdout
