"""Results of imports: whatever Campaign's workflow leaves there, it is read as keys of the load or doubted, and no key
is believed that the load does not have."""

import csv
import io
from collections.abc import Collection
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.loading.results import Unreadable, check_size, keys_of
from tests.fuzz.answers import PLANTED
from tests.fuzz.budget import examples

KEY = "externalId"
WANTED = frozenset({"a-1", "b 2", "é", "0", PLANTED})

PIECES = st.one_of(
    st.sampled_from([
        b",", b";", b"\t", b"|", b'"', b'""', b"\n", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b" ",
        b"\xc3", "\u2028\x85".encode(), b"externalId", b"externalId\n", b"a-1", b"a-1\n", b"b 2,x\n", "é\n".encode(),
        b'"a-1"', b'"b 2\n', b"a" * 3000, b"a" * 140_000, b"," * 300, b"\n" * 50, PLANTED.encode(),
    ]),
    st.binary(max_size=12),
)  # fmt: skip
CONTENTS = st.one_of(
    st.lists(PIECES, max_size=30).map(b"".join),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.builds(
        lambda head, rest: head + b"".join(rest),
        st.sampled_from(
            [b"externalId\n", b"\xef\xbb\xbfexternalId;reason\r\n", b'x\t"externalId"\n', b"x|externalId\r"]
        ),
        st.lists(PIECES, max_size=30),
    ),
)


def found(content: bytes, at_once: int, wanted: Collection[str] = WANTED) -> set[str] | str:
    """The keys of a file that is read in pieces of so many bytes; why it is doubted if it is."""
    file = io.BytesIO(content)
    try:
        return set(keys_of(lambda: file.read(at_once), KEY, wanted))
    except Unreadable as doubted:
        return str(doubted)


@examples(200)
@given(CONTENTS, st.integers(1, 40_000), st.integers(1, 40_000))
def test_a_result_has_keys_of_the_load_or_is_doubted_however_it_comes(content: bytes, size: int, other: int) -> None:
    # When whatever lies there is read, in pieces of two sizes
    keys, again = found(content, size), found(content, other)
    if isinstance(keys, str):
        # Then it is doubted both times, in one sentence without a value
        assert keys and "\n" not in keys and PLANTED not in keys
        assert isinstance(again, str)
    else:
        # Or it comes to the same, and no key is made up: it is one of the load, and stands there
        assert keys == again
        assert keys <= WANTED
        assert all(key.encode() in content.replace(b'"', b"") for key in keys)


@st.composite
def written(draw: st.DrawFn) -> tuple[bytes, int, set[str]]:
    """A file as a workflow may be made to write it, how many rows it has, and their keys."""
    # Left alone, Python's writer puts no quotes around some ends of lines, and then nobody can tell them from a row's.
    quoted = draw(st.booleans())
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0" if quoted else "\0\r\n")
    words = st.text(letters, max_size=12)
    # Blanks around a key are none of it.
    keys = draw(st.lists(words.map(str.strip).filter(bool), max_size=20))
    others = draw(st.integers(0, 3))
    place = draw(st.integers(0, others))
    text = io.StringIO()
    if draw(st.booleans()):
        text.write("\ufeff")
    ends = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    # A first line of one column does not show what would stand between two: it is taken for a comma.
    delimiter = draw(st.sampled_from(",;\t|" if others else ","))
    quoting: Literal[0, 1] = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    rows = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ends)
    for key, head in ((KEY, True), *((key, False) for key in keys)):
        cells = [f"column{n}" if head else draw(words) for n in range(others)]
        rows.writerow([*cells[:place], key, *cells[place:]])
    return text.getvalue().encode(), len(keys), set(keys)


@examples(100)
@given(written(), st.integers(1, 200))
def test_what_was_written_is_confirmed_key_by_key(file: tuple[bytes, int, set[str]], size: int) -> None:
    # Given a file of which a load knows some rows
    content, records, keys = file
    known = set(sorted(keys)[::2])
    # Then it is not too large, and those are found
    check_size(len(content), records)
    assert found(content, size, known) == known


@examples(100)
@given(st.integers(0, 2**63), st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_size_is_borne_or_doubted_and_more_records_bear_no_less(size: int, records: int, more: int) -> None:
    try:
        check_size(size, records)
    except Unreadable as doubted:
        assert "\n" not in str(doubted)
        with pytest.raises(Unreadable):
            check_size(size + more, records)
    else:
        check_size(size, records + more)
