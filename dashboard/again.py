"""The replays of a workflow, as its page lists them: how far each has come, and what can be done with it."""

from dataclasses import dataclass

from control.replays import Listed, Stage, replays
from control.replays.naming import words as confined
from control.status.workflow import WorkflowStatus
from control.words import duration, number
from dashboard.moments import Moment, moment
from store.store import Store


@dataclass(frozen=True, slots=True)
class Again:
    """One replay."""

    name: str
    how_far: str
    share: int | None  #: read so far, 0 to 100; None: not known, or not reading
    only: str
    asked: Moment
    by: str
    why: str
    may_pause: bool
    may_resume: bool
    ending: str  #: what the button says that takes it back, or ends it; empty: it is over


def again(store: Store, workflow: str, now_ms: int) -> list[Again]:
    return [_one(listed, now_ms) for listed in replays(store) if listed.workflow == workflow]


def replayable(status: WorkflowStatus) -> list[str]:
    """What can be replayed: tables, or the whole workflow."""
    if status.kind.window is not None:
        return [status.workflow] if status.configured else []
    return [stream.stream for stream in status.streams if stream.mapped]


def _one(listed: Listed, now_ms: int) -> Again:
    ending = "Take back" if listed.stage is Stage.PENDING else "End"
    return Again(
        name=listed.name,
        how_far=_how_far(listed),
        share=_share(listed),
        only=confined(listed.replay.only) or "everything",
        asked=moment(listed.replay.asked_ms, now_ms),
        by=listed.replay.by,
        why=listed.replay.why,
        may_pause=listed.stage is Stage.READING,
        may_resume=listed.stage is Stage.PAUSED,
        ending=ending if listed.may_cancel else "",
    )


def _how_far(listed: Listed) -> str:
    """reading, 1,200 of 5,000, 3 min to go."""
    told = [listed.stage.value]
    if listed.stage is Stage.WRITING:
        told.append(f"{number(listed.waiting)} to be written")
    elif listed.read:
        of = f" of {number(listed.expected)}" if listed.expected else " so far"
        told.append(f"{number(listed.read)}{of}")
    if listed.remaining_seconds is not None:
        told.append(f"{duration(listed.remaining_seconds)} to go")
    return ", ".join(told)


def _share(listed: Listed) -> int | None:
    if listed.stage not in (Stage.READING, Stage.PAUSED) or not listed.read or not listed.expected:
        return None
    return min(100, 100 * listed.read // listed.expected)
