"""d365acs dlq: what was set aside is counted by cause, shown without values, retried, given up, handed out."""

import csv
import io
import json
from base64 import b64encode
from pathlib import Path

import pytest
from redis import Redis

from config.settings import Settings
from store.outcomes import Reason, Refused
from store.records import Change, Lane
from store.sealing import AesSeal
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import CONFIGURATION, Run
from tests.integration.control.dead_letters import (
    ANN,
    BOB,
    EVE,
    TAKEN,
    TOO_LONG,
    configured,
    put,
    running,
    set_aside,
    settle,
)

pytestmark = pytest.mark.usefixtures("answering")

VALUES = b'@0123 {"contactid":"%b","lastname":"Featherstonehaugh","emailaddress1":null,"age":44}' % ANN.encode()


@pytest.fixture(autouse=True)
def generation(run: Run, file: Path, ingress: WorkflowStore, acknowledged: None) -> int:
    """Ingress runs."""
    configured(run, file, CONFIGURATION)
    return running(run, ingress, "contact")


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(b64encode(bytes(range(32))).decode())
    return path


@pytest.fixture
def sealed(redis: Redis, settings: Settings) -> WorkflowStore:
    """Ingress as workers see it that have the key of the file."""
    return Store(redis, settings.instance, AesSeal([bytes(range(32))])).workflow("ingress")


def done(workflow: WorkflowStore, action: str) -> list[tuple[str, str, str]]:
    """Who did so, of which stream, and why."""
    events = workflow.acts.newest()
    return [(event.by, event.stream, event.why) for event in events if event.action == action]


def test_stats_tell_each_cause_with_its_remedy_and_the_command_that_retries_it(
    run: Run, ingress: WorkflowStore
) -> None:
    assert run("dlq", "stats").stderr == "Nothing is set aside.\n"
    watched = run("dlq", "stats", "--watch", "--count", "2", "--interval", "0.1")
    assert (watched.exit_code, watched.stdout) == (0, 2 * "Nothing is set aside.\n")
    # Given records that were set aside for two reasons
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG})
    set_aside(ingress, "contact", {EVE: TAKEN})
    # Then each cause is a line, with its newest record, and what to do stands below
    told = run("dlq", "stats", "ingress").stdout
    newest = max(ingress.queue("contact").set_aside_of([ANN, BOB]), key=lambda one: (one.dead_ms, one.id)).id
    assert told == (
        "WORKFLOW  STREAM   CAUSE           COUNT  NEWEST   WHERE                                 WHY\n"
        f"ingress   contact  already-exists      1  0 s ago  {EVE}  {TAKEN.sentence}\n"
        f"ingress   contact  unmappable          2  0 s ago  {newest}  {TOO_LONG.sentence}\n"
        "\n"
        "already-exists, 1 of ingress contact\n"
        "  Another record of Campaign has the value of a unique field. Correct one of the two.\n"
        "  d365acs dlq retry ingress --stream contact --cause already-exists\n"
        "\n"
        "unmappable, 2 of ingress contact\n"
        "  Correct the record in Dynamics, which tries it again by itself; or the mapping (another field, a "
        "replacement, required: false), and restart.\n"
        "  d365acs dlq retry ingress --stream contact --cause unmappable\n"
    )
    assert run("dlq", "stats", "ingress", "--watch", "--count", "1").stdout == told
    # And programs get the same, of all workflows
    first, second = json.loads(run("dlq", "stats", "-o", "json").stdout)
    assert {(one["cause"], one["count"]) for one in (first, second)} == {("already-exists", 1), ("unmappable", 2)}
    assert run("dlq", "stats", "egress").stderr == "Nothing is set aside.\n"


