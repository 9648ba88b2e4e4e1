"""How far events have been read, as their cursor tells it."""

from control.status.events import reading_of_events
from control.status.reading import Reading, Waits
from control.status.tokens import Unread
from store.cursors import Cursor
from sync.events.position import Backfill, EventPosition, Missed
from sync.token_life import DAY

NOW_MS = 1_795_000_000_000


def reading(position: EventPosition, replaying: int = 0, life_days: float | None = 7.0) -> Reading:
    cursor = Cursor(3, position.dump(), NOW_MS - 5000)
    return reading_of_events(cursor, Waits(replaying + 10, replaying, 50.0), life_days, NOW_MS)


def test_before_the_first_page_nothing_is_known() -> None:
    assert reading_of_events(Cursor(0, "", None), Waits(0, 0, 0.0), 7.0, NOW_MS) == Reading()


def test_new_events_have_no_progress_and_no_change_token() -> None:
    missed = Missed(1, "Some events are missed.")
    found = reading(EventPosition("o", "p", missed=missed, replayed_ms=7))
    assert (found.phase, found.again, found.progress, found.token) == ("changes", False, None, None)
    assert (found.read_ms, found.missed, found.replayed_ms) == (NOW_MS - 5000, missed, 7)


def test_a_backfill_tells_what_was_read_and_what_of_it_no_longer_waits() -> None:
    # Given a window of which 300 events were read, of which 100 wait
    found = reading(EventPosition("o", "p", backfill=Backfill("q", 1, None, events=300)), replaying=100)
    # Then 200 are done; how many the window holds nobody knows
    assert (found.phase, found.again, found.progress and found.progress.fraction) == ("replay", True, None)
    assert found.progress is not None
    assert (found.progress.read, found.progress.done) == (300, 200)


def test_only_a_source_that_forgets_is_watched_for_the_time_since_it_was_read() -> None:
    assert reading(EventPosition("o", "p")).unread == Unread(5.0, 7.0)
    assert reading(EventPosition("o", "p"), life_days=None).unread is None


def test_each_alarm_says_what_will_happen_and_what_helps() -> None:
    sentences = [Unread(days * DAY, 7).sentence("egress") for days in (1, 4, 6, 8)]
    assert sentences == [
        None,
        "Events were last read 4 d ago, and the journal keeps them for 7 days: see that egress runs and reads.",
        "Events were last read 6 d ago, and the journal keeps them for 7 days: within 1 d egress must run, or events "
        "are missed.",
        "Events were last read 8 d ago, and the journal keeps them for 7 days: the next run reads what is left, and "
        "tells what is missed.",
    ]
