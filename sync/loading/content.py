"""What stands in an import file: a line of column names, then a line for each record."""

import re
from collections.abc import Mapping

import orjson

from config.ingress import TableMapping

#: What puts a text into quotes: what could be taken for more than one text, or lose a blank on its way.
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


class NotLoadable(Exception):
    """The record cannot be told by a line: it is written singly."""


class Columns:
    """The columns of a table's files: the key first, then the fields and the links, as the mapping names them."""

    def __init__(self, mapping: TableMapping) -> None:
        self.names: tuple[str, ...] = (
            mapping.key.field,
            *(field.target for field in mapping.fields),
            *(link.target for link in mapping.links),
        )
        self._ways = [tuple(name.split(".")) for name in self.names]

    @property
    def header(self) -> bytes:
        return _line(self.names)

    def line(self, body: Mapping[str, object]) -> bytes:
        """A record's line; `body` is what creates it singly. Raises NotLoadable."""
        return _line([_text(_at(body, way)) for way in self._ways])


def _at(body: Mapping[str, object], way: tuple[str, ...]) -> object:
    found: object = body
    for step in way:
        # A field that is missing is left alone where a record is written singly; an empty column would clear it.
        if not isinstance(found, dict) or step not in found:
            raise NotLoadable(f"it says nothing of {'.'.join(way)}")
        found = found[step]
    return found


def _text(value: object) -> str:
    """As the body of a request has it, but for the quotes; nothing for null."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() | int() | float():
            return orjson.dumps(value).decode()
    raise NotLoadable("it holds what is no text, number, or true and false")


def _line(texts: tuple[str, ...] | list[str]) -> bytes:
    quoted = ['"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text for text in texts]
    return ",".join(quoted).encode() + b"\n"
