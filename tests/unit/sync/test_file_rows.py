"""Rows as events, strictly by the columns of the first line; whatever does not fit is a flaw that names its line."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.event_files import FileEvents
from sync.egress import file_columns
from sync.files.lines import LONGEST
from sync.files.rows import EXCERPT, MOST_LINES, Rows, Unusable, columns_of
from sync.pages import RawRecord

FIRST = b"id\ttype\texternalId\teventDate"
COLUMNS = ("id", "type", "externalId", "eventDate")


def settings(**given: Any) -> FileEvents:
    return FileEvents.model_validate(given)


def rows(**given: Any) -> Rows:
    return Rows("logs_1.txt", COLUMNS, settings(**given), "egress.files")


def named(line: bytes, **given: Any) -> list[str]:
    """The columns of a first line."""
    found = settings(**given)
    return columns_of(line, found, file_columns(found))


def lines(content: bytes) -> list[bytes]:
    return content.split(b"\n")


def read(content: bytes, **given: Any) -> list[RawRecord]:
    """All events of a content without its first line."""
    parsed = rows(**given).read(lines(content), 1, True)
    assert parsed.lines == len(lines(content))
    return parsed.records


def values(events: list[RawRecord]) -> list[list[object]]:
    return [
        list(event.value.values()) if event.value else [event.where.partition(" (")[0], event.flaw] for event in events
    ]


def test_a_row_is_its_columns_texts_as_they_stand_there() -> None:
    (event,) = read(b"7\tclick\t \t2026-11-01")
    value: dict[str, object] = {"id": "7", "type": "click", "externalId": " ", "eventDate": "2026-11-01"}
    assert event == RawRecord(value, file="logs_1.txt", line=2)


@pytest.mark.parametrize("broken", [b"", b"bad\n"])
def test_line_breaks_of_both_kinds_end_a_row_and_empty_lines_are_none(broken: bytes) -> None:
    found = read(broken + b"1\ta\tb\tc\r\n\r\n\n2\ta\tb\tc\r")
    assert values(found)[-2:] == [["1", "a", "b", "c"], ["2", "a", "b", "c"]]


def test_a_row_with_more_or_fewer_columns_is_a_flaw_and_the_others_are_read() -> None:
    found = read(b"1\ta\tb\tc\n2\ta\n3\ta\tb\tc\td\n4\ta\tb\tc")
    assert values(found) == [
        ["1", "a", "b", "c"],
        ["logs_1.txt line 3", "The row has 2 columns, the first line of the file 4."],
        ["logs_1.txt line 4", "The row has 5 columns, the first line of the file 4."],
        ["4", "a", "b", "c"],
    ]
    assert found[1].excerpt == "2\ta"


@pytest.mark.parametrize("quote", [None, '"'])
def test_a_row_in_another_encoding_or_with_a_zero_byte_is_a_flaw(quote: str | None) -> None:
    found = read("1\tå\tb\tc\n2\t".encode() + b"caf\xe9\tb\tc\n3\ta\0\tb\tc\n4\ta\tb\tc", quote=quote)
    assert values(found) == [
        ["1", "å", "b", "c"],
        ["logs_1.txt line 3", "The row is not written in utf-8, as egress.files.encoding says it is."],
        ["logs_1.txt line 4", "The row holds a zero byte, which no text does."],
        ["4", "a", "b", "c"],
    ]
    assert found[1].excerpt == "2\tcaf\ufffd\tb\tc"


def test_encodings_are_read_as_they_are_set_and_strictly() -> None:
    assert values(read(b"1\tcaf\xe9\tb\t\x80", encoding="latin-1")) == [["1", "café", "b", "\x80"]]
    assert values(read(b"1\tcaf\xe9\tb\t\x80", encoding="windows-1252")) == [["1", "café", "b", "€"]]
    (bad,) = read(b"1\t\x81\tb\tc", encoding="windows-1252")
    assert "not written in windows-1252" in bad.flaw


@pytest.mark.parametrize("quote", [None, '"'])
def test_a_row_that_is_too_long_is_a_flaw_with_its_beginning(quote: str | None) -> None:
    long = b"1\t" + b"x" * LONGEST + b"\tb\tc"
    found = read(long + b"\n2\ta\tb\tc", quote=quote)
    assert values(found)[0] == ["logs_1.txt line 2", "The row is longer than 1 MB."]
    assert len(found[0].excerpt) == EXCERPT
    assert values(found)[1] == ["2", "a", "b", "c"]
    shown = rows().too_long(long[:4_000], 16)
    assert shown.where.startswith("logs_1.txt line 17 (") and len(shown.excerpt) == EXCERPT


# Quotes


def test_a_text_within_quotes_may_be_as_long_as_a_row() -> None:
    # Given texts within quotes, longer than csv takes of itself: one of a row that fits, one over several lines
    long, longer = b"x" * 900_000, (b"x" * 400_000 + b"\n") * 4
    found = read(b'1\tclick\t"' + long + b'"\t2026\n2\tclick\t"' + longer + b'"\t2026', quote='"')
    # Then the first one is read, and of the second it is said what is wrong with it
    assert found[0].value and found[0].value["externalId"] == long.decode()
    assert found[1].flaw == "The row is longer than 1 MB."


def test_an_unreadable_row_is_told_from_another_one_at_its_line_however_it_is_read() -> None:
    # Given an unreadable row that ends in both ways, alone and beside rows with quotes, and another one
    where = {read(bad + rest, quote='"')[0].where for bad in (b"bad", b"bad\r") for rest in (b"", b'\n1\t"a"\tb\tc')}
    # Then it is the same each time, and not the other one
    assert len(where) == 1
    assert read(b"worse", quote='"')[0].where not in where


def test_quotes_stand_around_delimiters_line_breaks_and_doubled_quotes() -> None:
    content = b'1;"a;b";"say ""x""";"one\ntwo\r\nthree"\n2;a;b;"c"'
    assert values(read(content, quote='"', delimiter=";")) == [
        ["1", "a;b", 'say "x"', "one\ntwo\r\nthree"],
        ["2", "a", "b", "c"],
    ]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8), min_size=4, max_size=4)
        .filter(any), min_size=1, max_size=6
    ),
    st.integers(1, 10),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)  # fmt: skip