def test_letters_are_listed_narrowed_and_cut(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG})
    set_aside(ingress, "contact", {BOB: Reason("unmappable", "firstName is no text.", place="clicks.txt line 2")})
    # When they are listed, Then the newest stands first
    both = run("dlq", "ls").stdout
    assert both == (
        "WORKFLOW  STREAM   ID                                    CAUSE       SET ASIDE  WHERE              WHY\n"
        f"ingress   contact  {BOB}  unmappable  0 s ago    clicks.txt line 2  firstName is no text.\n"
        f"ingress   contact  {ANN}  unmappable  0 s ago    -                  {TOO_LONG.sentence}\n"
    )
    # And what narrows must fit
    found = json.loads(run("dlq", "ls", "ingress", "--containing", "LASTNAME", "-o", "json").stdout)
    assert [one["id"] for one in found] == [ANN]
    assert run("dlq", "ls", "--cause", "refused").stderr == (
        "No dead letter fits; see what there is with: d365acs dlq stats\n"
    )
    assert json.loads(run("dlq", "ls", "--until", "1h", "-o", "json").stdout) == []
    # And more than are wanted are not passed over in silence
    cut = run("dlq", "ls", "--limit", "1")
    assert (len(cut.stdout.splitlines()), cut.stderr) == (2, "There are more; see them with: --limit 10\n")
    # And a stream that is not there is named with those that are
    wrong = run("dlq", "ls", "ingress", "--stream", "contcat")
    assert (wrong.exit_code, wrong.stderr) == (1, "Error: ingress has no stream contcat; there is contact.\n")
    # And a cause that is mistyped is no cause that nothing has
    mistyped = run("dlq", "retry", "ingress", "--cause", "unmapable")
    assert (mistyped.exit_code, mistyped.stderr) == (1, "Error: unmapable is no cause; did you mean unmappable?\n")


def test_one_is_shown_masked_and_revealed_only_on_record(run: Run, ingress: WorkflowStore) -> None:
    # Given a record with values
    set_aside(ingress, "contact", {ANN: TOO_LONG}, VALUES)
    # When it is shown, Then its columns are told, and no value
    masked = run("dlq", "show", "ingress", ANN)
    lines = masked.stdout.splitlines()
    assert lines[:5] == [
        f"Record      {ANN}",
        "Of          ingress, contact",
        "Cause       unmappable",
        f"Why         {TOO_LONG.sentence}",
        "Attempts    1",
    ]
    assert [line.split("  ")[0] for line in lines[5:10]] == ["Queued", "Set aside", "Content", "What to do", "Then"]
    assert lines[9] == f"Then        d365acs dlq retry ingress {ANN}"
    assert lines[10:] == [
        "",
        "NAME           VALUE",
        "contactid      (36 characters)",
        "lastname       (17 characters)",
        "emailaddress1  -",
        "age            (a number)",
    ]
    assert masked.stderr == "See the values with --reveal, which is entered into the history.\n"
    assert done(ingress, "reveal") == []
    # When it is revealed, Then that is on record
    revealed = run("dlq", "show", "ingress", ANN, "--reveal", "-o", "json")
    assert json.loads(revealed.stdout)["values"]["lastname"] == "Featherstonehaugh"
    assert done(ingress, "reveal") == [("ann", "contact", f"the dead letter {ANN}")]
    # And where there is none, the way on is told
    assert run("dlq", "show", "ingress", BOB).stderr == (
        f"Error: ingress has no dead letter {BOB}; see those that it has: d365acs dlq ls ingress\n"
    )


def test_the_id_alone_names_a_letter_unless_several_workflows_have_it(
    run: Run, ingress: WorkflowStore, egress: WorkflowStore
) -> None:
    # Given a letter that ingress alone has
    set_aside(ingress, "contact", {ANN: TOO_LONG}, VALUES)
    # Then its id is enough
    assert run("dlq", "show", ANN).stdout == run("dlq", "show", "ingress", ANN).stdout
    # And of one that nobody has, or that waits, that is said
    assert run("dlq", "show", BOB).stderr == (
        f"Error: No workflow has a dead letter {BOB}; see those that there are: d365acs dlq ls\n"
    )
    put(ingress, "contact", Change(EVE, 1, b"{}"))
    assert run("dlq", "show", EVE).stderr == (
        f"Error: {EVE} is no dead letter: it waits on the queue of ingress, contact.\n"
    )
    # And a workflow alone is no letter
    missing = run("dlq", "show", "ingress")
    assert (missing.exit_code, missing.stderr.splitlines()[-1]) == (
        2,
        "Error: Name one dead letter: its id, with its workflow before it where several have that id.",
    )
    # When another workflow has one of the same id, Then both are named
    assert egress.lifecycle.start("ann", "", 1)
    generation = egress.lifecycle.read().generation
    egress.lifecycle.add_streams(["events"])
    assert egress.lifecycle.run(generation, "start-up checks", "both systems answer")
    set_aside(egress, "events", {ANN: TAKEN}, b"unreadable {}")
    assert run("dlq", "show", ANN).stderr == (
        f"Error: {ANN} is a dead letter of ingress, contact and egress, events; name the workflow: d365acs dlq show "
        f"ingress {ANN}\n"
    )
    # And its stream tells them apart, here and in the list of all workflows
    assert run("dlq", "show", ANN, "--stream", "contact").stdout.splitlines()[1] == "Of          ingress, contact"
    assert [one["workflow"] for one in json.loads(run("dlq", "ls", "--stream", "events", "-o", "json").stdout)] == [
        "egress"
    ]
    assert run("dlq", "ls", "--stream", "evens").stderr == (
        "Error: No workflow has a stream evens; see what is set aside with: d365acs dlq ls\n"
    )


