"""The client sends an act once more where its answer was lost: it is done once, and what is told of it is true."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from config.settings import Settings
from control import dead_letters, replays
from control.dead_letters import Selection
from control.errors import ControlError
from control.replays import Stage
from store.outcome_log import Ending
from store.record_queue import RecordQueue
from store.replays import Ids, Replays
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import CONFIGURATION, Run
from tests.integration.control.dead_letters import ANN, BOB, EVE, TOO_LONG, configured, running, set_aside
from tests.integration.store.losing_replies import connect_losing_replies, lose_next_reply, lost

pytestmark = pytest.mark.usefixtures("answering")


@pytest.fixture(autouse=True)
def generation(run: Run, file: Path, ingress: WorkflowStore, acknowledged: None) -> int:
    """Ingress runs."""
    configured(run, file, CONFIGURATION)
    return running(run, ingress, "contact")


@pytest.fixture
def lossy(redis: Redis, redis_url: str, settings: Settings) -> Iterator[Store]:
    with connect_losing_replies(redis_url) as client:
        yield Store(client, settings.instance)


def stages(store: Store) -> list[Stage]:
    return [one.stage for one in replays.replay_of(store, "contact")]


def just_before(monkeypatch: pytest.MonkeyPatch, owner: type, verb: str, act: Callable[[], object]) -> None:
    """Somebody else does `act` just before the next call of a verb."""
    called = getattr(owner, verb)

    def after_act(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(owner, verb, called)
        act()
        return called(*args, **kwargs)

    monkeypatch.setattr(owner, verb, after_act)


def asked_with_ids(ingress: WorkflowStore) -> None:
    kept = ingress.replays.ids_of("contact")
    assert ingress.replays.ask("contact", "ann", "", ids=Ids(kept.token, kept.keep([ANN])))


def test_who_takes_a_pending_replay_back_does_not_end_the_one_that_is_read(
    lossy: Store, ingress: WorkflowStore, redis: Redis
) -> None:
    # Given a replay that is read, and another one, of some ids, that is pending
    assert ingress.replays.ask("contact", "ann", "") and ingress.replays.begin_now("contact", "ann")
    asked_with_ids(ingress)
    # When that is taken back, and the answer is lost
    lose_next_reply(verb="replay")
    cancelled = replays.cancel(lossy, "contact", "ann")
    # Then it is, with its ids, and the other one is still read
    assert lost() and not cancelled.had_begun
    assert stages(lossy) == [Stage.READING]
    assert redis.keys("*replay-ids*") == []


def test_who_means_a_pending_replay_that_just_began_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, store: Store, ingress: WorkflowStore
) -> None:
    # Given a pending replay that begins just before it would be taken back
    assert ingress.replays.ask("contact", "ann", "")
    just_before(monkeypatch, Replays, "cancel", lambda: ingress.replays.begin_now("contact", "bob"))
    # When somebody takes it back, Then nothing is ended
    with pytest.raises(ControlError, match="is not pending any more"):
        replays.cancel(store, "contact", "ann")
    assert stages(store) == [Stage.READING]


@pytest.mark.parametrize("of_ids", [False, True])
def test_who_ends_a_replay_is_told_so(lossy: Store, ingress: WorkflowStore, redis: Redis, of_ids: bool) -> None:
    # Given a replay that is read, and one that others begin once it is ended
    asked_with_ids(ingress) if of_ids else ingress.replays.ask("contact", "ann", "")
    assert ingress.replays.begin_now("contact", "ann")
    lose_next_reply(meanwhile=lambda: _another(ingress), verb="replay")
    # When it is ended and the answer is lost, Then it is told to be ended, and the other one is read
    assert replays.cancel(lossy, "contact", "ann").had_begun
    assert lost() and redis.keys("*replay-ids*") == []
    assert stages(lossy) == [Stage.READING]


def _another(ingress: WorkflowStore) -> None:
    assert ingress.replays.ask("contact", "bob", "") and ingress.replays.begin_now("contact", "bob")


def test_who_pauses_and_resumes_a_replay_is_told_so(lossy: Store, ingress: WorkflowStore) -> None:
    # Given a replay that is read
    _another(ingress)
    acts: list[tuple[Callable[[Store, str, str], replays.Listed], Stage]] = [
        (replays.pause, Stage.PAUSED),
        (replays.resume, Stage.READING),
    ]
    # When it is paused, and then resumed, and each answer is lost, Then each is told as it is
    for act, stage in acts:
        lose_next_reply(verb="replay")
        assert act(lossy, "contact", "ann").stage is stage and lost()
    assert [event.action for event in ingress.acts.newest(2)] == ["replay resume", "replay pause"]


def test_who_pauses_a_replay_does_not_pause_the_one_that_follows(lossy: Store, ingress: WorkflowStore) -> None:
    _another(ingress)
    # When it is paused, and others begin another one before the act is repeated
    lose_next_reply(meanwhile=lambda: _another(ingress), verb="replay")
    replays.pause(lossy, "contact", "ann")
    # Then that one is read
    assert lost() and stages(lossy) == [Stage.READING]


def test_who_begins_a_replay_at_once_is_told_so(lossy: Store, ingress: WorkflowStore) -> None:
    # Given a replay that is pending
    assert ingress.replays.ask("contact", "ann", "")
    # When it is to begin, and the answer is lost, Then it is told to begin
    lose_next_reply(verb="replay")
    assert lossy.workflow("ingress").replays.begin_now("contact", "ann") and lost()
    assert stages(lossy) == [Stage.READING]


def test_who_retries_dead_letters_is_told_how_many_wait_again(lossy: Store, ingress: WorkflowStore) -> None:
    # Given three letters
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG, EVE: TOO_LONG})
    # When all are retried, and the answer is lost, Then they wait again, and that is told
    lose_next_reply(verb="revive")
    retried = dead_letters.retry(lossy, Selection("ingress"), "ann")
    assert lost() and retried.sentence == "3 records wait on the queue again."
    assert ingress.queue("contact").waiting([ANN, BOB, EVE]) == {ANN, BOB, EVE}


def test_who_retries_waits_for_those_alone_that_went_back(
    monkeypatch: pytest.MonkeyPatch, store: Store, ingress: WorkflowStore
) -> None:
    # Given two letters, of which somebody drops one just before the other goes back
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG})
    dead_ms = {one.id: one.dead_ms for one in ingress.queue("contact").set_aside_of([BOB])}
    just_before(monkeypatch, RecordQueue, "revive", lambda: ingress.queue("contact").drop(dead_ms))
    # When both are retried, Then one is told, and waited for
    retried = dead_letters.retry(store, Selection("ingress"), "ann")
    assert (retried.retried, retried.ids) == (1, {"contact": [ANN]})


def test_who_gives_dead_letters_up_is_told_how_many(lossy: Store, ingress: WorkflowStore) -> None:
    # Given two letters
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG})
    lose_next_reply(verb="drop")
    # When they are given up, and the answer is lost, Then it is told how many
    assert dead_letters.drop(lossy, Selection("ingress"), "ann") == 2
    assert lost() and ingress.queue("contact").backlog().dead == 0


def test_what_others_retried_just_before_is_not_noted_as_given_up(
    monkeypatch: pytest.MonkeyPatch, store: Store, ingress: WorkflowStore
) -> None:
    # Given two letters, of which somebody retries one just before they are given up
    set_aside(ingress, "contact", {ANN: TOO_LONG, BOB: TOO_LONG})
    just_before(monkeypatch, RecordQueue, "drop", lambda: ingress.queue("contact").revive([BOB]))
    # When both are, Then one was, and the other one's record says nothing of it
    assert dead_letters.drop(store, Selection("ingress"), "ann") == 1
    told = {record_id: ingress.outcomes("contact").of(record_id) for record_id in (ANN, BOB)}
    assert [Ending.DROPPED in {one.ending for one in told[i]} for i in (ANN, BOB)] == [True, False]
