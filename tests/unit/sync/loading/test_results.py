"""What Campaign says of an import is read as it was written, and doubted where it cannot be read."""

import io

import pytest

from sync.loading import results
from sync.loading.results import Unreadable, check_size, keys_of


def keys(content: bytes, at_once: int = 7) -> set[str]:
    """As they come piece by piece, of a load that has these records."""
    file = io.BytesIO(content)
    return set(keys_of(lambda: file.read(at_once), "externalId", {"a", "b"}))


@pytest.mark.parametrize(
    "content",
    [
        b"externalId\na\nb\n",
        b"\xef\xbb\xbfexternalId\r\na\r\nb\r\n",
        b"lastName,externalId\nDoe,a\nRoe,b\n",
        b"externalId;reason\na;x\nb;\n",
        b'externalId\treason\n"a"\t"two\nlines"\nb\tx',
        b"externalId\na\nb\na\n",
    ],
)
def test_keys_are_found_whatever_stands_beside_them(content: bytes) -> None:
    assert keys(content) == {"a", "b"}


def test_a_file_that_is_only_half_there_tells_what_it_tells() -> None:
    assert keys(b"reason,externalId\nx,a\nx") == {"a"}


def test_no_row_is_no_key() -> None:
    assert keys(b"externalId\n") == set()


@pytest.mark.parametrize("content", [b"", b"crmId\na\n", b"externalId\n\xff\n"])
def test_a_file_that_cannot_be_read_is_doubted(content: bytes) -> None:
    with pytest.raises(Unreadable):
        keys(content)


def test_a_quote_that_nobody_closes_is_doubted() -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        keys(b'externalId\na\n"' + (b"b" * 1000 + b"\n") * 1100, at_once=65_536)


def test_keys_of_somebody_else_are_passed_over() -> None:
    assert keys(b"externalId\nc\na\nab\n") == {"a"}


def test_a_file_without_an_end_of_its_first_line_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a stream that never ends a line
    monkeypatch.setattr(results, "_LONGEST_LINE", 1000)
    pieces = iter([b"x" * 20_000] * 3)
    # When it is read, then no more of it than that
    with pytest.raises(Unreadable, match="too long"):
        [*keys_of(lambda: next(pieces), "externalId", {"a"})]
    assert len([*pieces]) > 0


def test_a_file_that_is_much_too_large_for_its_load_is_not_read() -> None:
    check_size(3_000_000, 1000)
    with pytest.raises(Unreadable, match="too large for 1,000 records"):
        check_size(5_000_000, 1000)
