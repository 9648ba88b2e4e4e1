"""What a start bears with, for how long, and who may say so. The store is a pretend Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakeredis import FakeRedis

from config.settings import Settings
from connectors.errors import Stop, Unavailable
from store.lifecycle import State
from store.record_queue import Change
from store.store import Store, WorkflowStore
from tasks.read import read
from tasks.runtime import Runtime
from tasks.tick import start_patience_ms, tick

#: A tick is a second after the one before.
SECOND = 1000


class Clock:
    """The server's, which passes only when it is told to."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_001_000

    def __call__(self, redis: object) -> int:
        return self.now_ms


class Systems:
    """A workflow whose two systems do what a test wants when they are asked; otherwise they answer, and all fits."""

    def __init__(self) -> None:
        self.asked = 0
        self.do: Callable[[], object] = lambda: None  #: when they are asked whether they answer
        self.learnt = b"known"
        self.meanwhile: Callable[[], object] = lambda: None  #: before it is kept what was learnt

    def check(self, document: object, systems: object) -> None:
        self.asked += 1
        self.do()

    def learn(self, document: object, systems: object) -> bytes:
        learnt = self.learnt
        self.meanwhile()
        return learnt

    def admit(self, document: object, known: bytes, systems: object) -> None:
        pass

    def connect(self, document: object, known: bytes, *others: object) -> list[object]:
        return []

    def stream_names(self, document: object) -> list[str]:
        return ["contact"]


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with FakeRedis(version=(7,)) as redis:
        yield Runtime(Settings(home=tmp_path), Store(redis, "production"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("store.store.server_time_ms", found)
    monkeypatch.setattr("store.trouble.server_time_ms", found)
    return found


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> Systems:
    found = Systems()
    monkeypatch.setattr("sync.patience.FIRST_WAIT", 0)
    monkeypatch.setattr("tasks.tick.workflow_named", lambda name: found)
    monkeypatch.setattr("tasks.tick.active_document", lambda store: SimpleNamespace(connections=None))
    monkeypatch.setattr("tasks.tick.Systems", lambda connections, store: SimpleNamespace(close=lambda: None))
    return found


@pytest.fixture
def workflow(runtime: Runtime, clock: Clock) -> WorkflowStore:
    """STARTING, in generation 1."""
    found = runtime.workflow("ingress")
    found.lifecycle.add_streams(["contact"])
    found.lifecycle.start("a test", "", 1)
    return found


def away() -> None:
    raise Unavailable("campaign", "Campaign is away", wait=0)


def refused() -> None:
    raise Stop("campaign", "The token is refused")


def look(runtime: Runtime, clock: Clock, until_ms: int) -> None:
    """Ticks, second by second, until then."""
    while clock.now_ms < until_ms:
        clock.now_ms += SECOND
        tick(runtime, "ingress")


def others_take_over(runtime: Runtime, workflow: WorkflowStore) -> None:
    """What another process sees when this one has slept: its right has run out."""
    runtime.store.redis.delete(workflow.keys.starting)
    tick(runtime, "ingress")


def test_a_start_that_is_looked_at_in_vain_for_minutes_fails_with_the_reason(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems, clock: Clock
) -> None:
    # Given a start that nobody looked at for an hour, and Campaign away since before it was given
    clock.now_ms += 3_600_000
    systems.do = away
    # When ticks come for as long as it bears with that, then it is still STARTING
    look(runtime, clock, clock.now_ms + start_patience_ms(runtime))
    assert workflow.lifecycle.read().state is State.STARTING
    # When they go on, then it has failed, and the reason is the system's
    look(runtime, clock, clock.now_ms + 2 * SECOND)
    life = workflow.lifecycle.read()
    assert (life.state, life.why) == (State.FAILED, "Campaign is away. Start again when that is over")


def test_a_start_that_nobody_has_looked_at_for_long_is_looked_at_before_it_fails(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems, clock: Clock
) -> None:
    # Given a start that met trouble; then all workers were away for an hour
    systems.do = away
    tick(runtime, "ingress")
    clock.now_ms += 3_600_000
    # When they are back, and so is Campaign, then it runs
    systems.do = lambda: None
    tick(runtime, "ingress")
    assert workflow.lifecycle.read().state is State.RUNNING
    assert workflow.troubles.all() == []


def test_what_nobody_looked_at_is_not_counted(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems, clock: Clock
) -> None:
    # Given a start that met trouble; then all workers were away for an hour
    systems.do = away
    tick(runtime, "ingress")
    clock.now_ms += 3_600_000
    # When they are back and Campaign is not, then it is borne with as if that had begun now
    look(runtime, clock, clock.now_ms + start_patience_ms(runtime))
    assert workflow.lifecycle.read().state is State.STARTING
    # But not for ever
    look(runtime, clock, clock.now_ms + 2 * SECOND)
    assert workflow.lifecycle.read().state is State.FAILED


def test_a_system_that_asked_to_be_left_alone_for_long_is_asked_once_more_before_the_start_fails(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems, clock: Clock
) -> None:
    # Given Campaign, which asks for more time than a start bears with trouble
    def busy() -> None:
        raise Unavailable("campaign", "Campaign is busy", wait=600)

    systems.do = busy
    tick(runtime, "ingress")
    # When that time goes by, then nobody asks it, and nothing fails; afterwards it is asked, and what it says counts
    look(runtime, clock, clock.now_ms + 599_000)
    assert (workflow.lifecycle.read().state, systems.asked) == (State.STARTING, 1)
    look(runtime, clock, clock.now_ms + SECOND)
    assert (workflow.lifecycle.read().state, systems.asked) == (State.FAILED, 2)


def test_writers_of_the_run_before_are_looked_for_before_a_start_fails_because_of_them(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems, clock: Clock
) -> None:
    # Given a writer of an earlier run that holds a record, as a start has seen; then workers were away
    workflow.lifecycle.run(1, "a test", "")
    queue = workflow.queue("contact")
    queue.put_page(1, 0, [Change("a", 1, b"{}")], "c")
    queue.lease(1, 1, 60_000, now_ms=clock.now_ms)
    workflow.lifecycle.stop("a test", "")
    workflow.lifecycle.start("a test", "", 1)
    tick(runtime, "ingress")
    [trouble] = workflow.troubles.all()
    assert trouble.sentence.startswith("Waiting for writers of the run before")
    # When they are back, and the lease has run out, then it runs
    clock.now_ms += start_patience_ms(runtime) + SECOND
    tick(runtime, "ingress")
    assert workflow.lifecycle.read().state is State.RUNNING


def test_checks_that_slept_say_nothing_to_a_run_that_others_have_begun(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems
) -> None:
    # Given start-up checks that slept while others made the workflow run, and somebody asked for a replay of the next
    # start
    for end in (away, lambda: None, refused):

        def sleep(end: Callable[[], object] = end) -> object:
            systems.do = lambda: None
            others_take_over(runtime, workflow)
            assert workflow.lifecycle.read().state is State.RUNNING
            workflow.replays.ask("contact", "ann", "")
            workflow.troubles.note("contact.read", "Dynamics is away", 0, 0)
            return end()

        systems.do = sleep
        # When they wake up, whatever they have met
        tick(runtime, "ingress")
        # Then the workflow runs, its troubles are its own, and the replay is pending
        assert workflow.lifecycle.read().state is State.RUNNING
        assert [trouble.where for trouble in workflow.troubles.all()] == ["contact.read"]
        assert workflow.replays.both()[0].keys() == {"contact"}
        workflow.lifecycle.stop("a test", "")
        workflow.replays.cancel("contact", "ann")
        workflow.lifecycle.start("a test", "", 1)


@pytest.mark.parametrize("end", [away, lambda: None, refused])
def test_checks_say_nothing_once_their_start_is_over(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems, end: Callable[[], object]
) -> None:
    # Given start-up checks during which somebody stops the workflow; a replay waits for the next start
    def stop() -> object:
        workflow.lifecycle.stop("ann", "")
        workflow.replays.ask("contact", "ann", "")
        return end()

    systems.do = stop
    # When they end, whatever they have met, then nothing comes of it
    tick(runtime, "ingress")
    assert workflow.lifecycle.read().state is State.STOPPED
    assert workflow.troubles.all() == []
    assert workflow.replays.both()[0].keys() == {"contact"}


def test_checks_that_slept_say_nothing_to_a_start_that_others_look_at(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems
) -> None:
    # Given start-up checks that slept; what they met is over, though others have not come to the end of theirs
    def sleep() -> None:
        runtime.store.redis.set(workflow.keys.starting, "somebody else")
        refused()

    systems.do = sleep
    # When they wake up, then the start goes on
    tick(runtime, "ingress")
    assert workflow.lifecycle.read().state is State.STARTING


def test_what_slow_checks_have_learnt_does_not_replace_what_was_learnt_meanwhile(
    runtime: Runtime, workflow: WorkflowStore, systems: Systems
) -> None:
    # Given checks that slept with what they had just learnt, while others learnt newer schemas and made it run
    def sleep() -> None:
        systems.learnt, systems.meanwhile = b"newer", lambda: None
        others_take_over(runtime, workflow)

    systems.learnt, systems.meanwhile = b"older", sleep
    # When they wake up, then what the run works with stays, and no process makes anything ready anew
    tick(runtime, "ingress")
    assert workflow.lifecycle.read().state is State.RUNNING
    assert (workflow.schemas(1), workflow.schemas_version(1)) == (b"newer", 1)


UNREAD = "connections: {}\nabolished: 1\n"


def test_a_configuration_that_this_version_does_not_read_fails_the_start_with_what_does_not_fit_and_the_way_out(
    runtime: Runtime, workflow: WorkflowStore
) -> None:
    # Given a configuration that another version has saved
    workflow.revisions.save(0, UNREAD, "a test", "")
    # When a tick comes
    tick(runtime, "ingress")
    # Then the workflow has failed, with one sentence
    life = workflow.lifecycle.read()
    assert life.state is State.FAILED and "\n" not in life.why
    assert life.why.startswith("This version does not read revision 1 of the configuration: ")
    assert "connections.dynamics: is missing, and 2 more. Go on with the version that saved it, or " in life.why


def test_a_run_whose_workers_are_of_a_version_that_does_not_read_its_configuration_fails_with_the_same(
    runtime: Runtime, workflow: WorkflowStore
) -> None:
    workflow.revisions.save(0, UNREAD, "a test", "")
    workflow.keep_schemas(1, b"known")
    assert workflow.lifecycle.run(1, "a test", "")
    assert read(runtime, "ingress", "contact", 1) == "stopped"
    life = workflow.lifecycle.read()
    assert life.state is State.FAILED
    assert life.why.startswith("This version does not read revision 1 of the configuration: ")
