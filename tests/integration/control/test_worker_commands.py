"""d365acs worker: who is there to do the work; and what a shell is given to complete commands."""

import json

import pytest

from store.store import Store
from tests.integration.control.conftest import Run


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
    assert run("worker", "ls").stderr == "No worker and no beat is there; start them with: d365acs up\n"
    queues = ("control", "egress.read", "egress.write", "optinout.read", "optinout.write", "ingress.read")
    store.heartbeats.beat("worker@here", "worker", queues, 2)
    assert run("worker", "ls").stderr == "No worker serves ingress.write.\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_names_the_command(run: Run, shell: str) -> None:
    script = run("completion", shell)
    assert script.exit_code == 0 and f"_D365ACS_COMPLETE={shell}_complete" in script.stdout
