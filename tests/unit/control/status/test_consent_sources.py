"""How far each source of consent has been read, as an operator reads it."""

import pytest

from control.status.consent_sources import reading_of_consent
from control.status.reading import Reading, Waits
from control.status.tokens import Token
from store.cursors import Cursor
from store.files import FileVersion
from sync.consent.polled import PollPosition
from sync.consent.position import ConsentPosition, Notice, PartPosition
from sync.events.position import Missed
from sync.files.position import FilePosition, Place
from sync.tables.position import Phase, Position

AT = 1_795_168_807_000  # 2026-11-20 10:00:07 UTC


def reading(life_days: float | None = 7.0, **texts: str) -> Reading:
    """By source, its position."""
    parts = {name: PartPosition("here", text, read_ms=AT - 1000) for name, text in texts.items()}
    cursor = Cursor(3, ConsentPosition(5, 0, parts).dump(), AT)
    return reading_of_consent(cursor, Waits(0, 0, 0.0), life_days, AT)


PLACE = Place("in", FileVersion("optout_1.csv", 5, 1), line=1234)
CHANGES = Position(phase=Phase.CHANGES, token_ms=AT - 60_000)


@pytest.mark.parametrize(
    ("source", "text", "stands"),
    [
        ("poll", PollPosition().dump(), "everybody is read"),
        (
            "poll",
            PollPosition(AT - 10_000, walking=False, newest_ms=AT).dump(),
            "changes, the newest of 2026-11-20 10:00:07 UTC",
        ),
        ("poll", PollPosition(0, walking=False).dump(), "changes; none was seen so far"),
        ("poll", "", "nothing yet"),
        ("files", FilePosition(PLACE).dump(), "optout_1.csv, line 1,235"),
        ("files", FilePosition(count=1).dump(), "1 file so far; waits for the next one"),
        ("dynamics", Position(rows=1234, expected=5000).dump(), "all contacts are read, 1,234 of 5,000 so far"),
        ("dynamics", Position().dump(), "all contacts are read, 0 so far"),
        ("dynamics", CHANGES.dump(), "changes"),
    ],
)
def test_each_source_tells_where_it_stands(source: str, text: str, stands: str) -> None:
    [found] = reading(7.0, **{source: text}).sources
    assert (found.name, found.stands, found.read_ms) == (source, stands, AT - 1000)


def test_sources_stand_in_one_order_and_everything_is_read_while_one_of_them_does() -> None:
    begun = reading(dynamics=Position().dump(), poll=PollPosition(walking=False).dump(), files="", later="{}")
    assert [source.name for source in begun.sources] == ["poll", "files", "dynamics"]
    assert (begun.phase, begun.again, begun.token) == ("full", False, None)
    done = reading(dynamics=CHANGES.dump(), poll=PollPosition(walking=False).dump())
    assert (done.phase, done.again, done.token) == ("changes", False, Token(60.0, 7.0))
    assert reading(None, dynamics=CHANGES.dump()).token is None


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        (PollPosition(AT).dump(), "whoever has changed since 2026-11-20 10:00:07 UTC is read"),
        (Position(rows=5).dump(), "all contacts are read, 5 so far"),
        (FilePosition(PLACE).dump(), "optout_1.csv, line 1,235"),
    ],
)
def test_a_replay_stands_beside_the_others_whatever_it_reads(text: str, stands: str) -> None:
    found = reading(7.0, poll=PollPosition(walking=False).dump(), again=text)
    assert (found.phase, found.again) == ("replay", True)
    assert [(source.name, source.stands) for source in found.sources][1] == ("replay", stands)


def test_the_export_workflow_tells_when_it_is_looked_at_next() -> None:
    parts = {"export": PartPosition("WKF1", str(AT - 1000), AT)}
    cursor = Cursor(1, ConsentPosition(0, 0, parts).dump(), AT)
    [source] = reading_of_consent(cursor, Waits(0, 0, 0.0), None, AT).sources
    assert (source.name, source.stands) == ("export workflow", "is looked at next on 2026-11-20 10:00:07 UTC")


def test_what_a_source_has_noticed_is_passed_on() -> None:
    parts = {"files": PartPosition("here", notice=Notice(AT, "A file is gone."))}
    cursor = Cursor(1, ConsentPosition(0, 0, parts).dump(), AT)
    [source] = reading_of_consent(cursor, Waits(0, 0, 0.0), None, AT).sources
    assert (source.read_ms, source.notice) == (None, Missed(AT, "A file is gone."))
    assert reading_of_consent(Cursor(0, "", None), Waits(0, 0, 0.0), None, AT) == Reading()
