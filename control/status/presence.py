"""Who is there to do the work: workers, beat, and the proof that they act together, an answered tick."""

from dataclasses import dataclass

from store.heartbeats import Heartbeat
from store.store import Store

#: A tick that takes this long beyond three periods was not answered; seconds.
TICK_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Presence:
    workers: int  #: worker processes that were heard of lately
    slots: int  #: tasks that all of them together can work on at once
    beats: int
    unserved: tuple[str, ...]  #: queues of this workflow that no worker listens to
    ticked_seconds: float | None  #: since the last answered tick; None: never
    answers: bool
    missing: str | None  #: a sentence, None if nothing is missing...
    remedy: str  #: ...with the way out, empty where none is known

    @property
    def sentence(self) -> str | None:
        """What is missing and the way out, None if nothing is."""
        return f"{self.missing} {self.remedy}".rstrip() if self.missing else None


def presence_of(store: Store, workflow: str, tick_seconds: float, now_ms: int) -> Presence:
    """Who serves the workflow. `tick_seconds` is how often beat ticks."""
    alive = store.heartbeats.alive(now_ms)
    ticked_ms = store.workflow(workflow).ticked_ms()
    return judge(workflow, alive, None if ticked_ms is None else (now_ms - ticked_ms) / 1000, tick_seconds)


def queues_of(workflow: str) -> tuple[str, ...]:
    """What must be listened to for the workflow to get on."""
    return "control", f"{workflow}.read", f"{workflow}.write"


def judge(workflow: str, alive: list[Heartbeat], ticked_seconds: float | None, tick_seconds: float) -> Presence:
    """`ticked_seconds`: how long ago a tick was answered, None for never."""
    workers = [one for one in alive if one.role == "worker"]
    beats = sum(one.role == "beat" for one in alive)
    served = {queue for worker in workers for queue in worker.queues}
    unserved = tuple(queue for queue in queues_of(workflow) if queue not in served)
    answers = ticked_seconds is not None and ticked_seconds <= 3 * tick_seconds + TICK_GRACE_SECONDS
    missing, remedy = _missing(len(workers), beats, unserved, ticked_seconds, answers)
    return Presence(
        len(workers),
        sum(worker.slots for worker in workers),
        beats,
        unserved,
        ticked_seconds,
        answers,
        missing,
        remedy,
    )


def _missing(
    workers: int, beats: int, unserved: tuple[str, ...], ticked_seconds: float | None, answers: bool
) -> tuple[str | None, str]:
    """What is missing, and the way out."""
    if answers and not unserved:
        return None, ""
    if not workers and not beats:
        both = "Start them with: d365acs up (or the lines of the Procfile)."
        return "No worker answers: there is no worker, nor a beat.", both
    if not workers:
        one = "Start one with: d365acs up (or the worker line of the Procfile)."
        return "No worker answers: there is no worker.", one
    if unserved:
        start = f"Start one with: celery -A workers.app worker -Q {','.join(unserved)}"
        return f"No worker answers on {', '.join(unserved)}.", start
    if not beats:
        return "No worker answers: there is no beat to wake them.", "Start one with: celery -A workers.app beat"
    ago = "yet" if ticked_seconds is None else f"for {ticked_seconds:,.0f} s"
    silent = f"No worker answers: worker and beat were heard of lately, but no tick was answered {ago}."
    return silent, "What keeps the worker from it stands in its log."
