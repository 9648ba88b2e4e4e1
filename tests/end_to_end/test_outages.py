"""Systems in trouble: a running workflow waits, says why, and catches up by itself."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from store.lifecycle import State
from tests.end_to_end.conftest import OpenStage
from tests.end_to_end.documents import BY_ADDRESS, BY_FILTER
from tests.end_to_end.stage import Stage


@contextlib.contextmanager
def refusing(stage: Stage) -> Iterator[None]:
    """Both systems answer 503 to everything."""
    stage.admin.put("/faults", {system: {"rate_503": 1.0, "retry_after": None} for system in ("dynamics", "campaign")})
    yield
    stage.admin.put("/faults", {})


@contextlib.contextmanager
def frozen(stage: Stage) -> Iterator[None]:
    """Both systems take requests and never answer."""
    os.kill(stage.sandbox.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stage.sandbox.process.pid, signal.SIGCONT)


Outage = Callable[[Stage], contextlib.AbstractContextManager[None]]


@pytest.mark.parametrize("outage", [refusing, frozen])
def test_an_outage_is_shown_and_waited_out(open_stage: OpenStage, outage: Outage) -> None:
    # Given a workflow that has caught up, and changes on their way to a slow Campaign
    stage = open_stage(lease_seconds=4, slice_seconds=1)
    stage.run("worker", "beat")
    stage.start()
    stage.wait_until_settled()
    stage.admin.put("/faults", {"campaign": {"latency_ms": 100}})
    stage.admin.post("/dynamics/change", {"count": 200, "seed": 1})
    stage.wait_until(lambda: stage.queue.backlog().leased > 0, "changes are being written")

    # When both systems are out of order for a while
    begun = stage.store.now_ms()
    with outage(stage):
        stage.wait_until(lambda: stage.workflow.troubles.get("contact.write"), "the trouble is shown")
        trouble = stage.workflow.troubles.get("contact.write")
        stage.wait_for_ticks(3)

        # Then the workflow still runs, the trouble says since when and why, and nothing was given up
        assert stage.life.state is State.RUNNING
        assert trouble is not None
        assert begun - 100 <= trouble.since_ms <= begun + 8000
        assert trouble.sentence.startswith("Campaign ")
        backlog = stage.queue.backlog()
        assert backlog.total > 0 and backlog.dead == 0

    # And when they are back, it catches up by itself, and the trouble is over
    stage.wait_until_settled()
    stage.wait_until(lambda: not stage.workflow.troubles.all(), "no trouble is shown any more")
    assert stage.life.state is State.RUNNING
    assert stage.queue.backlog().dead == 0


#: How often each fault is met: one request in five of Campaign's, one in ten of the others', in every way there is.
STORM = {
    "rate_429": 0.02,
    "rate_500": 0.02,
    "rate_503": 0.02,
    "rate_timeout_before": 0.01,
    "rate_timeout_after": 0.02,
    "rate_reset": 0.02,
    "rate_reset_after": 0.03,
    "rate_truncated": 0.03,
    "rate_malformed": 0.02,
}
GALE = {name: rate / 2 for name, rate in STORM.items()}
#: Seconds; the storm is to be long in faults, not in time.
QUICK = {"retry_after": 0.2, "hold_seconds": 0.5}

#: What went wrong in Campaign although the write had its effect.
AFTER_THE_EFFECT = {"timeout_after", "reset_after", "truncated", "malformed"}


@pytest.mark.parametrize(("seed", "key"), [(1, BY_ADDRESS), (2, BY_FILTER)], ids=["seed 1", "seed 2, free key"])
def test_a_storm_of_faults_leaves_both_sides_equal_and_nobody_twice(
    open_stage: OpenStage, seed: int, key: dict[str, object]
) -> None:
    # Given a workflow that has just begun
    stage = open_stage(lease_seconds=4, slice_seconds=1, batch_size=50, read_page_size=50)
    if key is BY_FILTER:
        stage.admin.put("/switches", {"profile_key": "none"})
    stage.run("worker", "beat")
    stage.start(stage.configure(key))
    stage.wait_for_state(State.RUNNING)

    # When faults of every kind set in on both systems and their token services, every access token is revoked, and
    # contacts change and go meanwhile
    faults = {"dynamics": GALE | QUICK, "campaign": STORM | QUICK, "tokens": GALE | QUICK}
    stage.admin.put("/faults", {"seed": seed, **faults})
    stage.wait_for_writes(100)
    stage.admin.post("/dynamics/change", {"count": 100, "seed": seed})
    stage.admin.post("/dynamics/delete", {"count": 30, "seed": seed})
    stage.wait_for_writes(200)
    stage.admin.post("/tokens/expire")
    stage.wait_for_writes(350)
    dealt = stage.admin.get("/faults")
    stage.admin.put("/faults", {})

    # Then both sides are equal in the end, nobody has two profiles, and nothing was set aside
    stage.wait_until_settled(60)
    assert stage.life.state is State.RUNNING
    assert stage.queue.backlog().dead == 0

    # And the storm was one
    assert sum(dealt["campaign"]["dealt"].values()) > 50
    assert dealt["campaign"]["dealt"].keys() >= AFTER_THE_EFFECT
    assert sum(dealt["dynamics"]["dealt"].values()) > 0
