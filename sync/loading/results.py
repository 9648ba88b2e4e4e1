"""What Campaign's workflow says of an import, in two files beside each other: the rows that are in Campaign, and those
that it has refused."""

import csv
import io
from collections.abc import Callable, Container, Iterator

#: What may stand between the columns of a file that Campaign extracts.
_DELIMITERS = ",;\t|"
#: The most characters of a line, or of the part of one that ends within quotes.
_LONGEST_LINE = 1024 * 1024
#: What a row and the first line may take on average, generously: a file that is larger than that says something else.
_BYTES_PER_ROW = 4096
_BYTES_BEFORE = 64 * 1024


class Unreadable(Exception):
    """The file is not what it should be; the text says why, without any value."""


def check_size(size: int, records: int) -> None:
    """`size`: in bytes, of a file about so many records. Raises Unreadable."""
    if size > _BYTES_BEFORE + _BYTES_PER_ROW * records:
        raise Unreadable(f"it is too large for {records:,} records")


def keys_of(read: Callable[[], bytes], key: str, wanted: Container[str]) -> Iterator[str]:
    """What stands in the column of the key, line by line; only what is wanted, whatever else is there. Nothing of it is
    kept here.

    `read`: the next bytes of the file; nothing at its end. Raises Unreadable, also in the middle of it.
    """
    try:
        yield from _keys(_lines(read), key, wanted)
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8") from None
    except csv.Error:
        raise Unreadable("a line of it cannot be read") from None


def _keys(lines: Iterator[str], key: str, wanted: Container[str]) -> Iterator[str]:
    header = next(lines, "")
    for delimiter in _DELIMITERS:
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
        if key in names:
            place = names.index(key)
            rows = csv.reader(lines, delimiter=delimiter)
            found = (row[place].strip() for row in rows if len(row) > place)
            return (text for text in found if text in wanted)
    raise Unreadable(f"its first line has no column {key}")


def _lines(read: Callable[[], bytes]) -> Iterator[str]:
    file = io.TextIOWrapper(io.BufferedReader(_Bytes(read)), "utf-8-sig", newline="")
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise Unreadable("a line of it is too long")
        yield line


class _Bytes(io.RawIOBase):
    """What comes piece by piece, as a file."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._left = self._left or self._read()
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
