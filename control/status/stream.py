"""What is known of one stream right now: its queue, its counts, its reading position, what holds it."""

from dataclasses import dataclass, field, replace

from control.kinds import Kind
from control.status.loads import NO_LOADS, Loading, loading_of
from control.status.progress import warming
from control.status.reading import Reading, Waits
from control.status.tokens import seconds_since
from store.holds import Hold
from store.lifecycle import Life
from store.replays import Replay
from store.store import Store, WorkflowStore
from store.trouble import FULL


@dataclass(frozen=True, slots=True)
class StreamStatus:
    stream: str
    mapped: bool  #: False: it left the configuration, but may still hold records
    waiting: int
    leased: int
    delayed: int  #: of those waiting: after a failure, until their time comes
    parked: int  #: they wait for the records that they link to, or for their contact
    dead: int
    oldest_seconds: float | None  #: how long the oldest has been waiting
    totals: dict[str, int]  #: read, filtered, written, unchanged, again, refused, parked since the stream began
    rates: dict[str, float]  #: the same per second, over the last 10 to 20 seconds
    reading: Reading  #: how far it has been read
    hold: Hold | None  #: why nothing of it is written at present
    replay: Replay | None  #: that was asked for, pending or begun
    hour: dict[str, int] = field(default_factory=dict)  #: the counts of the last hour
    parked_longest: str = ""  #: the id of the record that has been parked longest
    loading: Loading = NO_LOADS  #: through Campaign's file import
    reading_waits: bool = False  #: for writing to catch up: as much waits on the queue as may

    @property
    def backlog(self) -> int:
        return self.waiting + self.leased


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all streams of a workflow share."""

    life: Life
    now_ms: int
    kind: Kind
    life_days: float | None  #: how long what is not read can still be read
    mapped: frozenset[str]
    holds: dict[str, Hold]
    replays: dict[str, Replay]
    full: frozenset[str]  #: where reading waits for writing to catch up, as troubles name the place


def stream_status(store: Store, workflow: WorkflowStore, name: str, around: Surroundings) -> StreamStatus:
    queue = workflow.queue(name)
    backlog = queue.backlog()
    statistics = workflow.statistics(name, around.now_ms)
    replaying = int(store.redis.zcard(queue.keys.replay))
    warm = warming(around.life, around.now_ms)
    rates = {what: per_second * warm for what, per_second in statistics.rates.items()}
    settled = sum(rates[what] for what in ("written", "unchanged", "refused", "filtered"))
    waits = Waits(backlog.total, replaying, settled)
    reading = around.kind.reading(workflow.cursor(name), waits, around.life_days, around.now_ms)
    if reading.sources and name not in around.mapped:
        # Nothing moves in this direction: what was read before is of no interest.
        reading = replace(reading, sources=(), token=None)
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
        reading,
        around.holds.get(name),
        around.replays.get(name),
        statistics.hour,
        next((one.id for one in queue.parked(around.now_ms, limit=1)), "") if backlog.parked else "",
        loading_of(workflow, name, around.life, around.now_ms),
        f"{name}{FULL}" in around.full,
    )
