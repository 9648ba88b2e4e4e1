"""What a process makes ready for a workflow, and what it need not ask for."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakeredis import FakeRedis

from config.connections import CampaignConnection, Connections, DynamicsConnection
from config.defaults import default_contact_mapping
from config.document import WorkflowDocument, dump
from config.ingress import IngressConfig
from config.settings import Settings
from store.lifecycle import State
from store.record_queue import Change
from store.store import Store, WorkflowStore
from sync import schemas
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.schemas import Schemas, TableSchema
from sync.workflows import NAMES
from tasks.runtime import NotConfigured, Runtime
from tasks.tick import tick

#: Nobody listens there: whoever asks a system is refused at once.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with FakeRedis(version=(7,)) as redis:
        yield Runtime(Settings(home=tmp_path), Store(redis, "production"))


@pytest.fixture
def workflow(runtime: Runtime) -> WorkflowStore:
    """Started with the contact mapping, its two systems out of reach."""
    dynamics = DynamicsConnection(
        url=NOWHERE, tenant="t", client_id="c", client_secret="${env:HOME}", token_url=NOWHERE
    )
    campaign = CampaignConnection(
        url=f"{NOWHERE}/acme", client_id="c", client_secret="${env:HOME}", org_id="o", token_url=NOWHERE
    )
    document = WorkflowDocument(
        connections=Connections(dynamics=dynamics, campaign=campaign),
        ingress=IngressConfig(tables=(default_contact_mapping(),)),
    )
    found = runtime.workflow("ingress")
    found.revisions.save(0, dump(document), "a test", "")
    found.lifecycle.add_streams(["contact"])
    found.lifecycle.start("a test", "", 1)
    return found


def learnt() -> Schemas:
    mapping = default_contact_mapping()
    columns = {rule.source: ColumnShape("String", 100) for rule in mapping.fields}
    fields = {rule.target: FieldShape("string", 255) for rule in mapping.fields}
    key = {"externalId": FieldShape("string", 100)}
    return Schemas({"contact": TableSchema("contacts", "contactid", columns, {**key, **fields})})


def test_a_fresh_process_works_with_what_the_start_has_learnt_and_asks_nobody(
    runtime: Runtime, workflow: WorkflowStore
) -> None:
    # Given a workflow that runs, and two systems that do not answer now
    workflow.keep_schemas(1, schemas.dump(learnt()))
    assert workflow.lifecycle.run(1, "a test", "")
    # When a process makes its stream ready, then it is there
    assert runtime.streams("ingress", 1).keys() == {"contact"}


def test_wider_schemas_are_taken_up_by_every_process_and_what_did_not_change_is_kept(
    runtime: Runtime, workflow: WorkflowStore
) -> None:
    # Given a process that works with the schemas of the start
    workflow.keep_schemas(1, schemas.dump(learnt()))
    assert workflow.lifecycle.run(1, "a test", "")
    before = runtime.streams("ingress", 1)
    assert runtime.streams("ingress", 1) is before
    # When newer ones are kept, then it takes them up
    workflow.keep_schemas(1, schemas.dump(learnt()))
    assert runtime.streams("ingress", 1) is not before


def test_what_an_earlier_run_has_learnt_is_not_believed(runtime: Runtime, workflow: WorkflowStore) -> None:
    # Given schemas of generation 1, and a run of generation 3
    workflow.keep_schemas(1, schemas.dump(learnt()))
    workflow.lifecycle.stop("a test", "")
    workflow.lifecycle.start("a test", "", 1)
    # When a process of that run makes its stream ready, then it is told the way out
    with pytest.raises(NotConfigured, match="stop the workflow and start it again"):
        runtime.streams("ingress", 3)


def test_a_start_waits_for_writers_of_the_run_before_without_asking_the_systems(
    runtime: Runtime, workflow: WorkflowStore
) -> None:
    # Given a writer of an earlier run that still holds a record
    workflow.lifecycle.run(1, "a test", "")
    workflow.queue("contact").put_page(1, 0, [Change("a", 1, b"{}")], "c")
    workflow.queue("contact").lease(1, 1, 60_000)
    workflow.lifecycle.stop("a test", "")
    workflow.lifecycle.start("a test", "", 1)
    # When a tick comes
    tick(runtime, "ingress")
    # Then the workflow is still STARTING, and says what it waits for
    assert workflow.lifecycle.read().state is State.STARTING
    [trouble] = workflow.troubles.all()
    assert trouble.sentence.startswith("Waiting for writers of the run before")


def test_a_start_bears_with_systems_that_do_not_answer_and_says_so(runtime: Runtime, workflow: WorkflowStore) -> None:
    # Given two systems that do not answer; when a tick comes
    tick(runtime, "ingress")
    # Then the workflow is still STARTING and shows the trouble
    assert workflow.lifecycle.read().state is State.STARTING
    [trouble] = workflow.troubles.all()
    assert (trouble.where, "Dynamics" in trouble.sentence) == ("start", True)


def test_the_requests_of_consent_go_before_those_of_the_others(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: dict[str, bool] = {}

    class Asked(Exception):
        """Who connects is all that is of interest."""

    for name in NAMES:

        def systems(*_: object, goes_first: bool, name: str = name) -> None:
            first[name] = goes_first
            raise Asked

        monkeypatch.setattr("tasks.runtime.active_document", lambda store: SimpleNamespace(connections=None))
        monkeypatch.setattr("tasks.runtime.kept_schemas", lambda store, generation: b"")
        monkeypatch.setattr("tasks.runtime.Systems", systems)
        with pytest.raises(Asked):
            runtime.streams(name, 1)
    assert first == {"ingress": False, "egress": False, "optinout": True}
