"""The reading position of consent: what the stream's cursor holds, one part for each source."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import orjson


@dataclass(frozen=True, slots=True)
class Notice:
    """What operators must know of a source."""

    at_ms: int
    sentence: str


@dataclass(frozen=True, slots=True)
class PartPosition:
    place: str  #: stands for what is read; another one has positions of its own
    next: str = ""  #: the source's position
    due_ms: int = 0  #: when there may be more
    busy: bool = False  #: whether there is more at once
    read_ms: int = 0  #: when it was last read to its end; 0: never
    notice: Notice | None = None  #: the last one


@dataclass(frozen=True, slots=True)
class ConsentPosition:
    version: int = 0  #: the last that was given to a change
    replayed_ms: int = 0  #: the beginning of the last replay that was taken up
    parts: Mapping[str, PartPosition] = field(default_factory=dict)

    def dump(self) -> str:
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: str) -> "ConsentPosition":
        """The position of a cursor's text; the beginning for an empty one."""
        if not text:
            return cls()
        fields = orjson.loads(text)
        parts = {
            name: PartPosition(**{**part, "notice": Notice(**part["notice"]) if part["notice"] else None})
            for name, part in fields["parts"].items()
        }
        return cls(fields["version"], fields["replayed_ms"], parts)

    def with_part(self, name: str, part: PartPosition) -> "ConsentPosition":
        return replace(self, parts={**self.parts, name: part})

    def without(self, name: str) -> "ConsentPosition":
        return replace(self, parts={one: part for one, part in self.parts.items() if one != name})
