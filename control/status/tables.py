"""How far a table has been read: everything first, then changes, by a token that dies after some days."""

from control.status.progress import Progress, full_read
from control.status.reading import Comparing, Reading, Waits
from control.status.tokens import Token, seconds_since
from store.cursors import Cursor
from store.keys import LEDGER_BUCKETS
from sync.tables.position import Phase, Position
from sync.tables.walk import Walk


def reading_of_table(cursor: Cursor, waits: Waits, life_days: float | None, now_ms: int) -> Reading:
    """`life_days`: how long change tokens live; None: not known."""
    if not cursor.number:
        return Reading()
    position = Position.load(cursor.value)
    age = seconds_since(position.token_ms, now_ms)
    return Reading(
        phase="replay" if position.walks else position.phase.value,
        again=position.phase is Phase.FULL or position.walks,
        replayed_ms=position.replayed_ms,
        progress=_progress(position, waits),
        comparing=_comparing(position),
        token=Token(age, life_days) if age is not None and life_days else None,
        read_ms=position.token_ms,
    )


def _progress(position: Position, waits: Waits) -> Progress | None:
    walk = position.walk
    if walk is None or position.phase is Phase.FULL:
        return full_read(position, waits.backlog, waits.replaying, waits.per_second)
    # Once a walk has begun, what waits at low priority came with it.
    return walk_of(walk, waits.replaying, waits.per_second) if not walk.is_over or waits.replaying else None


def walk_of(walk: Walk, replaying: int, per_second: float) -> Progress:
    """How far a walk has come; `replaying` of its records no writer has yet taken."""
    expected = walk.rows if walk.is_over else None if walk.expected is None else max(walk.expected, walk.rows)
    done = max(0, walk.rows - replaying)
    remaining = (expected - done) / per_second if expected is not None and per_second > 0 else None
    return Progress(walk.rows, expected, done, remaining)


def _comparing(position: Position) -> Comparing | None:
    comparison = position.comparison
    if comparison is None:
        return None
    return Comparing(position.compares_keys, comparison.bucket / LEDGER_BUCKETS, comparison.found)
