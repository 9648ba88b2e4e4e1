"""What Campaign's workflow says of an import, in two files beside each other: the rows that are in Campaign, and those
that it has refused."""

import csv
import io

#: What may stand between the columns of a file that Campaign extracts.
_DELIMITERS = ",;\t|"


class Unreadable(Exception):
    """The file is not what it should be; the text says why, without any value."""


def written_name(stem: str) -> str:
    """Appears last, with the keys of all rows that are in Campaign now."""
    return f"{stem}.written.csv"


def rejects_name(stem: str) -> str:
    """Refused rows, if there were any."""
    return f"{stem}.rejects.csv"


def keys_of(content: bytes, key: str) -> set[str]:
    """What stands in the column of the key, line by line. Raises Unreadable."""
    try:
        return _keys(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=""), key)
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8") from None
    except csv.Error:
        raise Unreadable("a line of it cannot be read") from None


def _keys(lines: io.TextIOWrapper, key: str) -> set[str]:
    header = lines.readline()
    for delimiter in _DELIMITERS:
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
        if key in names:
            place = names.index(key)
            return {row[place].strip() for row in csv.reader(lines, delimiter=delimiter) if len(row) > place}
    raise Unreadable(f"its first line has no column {key}")
