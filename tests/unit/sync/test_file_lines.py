"""Lines: what is taken, where the next one stands, and that a line of any length takes bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.files import lines as file_lines
from sync.files.content import ContentDigest
from sync.files.lines import LONGEST, SHOWN, Lines
from tests.unit.sync.test_file_content import pieces


def reader(content: bytes, size: int, offset: int = 0, number: int = 0, whole: bool = True) -> Lines:
    return Lines(pieces(content[offset:], size), ContentDigest(), offset, number, whole)


def taken(lines: Lines, most: int, until: int = 1_000_000) -> list[bytes]:
    """All lines, or so many; one that is too long as its beginning with dots."""
    found: list[bytes] = []
    while not lines.is_over and len(found) < until:
        block = lines.block(most, 1_000_000)
        if block:
            lines.take(len(block))
            found += block
        elif lines.passed_over:
            found.append(lines.take_too_long() + b"...")
        else:
            lines.fill()
    return found


text = st.text("ab\r\n", max_size=60).map(str.encode)


@given(text, st.integers(1, 20), st.integers(1, 5))
def test_all_lines_come_once_in_order_and_all_bytes_are_counted(content: bytes, size: int, most: int) -> None:
    lines = reader(content, size)
    expected = content.split(b"\n")
    assert taken(lines, most) == (expected if expected[-1] else expected[:-1])
    assert lines.offset == len(content)
    whole = ContentDigest()
    whole.feed(content)
    assert lines.digest.content() == whole.content()


@given(text, st.integers(1, 20), st.integers(1, 5), st.integers(0, 10))
def test_reading_goes_on_at_the_place_where_it_stopped(content: bytes, size: int, most: int, until: int) -> None:
    first = reader(content, size)
    found = taken(first, most, until)
    second = reader(content, size + 1, first.offset, first.number)
    assert found + taken(second, most) == taken(reader(content, 100), 100)
    assert second.number == len(taken(reader(content, 100), 100))


@given(text, st.integers(1, 20))
def test_what_stands_behind_the_last_line_break_is_no_line_unless_the_end_is_trusted(content: bytes, size: int) -> None:
    # Given lines whose end is not trusted, read to it
    lines = reader(content, size, whole=False)
    while not lines.is_at_end:
        lines.fill()
        assert not lines.is_final
    # Then those that end with a line break are there, and it is over only if nothing stands behind them
    found = lines.block(1_000, 1_000_000)
    if found:
        lines.take(len(found))
    assert found == content.split(b"\n")[:-1]
    assert lines.is_over == (not content or content.endswith(b"\n"))
    assert lines.offset == content.rfind(b"\n") + 1


def test_a_line_that_is_too_long_is_passed_over_without_being_held() -> None:
    # Given a line of 10 MB between two good ones
    content = b"first\n" + b"x" * 10_000_000 + b"\nlast"
    lines = reader(content, 32_768)
    held = 0
    found: list[bytes] = []
    while not lines.is_over:
        block = lines.block(10, 1_000_000)
        if block:
            lines.take(len(block))
            found += block
        elif lines.passed_over:
            # Then its beginning is shown, and the next line stands where it does in the file
            assert lines.take_too_long() == b"x" * SHOWN
            assert lines.offset == len(b"first\n") + 10_000_001
        else:
            lines.fill()
        held = max(held, len(lines._rest) + sum(map(len, lines._ready)) + len(lines._behind))
    assert found == [b"first", b"last"]
    assert (lines.number, lines.offset) == (3, len(content))
    # And no more was held than the longest good line
    assert held <= LONGEST + 65_536
    whole = ContentDigest()
    whole.feed(content)
    assert lines.digest.content() == whole.content()


def test_a_line_that_is_too_long_may_be_the_last_and_have_no_end() -> None:
    lines = reader(b"a\n" + b"x" * (LONGEST * 2), 100_000)
    assert taken(lines, 10) == [b"a", b"x" * SHOWN + b"..."]
    assert lines.offset == LONGEST * 2 + 2


def test_a_block_has_bounded_bytes_and_at_least_one_line() -> None:
    lines = reader(b"aaaa\nbbbb\ncccc\n", 100)
    lines.fill()
    assert lines.block(10, 8) == [b"aaaa", b"bbbb"]
    assert lines.block(10, 1) == [b"aaaa"]
    assert lines.block(2, 100) == [b"aaaa", b"bbbb"]
    assert lines.ready == 3


@given(text, st.integers(1, 20), st.integers(0, 10))
def test_it_can_go_on_to_a_line_that_somebody_else_has_come_to(content: bytes, size: int, until: int) -> None:
    other = reader(content, 7)
    taken(other, 1, until)
    mine = reader(content, size)
    while not mine.go_towards(other.offset):
        mine.fill()
    assert (mine.number, mine.digest.content()) == (other.number, other.digest.content())
    assert taken(mine, 10) == taken(other, 10)


def test_going_on_passes_over_lines_that_are_too_long_and_finds_no_line_where_none_begins() -> None:
    content = b"a\n" + b"x" * (LONGEST * 2) + b"\nlast\n"
    lines = reader(content, 100_000)
    while not lines.go_towards(LONGEST * 2 + 3):
        lines.fill()
    assert taken(lines, 10) == [b"last"]
    for nowhere in (1, len(content) + 1):
        lines = reader(content, 100_000)
        with pytest.raises(ValueError):
            while not lines.go_towards(nowhere):
                lines.fill()


def test_it_is_known_whether_a_line_can_follow() -> None:
    lines = reader(b"a\nb", 2)
    lines.fill()
    assert (lines.ready, lines.is_final) == (1, False)
    lines.fill()
    lines.fill()
    assert (lines.ready, lines.is_final) == (2, True)
    longer = reader(b"a\n" + b"x" * (file_lines.LONGEST + 10), file_lines.LONGEST + 12)
    longer.fill()
    assert (longer.ready, longer.is_final) == (1, True)