def test_whatever_is_written_with_quotes_is_read_back_in_blocks_of_any_size(
    table: list[list[str]], most: int, quoting: Any
) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=";", quoting=quoting, lineterminator="\n").writerows(table)
    left = lines(written.getvalue().removesuffix("\n").encode())
    found: list[RawRecord] = []
    number, size = 1, most
    reader = rows(quote='"', delimiter=";")
    while left:
        parsed = reader.read(left[:size], number, size >= len(left))
        found += parsed.records
        left, number = left[parsed.lines :], number + parsed.lines
        # A row that is not complete in a block is asked for again with more lines
        size = most if parsed.lines else size + most
    assert values(found) == table


@pytest.mark.parametrize(
    ("broken", "flaw"),
    [
        (b'1;"a;b;c', "not in pairs"),  # opened and never closed
        (b'1;"a"b;b;c', "not in pairs"),  # text behind the closing one
        (b'1;"a;b";c', "has 3 columns"),
        (b'1;"a;b\nb";c', "has 3 columns"),
    ],
)
def test_a_broken_quote_costs_its_own_row_and_no_other(broken: bytes, flaw: str) -> None:
    good = [b'%d;"a";"b\nb";c' % number for number in range(2, 9)]
    found = read(b"\n".join([broken, *good]), quote='"', delimiter=";")
    bad = [event for event in found if event.value is None]
    # The second line of a broken row of two lines is no row either
    assert len(bad) == broken.count(b"\n") + 1
    assert flaw in bad[0].flaw and bad[0].where.startswith("logs_1.txt line 2 (")
    assert [event.value["id"] for event in found if event.value] == [str(number) for number in range(2, 9)]


def test_a_quote_within_a_text_is_a_part_of_it() -> None:
    assert values(read(b'1;5" pipe;b;c\n2;a;b;c', quote='"', delimiter=";")) == [
        ["1", '5" pipe', "b", "c"],
        ["2", "a", "b", "c"],
    ]


def test_an_open_quote_waits_for_further_lines_but_not_for_ever() -> None:
    reader = rows(quote='"', delimiter=";")
    good, open_ = [b"1;a;b;c"], [b'2;"a;b;c']
    # While lines may follow, the row waits
    assert reader.read(good + open_, 1, False).lines == 1
    assert reader.read(open_ + good * (MOST_LINES - 2), 1, False).lines == 0
    # With too many of them it is broken
    parsed = reader.read(open_ + good * (MOST_LINES - 1), 1, False)
    assert (parsed.lines, len(parsed.records)) == (MOST_LINES, MOST_LINES)
    assert parsed.records[0].value is None


# The first line


def test_the_first_line_names_the_columns_in_any_order() -> None:
    assert named(b"\xef\xbb\xbfeventDate\t other \tid\ttype\texternalId\r") == [
        "eventDate",
        "other",
        "id",
        "type",
        "externalId",
    ]
    quoted = named(b'"id";"type";"externalId";"eventDate"', quote='"', delimiter=";")
    assert quoted == list(COLUMNS)


@pytest.mark.parametrize(
    ("line", "given", "sentence"),
    [
        (b"id\ttype\teventDate", {}, "has no column externalId; name the right one in egress.files.fields.contact"),
        (b"id;type;externalId;eventDate", {}, "has no column id.*check egress.files.delimiter"),
        (FIRST, {"fields": {"id": "logId"}}, "has no column logId; name the right one in egress.files.fields.id"),
        (FIRST + b"\turl\turl", {}, "has two columns url"),
        (b"\xff\xfei\0d\0", {}, "is written in UTF-16"),
        (b"\xef\xbb\xbf" + FIRST, {"encoding": "latin-1"}, "is written in UTF-8, but egress.files.encoding is latin-1"),
        (FIRST + b"\tcaf\xe9", {}, "first line that is not written in utf-8"),
        (FIRST + b"\t\0", {}, "does not begin with a line of column names"),
        (FIRST + b"\t" + b"x" * 100_000, {}, "does not begin with a line of column names"),
        (FIRST + b'\t"x', {"quote": '"'}, "quotes are not in pairs"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_names_the_way_out(
    line: bytes, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Unusable, match=sentence):
        named(line, **given)


def test_columns_that_not_every_file_has_may_be_missing() -> None:
    assert named(FIRST) == list(COLUMNS)
