"""The header lines of an answer, by name in any case."""

from collections.abc import Iterable, Iterator, Mapping


class Headers(Mapping[str, str]):
    """What stands on several lines of one name comes joined by ", " (RFC 9110, 5.3). Iterates in lower case."""

    __slots__ = ("_values",)

    def __init__(self, lines: Iterable[str] = ()) -> None:
        """`lines`: "Name: value", with or without their end."""
        values: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip(" \t\r\n")
            values[name] = f"{values[name]}, {value}" if name in values else value
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
