"""Whatever dies in the middle of the work: nothing is lost, nobody gets a second profile."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing

import pytest

from store.lifecycle import State
from tests.end_to_end.black_hole import BlackHole
from tests.end_to_end.conftest import CONTACTS, OpenStage
from tests.end_to_end.documents import BY_FILTER
from tests.end_to_end.stage import Stage

#: With this latency of Campaign, in ms, one writer of eight hands needs some four seconds for everybody.
SLOW = {"campaign": {"latency_ms": 50}}


@pytest.fixture
def short_leases(open_stage: OpenStage) -> Stage:
    """A stage on which what the dead held comes back soon; pages are small, so that reading goes on beside writing."""
    return open_stage(lease_seconds=3, slice_seconds=1, batch_size=50, read_page_size=100)


def in_the_middle(stage: Stage) -> bool:
    """Whether at least a tenth and less than nine tenths of the first run are done: otherwise nothing was proved."""
    return 0.1 * CONTACTS <= stage.writes() < 0.9 * CONTACTS


def test_a_worker_killed_in_the_middle_of_the_first_run_costs_nothing(short_leases: Stage) -> None:
    # Given a first run in its middle, on an instance that does not itself refuse a second profile
    stage = short_leases
    stage.admin.put("/switches", {"profile_key": "none"})
    stage.admin.put("/faults", SLOW)
    worker, _ = stage.run("worker", "beat")
    stage.start(stage.configure(BY_FILTER))
    stage.wait_for_writes(CONTACTS // 4)

    # When the worker and all its children are killed with records in their hands
    stage.kill_at_work(worker)
    assert in_the_middle(stage), stage.report()

    # And a new one comes
    stage.admin.put("/faults", {})
    stage.run("worker")

    # Then both sides become equal, without a second profile for anybody
    stage.wait_until_settled()
    assert stage.life.state is State.RUNNING
    assert stage.queue.backlog().dead == 0


def test_a_worker_whose_children_die_goes_on_with_new_ones(short_leases: Stage) -> None:
    # Given a first run in its middle
    stage = short_leases
    stage.admin.put("/faults", SLOW)
    worker, _ = stage.run("worker", "beat")
    stage.start()
    stage.wait_for_writes(CONTACTS // 4)

    # When all of the worker's children are killed at once, as when memory runs out
    children = [pid for pid in worker.pids() if pid != worker.pid]
    assert children
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    assert in_the_middle(stage), stage.report()

    # Then the same worker brings the run to its end
    stage.admin.put("/faults", {})
    stage.wait_until_settled()
    assert worker.is_alive


def test_redis_killed_in_the_middle_of_the_first_run_costs_nothing(short_leases: Stage) -> None:
    # Given a first run in its middle
    stage = short_leases
    stage.admin.put("/faults", SLOW)
    worker, beat = stage.run("worker", "beat")
    stage.start()
    stage.wait_for_writes(CONTACTS // 4)

    # When the server of Redis is killed and comes back
    stage.server.kill()
    assert in_the_middle(stage), "killed too late to prove anything"
    stage.server.start()

    # Then the same processes go on, and both sides become equal
    stage.wait_until_settled()
    assert stage.queue.backlog().dead == 0

    # And they still consume
    stage.admin.post("/dynamics/change", {"count": 20, "seed": 1})
    stage.wait_until_settled()
    assert worker.is_alive and beat.is_alive


def test_a_worker_told_to_end_under_full_load_leaves_at_once_and_clean(stage: Stage) -> None:
    # Given a worker in the middle of a batch, with long leases, under load
    stage.admin.put("/faults", SLOW)
    worker, _ = stage.run("worker", "beat")
    stage.start()
    stage.wait_for_writes(CONTACTS // 4)
    stage.wait_until(lambda: stage.queue.backlog().leased, "records are in its hands")

    # When it gets SIGTERM
    code = worker.terminate(10)

    # Then it has ended well, holds nothing, and every write that arrived is confirmed
    assert code == 0
    backlog = stage.queue.backlog()
    assert in_the_middle(stage), stage.report()
    assert backlog.leased == 0
    assert backlog.waiting == CONTACTS - stage.writes()
    assert stage.totals()["written"] == stage.writes()

    # And a new worker finishes, without a call too many
    stage.admin.put("/faults", {})
    stage.run("worker")
    stage.wait_until_settled()
    assert stage.writes() == CONTACTS


@pytest.fixture
def black_hole(short_leases: Stage) -> Iterator[BlackHole]:
    with closing(BlackHole(short_leases.settings.socket)) as hole:
        yield hole


@pytest.mark.timeout(180)
def test_a_network_that_swallows_packets_is_survived_without_a_restart(
    short_leases: Stage, black_hole: BlackHole
) -> None:
    # Given a first run in its middle, its processes connected to Redis through a network
    stage = short_leases
    stage.admin.put("/faults", SLOW)
    worker, beat = stage.run("worker", "beat", redis_url=black_hole.url)
    stage.start()
    stage.wait_for_writes(CONTACTS // 4)

    # When the network swallows every packet for a while, and forgets the connections
    black_hole.swallow()
    assert in_the_middle(stage), stage.report()
    begun = stage.store.now_ms()
    stage.wait_until(lambda: stage.store.now_ms() > begun + 4000, "four seconds have passed")
    assert (stage.workflow.ticked_ms() or 0) < begun + 1000, "no tick gets through"
    assert black_hole.swallowed > 0
    assert stage.queue.backlog().total > 0
    black_hole.flow()

    # Then the same processes go on by themselves, within half a minute
    stage.wait_until_settled(30)
    assert worker.is_alive and beat.is_alive
