"""d365acs workflow history: who did what, when, from where and why."""

import json
import re
from pathlib import Path

import pytest

from store.store import Store, WorkflowStore
from tests.integration.control.conftest import BOTH, Run

pytestmark = pytest.mark.usefixtures("acknowledged")


def timeless(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "<time>", text)


def test_starts_edits_replays_and_what_was_done_by_hand_stand_in_one_history(
    run: Run, file: Path, store: Store, ingress: WorkflowStore, egress: WorkflowStore
) -> None:
    assert run("workflow", "history").stderr == "Nothing was done so far.\n"
    # Given two workflows of which several people did something
    file.write_text(BOTH)
    run("config", "apply", str(file), "--why", "first try")
    run("workflow", "start", "ingress", "--why", "go", D365ACS_ACTOR="bob", D365ACS_ORIGIN="bob@build7")
    life = ingress.lifecycle.read()
    ingress.lifecycle.run(life.generation, "start-up checks", "both systems answer")
    run("replay", "create", "contact", "--why", "restored")
    visited = store.from_origin("192.0.2.7").workflow("ingress")
    visited.acts.note("reveal", "ann (dashboard)", "the dead letter 1", "contact")
    # When the history of all is asked for, Then the newest stands first
    *told, last, first = timeless(run("workflow", "history").stdout).splitlines(keepends=True)
    assert "".join(told) == (
        "WHEN                     WORKFLOW  BY               ORIGIN      ACTION      WHAT                 WHY\n"
        "<time>  ingress   ann (dashboard)  192.0.2.7   reveal      contact              the dead letter 1\n"
        "<time>  ingress   ann              ann@desk    replay ask  contact              restored\n"
        "<time>  ingress   start-up checks  -           run         STARTING -> RUNNING  both systems answer\n"
        "<time>  ingress   bob              bob@build7  start       STOPPED -> STARTING  go\n"
    )
    assert {last, first} == {
        "<time>  ingress   ann              ann@desk    edit        revision 1           first try\n",
        "<time>  egress    ann              ann@desk    edit        revision 1           first try\n",
    }
    # And programs get the same, of one workflow, as much as they want
    [act] = json.loads(run("workflow", "history", "egress", "--limit", "1", "-o", "json").stdout)
    assert act.pop("at").endswith("Z")
    assert act == {
        "workflow": "egress", "by": "ann", "origin": "ann@desk", "action": "edit", "why": "first try",
        "from": None, "to": None, "stream": None, "revision": 1, "generation": None,
    }  # fmt: skip
    assert len(run("workflow", "history", "ingress", "-o", "jsonl").stdout.splitlines()) == 5


def test_only_what_was_done_since_a_moment_is_told(run: Run, file: Path, ingress: WorkflowStore) -> None:
    run("config", "apply", str(file))
    assert len(json.loads(run("workflow", "history", "--since", "1h", "-o", "json").stdout)) == 1
    assert run("workflow", "history", "--since", "2099-01-01").stderr == "Nothing was done since then.\n"
    wrong = run("workflow", "history", "--since", "yesterday")
    assert wrong.exit_code == 2 and "yesterday is no time" in wrong.stderr
