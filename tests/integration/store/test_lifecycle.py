"""Starting, stopping and failing, as an operator and a worker see it."""

from redis import Redis

from store.acts import Acts, Event
from store.keys import WorkflowKeys
from store.lifecycle import Lifecycle, State
from store.record_queue import RecordQueue
from store.trouble import ALERTS, Troubles
from tests.integration.store.records import changes, confirm


def test_a_workflow_that_was_never_started_is_stopped(lifecycle: Lifecycle, acts: Acts) -> None:
    life = lifecycle.read()
    assert (life.state, life.generation, life.since_ms, life.revision) == (State.STOPPED, 0, None, None)
    assert acts.newest() == []


def test_a_start_waits_until_the_leases_of_the_generation_before_are_over(
    lifecycle: Lifecycle, queue: RecordQueue, generation: int
) -> None:
    # Given a writer that was holding records when its workflow was stopped and started again
    queue.put_page(generation, 0, changes(2), "next", now_ms=0)
    queue.lease(generation, 1, 60_000, now_ms=0)
    lifecycle.stop("ann", "new mapping", now_ms=1000)
    lifecycle.start("ann", "new mapping", revision=2, now_ms=2000)
    now = lifecycle.read().generation
    # When the workflow wants to run while that lease is alive, Then it has to wait
    assert lifecycle.run(now, "worker", "ready", now_ms=59_999) is False
    assert lifecycle.read().state is State.STARTING
    # And it runs as soon as the lease is over, reaped or not
    assert lifecycle.run(now, "worker", "ready", now_ms=60_000) is True
    assert lifecycle.is_running(now)


def test_a_start_need_not_wait_for_a_writer_that_has_settled(
    lifecycle: Lifecycle, queue: RecordQueue, generation: int
) -> None:
    # Given a writer that settled after the stop
    queue.put_page(generation, 0, changes(1), "next", now_ms=0)
    batch = queue.lease(generation, 1, 60_000, now_ms=0)
    lifecycle.stop("ann", "new mapping", now_ms=1000)
    assert confirm(queue, batch, now_ms=1500) == set()
    # When the workflow is started, Then it runs at once
    lifecycle.start("ann", "new mapping", revision=2, now_ms=2000)
    assert lifecycle.run(lifecycle.read().generation, "worker", "ready", now_ms=2000) is True


def test_a_failure_of_an_earlier_generation_has_no_effect(lifecycle: Lifecycle, generation: int) -> None:
    # Given a workflow that was stopped and started while one of its workers met its end
    lifecycle.stop("ann", "rest")
    lifecycle.start("ann", "go", revision=1)
    # When that worker reports the failure, Then nobody is bothered with it
    assert lifecycle.fail(generation, "worker", "the table is gone") is False
    assert lifecycle.read().state is State.STARTING


def test_what_a_start_has_met_fails_only_that_start(lifecycle: Lifecycle, generation: int) -> None:
    # Given start-up checks that wake up late, when others have made the workflow run
    assert lifecycle.is_running(generation)
    # When they report what they have met, Then the run goes on
    assert lifecycle.fail(generation, "worker", "the table is gone", only_from=State.STARTING) is False
    assert lifecycle.is_running(generation)
    # But a start that goes on fails
    lifecycle.stop("ann", "rest")
    lifecycle.start("ann", "go", revision=1)
    assert lifecycle.fail(generation + 2, "worker", "the table is gone", only_from=State.STARTING) is True


def test_trouble_ends_with_the_start_and_with_who_makes_it_run(
    redis: Redis, workflow: WorkflowKeys, lifecycle: Lifecycle, generation: int
) -> None:
    # Given a run in trouble, that was stopped
    troubles = Troubles(redis, workflow)
    troubles.note("contact.read", "Dynamics is away", 0, 0)
    troubles.note(ALERTS, "The webhook is away", 0, 0)
    lifecycle.stop("ann", "rest")
    # When it is started, Then nothing is left of that, in the same step, but for what stands beside it; nor when it is
    # made to run
    lifecycle.start("ann", "go", revision=1)
    assert [trouble.where for trouble in troubles.all()] == [ALERTS]
    troubles.clear(ALERTS)
    starting = troubles.of_start(generation + 2)
    starting.note("start", "Campaign is away", 0, 0)
    assert [trouble.sentence for trouble in troubles.all()] == ["Campaign is away"]
    assert lifecycle.run(generation + 2, "worker", "ready")
    assert troubles.all() == []
    # And what checks find that come late is not noted, nor does it end what the run has met
    troubles.note("contact.read", "Dynamics is away", 0, 0)
    starting.note("start", "Campaign is away", 0, 0)
    assert lifecycle.run(generation + 2, "worker", "ready")
    assert [trouble.where for trouble in troubles.all()] == ["contact.read"]
    # Nor is it in the next start
    lifecycle.stop("ann", "rest")
    lifecycle.start("ann", "go", revision=1)
    starting.note("start", "Campaign is away", 0, 0)
    assert troubles.all() == []


def test_a_failed_workflow_keeps_its_reason_until_it_is_started(lifecycle: Lifecycle, generation: int) -> None:
    # When a running workflow fails
    assert lifecycle.fail(generation, "worker-1", "Dynamics has no table contcat.", now_ms=5000)
    # Then it says why, since when, and who noticed
    life = lifecycle.read()
    assert (life.state, life.why, life.by, life.since_ms) == (
        State.FAILED, "Dynamics has no table contcat.", "worker-1", 5000,
    )  # fmt: skip
    # And it does not run again by itself
    assert lifecycle.run(generation, "worker-2", "ready") is False
    # Nor does a stop take the reason away
    assert lifecycle.stop("ann", "enough") is False
    assert lifecycle.start("ann", "corrected", revision=2)


def test_the_history_tells_the_newest_first(lifecycle: Lifecycle, acts: Acts, generation: int) -> None:
    lifecycle.stop("bob", "holiday", now_ms=9000)
    assert acts.newest(2) == [
        Event(9000, "bob", "stop", "holiday", "RUNNING", "STOPPED", generation + 1, None),
        Event(0, "worker", "run", "ready", "STARTING", "RUNNING", generation, None),
    ]


def test_a_stream_that_left_the_configuration_is_still_known(lifecycle: Lifecycle, generation: int) -> None:
    lifecycle.add_streams(["account"])
    lifecycle.add_streams([])
    assert lifecycle.streams() == ["account", "contact"]
