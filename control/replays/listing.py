"""How far each replay has come."""

from dataclasses import dataclass
from enum import StrEnum

from control.kinds import kind_of
from control.replays.naming import name_of, stream_of, unknown, workflow_name_of
from control.status.reading import Waits
from control.status.tables import walk_of
from control.words import number
from store.cursors import Cursor
from store.replays import Replay
from store.store import Store, WorkflowStore
from sync.tables.position import Position
from sync.tables.walk import Walk
from sync.workflows import NAMES


class Stage(StrEnum):
    """How far a replay has come."""

    PENDING = "pending"  # it begins with the next start
    READING = "reading"  # it is read, and written at low priority
    PAUSED = "paused"  # nothing more of it is read
    WRITING = "writing"  # all is read; the rest waits to be written
    DONE = "done"
    ENDED = "ended"  # somebody ended it before all was read
    OVER = "over"  # another one took its place


@dataclass(frozen=True, slots=True)
class Listed:
    name: str  #: the table, or the workflow that is replayed by time
    workflow: str
    replay: Replay
    stage: Stage
    read: int | None  #: read again so far; None: not known, or not reading
    waiting: int  #: records that were read again and that no writer has taken yet
    expected: int | None = None  #: how many are to be read, as far as that is known
    queued: int | None = None  #: of those read, how many are to be written; None: not known
    missing: int = 0  #: of the ids that were named, how many Dynamics does not have
    per_second: float | None = None  #: records that writers finish, on average over 10 to 20 seconds; None: it is over
    remaining_seconds: float | None = None  #: at that pace; None: not known

    @property
    def words(self) -> str:
        """reading, 1,200 of 50,000; writing, 12 to go."""
        if self.stage is Stage.WRITING:
            return f"{self.stage.value}, {number(self.waiting)} to go"
        if not self.read or self.stage in (Stage.DONE, Stage.ENDED, Stage.OVER):
            return self.stage.value
        return f"{self.stage.value}, {number(self.read)} {f'of {number(self.expected)}' if self.expected else 'so far'}"

    @property
    def may_cancel(self) -> bool:
        """Whether it can be taken back, or ended."""
        return self.stage in (Stage.PENDING, Stage.READING, Stage.PAUSED)


def replays(store: Store) -> list[Listed]:
    """By workflow and table: the pending one of each, and the one that began last; where one is pending, that only as
    long as it is under way."""
    return [one for name in NAMES for one in _of(store, store.workflow(name))]


def past(store: Store) -> list[Listed]:
    """Those that others have followed, by workflow, the newest first; the last 20 of each workflow are kept."""
    return [
        Listed(name_of(name, stream), name, replay, _stage_of(replay), replay.read, 0, queued=replay.queued)
        for name in NAMES
        for stream, replay in store.workflow(name).replays.past()
    ]


def _stage_of(past_: Replay) -> Stage:
    return Stage.ENDED if past_.ended_ms is not None else Stage.DONE if past_.over_ms is not None else Stage.OVER


def replay_of(store: Store, name: str) -> list[Listed]:
    """The same of one table, or of one workflow that is replayed by time. Raises UnknownTable where there is none."""
    workflow = store.workflow(workflow_name_of(name))
    if found := [one for one in _of(store, workflow, stream_of(name)) if one.name == name]:
        return found
    raise unknown(store, name, f"No replay of {name} was ever asked for; see those that were with: d365acs replay ls")


def _of(store: Store, workflow: WorkflowStore, stream: str | None = None) -> list[Listed]:
    found = []
    pending, begun = workflow.replays.both()
    names = pending.keys() | begun.keys()
    for name in sorted(names if stream is None else names & {stream}):
        last = listed(store, workflow, name, begun[name]) if name in begun else None
        if last and (name not in pending or last.stage in (Stage.READING, Stage.PAUSED, Stage.WRITING)):
            found.append(last)
        if name in pending:
            found.append(listed(store, workflow, name, pending[name]))
    return found


def listed(store: Store, workflow: WorkflowStore, stream: str, replay: Replay) -> Listed:
    """One of them."""
    kind, name = kind_of(workflow.name), name_of(workflow.name, stream)
    if replay.began_ms is None:
        return Listed(name, workflow.name, replay, Stage.PENDING, None, 0)
    cursor, now_ms = workflow.cursor(stream), store.now_ms()
    waiting = int(store.redis.zcard(workflow.queue(stream).keys.replay))
    rates = workflow.statistics(stream, now_ms).rates
    pace = sum(rates[what] for what in ("written", "unchanged", "refused", "filtered"))
    if kind.window is None:
        return _of_table(name, replay, cursor, waiting, pace)
    if replay.ended_ms is not None:
        return Listed(name, workflow.name, replay, Stage.ENDED, None, 0)
    reading = kind.reading(cursor, Waits(0, waiting, pace), None, now_ms)
    if reading.replayed_ms >= replay.began_ms and not reading.again:
        return _written(Listed(name, workflow.name, replay, Stage.WRITING, None, waiting), pace)
    read = reading.progress.read if reading.progress and reading.replayed_ms >= replay.began_ms else None
    stage = Stage.PAUSED if replay.paused_ms is not None else Stage.READING
    return Listed(name, workflow.name, replay, stage, read, waiting, per_second=pace)


def _of_table(name: str, replay: Replay, cursor: Cursor, waiting: int, pace: float) -> Listed:
    position, workflow = Position.load(cursor.value), workflow_name_of(name)
    walk = position.walk if position.walk and position.walk.began_ms == replay.began_ms else None
    if replay.ended_ms is not None:
        return Listed(name, workflow, replay, Stage.ENDED, None, 0)
    taken_up = position.replayed_ms == replay.began_ms
    if taken_up and not position.repeats and (walk is None or walk.is_over):
        found = Listed(name, workflow, replay, Stage.WRITING, None, waiting)
        return _written(found if walk is None else _with_walk(found, walk, replay), pace)
    stage = Stage.PAUSED if replay.paused_ms is not None else Stage.READING
    if taken_up and position.repeats:
        # A full read that is due anyway cannot be held back.
        progress = kind_of(workflow).reading(cursor, Waits(waiting, waiting, pace), None, 0).progress
        if progress is not None:
            return Listed(
                *(name, workflow, replay, Stage.READING, progress.read or None, waiting, progress.expected),
                per_second=pace,
                remaining_seconds=progress.remaining_seconds,
            )
    found = Listed(name, workflow, replay, stage, None, waiting, per_second=pace)
    return found if walk is None else _with_walk(found, walk, replay)


def _with_walk(found: Listed, walk: Walk, replay: Replay) -> Listed:
    expected = replay.ids.count if replay.ids else walk.expected
    progress = walk_of(walk, found.waiting, found.per_second or 0.0)
    # With conditions, what is read is no measure of what is written.
    remaining = None if replay.where or found.stage is not Stage.READING else progress.remaining_seconds
    return Listed(
        *(found.name, found.workflow, replay, found.stage, walk.rows or None, found.waiting),
        expected=None if expected is None else max(expected, walk.rows),
        queued=walk.queued,
        missing=walk.missing,
        per_second=found.per_second,
        remaining_seconds=remaining,
    )


def _written(found: Listed, pace: float) -> Listed:
    """All is read: whether the rest is written, too."""
    waiting = found.waiting
    return Listed(
        *(found.name, found.workflow, found.replay, Stage.WRITING if waiting else Stage.DONE, found.read, waiting),
        expected=found.expected,
        queued=found.queued,
        missing=found.missing,
        per_second=pace if waiting else None,
        remaining_seconds=waiting / pace if waiting and pace else None,
    )
