"""The rows of a file, by the columns of its first line. What does not fit is a flaw with its line."""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from config.remote_files import RemoteFiles
from sync.files.lines import LONGEST, SHOWN
from sync.pages import RawRecord

#: Characters of what cannot be read that are kept with it.
EXCERPT = 1_000

#: The most lines of one row: a quote that is opened by mistake must not swallow the rest of the file.
MOST_LINES = 500

#: The longest first line, bytes.
LONGEST_HEADER = 65_536

TOO_LONG = "The row is longer than 1 MB."

# Whatever is shorter than LONGEST is read; csv itself stops at 128 kB.
csv.field_size_limit(LONGEST)

NO_COLUMNS = "does not begin with a line of column names"

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Unusable(Exception):
    """The whole file cannot be read under these settings; the sentence says why and names the way out."""


class _Unreadable(Exception):
    """A line is no text; the sentence says why."""


class Columns(NamedTuple):
    """Which columns of a file are of interest."""

    section: str  #: where the settings of these files stand in the configuration, such as "egress.files"
    named: Mapping[str, str]  #: key below that section -> the column that it names
    needed: Collection[str]  #: those of the keys whose columns every file must have


class Parsed(NamedTuple):
    records: list[RawRecord]
    lines: int  #: how many lines these are; the rows of the others need further lines


class Rows:
    """Rows of one file."""

    def __init__(self, name: str, columns: Sequence[str], settings: RemoteFiles, section: str) -> None:
        """`name` of the file, `columns` by its first line; `section`: where its settings stand."""
        self._name = name
        self._columns = tuple(columns)
        self._section = section
        self._delimiter = settings.delimiter
        self._quote = settings.quote
        self._encoding = settings.encoding

    def read(self, lines: Sequence[bytes], before: int, final: bool) -> Parsed:
        """The rows of these lines, before which there are `before` others in the file.

        `final`: no line can follow on them; otherwise the last row may go on behind them.
        """
        texts = self._texts(lines)
        if self._quote is not None and (texts is None or any(self._quote in text for text in texts)):
            return self._quoted(lines, before, final)
        if texts is not None:
            return Parsed(self._unquoted(texts, before), len(lines))
        return Parsed([row for n, line in enumerate(lines, before) for row in self._single(line, n)], len(lines))

    def too_long(self, shown: bytes, before: int) -> RawRecord:
        """A line that is longer than LONGEST, of which this is the beginning."""
        return self._flaw(TOO_LONG, shown, before + 1)

    def _unquoted(self, texts: Sequence[str], before: int) -> list[RawRecord]:
        columns, delimiter = self._columns, self._delimiter
        wanted = len(columns)
        name = self._name
        found: list[RawRecord] = []
        for number, row in enumerate(texts, before + 1):
            if row[-1:] == "\r":
                row = row[:-1]
            cells = row.split(delimiter)
            if len(cells) == wanted and row:
                found.append(RawRecord(dict(zip(columns, cells, strict=True)), "", "", "", name, number))
            elif row:
                found.append(self._flaw(self._miscounted(len(cells)), row, number))
        return found

    def _single(self, line: bytes, before: int) -> list[RawRecord]:
        try:
            return self._unquoted([self._text(line)], before)
        except _Unreadable as unreadable:
            return [self._flaw(str(unreadable), line, before + 1)]

    def _quoted(self, lines: Sequence[bytes], before: int, final: bool) -> Parsed:
        """A row that is broken ends with its line, so that the next ones are not taken for a part of it."""
        found: list[RawRecord] = []
        done = 0
        while done < len(lines):
            source = _Texts(self, lines, done)
            rows = csv.reader(source, delimiter=self._delimiter, quotechar=self._quote, strict=True)
            try:
                for cells in rows:
                    if cells and len(cells) != len(self._columns):
                        raise _Unreadable(self._miscounted(len(cells)))
                    if cells:
                        value: dict[str, object] = dict(zip(self._columns, cells, strict=True))
                        found.append(RawRecord(value, file=self._name, line=before + done + 1))
                    done = source.next
                return Parsed(found, done)
            except csv.Error as error:
                if source.is_at_end and not final and len(lines) - done < MOST_LINES:
                    return Parsed(found, done)
                flaw = "The row's quotes are not in pairs, or stand within a text without being doubled."
                if "field limit" in str(error):
                    flaw = TOO_LONG
            except _Unreadable as unreadable:
                flaw = str(unreadable)
            found.append(self._flaw(flaw, lines[done], before + done + 1))
            done += 1
        return Parsed(found, done)

    def _texts(self, lines: Sequence[bytes]) -> list[str] | None:
        """All of them as text, decoded at once; None if one of them is none, or too long."""
        try:
            text = b"\n".join(lines).decode(self._encoding)
        except UnicodeDecodeError:
            return None
        texts: list[str] = text.split("\n")
        whole = len(texts) == len(lines) and "\0" not in text and len(text) <= LONGEST
        return texts if whole else None

    def _text(self, line: bytes) -> str:
        if len(line) > LONGEST:
            raise _Unreadable(TOO_LONG)
        try:
            text = line.decode(self._encoding)
        except UnicodeDecodeError:
            raise _Unreadable(
                f"The row is not written in {self._encoding}, as {self._section}.encoding says it is."
            ) from None
        if "\0" in text:
            raise _Unreadable("The row holds a zero byte, which no text does.")
        return text

    def _miscounted(self, cells: int) -> str:
        many = "1 column" if cells == 1 else f"{cells:,} columns"
        return f"The row has {many}, the first line of the file {len(self._columns):,}."

    def _flaw(self, flaw: str, shown: str | bytes, number: int) -> RawRecord:
        if isinstance(shown, bytes):
            shown = shown[:SHOWN].decode(self._encoding, "replace")
        excerpt = shown.removesuffix("\r")[:EXCERPT]
        # Another version of the file may have another unreadable row at this line, which is told from this one.
        digest = blake2b(excerpt.encode(errors="surrogatepass"), digest_size=4).hexdigest()
        where = f"{self._name} line {number} ({digest})"
        return RawRecord(None, where, flaw, excerpt, self._name, number)


