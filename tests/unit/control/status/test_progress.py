"""The progress of a full read counts what has been finished, not what has been read."""

from control.status.progress import full_read
from sync.tables.position import Phase, Position


def test_progress_is_what_was_read_and_no_longer_waits() -> None:
    # Given a full read that has read 600 of 1,000 records, of which 200 wait
    found = full_read(Position(rows=600, expected=1000, link="next"), backlog=200, replaying=200, per_second=20)
    # Then 400 are done, and the other 600 take half a minute at 20 a second
    assert found is not None
    assert (found.done, found.expected, found.fraction, found.remaining_seconds) == (400, 1000, 0.4, 30.0)


def test_a_count_that_is_out_of_date_never_makes_more_than_everything() -> None:
    found = full_read(Position(rows=1200, expected=1000, link="next"), backlog=0, replaying=0, per_second=0)
    assert found is not None
    assert (found.expected, found.fraction, found.remaining_seconds) == (1200, 1.0, None)


def test_a_table_that_does_not_tell_its_size_has_no_fraction() -> None:
    found = full_read(Position(rows=10, link="next"), backlog=0, replaying=0, per_second=5)
    assert found is not None
    assert (found.fraction, found.remaining_seconds) == (None, None)


def test_when_reading_is_over_the_run_goes_on_until_its_last_record_is_taken() -> None:
    # Given a position that waits for changes; what it read in full is exactly known now
    position = Position(Phase.CHANGES, rows=900, expected=1000)
    draining = full_read(position, backlog=300, replaying=100, per_second=100)
    assert draining is not None
    assert (draining.done, draining.expected, draining.remaining_seconds) == (600, 900, 3.0)
    # And once no record of the full read waits, there is no progress to show
    assert full_read(position, backlog=5, replaying=0, per_second=100) is None