def test_a_reveal_that_cannot_be_recorded_shows_nothing(run: Run, redis: Redis, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG}, VALUES)
    # Given a history that takes nothing
    redis.set(ingress.keys.log, "no history")
    # Then no value is shown
    refused = run("dlq", "show", "ingress", ANN, "--reveal")
    assert refused.exit_code == 1 and "Featherstonehaugh" not in refused.output
    exported = run("dlq", "export", "ingress", "--reveal")
    assert exported.exit_code == 1 and "Featherstonehaugh" not in exported.output


def test_those_of_a_cause_wait_again_and_the_others_stay(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG, EVE: TAKEN})
    # When one cause is retried
    retried = run("dlq", "retry", "ingress", "--cause", "unmappable", "--why", "the mapping was mended")
    # Then its records wait, and who did so is on record
    assert (retried.exit_code, retried.stdout, retried.stderr) == (0, "2 records wait on the queue again.\n", "")
    assert set(settle(ingress, "contact")) == {ANN, BOB}
    assert ingress.queue("contact").dead_ids() == [EVE]
    why = "2 dead letters (unmappable): the mapping was mended"
    assert done(ingress, "retry") == [("ann", "contact", why)]
    # And one by its id, too
    assert run("dlq", "retry", "ingress", EVE).stdout == "1 record waits on the queue again.\n"
    assert done(ingress, "retry")[0] == ("ann", "contact", f"1 dead letter ({EVE})")


def test_a_retried_record_that_changed_meanwhile_is_the_newest(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG})
    # Given one that has changed in Dynamics since it was set aside, and another that changes after it was retried
    put(ingress, "contact", Change(ANN, 2, b'{"newest": 1}'))
    retried = run("dlq", "retry", "ingress", ANN, BOB)
    assert retried.stdout == "1 record waits on the queue again; of 1 something newer was read already.\n"
    put(ingress, "contact", Change(BOB, 2, b'{"newest": 2}'))
    # Then both are written as they are now, once
    batch = ingress.queue("contact").lease(ingress.lifecycle.read().generation, 10, 60_000)
    assert sorted((one.id, one.version, one.payload) for one in batch.records) == [
        (ANN, 2, b'{"newest": 1}'),
        (BOB, 2, b'{"newest": 2}'),
    ]


def test_all_are_retried_only_if_that_is_said(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG})
    # When nothing says which, Then nothing is done
    vague = run("dlq", "retry", "ingress")
    assert vague.exit_code == 2
    assert "Say which: ids, --stream, --cause, --containing, --since, --until, or --all." in vague.stderr
    assert run("dlq", "retry", "ingress", "--all", "--cause", "refused").exit_code == 2
    unfit = run("dlq", "retry", "ingress", "--cause", "refused")
    assert unfit.stderr == "No dead letter fits; see what there is with: d365acs dlq stats ingress\n"
    # When all are meant
    assert run("dlq", "retry", "ingress", "--all").stdout == "1 record waits on the queue again.\n"
    # And an id that is none is said, and an error if there is nothing else
    none = run("dlq", "retry", "ingress", "nobody")
    assert (none.exit_code, none.stderr) == (
        1,
        "nobody is no dead letter of ingress.\nError: None of these is a dead letter.\n",
    )


