"""CSV files and logs: every row becomes a record or a flaw with its line, and no file keeps another one from being
read."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from config.event_files import FileEvents
from connectors.errors import TryAgain
from sync.egress import file_columns
from sync.files.content import ContentDigest
from sync.files.lines import Lines
from sync.files.rows import EXCERPT, Rows, Unusable, columns_of
from sync.pages import RawRecord
from tests.fuzz.answers import PLANTED
from tests.fuzz.budget import examples
from tests.integration.sync.log_folder import LogFolder, log_folders, rows

HEAD = "id{0}type{0}externalId{0}eventDate\n"

SETTINGS = st.builds(
    lambda delimiter, quote, encoding: FileEvents.model_validate(
        {"folder": "logs", "delimiter": delimiter, "quote": quote, "encoding": encoding}
    ),
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from(['"', "'", None]),
    st.sampled_from(["utf-8", "latin-1", "windows-1252", "ascii"]),
)
PIECES = st.one_of(
    st.sampled_from([
        b",", b"\t", b";", b'"', b"'", b'""', b'",', b'\n"', b"\n", b"\n", b"\r\n", b"\r", b"\0", b"\xff\xfe",
        b"\xef\xbb\xbf", b"\xe9", "é".encode(), "\u2028\x85".encode(), b" ", b"1,send,x,2026-11-01\n", b"a" * 2000,
        b"a\tb\tc\td\n", b"\x1a", b"\\", b"=1+1", PLANTED.encode(), b',"' * 300, b"\n" * 50,
    ]),
    st.binary(max_size=12),
)  # fmt: skip
CONTENTS = st.lists(PIECES, max_size=40).map(b"".join)


def all_rows(content: bytes, settings: FileEvents, size: int, most: int) -> list[tuple[RawRecord, int]]:
    """The records of a content behind its first line, read in pieces of `size` bytes and blocks of `most` lines, each
    with the number of lines that were read when it came. Checks what is read of what."""
    digest, stream = ContentDigest(), io.BytesIO(content)
    lines = Lines(lambda: stream.read(size), digest, 0, 1, True)
    read = Rows("logs_1.txt", ("id", "type", "externalId", "eventDate"), settings, "egress.files")
    found: list[tuple[RawRecord, int]] = []
    asked = most
    while not lines.is_over:
        block = lines.block(asked, 1 << 20)
        if not block and not lines.passed_over:
            lines.fill()
            continue
        if not block:
            found.append((read.too_long(lines.take_too_long(), lines.number), lines.number))
            continue
        whole = len(block) == lines.ready
        parsed = read.read(block, lines.number, lines.is_final and whole)
        if not parsed.lines:
            if whole:
                assert not lines.is_at_end, "the end is known, and nothing is read of it"
                lines.fill()
            else:
                asked += most
            continue
        lines.take(parsed.lines)
        found += [(record, lines.number) for record in parsed.records]
        asked = most
    # Every byte was counted, every line has a number
    assert lines.offset == len(content) == digest.content().length
    assert lines.number - 1 == content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
    return found


@examples(150)
@given(CONTENTS, SETTINGS, st.integers(1, 600), st.integers(1, 30), st.integers(1, 600), st.integers(1, 30))
def test_every_row_is_a_record_or_a_flaw_however_the_file_is_cut(
    content: bytes, settings: FileEvents, size: int, most: int, other_size: int, other_most: int
) -> None:
    # When a content is read in two ways
    found = all_rows(content, settings, size, most)
    again = all_rows(content, settings, other_size, other_most)
    # Then both find the same, in the order of its lines
    assert [record for record, _ in found] == [record for record, _ in again]
    numbers = [record.line for record, _ in found]
    assert numbers == sorted(set(numbers))
    assert all(1 < record.line <= read for record, read in found)
    # And every line with something on it is in a record, or is a flaw
    for record, _ in found:
        assert (record.value is None) != (record.flaw == "")
        assert len(record.excerpt) <= EXCERPT and PLANTED not in record.flaw
        assert record.value is None or list(record.value) == ["id", "type", "externalId", "eventDate"]
    if settings.quote is None:
        told = [n for n, line in enumerate(content.split(b"\n"), 2) if line.strip(b"\r") or b"\r" in line[:-1]]
        assert set(told) <= set(numbers) <= {n for n, line in enumerate(content.split(b"\n"), 2) if line}


@examples(100)
@given(st.one_of(CONTENTS, st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))), SETTINGS)
def test_a_first_line_names_its_columns_or_says_why_not(content: bytes, settings: FileEvents) -> None:
    line = content.split(b"\n")[0]
    try:
        found = columns_of(line, settings, file_columns(settings))
    except Unusable as unusable:
        assert "\n" not in str(unusable) and PLANTED not in str(unusable)
    else:
        assert {"id", "type", "externalId", "eventDate"} <= set(found)


@pytest.fixture
def folder(redis: Redis, tmp_path: Path) -> Iterator[LogFolder]:
    yield from log_folders(redis, tmp_path / "home")


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file that may be anything: a log, a packed one that is torn or damaged, a picture."""
    delimiter = draw(st.sampled_from(["\t", ","]))
    content = draw(st.sampled_from([HEAD.format(delimiter).encode(), b"", b"\n", b"\xff\xfei\0d\0"])) + draw(CONTENTS)
    packed = draw(st.sampled_from(["", "whole", "torn", "damaged", "bare"]))
    if not packed:
        return "logs_1.txt", content
    if packed == "bare":
        return "logs_1.txt.gz", content
    zipped = bytearray(gzip.compress(content))
    if packed == "torn":
        del zipped[draw(st.integers(0, len(zipped) - 1)) :]
    if packed == "damaged":
        zipped[draw(st.integers(0, len(zipped) - 1))] ^= draw(st.integers(1, 255))
    return "logs_1.txt.gz", bytes(zipped)


@examples(12)
@given(files())
def test_no_file_keeps_the_next_one_from_being_read(redis: Redis, folder: LogFolder, odd: tuple[str, bytes]) -> None:
    # Given a file with anything in it, and a good one behind it
    folder.server.operations.clear()
    redis.flushdb()
    folder.restart()
    folder.events, folder.position = [], folder.source.beginning(None)
    for name in folder.names():
        folder.path(name).unlink()
    name, content = odd
    folder.put(name, content)
    folder.put("logs_2.txt", rows("last"))
    # When the folder is read, again where it is told to be tried again
    found: list[str] = []
    tries = 0
    while "last" not in found:
        tries += 1
        assert tries < 12, "the good file is never read"
        try:
            found += folder.read()
        except TryAgain as error:
            assert PLANTED not in str(error)
            found += [str(event.value["id"]) for event in folder.events if event.value and event.value["id"] == "last"]
    # Then whatever was no row is a flaw with a sentence, and nothing was missed
    for event in folder.events:
        assert event.value is not None or (event.flaw.endswith(".") and PLANTED not in event.flaw)
    assert folder.missed == []
