"""Start and stop: what an operator does must be true at once, and a failed start must say the way out."""

import pytest

from store.lifecycle import State
from tests.end_to_end.conftest import CONTACTS, OpenStage
from tests.end_to_end.documents import PAIRS
from tests.end_to_end.stage import Stage


def test_a_stop_holds_within_seconds_and_a_start_goes_on_from_there(stage: Stage) -> None:
    # Given a first run in its middle
    stage.admin.put("/faults", {"campaign": {"latency_ms": 50}})
    stage.run("worker", "beat")
    stage.start()
    stage.wait_for_writes(CONTACTS // 4)

    # When it is stopped
    stage.stop()

    # Then the state tells so at once, and within three seconds nobody holds a record any more
    assert stage.life.state is State.STOPPED
    stage.wait_until(lambda: stage.queue.backlog().leased == 0, "no record is in anybody's hands", 3)
    written, waiting = stage.writes(), stage.queue.backlog().waiting
    assert 0.1 * CONTACTS <= written < 0.9 * CONTACTS
    assert written + waiting == CONTACTS

    # And nothing is read or written from then on, whatever happens in Dynamics
    changed = stage.admin.post("/dynamics/change", {"count": 30, "seed": 1})["ids"]
    reads = len(stage.admin.get("/reads"))
    stage.wait_for_ticks(2)
    assert stage.writes() == written
    assert len(stage.admin.get("/reads")) == reads
    assert stage.queue.backlog().waiting == waiting

    # When it starts again
    stage.admin.put("/faults", {})
    stage.start()

    # Then what waited goes on from there, the changes follow, and nobody is written for nothing
    stage.wait_until_settled()
    assert CONTACTS <= stage.writes() <= CONTACTS + len(changed) * 2


def test_without_a_worker_a_start_keeps_waiting_and_the_first_worker_takes_it_up(stage: Stage) -> None:
    # Given a beat but no worker
    stage.run("beat")
    key = stage.store.keys.tick_queued("ingress")
    stage.wait_until(lambda: stage.store.redis.exists(key), "beat has sent a tick")

    # When the workflow is started
    stage.start()
    stage.wait_until(lambda: stage.store.redis.pttl(key) < 3500, "the tick waits, unanswered")

    # Then it stays STARTING, and the store knows that nobody ever answered a tick
    assert stage.life.state is State.STARTING
    assert stage.workflow.ticked_ms() is None
    assert not stage.admin.get("/reads")

    # When a worker comes
    stage.run("worker")

    # Then it runs
    stage.wait_for_state(State.RUNNING)
    assert stage.workflow.ticked_ms() is not None


@pytest.mark.parametrize("system", ["dynamics", "campaign"])
def test_a_wrong_secret_fails_the_start_and_a_corrected_one_mends_it(stage: Stage, system: str) -> None:
    # Given a client secret that is wrong
    stage.set_secret(system, "not-the-secret-of-anybody")
    stage.run("worker", "beat")

    # When the workflow starts
    stage.start()
    stage.wait_until(lambda: stage.life.state is not State.STARTING, "the start-up checks have an outcome")

    # Then it has failed, and says where to look, not what it was
    life = stage.life
    assert life.state is State.FAILED
    assert f"connections.{system}" in life.why and "client_secret" in life.why
    assert "not-the-secret" not in life.why
    assert not stage.admin.get("/journal")

    # When the secret is corrected and the workflow started again
    stage.set_secret(system, stage.sandbox.info[system]["client_secret"])
    stage.start()

    # Then it runs, with the same processes
    stage.wait_for_state(State.RUNNING)


@pytest.mark.parametrize(
    ("field", "named"),
    [(("nickname", "cusNickname"), "cusNickname"), (("new_shoesize", "cusSegment"), "new_shoesize")],
    ids=["in Campaign", "in Dynamics"],
)
def test_a_mapping_that_names_a_missing_field_fails_the_start_and_names_it(
    stage: Stage, field: tuple[str, str], named: str
) -> None:
    # Given a mapping with a field that one of the systems does not have
    stage.run("worker", "beat")
    revision = stage.configure(fields=[*PAIRS, field])

    # When the workflow starts
    stage.start(revision)
    stage.wait_until(lambda: stage.life.state is not State.STARTING, "the start-up checks have an outcome")

    # Then it has failed and names the field
    assert stage.life.state is State.FAILED
    assert named in stage.life.why
    assert not stage.admin.get("/journal")


def test_change_tracking_that_is_off_fails_the_workflow_with_the_remedy(stage: Stage) -> None:
    # Given a table without change tracking
    stage.admin.put("/switches", {"change_tracking": {"contact": False}})
    stage.run("worker", "beat")

    # When the workflow starts
    stage.start()

    # Then it fails and says what to switch on
    stage.wait_for_state(State.FAILED)
    assert "contact" in stage.life.why and "Track changes" in stage.life.why

    # When it is switched on, and off again while the workflow runs
    stage.admin.put("/switches", {"change_tracking": {"contact": True}})
    stage.start()
    stage.wait_until_settled()
    stage.admin.put("/switches", {"change_tracking": {"contact": False}})

    # Then it fails again
    stage.wait_for_state(State.FAILED)
    assert "contact" in stage.life.why and "Track changes" in stage.life.why
    assert stage.queue.backlog().leased == 0


def test_a_workflow_starts_and_stops_over_and_over_without_old_work_in_new_runs(open_stage: OpenStage) -> None:
    # Given a slow first run
    stage = open_stage(lease_seconds=3, slice_seconds=1)
    stage.admin.put("/faults", {"campaign": {"latency_ms": 50}})
    stage.run("worker", "beat")
    revision = stage.configure()

    # When it is started and stopped again and again
    for _ in range(3):
        stage.start(revision)
        stage.wait_for_state(State.RUNNING)
        before = stage.writes()
        stage.wait_for_writes(before + 20)
        stage.stop()
    stage.admin.put("/faults", {})
    stage.start(revision)

    # Then each contact was written once all the same
    stage.wait_until_settled()
    assert stage.writes() == CONTACTS


def test_a_changed_mapping_reaches_every_record_and_forgets_no_deletion(stage: Stage) -> None:
    # Given a workflow that has carried everything without two of the fields, and was stopped
    lacking = [pair for pair in PAIRS if pair[0] not in ("jobtitle", "address1_city")]
    stage.run("worker", "beat")
    stage.start(stage.configure(fields=lacking))
    stage.wait_until(lambda: stage.writes() == CONTACTS, "every contact has been written")
    stage.wait_until(lambda: stage.queue.backlog().total == 0, "and confirmed")
    stage.stop()

    # And meanwhile contacts are deleted in Dynamics, and the mapping gets its two fields
    gone = set(stage.admin.post("/dynamics/delete", {"count": 10, "seed": 4})["ids"])
    revision = stage.configure(fields=PAIRS)

    # When it starts again
    stage.start(revision)

    # Then both sides agree, in the new fields too, and the deleted are gone
    stage.wait_until_settled()
    assert not gone & {profile["externalId"] for profile in stage.admin.profiles()}