def test_a_workflow_that_does_not_run_is_said_and_not_waited_for(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG})
    run("workflow", "stop", "ingress")
    # When it is to be waited for, Then nothing is done
    waited = run("dlq", "retry", "ingress", ANN, "--wait")
    assert (waited.exit_code, waited.stderr) == (
        1,
        "Error: ingress is STOPPED: nothing would happen while you wait. Start it (d365acs workflow start ingress), or "
        "leave --wait out.\n",
    )
    assert ingress.queue("contact").dead_ids() == [ANN]
    # Otherwise the records wait for the next start
    assert run("dlq", "retry", "ingress", ANN).stderr == (
        "ingress is STOPPED and goes on with its next start: d365acs workflow start ingress\n"
    )
    running(run, ingress, "contact")
    assert settle(ingress, "contact") == [ANN]


@pytest.mark.parametrize(
    ("refused", "code", "told", "said"),
    [
        ([], 0, "2 came to a good end.\n", ""),
        ([ANN], 3, "1 came to a good end; 1 was set aside again.\n", "See why with: d365acs dlq stats ingress\n"),
        ([ANN, BOB], 3, "2 were set aside again.\n", "See why with: d365acs dlq stats ingress\n"),
    ],
)
def test_who_waits_is_told_the_end_and_programs_by_the_exit_code(
    run: Run,
    ingress: WorkflowStore,
    monkeypatch: pytest.MonkeyPatch,
    refused: list[str],
    code: int,
    told: str,
    said: str,
) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG, EVE: TAKEN})
    # Given a writer that comes to them while the operator waits
    monkeypatch.setattr(
        "control.dead_letters.retrying.time.sleep",
        lambda seconds: settle(ingress, "contact", *(Refused(one, TOO_LONG) for one in refused)),
    )
    # When they are retried
    waited = run("dlq", "retry", "ingress", "--cause", "unmappable", "--wait")
    # Then the end of each is told
    assert (waited.exit_code, waited.stdout, waited.stderr) == (
        code,
        f"2 records wait on the queue again.\n{told}",
        said,
    )


def test_a_wait_that_is_over_too_soon_is_a_failure_and_harms_nothing(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG})
    waited = run("dlq", "retry", "ingress", ANN, "--wait", "--timeout", "0", "-o", "json")
    assert waited.exit_code == 1
    assert waited.stderr == "Error: 1 still wait after 0 s; they go on by themselves.\n"
    found = json.loads(waited.stdout)
    assert (found["retried"], found["ended"]) == (1, {"done": 0, "refused": 0, "waiting": 1})
    assert settle(ingress, "contact") == [ANN]


def test_letters_of_a_table_that_is_not_mapped_any_more_stay(run: Run, ingress: WorkflowStore, generation: int) -> None:
    ingress.lifecycle.add_streams(["account"])
    set_aside(ingress, "account", {EVE: TAKEN})
    retried = run("dlq", "retry", "ingress", "--stream", "account")
    assert retried.stdout == "1 is a dead letter as before.\n"
    assert retried.stderr == "account is not mapped any more: map it again, or drop its dead letters.\n"


def test_a_queue_at_its_high_water_mark_takes_no_more(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG})
    put(ingress, "contact", Change(BOB, 1, b"{}"))
    # When the mark is reached, Then the letter stays
    retried = run("dlq", "retry", "ingress", ANN, D365ACS_HIGH_WATER="1")
    assert retried.stdout == "1 is a dead letter as before.\n"
    assert retried.stderr == "The queue of contact is at its high-water mark: retry the rest when it has gone down.\n"
    waited = run("dlq", "retry", "ingress", ANN, "--wait", "--timeout", "0", D365ACS_HIGH_WATER="1")
    assert (waited.exit_code, waited.stderr.splitlines()[-1]) == (1, "Error: 1 could not be retried.")
    # When the queue has gone down, Then it is taken
    settle(ingress, "contact")
    assert run("dlq", "retry", "ingress", ANN, D365ACS_HIGH_WATER="1").exit_code == 0
    assert ingress.queue("contact").waiting([ANN]) == {ANN}


def test_more_than_one_step_takes_are_all_retried(run: Run, ingress: WorkflowStore) -> None:
    many = {f"record {number}": TOO_LONG for number in range(1_101)}
    for start in range(0, len(many), 500):
        set_aside(ingress, "contact", dict(list(many.items())[start : start + 500]))
    assert run("dlq", "retry", "ingress", "--all").stdout == "1,101 records wait on the queue again.\n"
    assert ingress.queue("contact").backlog().waiting == 1_101
    assert ingress.queue("contact").backlog().dead == 0


