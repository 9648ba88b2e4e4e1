"""What a tick decides. The store is a pretend Redis: nothing here is concurrent."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakeredis import FakeRedis

from config.settings import Settings
from connectors.errors import Unavailable
from store.lifecycle import State
from store.record_queue import BATCH, Change
from store.store import Store, WorkflowStore
from sync.workflows import NAMES
from tasks.read import read
from tasks.runtime import NotConfigured, Runtime
from tasks.tick import RECORDS_PER_WRITER, Nudge, Watch, Work, tick
from tasks.write import write


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with FakeRedis(version=(7,)) as redis:
        yield Runtime(Settings(home=tmp_path), Store(redis, "production"))


@pytest.fixture
def workflow(runtime: Runtime) -> WorkflowStore:
    return runtime.workflow("ingress")


def run(workflow: WorkflowStore) -> None:
    workflow.lifecycle.add_streams(["contact"])
    workflow.lifecycle.start("a test", "", 1)
    assert workflow.lifecycle.run(1, "a test", "")


def put(workflow: WorkflowStore, how_many: int) -> None:
    changes = [Change(f"r{number}", 1, b"{}") for number in range(how_many)]
    workflow.queue("contact").put_page(1, 0, changes, "c")


def test_a_stopped_workflow_is_left_alone(runtime: Runtime, workflow: WorkflowStore) -> None:
    # Given a workflow that was never started; when a tick comes, then nothing is nudged
    assert tick(runtime, "ingress") == Work()
    # But the tick is noted: beat and a worker are alive
    assert workflow.ticked_ms() is not None


def test_a_running_workflow_is_read_and_written_stream_by_stream(runtime: Runtime, workflow: WorkflowStore) -> None:
    # Given a running workflow with nothing to write
    run(workflow)
    # When a tick comes, then its stream is nudged, in its generation, with one writer
    assert tick(runtime, "ingress").nudges == (Nudge("ingress", "contact", 1, writers=1),)


def test_a_large_backlog_calls_for_more_writers_up_to_the_seats_that_live_workers_offer(
    runtime: Runtime, workflow: WorkflowStore
) -> None:
    # Given a large backlog, a worker for everything with four slots, and one for writing alone with three
    run(workflow)
    put(workflow, 10 * RECORDS_PER_WRITER)
    beats = runtime.store.heartbeats
    beats.beat("all", "worker", ("control", "ingress.read", "ingress.write"), 4)
    beats.beat("writing", "worker", ("ingress.write",), 3)
    beats.beat("reading", "worker", ("ingress.read",), 8)
    # When a tick comes, then two slots of the first stay free for ticks and reading
    assert tick(runtime, "ingress").nudges == (Nudge("ingress", "contact", 1, writers=5),)


def test_the_process_of_consent_offers_seats_to_consent_alone(runtime: Runtime) -> None:
    # Given much to write for both workflows, a worker for everything and the process of consent
    beats = runtime.store.heartbeats
    beats.beat("all", "worker", ("control", *(f"{name}.{role}" for name in NAMES for role in ("read", "write"))), 4)
    beats.beat("consent", "worker", ("control", "optinout.read", "optinout.write"), 3)
    for name, stream in (("ingress", "contact"), ("optinout", "consent")):
        one = runtime.workflow(name)
        one.lifecycle.add_streams([stream])
        one.lifecycle.start("a test", "", 1)
        assert one.lifecycle.run(1, "a test", "")
        changes = [Change(f"r{number}", 1, b"{}") for number in range(10 * RECORDS_PER_WRITER)]
        one.queue(stream).put_page(1, 0, changes, "c")
    # When a tick comes to each, then ingress has two writers and consent has three
    assert [nudge.writers for name in ("ingress", "optinout") for nudge in tick(runtime, name).nudges] == [2, 3]


def test_a_small_backlog_does_not(runtime: Runtime, workflow: WorkflowStore) -> None:
    run(workflow)
    put(workflow, RECORDS_PER_WRITER - 1)
    runtime.store.heartbeats.beat("writing", "worker", ("ingress.write",), 8)
    assert [nudge.writers for nudge in tick(runtime, "ingress").nudges] == [1]


def test_a_tick_takes_back_what_a_dead_worker_held(runtime: Runtime, workflow: WorkflowStore) -> None:
    # Given a record whose lease ran out long ago
    run(workflow)
    put(workflow, 1)
    workflow.queue("contact").lease(1, 1, 1000, now_ms=1)
    # When a tick comes
    tick(runtime, "ingress")
    # Then it waits again
    backlog = workflow.queue("contact").backlog()
    assert (backlog.waiting, backlog.leased) == (1, 0)


def test_a_tick_takes_back_all_that_a_dead_collector_held_but_no_more_than_it_has_time_for(
    runtime: Runtime, workflow: WorkflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given five full batches of a worker that died over a file for an import
    monkeypatch.setattr("tasks.tick.REAPS", 3)
    run(workflow)
    put(workflow, 5 * BATCH)
    queue = workflow.queue("contact")
    for _ in range(5):
        queue.lease(1, BATCH, 1000, now_ms=1)
    # When a tick comes, then as many are taken back as it may take back at once
    tick(runtime, "ingress")
    assert queue.backlog().leased == 2 * BATCH
    # And the next one takes back the rest
    tick(runtime, "ingress")
    assert queue.backlog().leased == 0


def test_a_start_without_a_configuration_fails_and_says_what_to_do(runtime: Runtime, workflow: WorkflowStore) -> None:
    # Given a start that names a revision nobody saved
    workflow.lifecycle.start("a test", "", 1)
    # When a tick comes
    assert tick(runtime, "ingress") == Work()
    # Then the workflow has failed
    life = workflow.lifecycle.read()
    assert (life.state, life.why) == (State.FAILED, NotConfigured.__doc__)


class Hesitant:
    """A workflow whose systems answer all questions of a start but the last one, which they answer the second time."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check(self, document: object, systems: object) -> None:
        self.asked.append("check")

    def learn(self, document: object, systems: object) -> bytes:
        self.asked.append("learn")
        return b"known"

    def admit(self, document: object, known: bytes, systems: object) -> None:
        self.asked.append(f"admit {known.decode()}")
        if self.asked.count("admit known") == 1:
            raise Unavailable("dynamics", "Dynamics is away", wait=0)

    def connect(self, document: object, known: bytes, *others: object) -> list[object]:
        return []

    def stream_names(self, document: object) -> list[str]:
        return ["contact"]


