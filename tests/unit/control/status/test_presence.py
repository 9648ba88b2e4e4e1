"""Who is there: what is missing is named with its remedy."""

from control.status.presence import judge, queues_of
from store.heartbeats import Heartbeat

WORKER = Heartbeat("w1", "worker", queues_of("ingress"), 4, 0)
READER = Heartbeat("w2", "worker", ("control", "ingress.read"), 2, 0)
BEAT = Heartbeat("b1", "beat", (), 0, 0)


def sentence(alive: list[Heartbeat], ticked_seconds: float | None) -> str | None:
    return judge("ingress", alive, ticked_seconds, tick_seconds=1).sentence


def test_worker_and_beat_that_answer_are_nothing_to_talk_about() -> None:
    found = judge("ingress", [WORKER, READER, BEAT], 1.0, tick_seconds=1)
    assert (found.sentence, found.answers, found.workers, found.slots, found.beats) == (None, True, 2, 6, 1)


def test_a_tick_counts_as_answered_for_three_periods_and_five_seconds() -> None:
    assert judge("ingress", [WORKER, BEAT], 8.0, tick_seconds=1).answers
    assert not judge("ingress", [WORKER, BEAT], 8.1, tick_seconds=1).answers
    assert judge("ingress", [WORKER, BEAT], 184, tick_seconds=60).answers


def test_a_missing_worker_is_told_apart_from_a_missing_beat() -> None:
    assert sentence([], None) == (
        "No worker answers: there is no worker, nor a beat. Start them with: d365acs up (or the lines of the Procfile)."
    )
    assert sentence([BEAT], 60) == (
        "No worker answers: there is no worker. Start one with: d365acs up (or the worker line of the Procfile)."
    )
    assert sentence([WORKER], 60) == (
        "No worker answers: there is no beat to wake them. Start one with: celery -A workers.app beat"
    )
    assert sentence([WORKER, BEAT], 60) == (
        "No worker answers: worker and beat were heard of lately, but no tick was answered for 60 s. "
        "What keeps the worker from it stands in its log."
    )


def test_a_queue_that_nobody_serves_is_named_even_while_ticks_are_answered() -> None:
    # Given a worker that only looks and reads
    assert sentence([READER, BEAT], 1.0) == (
        "No worker answers on ingress.write. Start one with: celery -A workers.app worker -Q ingress.write"
    )
