"""Ingress and opt-in/out never run at once under revisions that write the same flag, whatever is saved meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.connections import Connections
from config.document import Document, dump
from config.ingress import IngressConfig
from config.optinout import OptinoutConfig
from config.settings import Settings
from store.ledger import Entry, Standing
from store.lifecycle import State
from store.loads import LoadedRecord
from store.record_queue import Batch, Change
from store.store import Store, WorkflowStore
from tasks.runtime import Runtime
from tasks.tick import tick
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection, tell_secrets
from tests.integration.control.conftest import Run
from tests.sandboxes import Sandbox

EMAIL, FAX = "blackListEmail", "blackListFax"
LEASE_MS = 600_000
COLUMNS = {EMAIL: "donotbulkemail", FAX: "donotfax"}

pytestmark = pytest.mark.usefixtures("acknowledged")


def carrying(*flags: str) -> IngressConfig:
    """Ingress that maps contacts, with these flags."""
    fields = [{"from": COLUMNS.get(flag, "lastname"), "to": flag} for flag in ("lastName", *flags)]
    table: dict[str, Any] = {"table": "contact", "resource": "profile", "key": {}, "fields": fields}
    return IngressConfig.model_validate({"tables": [table]})


def pairing(*flags: str) -> OptinoutConfig:
    """Opt-in/out with these flags, both ways."""
    pairs = [{"dynamics": COLUMNS[flag], "campaign": flag} for flag in flags]
    return OptinoutConfig.model_validate({"direction": "bidirectional", "flags": pairs})


class Stage:
    """What an operator types, and what the workers do: tick by tick."""

    def __init__(self, run: Run, file: Path, store: Store, settings: Settings, connections: Connections) -> None:
        self.run = run
        self._file = file
        self._store = store
        self._connections = connections
        self._runtime = Runtime(settings, store)

    def document(self, ingress: IngressConfig | None = None, optinout: OptinoutConfig | None = None) -> Document:
        return Document(connections=self._connections, ingress=ingress, optinout=optinout)

    def apply(self, ingress: IngressConfig | None = None, optinout: OptinoutConfig | None = None) -> str:
        """Answers what was said."""
        self._file.write_text(dump(self.document(ingress, optinout)))
        result = self.run("config", "apply", str(self._file))
        assert result.exit_code == 0, result.output
        return result.stderr

    def save_at_once(self, ingress: IngressConfig, optinout: OptinoutConfig) -> None:
        """Two operators, each of whom has looked before the other one had saved."""
        for part in (self.document(ingress), self.document(None, optinout)):
            for name, document in part.workflows().items():
                revisions = self._store.workflow(name).revisions
                revisions.save(revisions.newest(), dump(document), "ben", "")

    def start(self, *names: str) -> None:
        for name in names:
            result = self.run("workflow", "start", name)
            assert result.exit_code == 0, result.output
            self.tick(name)
            assert self.state(name) is State.RUNNING, self.why(name)

    def refused(self, verb: str, name: str) -> str:
        """What a start or restart is refused with; nothing has changed then."""
        before = self._store.workflow(name).lifecycle.read()
        result = self.run("workflow", verb, name)
        assert (result.exit_code, self._store.workflow(name).lifecycle.read()) == (1, before)
        return result.stderr

    def restart(self, name: str) -> None:
        result = self.run("workflow", "restart", name)
        assert result.exit_code == 0, result.output

    def tick(self, name: str) -> None:
        """One that does not wait for the next try."""
        self._store.workflow(name).troubles.clear_all()
        tick(self._runtime, name)

    def state(self, name: str) -> State:
        return self._store.workflow(name).lifecycle.read().state

    def why(self, name: str) -> str:
        """Why it has failed, or what its start waits for."""
        trouble = self._store.workflow(name).troubles.get("start")
        return trouble.sentence if trouble else self._store.workflow(name).lifecycle.read().why


@pytest.fixture
def stage(
    run: Run, file: Path, store: Store, settings: Settings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    tell_secrets(sandbox, monkeypatch)
    connections = Connections(dynamics=dynamics_connection(sandbox), campaign=campaign_connection(sandbox))
    return Stage(run, file, store, settings, connections)


def clash(one: str, other: str, way: str) -> str:
    return f"{one} would write {EMAIL}, which {other} writes under revision 1, the one that is active there; {way}"


RESTART = "have it take up what is saved with: d365acs workflow restart "


def test_a_flag_is_taken_over_once_who_writes_it_was_restarted(stage: Stage, optinout: WorkflowStore) -> None:
    # Given ingress, which writes a flag
    stage.apply(carrying(EMAIL), pairing(FAX))
    stage.start("ingress", "optinout")
    # When it is saved that opt-in/out decides on it, then it is said what is to be done, in which order
    sentence = clash("optinout", "ingress", f"{RESTART}ingress")
    runs = "{0} runs under an earlier revision; apply the changes with: d365acs workflow restart {0}\n"
    assert stage.apply(carrying(), pairing(EMAIL)) == runs.format("ingress") + f"{sentence}\n" + runs.format("optinout")
    # And opt-in/out takes it up by no command, and goes on as it was
    assert stage.refused("restart", "optinout") == f"Error: {sentence}\n"
    assert "optinout is RUNNING already" in stage.run("workflow", "start", "optinout").stderr
    stage.run("workflow", "stop", "optinout")
    assert stage.refused("start", "optinout") == f"Error: {sentence}\n"
    # And where a start has come in another way, it fails with the same words
    optinout.lifecycle.start("ben", "", 2)
    stage.tick("optinout")
    assert stage.state("optinout") is State.FAILED
    assert stage.why("optinout") == f"{sentence}, then: d365acs workflow start optinout"
    # And when ingress was restarted, then both run
    stage.restart("ingress")
    stage.tick("ingress")
    stage.start("optinout")
    assert stage.state("ingress") is State.RUNNING


def test_a_flag_is_given_back_in_the_same_way(stage: Stage) -> None:
    # Given opt-in/out that decides on a flag, and what is saved, by which ingress carries it
    stage.apply(carrying(), pairing(EMAIL))
    stage.start("ingress", "optinout")
    sentence = clash("ingress", "optinout", f"{RESTART}optinout")
    assert sentence in stage.apply(carrying(EMAIL), pairing(FAX))
    # When ingress is restarted, Then it is refused until opt-in/out was
    assert stage.refused("restart", "ingress") == f"Error: {sentence}\n"
    stage.restart("optinout")
    stage.tick("optinout")
    stage.restart("ingress")
    stage.tick("ingress")
    assert [stage.state(name) for name in ("ingress", "optinout")] == [State.RUNNING] * 2


def test_two_flags_change_places_while_one_of_the_two_is_stopped(stage: Stage) -> None:
    # Given each with a flag, and what is saved, by which each has the other one
    stage.apply(carrying(EMAIL), pairing(FAX))
    stage.start("ingress", "optinout")
    stage.apply(carrying(FAX), pairing(EMAIL))
    # When one is restarted, then neither could go first: one is to be stopped
    way = "stop it, and start it when this one runs: d365acs workflow stop ingress"
    assert stage.refused("restart", "optinout") == f"Error: {clash('optinout', 'ingress', way)}\n"
    # And that leads on
    stage.run("workflow", "stop", "ingress")
    stage.restart("optinout")
    stage.tick("optinout")
    stage.start("ingress")
    assert stage.state("optinout") is State.RUNNING


#: Where both are saved so.
TAKE_OUT = (
    "it is saved so, too: take it out of the mapping with: d365acs workflow edit ingress, or out of the pairs with: "
    "d365acs workflow edit optinout; then: d365acs workflow restart {}"
)


@pytest.mark.parametrize(("first", "second"), [("ingress", "optinout"), ("optinout", "ingress")])
def test_of_two_that_were_saved_at_once_only_one_is_started(stage: Stage, first: str, second: str) -> None:
    # Given two revisions that were saved at the same moment, and name one flag
    stage.save_at_once(carrying(EMAIL), pairing(EMAIL))
    # When one runs, Then the other one is not started, and both ways out are told
    stage.start(first)
    assert stage.refused("start", second) == f"Error: {clash(second, first, TAKE_OUT.format(first))}\n"


@pytest.mark.parametrize("ticks", [("ingress", "optinout"), ("optinout", "ingress")])
@pytest.mark.parametrize(("first", "second"), [("ingress", "optinout"), ("optinout", "ingress")])
def test_of_two_that_start_together_the_later_one_fails(
    stage: Stage, store: Store, first: str, second: str, ticks: tuple[str, str]
) -> None:
    # Given both STARTING, with one flag
    stage.save_at_once(carrying(EMAIL), pairing(EMAIL))
    for at_ms, name in enumerate((first, second)):
        store.workflow(name).lifecycle.start("ben", "", 1, store.now_ms() + at_ms)
    # When both are looked at, in whichever order, Then the earlier one waits for what becomes of the later one
    for name in ticks:
        stage.tick(name)
        assert State.RUNNING not in (stage.state(first), stage.state(second)) or name == first
    assert stage.state(second) is State.FAILED
    # And then it runs
    stage.tick(first)
    assert (stage.state(first), stage.state(second)) == (State.RUNNING, State.FAILED)


def test_a_start_that_waits_for_a_later_one_says_so(stage: Stage, store: Store) -> None:
    stage.save_at_once(carrying(EMAIL), pairing(EMAIL))
    for at_ms, name in enumerate(("optinout", "ingress")):
        store.workflow(name).lifecycle.start("ben", "", 1, store.now_ms() + at_ms)
    stage.tick("optinout")
    assert stage.state("optinout") is State.STARTING
    assert stage.why("optinout").endswith("Whoever began to start later fails")


@pytest.fixture
def leased(stage: Stage, ingress: WorkflowStore) -> Callable[..., Batch]:
    """Ingress runs with a flag, or as it is saved; a writer of it has a record in its hands."""

    def lease(is_saved: bool = False) -> Batch:
        if not is_saved:
            stage.apply(carrying(EMAIL), pairing(FAX))
        stage.start("ingress")
        queue = ingress.queue("contact")
        queue.put_page(1, 0, [Change("11111111-2222-3333-4444-555555555555", 1, b"{}")], "")
        return queue.lease(1, 1, LEASE_MS)

    return lease


@pytest.mark.parametrize("restarted", [True, False])
def test_a_start_waits_for_what_was_begun_under_an_earlier_revision(
    stage: Stage, store: Store, ingress: WorkflowStore, leased: Callable[..., Batch], restarted: bool
) -> None:
    # Given a writer of ingress with a flag, and ingress that starts without it, or is stopped again
    leased()
    stage.apply(carrying(), pairing(EMAIL))
    stage.restart("ingress")
    if not restarted:
        stage.run("workflow", "stop", "ingress")
    # When opt-in/out is started with the flag, Then it waits for that writer
    assert stage.run("workflow", "start", "optinout").exit_code == 0
    stage.tick("optinout")
    assert stage.state("optinout") is State.STARTING
    assert stage.why("optinout") == "Writers of the last run of ingress may still write blackListEmail until they end"
    # And when it has ended, then opt-in/out runs
    ingress.queue("contact").reap(store.now_ms() + LEASE_MS + 1)
    stage.tick("optinout")
    assert stage.state("optinout") is State.RUNNING


def test_a_start_does_not_wait_for_writers_of_other_flags(stage: Stage, leased: Callable[..., Batch]) -> None:
    leased()
    stage.run("workflow", "stop", "ingress")
    stage.start("optinout")


@pytest.mark.parametrize("is_on", [True, False])
def test_what_was_handed_over_long_ago_is_waited_for_no_more(
    stage: Stage, ingress: WorkflowStore, leased: Callable[..., Batch], is_on: bool
) -> None:
    # Given a flag that ingress wrote in an earlier revision, and a writer that knows the next one
    for number, part in enumerate((carrying(EMAIL), carrying())):
        document = stage.document(part).workflows()["ingress"]
        ingress.revisions.save(number, dump(document), "ben", "", now_ms=1_000 * (number + 1))
    leased(is_saved=True)
    # When ingress is stopped, or stopped and started, Then opt-in/out starts with the flag
    assert stage.run("workflow", "restart" if is_on else "stop", "ingress").exit_code == 0
    stage.apply(None, pairing(EMAIL))
    stage.start("optinout")


def test_a_start_does_not_run_beside_an_import_that_may_write_the_flag(
    stage: Stage, ingress: WorkflowStore, leased: Callable[..., Batch]
) -> None:
    # Given a file with the flag that ingress has left to Campaign, and ingress that is stopped
    batch = leased()
    [record] = batch.records
    kept = LoadedRecord(record.id, Entry(Standing.PRESENT, 1, 0, bytes(16)), 1, record.lane, False)
    loads = ingress.loads("contact")
    loads.draft("profile_1", batch.number, [kept])
    assert loads.commit(1, "profile_1", {batch.number: 1}, {"workflow": "WKF1"})
    stage.apply(carrying(), pairing(EMAIL))
    stage.run("workflow", "stop", "ingress")
    # When opt-in/out is started with it, Then that fails with the way out: nobody looks after that import
    stage.run("workflow", "start", "optinout")
    stage.tick("optinout")
    begun = "An import of contact that ingress has left to Campaign may still write blackListEmail"
    assert stage.state("optinout") is State.FAILED
    assert stage.why("optinout") == f"{begun}; have its end awaited first with: d365acs workflow start ingress"
    # And while ingress awaits its end, so does opt-in/out
    stage.run("workflow", "start", "ingress")
    stage.run("workflow", "start", "optinout")
    stage.tick("optinout")
    assert stage.state("optinout") is State.STARTING
    assert stage.why("optinout") == f"{begun}; ingress waits for its end"
