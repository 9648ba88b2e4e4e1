"""d365acs worker: who is there to do the work; and what a shell is given to complete commands."""

import json
from pathlib import Path

import pytest

from store.store import Store
from tests.integration.control.conftest import Run

ALL_BUT_ONE = ("control", "egress.read", "egress.write", "optinout.read", "optinout.write", "ingress.read")


@pytest.mark.usefixtures("answering")
def test_workers_and_beats_are_listed_with_their_queues(run: Run) -> None:
    assert run("worker", "ls").stdout == (
        "PROCESS      ROLE    SLOTS  HEARD    QUEUES\n"
        "worker@here  worker      4  0 s ago  control, ingress.read, ingress.write, egress.read, egress.write, "
        "optinout.read, optinout.write\n"
        "beat@here    beat        -  0 s ago  -\n"
    )
    worker, beat = json.loads(run("worker", "ls", "-o", "json").stdout)
    assert (worker["name"], worker["slots"], worker["queues"][0]) == ("worker@here", 4, "control")
    assert (beat["role"], beat["queues"]) == ("beat", [])


def test_queues_that_nobody_serves_are_told(run: Run, store: Store) -> None:
    assert run("worker", "ls").stderr == "No worker and no beat is there. Start them with: d365acs up\n"
    store.heartbeats.beat("beat@here", "beat", (), 0)
    assert run("worker", "ls").stderr == "No worker is there. Start one with: celery -A workers.app worker\n"
    store.heartbeats.beat("worker@here", "worker", ALL_BUT_ONE, 2)
    command = "celery -A workers.app worker -Q ingress.write"
    assert run("worker", "ls").stderr == f"No worker serves ingress.write. Start one with: {command}\n"


@pytest.mark.usefixtures("acknowledged")
def test_a_queue_without_a_worker_is_red_where_a_workflow_runs_that_needs_it(
    run: Run, file: Path, store: Store
) -> None:
    # Given a workflow that is switched on, and a worker that does not serve one of its queues
    run("config", "apply", str(file))
    run("workflow", "start", "ingress")
    store.heartbeats.beat("worker@here", "worker", ALL_BUT_ONE, 2)
    # When the processes are listed, Then it says who waits, and what to start
    told = run("worker", "ls").stderr
    command = "celery -A workers.app worker -Q ingress.write"
    assert told == (
        f"No worker serves ingress.write, and ingress waits. Start one with: {command}\n"
        "No beat wakes the workers, and ingress waits. Start one with: celery -A workers.app beat\n"
    )
    # And the doctor is red with the same command
    found = {one["check"]: one for one in json.loads(run("doctor", "-o", "json").stdout)}["ingress workers"]
    assert (found["colour"], found["finding"], found["remedy"]) == (
        *("red", "No worker answers on ingress.write."),
        f"Start one with: {command}",
    )


@pytest.mark.usefixtures("answering")
def test_the_list_is_watched_for_as_long_as_somebody_wants(run: Run) -> None:
    # Given two looks, When the list is watched by a person, Then it is written twice
    watched = run("worker", "ls", "--watch", "--interval", "0.1", "--count", "2")
    assert watched.stdout == 2 * run("worker", "ls").stdout
    # And by a program, it is a line for each process and look
    lines = run("worker", "ls", "--watch", "--interval", "0.1", "--count", "2", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["worker@here", "beat@here"] * 2
    # And what has no end has no document, and what is not watched has no interval
    endless = run("worker", "ls", "--watch", "-o", "json")
    assert (endless.exit_code, "take -o table or -o jsonl" in endless.stderr) == (2, True)
    assert "add --watch" in run("worker", "ls", "--count", "2").stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_names_the_command(run: Run, shell: str) -> None:
    script = run("completion", shell)
    assert script.exit_code == 0 and f"_D365ACS_COMPLETE={shell}_complete" in script.stdout
