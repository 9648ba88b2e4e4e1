"""A schema that changes while a workflow runs: named, harmless or held table by table; nothing is lost."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from config.connections import Connections
from config.document import WorkflowDocument, dump
from config.ingress import IngressConfig
from config.settings import Settings
from store.lifecycle import State
from store.store import Store, WorkflowStore
from sync import batch_writer
from tasks.read import read
from tasks.runtime import Runtime
from tasks.tick import tick
from tasks.watch_schemas import watch_schemas
from tasks.write import write
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection, tell_secrets
from tests.sandboxes import Admin, Sandbox

KEY = {"field": "crmId", "unique": True, "filter": "byCrmId", "parameter": "crmId_parameter"}
CONTACTS: dict[str, Any] = {
    "table": "contact",
    "resource": "profile",
    "key": {"field": "externalId", "unique": True, "address": "uri"},
    "fields": [{"from": "lastname", "to": "lastName"}],
}
MEMBERSHIPS: dict[str, Any] = {
    "table": "new_membership",
    "resource": "cusMembership",
    "key": KEY,
    "links": [{"from": "new_contactid", "to": "holder", "table": "contact", "required": True}],
    "fields": [{"from": "new_number", "to": "number"}, {"from": "new_points", "to": "points"}],
}


@pytest.fixture(scope="session")
def shared_sandbox(start_sandbox: Callable[..., Sandbox]) -> Sandbox:
    return start_sandbox("--contacts", "20", "--memberships", "10")


@pytest.fixture
def admin(sandbox: Sandbox) -> Admin:
    return sandbox.admin


class Run:
    """The workflow as one process runs it, task by task."""

    def __init__(self, runtime: Runtime, sandbox: Sandbox) -> None:
        self.runtime = runtime
        self.sandbox = sandbox
        self.workflow: WorkflowStore = runtime.workflow("ingress")

    def start(self, *tables: dict[str, Any]) -> "Run":
        document = WorkflowDocument(
            connections=Connections(
                dynamics=dynamics_connection(self.sandbox), campaign=campaign_connection(self.sandbox)
            ),
            ingress=IngressConfig.model_validate({"tables": list(tables)}),
        )
        newest = len(self.workflow.revisions.all(100))
        revision = self.workflow.revisions.save(newest, dump(document), "a test", "")
        self.workflow.lifecycle.stop("a test", "")
        self.workflow.lifecycle.start("a test", "", revision)
        tick(self.runtime, "ingress")
        assert self.workflow.lifecycle.read().state is State.RUNNING, self.workflow.troubles.all()
        return self

    @property
    def generation(self) -> int:
        return self.workflow.lifecycle.read().generation

    def watch(self, everything: bool = True) -> dict[str, str]:
        """Looks at the schemas; the sentences of what is held."""
        watch_schemas(self.runtime, "ingress", self.generation, everything)
        return {stream: hold.sentence for stream, hold in self.workflow.holds.all(self.generation).items()}

    def carry(self) -> None:
        for _ in range(3):
            for table in self.workflow.lifecycle.streams():
                read(self.runtime, "ingress", table, self.generation)
                write(self.runtime, "ingress", table, self.generation, 0)

    def hurry(self) -> None:
        """What is to be tried again later is due now."""
        redis = self.runtime.store.redis
        for table in self.workflow.lifecycle.streams():
            keys = self.workflow.queue(table).keys
            for record_id in cast(list[bytes], redis.zrange(keys.delayed, 0, -1)):
                redis.zadd(keys.delayed, {record_id: 0}, xx=True)

    def held_in_campaign(self, resource: str = "cusMembership") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sandbox.admin.get(f"/campaign/resources/{resource}")["value"]
        return found


@pytest.fixture
def run(redis: Redis, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    tell_secrets(sandbox, monkeypatch)
    runtime = Runtime(Settings(home=tmp_path), Store(redis, "test"))
    yield Run(runtime, sandbox)
    runtime.forget("ingress")


def test_what_has_not_changed_is_not_held(run: Run) -> None:
    run.start(CONTACTS, MEMBERSHIPS)
    assert run.watch() == {}
    assert run.workflow.schemas_version(run.generation) == 1


@pytest.mark.parametrize(
    ("path", "published", "named"),
    [
        ("/dynamics/publish", {"table": "new_membership", "remove": ["new_points"]}, "new_membership.new_points"),
        ("/campaign/publish", {"resource": "cusMembership", "remove": ["points"]}, "cusMembership.points"),
        (
            "/campaign/publish",
            {"resource": "cusMembership", "change": {"points": {"read_only": True}}},
            "cusMembership.points",
        ),
        ("/dynamics/publish", {"table": "new_membership", "change_tracking": False}, "change tracking is off"),
    ],
    ids=["a column is gone", "a field is gone", "a field may not be written", "changes are not tracked"],
)
def test_a_breaking_change_holds_its_table_alone_and_names_the_difference(
    run: Run, admin: Admin, path: str, published: dict[str, Any], named: str
) -> None:
    # Given a workflow of two tables, one of which changes in a way that its mapping cannot bear
    run.start(CONTACTS, MEMBERSHIPS)
    admin.post(path, published)
    # When the schemas are looked at
    held = run.watch()
    # Then that table is held, and the sentence says what differs and what to do
    assert held.keys() == {"new_membership"}
    assert named in held["new_membership"]
    assert "then stop and start the workflow" in held["new_membership"]
    # And looking again says nothing new
    assert run.watch() == held


def test_a_held_table_writes_nothing_while_the_others_go_on_and_nothing_is_lost(run: Run, admin: Admin) -> None:
    # Given a table that is held before anything was written
    run.start(CONTACTS, MEMBERSHIPS)
    admin.post("/campaign/publish", {"resource": "cusMembership", "remove": ["points"]})
    run.watch()
    # When everything is carried
    run.carry()
    # Then contacts arrive, and no membership was tried
    assert (len(run.held_in_campaign("profile")), run.held_in_campaign()) == (20, [])
    backlog = run.workflow.queue("new_membership").backlog()
    assert (backlog.total, backlog.delayed, backlog.dead) == (10, 0, 0)
    # And when the mapping is mended and the workflow started again, all of them arrive
    run.start(CONTACTS, {**MEMBERSHIPS, "fields": MEMBERSHIPS["fields"][:1]})
    assert run.watch() == {}
    run.carry()
    assert len(run.held_in_campaign()) == 10


@pytest.mark.parametrize("delta", ["kept", "expired"])
def test_a_column_that_is_gone_loses_no_change_once_the_mapping_is_mended(run: Run, admin: Admin, delta: str) -> None:
    # Given everything carried, with deletions, and a column that is removed
    admin.put("/switches", {"delta_after_publish": delta})
    deleting = {**MEMBERSHIPS, "apply_deletes": True}
    run.start(CONTACTS, deleting)
    run.carry()
    assert len(run.held_in_campaign()) == 10
    admin.post("/dynamics/publish", {"table": "new_membership", "remove": ["new_points"]})
    # When a membership is deleted and one is made, and the table is read
    [gone] = admin.post("/dynamics/tables/new_membership/delete", {"count": 1, "seed": 3})["ids"]
    [new] = admin.post("/dynamics/tables/new_membership/create", {"count": 1, "seed": 3})["ids"]
    run.carry()
    # Then the table is held, the workflow runs, and nothing has moved
    assert "new_points" in run.workflow.holds.all(run.generation)["new_membership"].sentence
    assert run.workflow.lifecycle.read().state is State.RUNNING
    # And when the mapping is mended and the workflow started again, both sides agree
    run.start(CONTACTS, {**deleting, "fields": MEMBERSHIPS["fields"][:1]})
    for _ in range(3):
        run.carry()
    keys = {record["crmId"] for record in run.held_in_campaign()}
    assert (gone in keys, new in keys, len(keys)) == (False, True, 10)


def test_a_harmless_change_is_taken_up_and_nothing_is_held(run: Run, admin: Admin) -> None:
    # Given a text that becomes longer
    run.start(CONTACTS, MEMBERSHIPS)
    admin.post("/campaign/publish", {"resource": "cusMembership", "change": {"number": {"length": 200}}})
    # When the schemas are looked at, then the run goes on with the new one
    assert run.watch() == {}
    assert run.workflow.schemas_version(run.generation) == 2
    run.carry()
    assert len(run.held_in_campaign()) == 10
    # And that was all there was to take up
    run.watch()
    assert run.workflow.schemas_version(run.generation) == 2


def test_a_change_that_the_mapping_does_not_touch_is_nothing(run: Run, admin: Admin) -> None:
    run.start(CONTACTS, MEMBERSHIPS)
    admin.post("/dynamics/publish", {"table": "new_membership", "remove": ["new_score"]})
    admin.post("/campaign/publish", {"resource": "cusMembership", "remove": ["interests"]})
    assert run.watch() == {}


def test_a_field_that_campaign_refuses_puts_the_schema_in_doubt_and_the_record_waits(run: Run, admin: Admin) -> None:
    # Given a field that goes between two looks at the schemas
    run.start(CONTACTS, MEMBERSHIPS)
    admin.post("/campaign/publish", {"resource": "cusMembership", "remove": ["points"]})
    # When records are written all the same
    run.carry()
    # Then none is set aside, and the schema of that table is in doubt
    backlog = run.workflow.queue("new_membership").backlog()
    assert (backlog.total, backlog.dead) == (10, 0)
    assert run.workflow.holds.doubted() == {"new_membership"}
    # And when it is looked at, the table is held, and the doubt is settled
    assert "points" in run.watch(everything=False)["new_membership"]
    assert run.workflow.holds.doubted() == set()


def test_only_the_tables_in_doubt_are_looked_at_in_between(run: Run, admin: Admin) -> None:
    # Given two tables that have changed, one of which is in doubt
    run.start(CONTACTS, MEMBERSHIPS)
    admin.post("/campaign/publish", {"resource": "cusMembership", "remove": ["points"]})
    run.workflow.holds.doubt("contact")
    # When the doubted ones are looked at, then the other is not
    assert run.watch(everything=False) == {}
    assert run.watch().keys() == {"new_membership"}


def test_schemas_that_cannot_be_looked_at_are_trouble_and_hold_nothing(run: Run, admin: Admin) -> None:
    run.start(CONTACTS, MEMBERSHIPS)
    run.workflow.holds.doubt("contact")
    admin.put("/faults", {"campaign": {"rate_503": 1.0}})
    assert run.watch() == {}
    assert [trouble.where for trouble in run.workflow.troubles.all()] == ["schemas"]
    # And the doubt stays until somebody could look
    assert run.workflow.holds.doubted() == {"contact"}


def test_a_run_that_is_over_looks_at_nothing(run: Run, admin: Admin) -> None:
    run.start(CONTACTS, MEMBERSHIPS)
    generation = run.generation
    run.workflow.lifecycle.stop("a test", "")
    admin.post("/campaign/publish", {"resource": "cusMembership", "remove": ["points"]})
    watch_schemas(run.runtime, "ingress", generation, everything=True)
    assert run.workflow.holds.all(generation) == {}


def test_a_record_that_is_wrong_itself_is_set_aside_after_some_attempts(run: Run, admin: Admin) -> None:
    # Given records that Campaign refuses as if the schema had changed, while nobody finds a difference
    run.start(CONTACTS, MEMBERSHIPS)
    admin.post("/campaign/publish", {"resource": "cusMembership", "remove": ["points"]})
    queue = run.workflow.queue("new_membership")
    # When they are tried again and again
    for _ in range(3 * batch_writer.SCHEMA_ATTEMPTS):
        run.carry()
        run.workflow.holds.settle_doubts({"new_membership"})
        run.hurry()
    # Then they are dead letters that name the field
    letters = list(queue.dead_letters())
    assert len(letters) == 10
    assert {(letter.reason.kind, "points" in letter.reason.sentence) for letter in letters} == {
        ("schema-refused", True)
    }


def test_a_field_that_goes_while_dynamics_is_down_loses_no_change(run: Run, admin: Admin) -> None:
    # Given a change that waits when its field goes in Campaign, and Dynamics goes down
    run.start(CONTACTS, MEMBERSHIPS)
    run.carry()
    changed = next(iter(admin.rows("new_membership")))
    admin.patch(f"/dynamics/tables/new_membership/{changed}", {"new_points": 77})
    read(run.runtime, "ingress", "new_membership", run.generation)
    admin.post("/campaign/publish", {"resource": "cusMembership", "remove": ["points"]})
    admin.put("/faults", {"dynamics": {"rate_503": 1.0}})
    # When it is tried again and again, while nobody can look at the schemas
    for _ in range(2 * batch_writer.SCHEMA_ATTEMPTS):
        run.hurry()
        write(run.runtime, "ingress", "new_membership", run.generation, 0)
        run.watch(everything=False)
    # Then it arrives once both are back and the workflow was started again
    admin.put("/faults", {})
    admin.post("/campaign/publish", {"resource": "cusMembership", "add": [{"name": "points", "type": "long"}]})
    run.start(CONTACTS, MEMBERSHIPS)
    run.hurry()
    run.carry()
    [points] = [record["points"] for record in run.held_in_campaign() if record["crmId"] == changed]
    assert points == 77
