"""How far the files of a folder have been read: the position after a page, written down as JSON."""

from dataclasses import dataclass, replace
from typing import Any

import orjson

from store.files import Content, FileVersion


@dataclass(frozen=True, slots=True)
class Place:
    """A file that is being read, and how far."""

    folder: str
    version: FileVersion
    checked: bool = False  #: whether its content is whole, and no other file's
    columns: tuple[str, ...] = ()  #: by its first line; none before that is read
    offset: int = 0  #: where the next row begins, bytes of what stands in the file when unpacked
    line: int = 0  #: lines before that
    blocks: int = 0  #: of the content's digest, as are the next two; see `ContentDigest.state`
    chain: str = ""
    beginning: str = ""
    whole: bool = False  #: whether its last row is taken for whole although no line break ends it

    @property
    def path(self) -> str:
        return f"{self.folder.rstrip('/')}/{self.version.name}"

    def at_rest(self) -> "Place":
        """The place in a file that has been as it is for long."""
        return replace(self, whole=True)

    def dump(self) -> str:
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: str) -> "Place":
        place = _place(orjson.loads(text))
        assert place is not None
        return place


@dataclass(frozen=True, slots=True)
class Ended:
    """A file of which no more is read, or not for some time."""

    folder: str
    version: FileVersion
    content: Content | None = None
    aside: bool = False  #: whether it was set aside
    why: str = ""  #: then: the reason, without the name of the file
    passed_over: bool = False  #: whether its content was read before
    gone: bool = False  #: whether it was removed before all was read
    held: Place | None = None  #: where its last row begins, whose end is still to be told


@dataclass(frozen=True, slots=True)
class FilePosition:
    """Files end in two steps. A reader may ask for the page behind a position while that is still being stored; so what
    has `ended` with a page is stored for certain only when it is among the `confirmed` ones, a page later."""

    place: Place | None = None
    ended: tuple[Ended, ...] = ()
    confirmed: tuple[Ended, ...] = ()  #: to be remembered
    count: int = 0  #: how many have ended so far, so that whoever has read knows whether others did since
    since_ms: int | None = None  #: reads what is there again, from this time on, and remembers nothing
    until_ms: int = 0  #: of such a reading: up to this time, ms since 1970
    after: tuple[str | int, ...] = ()  #: of such a reading: the last file that was read, as files are ordered

    def dump(self) -> str:
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: str) -> "FilePosition":
        """The position of a text; the beginning for an empty one."""
        if not text:
            return cls()
        fields = orjson.loads(text)
        fields["place"] = _place(fields["place"])
        fields["ended"] = tuple(map(_ended, fields["ended"]))
        fields["confirmed"] = tuple(map(_ended, fields["confirmed"]))
        fields["after"] = tuple(fields["after"])
        return cls(**fields)


def _ended(fields: dict[str, Any]) -> Ended:
    content = Content(**fields["content"]) if fields["content"] else None
    version, held = FileVersion(**fields["version"]), _place(fields["held"])
    return Ended(**{**fields, "content": content, "version": version, "held": held})


def _place(fields: dict[str, Any] | None) -> Place | None:
    if fields is None:
        return None
    return Place(**{**fields, "version": FileVersion(**fields["version"]), "columns": tuple(fields["columns"])})
