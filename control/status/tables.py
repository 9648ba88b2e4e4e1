"""How far a table has been read: everything first, then changes, by a token that dies after some days."""

from control.status.progress import full_read
from control.status.reading import Comparing, Reading, Waits
from control.status.tokens import Token, seconds_since
from store.cursors import Cursor
from store.keys import LEDGER_BUCKETS
from sync.position import Phase, Position


def reading_of_table(cursor: Cursor, waits: Waits, life_days: float | None, now_ms: int) -> Reading:
    """`life_days`: how long change tokens live; None: not known."""
    if not cursor.number:
        return Reading()
    position = Position.load(cursor.value)
    age = seconds_since(position.token_ms, now_ms)
    return Reading(
        phase=position.phase.value,
        again=position.phase is Phase.FULL,
        replayed_ms=position.replayed_ms,
        progress=full_read(position, waits.backlog, waits.replaying, waits.per_second),
        comparing=_comparing(position),
        token=Token(age, life_days) if age is not None and life_days else None,
        read_ms=position.token_ms,
    )


def _comparing(position: Position) -> Comparing | None:
    comparison = position.comparison
    if comparison is None:
        return None
    return Comparing(position.compares_keys, comparison.bucket / LEDGER_BUCKETS, comparison.found)
