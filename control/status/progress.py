"""How far a full read has come: a first run, a replay, or what an expired change token makes necessary."""

from collections.abc import Iterable
from dataclasses import dataclass

from store.lifecycle import Life, State
from store.statistics import rate_seconds
from sync.tables.position import Phase, Position


@dataclass(frozen=True, slots=True)
class Progress:
    read: int  #: records read so far
    expected: int | None  #: records the table has, as far as Dynamics tells
    done: int  #: records read and no longer waiting
    remaining_seconds: float | None  #: at the pace of the last 10 to 20 seconds; None: not known

    @property
    def fraction(self) -> float | None:
        """0 to 1, None where the number of records is not known."""
        return min(1.0, self.done / self.expected) if self.expected else None


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


def together(under_way: Iterable[Progress | None]) -> Progress | None:
    """Several full reads as one; None if there is none."""
    reads = [one for one in under_way if one]
    if not reads:
        return None
    expected = [one.expected for one in reads]
    remaining = [one.remaining_seconds for one in reads]
    return Progress(
        sum(one.read for one in reads),
        sum(count for count in expected if count is not None) if None not in expected else None,
        sum(one.done for one in reads),
        max(seconds for seconds in remaining if seconds is not None) if None not in remaining else None,
    )


def warming(life: Life, now_ms: int) -> float:
    """Rates are averages over 10 to 20 seconds; the very first run is measured by the time it has been running.

    After a restart these seconds may hold records of the run before, so that only patience shows the new pace.
    """
    if life.state is not State.RUNNING or life.since_ms is None or life.generation > 1:
        return 1.0
    averaged = rate_seconds(now_ms)
    return averaged / min(averaged, max(1.0, (now_ms - life.since_ms) / 1000))