class _Texts:
    """Lines as the csv module wants them; it asks for the next one only where a row is not complete."""

    def __init__(self, rows: Rows, lines: Sequence[bytes], first: int) -> None:
        self._rows = rows
        self._lines = lines
        self.next = first
        self.is_at_end = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.next == len(self._lines):
            self.is_at_end = True
            raise StopIteration
        text = self._rows._text(self._lines[self.next])
        self.next += 1
        return text + "\n"


def columns_of(line: bytes, settings: RemoteFiles, wanted: Columns) -> list[str]:
    """The columns that the first line of a file names. Raises Unusable where one that is needed is not among them."""
    section = wanted.section
    if line.startswith(_UTF16_MARKS):
        raise Unusable("is written in UTF-16; let Campaign export it in UTF-8")
    if line.startswith(_UTF8_MARK):
        if settings.encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
            raise Unusable(f"is written in UTF-8, but {section}.encoding is {settings.encoding}")
        line = line.removeprefix(_UTF8_MARK)
    try:
        text = line.decode(settings.encoding)
    except UnicodeDecodeError:
        raise Unusable(
            f"has a first line that is not written in {settings.encoding}; check {section}.encoding"
        ) from None
    if len(line) > LONGEST_HEADER or "\0" in text:
        raise Unusable(NO_COLUMNS)
    columns = [column.strip() for column in _cells(text.removesuffix("\r"), settings)]
    for key, column in wanted.named.items():
        if column not in columns and key in wanted.needed:
            raise Unusable(
                f"has no column {column}; name the right one in {section}.{key}, check "
                f"{section}.delimiter, or let Campaign export it"
            )
    for column in wanted.named.values():
        if columns.count(column) > 1:
            raise Unusable(f"has two columns {column}; let Campaign export it with one")
    return columns


def _cells(text: str, settings: RemoteFiles) -> list[str]:
    if settings.quote is None:
        return text.split(settings.delimiter)
    try:
        return next(csv.reader([text], delimiter=settings.delimiter, quotechar=settings.quote, strict=True), [])
    except csv.Error:
        raise Unusable("has a first line whose quotes are not in pairs") from None
