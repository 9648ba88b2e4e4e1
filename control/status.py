"""What is known of a workflow right now, without asking the two systems: one reading of the store."""

from dataclasses import dataclass

from config.settings import Settings
from control.opening import workflow_of
from control.presence import Presence, presence_of
from store.lifecycle import Life, State
from store.statistics import BUCKET_SECONDS
from store.store import Store, WorkflowStore
from store.trouble import Trouble
from sync.position import Phase, Position
from sync.workflows import NAMES, document_of, stream_names


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a first run (or any full read) has come."""

    read: int  #: records read so far
    expected: int | None  #: records the table has, as far as Dynamics tells
    done: int  #: records read and no longer waiting
    remaining_seconds: float | None  #: at the pace of the last half minute; None: not known

    @property
    def fraction(self) -> float | None:
        """0 to 1, None where the number of records is not known."""
        return min(1.0, self.done / self.expected) if self.expected else None


@dataclass(frozen=True, slots=True)
class StreamStatus:
    stream: str
    waiting: int
    leased: int
    delayed: int  #: of those waiting: after a failure, until their time comes
    dead: int
    oldest_seconds: float | None  #: how long the oldest has been waiting
    totals: dict[str, int]  #: read, written, unchanged, again, refused since the stream began
    rates: dict[str, float]  #: the same per second, over the last half minute
    phase: str | None  #: full, changes, or None before anything was read
    progress: Progress | None  #: while a full read is under way
    token_age_seconds: float | None  #: of the change token, once there is one
    mapped: bool  #: False: it left the configuration, but may still hold records

    @property
    def backlog(self) -> int:
        return self.waiting + self.leased


@dataclass(frozen=True, slots=True)
class WorkflowStatus:
    workflow: str
    instance: str
    at_ms: int  #: when it was looked at, by the clock that all processes share
    state: State
    generation: int
    since_ms: int | None
    by: str
    why: str
    active_revision: int | None
    newest_revision: int  #: 0: nothing saved yet
    troubles: tuple[Trouble, ...]
    streams: tuple[StreamStatus, ...]
    presence: Presence

    @property
    def is_on(self) -> bool:
        return self.state in (State.STARTING, State.RUNNING)

    @property
    def unapplied(self) -> bool:
        """Whether saved changes wait for the next stop and start."""
        return self.is_on and self.newest_revision != self.active_revision

    @property
    def backlog(self) -> int:
        return sum(stream.backlog for stream in self.streams)

    @property
    def dead(self) -> int:
        return sum(stream.dead for stream in self.streams)

    @property
    def oldest_seconds(self) -> float | None:
        return max((s.oldest_seconds for s in self.streams if s.oldest_seconds is not None), default=None)

    def rate(self, what: str) -> float:
        """Records per second over all streams; `what` is read, written, unchanged, again or refused."""
        return sum(stream.rates[what] for stream in self.streams)

    def total(self, what: str) -> int:
        return sum(stream.totals[what] for stream in self.streams)

    @property
    def progress(self) -> Progress | None:
        """All full reads that are under way, together."""
        under_way = [stream.progress for stream in self.streams if stream.progress]
        if not under_way:
            return None
        expected = [one.expected for one in under_way]
        remaining = [one.remaining_seconds for one in under_way]
        return Progress(
            sum(one.read for one in under_way),
            sum(number for number in expected if number is not None) if None not in expected else None,
            sum(one.done for one in under_way),
            max(seconds for seconds in remaining if seconds is not None) if None not in remaining else None,
        )

    @property
    def absence(self) -> str | None:
        """Why nothing happens although the workflow is switched on: nobody is there to do it."""
        return self.presence.sentence if self.is_on else None


def status_of(store: Store, settings: Settings, workflow: str) -> WorkflowStatus:
    """Raises UnknownWorkflow."""
    one = workflow_of(store, workflow)
    now_ms = store.now_ms()
    life = one.lifecycle.read()
    mapped = _mapped_streams(one, life.revision) if life.revision else set()
    names = sorted(set(one.lifecycle.streams()) | mapped)
    return WorkflowStatus(
        workflow,
        settings.instance,
        now_ms,
        life.state,
        life.generation,
        life.since_ms,
        life.by,
        life.why,
        life.revision,
        one.revisions.newest(),
        tuple(one.troubles.all()),
        tuple(_stream_status(store, one, name, name in mapped, life, now_ms) for name in names),
        presence_of(store, workflow, settings.tick_seconds, now_ms),
    )


def all_statuses(store: Store, settings: Settings) -> list[WorkflowStatus]:
    """Every workflow, in the order in which they are shown."""
    return [status_of(store, settings, name) for name in NAMES]


def _mapped_streams(workflow: WorkflowStore, revision: int) -> set[str]:
    document = document_of(workflow, revision)
    return set(stream_names(document)) if document else set()


def _stream_status(
    store: Store, workflow: WorkflowStore, name: str, mapped: bool, life: Life, now_ms: int
) -> StreamStatus:
    queue = workflow.queue(name)
    backlog = queue.backlog()
    statistics = workflow.statistics(name, now_ms)
    cursor = workflow.cursor(name)
    position = Position.load(cursor.value)
    replaying = int(store.redis.zcard(queue.keys.replay))
    rates = {what: per_second * _warming(life, now_ms) for what, per_second in statistics.rates.items()}
    settled = sum(rates[what] for what in ("written", "unchanged", "refused"))
    return StreamStatus(
        name,
        backlog.waiting,
        backlog.leased,
        backlog.delayed,
        backlog.dead,
        _seconds(backlog.oldest_ms, now_ms),
        statistics.totals,
        rates,
        position.phase.value if cursor.number else None,
        full_read(position, backlog.total, replaying, settled) if cursor.number else None,
        _seconds(position.token_ms, now_ms),
        mapped,
    )


def _warming(life: Life, now_ms: int) -> float:
    """Rates are averages over the last half minute; the very first run is measured by the time it has been running.

    After a restart the half minute may hold records of the run before, so that only patience shows the new pace.
    """
    if life.state is not State.RUNNING or life.since_ms is None or life.generation > 1:
        return 1.0
    averaged = 2 * BUCKET_SECONDS + (now_ms / 1000) % BUCKET_SECONDS
    return averaged / min(averaged, max(1.0, (now_ms - life.since_ms) / 1000))


def full_read(position: Position, backlog: int, replaying: int, per_second: float) -> Progress | None:
    """How far a full read has come; None once its last record has left the queue.

    `backlog` counts all records that wait, `replaying` those of the full read that no writer has yet taken,
    `per_second` the records that writers finish.
    """
    if position.phase is Phase.CHANGES and not replaying:
        return None
    # Dynamics counts rows once a day or so: what has been read already may be more.
    expected = None if position.expected is None else max(position.expected, position.rows)
    if position.phase is Phase.CHANGES:
        expected = position.rows
    done = max(0, position.rows - backlog)
    remaining = (expected - done) / per_second if expected is not None and per_second > 0 else None
    return Progress(position.rows, expected, done, remaining)


def _seconds(then_ms: int | None, now_ms: int) -> float | None:
    return None if then_ms is None else max(0.0, (now_ms - then_ms) / 1000)