def test_dropped_letters_are_gone_after_a_question(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG, EVE: TAKEN})
    # When nobody is there to be asked, Then nothing is dropped
    assert run("dlq", "drop", "ingress", "--cause", "unmappable").exit_code == 2
    assert ingress.queue("contact").backlog().dead == 3
    # When somebody has agreed
    dropped = run("dlq", "drop", "ingress", "--cause", "unmappable", "--why", "test data", "--yes")
    # Then those are gone, and nothing of them waits
    assert (dropped.exit_code, dropped.stdout) == (0, "2 dead letters given up.\n")
    assert ingress.queue("contact").dead_ids() == [EVE]
    assert ingress.queue("contact").total() == 0
    [(by, stream, why)] = done(ingress, "drop")
    assert (by, stream) == ("ann", "contact")
    assert why.startswith("2 dead letters (unmappable, until 20") and why.endswith("): test data")
    again = run("dlq", "drop", "ingress", "--cause", "unmappable", "--yes")
    assert again.stderr == "No dead letter fits; see what there is with: d365acs dlq stats ingress\n"


def test_a_record_that_was_dropped_comes_back_when_it_changes(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG})
    run("dlq", "drop", "ingress", ANN, "--yes")
    put(ingress, "contact", Change(ANN, 2, b"{}"))
    assert settle(ingress, "contact") == [ANN]


def test_exports_are_whole_masked_and_revealed_only_on_record(run: Run, ingress: WorkflowStore) -> None:
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG}, VALUES)
    # When all are exported, Then each is a line, without a value
    exported = run("dlq", "export", "ingress").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert {row["id"] for row in rows} == {ANN, BOB}
    assert list(rows[0])[:6] == ["workflow", "stream", "id", "cause", "why", "system"]
    assert "Featherstonehaugh" not in exported and json.loads(rows[0]["values"])["age"] == "(a number)"
    # When they are revealed, Then that is on record first
    lines = run("dlq", "export", "ingress", ANN, "--reveal", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["values"]["lastname"] for line in lines] == ["Featherstonehaugh"]
    assert done(ingress, "reveal") == [("ann", "", f"exported 1 dead letter ({ANN})")]


def test_what_is_to_be_deleted_says_so(run: Run, ingress: WorkflowStore) -> None:
    # Given a deletion that was refused
    set_aside(ingress, "contact", {ANN: TAKEN}, b"null 1700000000000")
    assert "Content     a deletion: the record is no longer in Dynamics\n" in run("dlq", "show", "ingress", ANN).stdout


def test_sealed_letters_are_retried_without_the_keys(
    run: Run, ingress: WorkflowStore, sealed: WorkflowStore, keys_file: Path
) -> None:
    # Given a record that was sealed by the workers
    set_aside(sealed, "contact", {ANN: TOO_LONG}, VALUES)
    # When somebody looks without the keys, Then all but the content is told
    shown = run("dlq", "show", "ingress", ANN)
    assert "Content     sealed with a key that is not known here\n" in shown.stdout
    assert "sealed with a key that is not known here" in run("dlq", "show", "ingress", ANN, "--reveal").stderr
    with_keys = run("dlq", "show", "ingress", ANN, D365ACS_PAYLOAD_KEYS_FILE=str(keys_file))
    assert "lastname       (17 characters)\n" in with_keys.stdout
    # When it is retried, Then it is as it was
    assert run("dlq", "retry", "ingress", ANN).exit_code == 0
    batch = sealed.queue("contact").lease(ingress.lifecycle.read().generation, 1, 60_000)
    assert batch.records[0].payload == VALUES


def test_a_replayed_record_goes_back_to_its_own_lane(run: Run, ingress: WorkflowStore) -> None:
    put(ingress, "contact", Change(ANN, 1, b"{}"), lane=Lane.REPLAY)
    settle(ingress, "contact", Refused(ANN, TAKEN))
    put(ingress, "contact", Change(BOB, 1, b"{}"))
    run("dlq", "retry", "ingress", ANN)
    assert settle(ingress, "contact") == [BOB, ANN]
