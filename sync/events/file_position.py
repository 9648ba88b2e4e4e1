"""How far the files of a folder have been read: the position after a page, written down as JSON."""

from dataclasses import dataclass

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

    @property
    def path(self) -> str:
        return f"{self.folder.rstrip('/')}/{self.version.name}"


@dataclass(frozen=True, slots=True)
class Ended:
    """A file of which no more is read."""

    folder: str
    version: FileVersion
    content: Content | None = None
    aside: bool = False  #: whether it was set aside

    @property
    def path(self) -> str:
        return f"{self.folder.rstrip('/')}/{self.version.name}"


@dataclass(frozen=True, slots=True)
class FilePosition:
    """Files end in two steps. A reader may ask for the page behind a position while that is still being stored; so what
    has `ended` with a page is stored for certain only when it is among the `confirmed` ones, a page later."""

    place: Place | None = None
    ended: tuple[Ended, ...] = ()
    confirmed: tuple[Ended, ...] = ()  #: to be remembered, and to be moved or removed where that is wanted
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
        place = fields["place"]
        if place:
            version, columns = FileVersion(**place["version"]), tuple(place["columns"])
            fields["place"] = Place(**{**place, "version": version, "columns": columns})
        fields["ended"] = tuple(map(_ended, fields["ended"]))
        fields["confirmed"] = tuple(map(_ended, fields["confirmed"]))
        fields["after"] = tuple(fields["after"])
        return cls(**fields)


def _ended(fields: dict[str, object]) -> Ended:
    content, version = fields["content"], fields["version"]
    assert isinstance(version, dict)
    kept = Content(**content) if isinstance(content, dict) else None
    return Ended(str(fields["folder"]), FileVersion(**version), kept, bool(fields["aside"]))
