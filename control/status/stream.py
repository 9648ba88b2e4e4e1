"""What is known of one stream right now: its queue, its counts, its reading position, what holds it."""

from dataclasses import dataclass

from control.status.progress import Progress, full_read, warming
from control.status.tokens import Token
from store.holds import Hold
from store.keys import LEDGER_BUCKETS
from store.lifecycle import Life
from store.replays import Replay
from store.store import Store, WorkflowStore
from sync.position import Position


@dataclass(frozen=True, slots=True)
class Comparing:
    """A comparison of keys with Dynamics; before it everything is read."""

    begun: bool  #: False: everything is still being read
    fraction: float  #: 0 to 1
    found: int  #: deletions recovered so far


@dataclass(frozen=True, slots=True)
class StreamStatus:
    stream: str
    mapped: bool  #: False: it left the configuration, but may still hold records
    waiting: int
    leased: int
    delayed: int  #: of those waiting: after a failure, until their time comes
    parked: int  #: they wait for the records that they link to
    dead: int
    oldest_seconds: float | None  #: how long the oldest has been waiting
    totals: dict[str, int]  #: read, filtered, written, unchanged, again, refused, parked since the stream began
    rates: dict[str, float]  #: the same per second, over the last half minute
    phase: str | None  #: full, changes, or None before anything was read
    comparing: Comparing | None  #: while deletions are recovered that no change token tells any more
    progress: Progress | None  #: while a full read is under way
    token: Token | None  #: the change token, once there is one
    hold: Hold | None  #: why nothing of it is written at present
    replay: Replay | None  #: that was asked for, pending or begun

    @property
    def backlog(self) -> int:
        return self.waiting + self.leased


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all streams of a workflow share."""

    life: Life
    now_ms: int
    token_days: float
    mapped: frozenset[str]
    holds: dict[str, Hold]
    replays: dict[str, Replay]


def stream_status(store: Store, workflow: WorkflowStore, name: str, around: Surroundings) -> StreamStatus:
    queue = workflow.queue(name)
    backlog = queue.backlog()
    statistics = workflow.statistics(name, around.now_ms)
    cursor = workflow.cursor(name)
    position = Position.load(cursor.value)
    replaying = int(store.redis.zcard(queue.keys.replay))
    warm = warming(around.life, around.now_ms)
    rates = {what: per_second * warm for what, per_second in statistics.rates.items()}
    settled = sum(rates[what] for what in ("written", "unchanged", "refused", "filtered"))
    return StreamStatus(
        name,
        name in around.mapped,
        backlog.waiting,
        backlog.leased,
        backlog.delayed,
        backlog.parked,
        backlog.dead,
        seconds_since(backlog.oldest_ms, around.now_ms),
        statistics.totals,
        rates,
        position.phase.value if cursor.number else None,
        _comparing(position),
        full_read(position, backlog.total, replaying, settled) if cursor.number else None,
        _token(position, around),
        around.holds.get(name),
        around.replays.get(name),
    )


def _token(position: Position, around: Surroundings) -> Token | None:
    age = seconds_since(position.token_ms, around.now_ms)
    return None if age is None else Token(age, around.token_days)


def _comparing(position: Position) -> Comparing | None:
    comparison = position.comparison
    if comparison is None:
        return None
    return Comparing(position.compares_keys, comparison.bucket / LEDGER_BUCKETS, comparison.found)


def seconds_since(then_ms: int | None, now_ms: int) -> float | None:
    return None if then_ms is None else max(0.0, (now_ms - then_ms) / 1000)
