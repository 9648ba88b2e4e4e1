"""How far events have been read: new ones, and those of a window that are read once more."""

from control.status.progress import Progress
from control.status.reading import Reading, Waits
from control.status.tokens import Unread, seconds_since
from store.cursors import Cursor
from sync.events.position import EventPosition


def reading_of_events(cursor: Cursor, waits: Waits, life_days: float | None, now_ms: int) -> Reading:
    """`life_days`: how long the source keeps events; None: it does not forget."""
    if not cursor.number:
        return Reading()
    position = EventPosition.load(cursor.value)
    backfill = position.backfill
    age = seconds_since(cursor.at_ms, now_ms)
    return Reading(
        phase="replay" if backfill else "changes",
        again=backfill is not None,
        replayed_ms=position.replayed_ms,
        # How many events a window holds is known when it has been read.
        progress=Progress(backfill.events, None, max(0, backfill.events - waits.replaying), None) if backfill else None,
        read_ms=cursor.at_ms,
        unread=Unread(age, life_days) if age is not None and life_days else None,
        backfill=backfill,
        missed=position.missed,
    )