def test_a_start_that_is_tried_again_does_not_ask_for_the_schemas_again(
    runtime: Runtime, workflow: WorkflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a start whose last question is not answered
    hesitant = Hesitant()
    monkeypatch.setattr("sync.patience.FIRST_WAIT", 0)
    monkeypatch.setattr("tasks.tick.workflow_named", lambda name: hesitant)
    monkeypatch.setattr("tasks.tick.active_document", lambda store: SimpleNamespace(connections=None))
    monkeypatch.setattr("tasks.tick.Systems", lambda connections, store: SimpleNamespace(close=lambda: None))
    workflow.lifecycle.start("a test", "", 1)
    tick(runtime, "ingress")
    assert workflow.lifecycle.read().state is State.STARTING
    # When it is tried again
    tick(runtime, "ingress")
    # Then it runs, and the schemas, which are many questions, were asked for once
    assert workflow.lifecycle.read().state is State.RUNNING
    assert hesitant.asked == ["check", "learn", "admit known", "check", "admit known"]
    # But another start asks for them anew
    workflow.lifecycle.stop("a test", "")
    workflow.lifecycle.start("a test", "", 1)
    tick(runtime, "ingress")
    assert hesitant.asked[-3:] == ["check", "learn", "admit known"]


def test_nudges_of_an_earlier_generation_do_nothing(runtime: Runtime, workflow: WorkflowStore) -> None:
    # Given a workflow that was stopped and started since the nudge was sent
    run(workflow)
    workflow.lifecycle.stop("a test", "")
    # When the late nudges arrive, then they end without asking for a configuration, which there is none
    assert read(runtime, "ingress", "contact", 1) == "stopped"
    assert write(runtime, "ingress", "contact", 1, 0) == "stopped"
    assert workflow.lifecycle.read().state is State.STOPPED


#: A moment at which neither a look at all schemas nor one at the doubted is due by itself.
NOON = 1_800_000_001_000


@pytest.mark.parametrize(
    ("passed", "doubted", "watched"),
    [
        (1000, False, None),
        (1000, True, None),
        (5000, False, None),
        (5000, True, Watch(1, everything=False)),
        (600_000, False, Watch(1, everything=True)),
        (600_000, True, Watch(1, everything=True)),
    ],
)
def test_schemas_are_looked_at_now_and_then_and_doubted_ones_sooner(
    runtime: Runtime,
    workflow: WorkflowStore,
    monkeypatch: pytest.MonkeyPatch,
    passed: int,
    doubted: bool,
    watched: Watch | None,
) -> None:
    # Given a running workflow whose last tick is so long ago
    run(workflow)
    workflow.note_tick(NOON)
    if doubted:
        workflow.holds.doubt("contact")
    monkeypatch.setattr(Store, "now_ms", lambda self: NOON + passed)
    # When a tick comes
    assert tick(runtime, "ingress").watch == watched


@pytest.mark.parametrize("doubted", [True, False])
def test_a_look_at_all_schemas_that_failed_is_made_up_for_soon(
    runtime: Runtime, workflow: WorkflowStore, monkeypatch: pytest.MonkeyPatch, doubted: bool
) -> None:
    # Given a running workflow whose last look at the schemas met a system in trouble
    run(workflow)
    workflow.note_tick(NOON)
    workflow.troubles.note("schemas", "it will be tried again", NOON, NOON + 700)
    if doubted:
        workflow.holds.doubt("contact")
    # When a tick comes some seconds later, minutes before the next look is due
    monkeypatch.setattr(Store, "now_ms", lambda self: NOON + 5000)
    # Then all of them are looked at
    assert tick(runtime, "ingress").watch == Watch(1, everything=True)


@pytest.mark.parametrize(("passed", "looked"), [(1000, False), (60_000, True)])
@pytest.mark.parametrize("runs", [True, False])
def test_whether_logs_are_to_be_exported_is_seen_to_once_a_minute_also_of_a_stopped_workflow(
    runtime: Runtime, workflow: WorkflowStore, monkeypatch: pytest.MonkeyPatch, passed: int, looked: bool, runs: bool
) -> None:
    # Given a workflow with a configuration, whose last tick is so long ago
    workflow.revisions.save(0, "a document", "a test", "")
    if runs:
        run(workflow)
    workflow.note_tick(NOON)
    monkeypatch.setattr(Store, "now_ms", lambda self: NOON + passed)
    # When a tick comes
    assert tick(runtime, "ingress").logs is looked


def test_a_workflow_that_was_never_configured_has_no_logs_to_export(runtime: Runtime) -> None:
    assert tick(runtime, "ingress").logs is False


def test_the_backlog_is_sampled_once_a_half_minute_also_while_the_workflow_is_stopped(
    runtime: Runtime, workflow: WorkflowStore
) -> None:
    # Given records that wait, of a workflow that was stopped
    run(workflow)
    put(workflow, 3)
    workflow.lifecycle.stop("a test", "")
    # When ticks come
    for _ in range(5):
        tick(runtime, "ingress")
    # Then the first of them has noted how many wait
    found = workflow.samples.all()
    assert [sample.backlog for sample in found][:1] == [3] and len(found) <= 2
