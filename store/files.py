"""Which files of a folder were read, and which are only looked at yet, because they may still be growing.

A file that was read is known by its name, size and time for as long as it is there and 30 days longer, and by its
content, so that the same content under another name is recognised. Where it is to leave its folder, it does so some
time after that was stored. Times of files are those of the server that has them; everything else is told by the
store's clock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import orjson
from redis import Redis

from store.client import SURE_MS, server_time_ms, text
from store.keys import StreamKeys

#: How long a file that is gone is still known.
KEPT_MS = 30 * 86_400_000

#: One whose content was read before stays for so long: whoever puts a file back wants it to be read once more.
PUT_BACK_MS = 86_400_000

#: So many versions of one file that were set aside are remembered.
ASIDES_KEPT = 20


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file as it was at some time: with another size or time it is another version, to be read anew."""

    name: str
    size: int  #: bytes
    mtime: int  #: seconds since 1970


@dataclass(frozen=True, slots=True)
class Content:
    """What stood in a file, unpacked: equal ones are the same content."""

    length: int  #: bytes
    digest: str
    beginning: str  #: a digest of its first bytes, so that most contents are told apart without being read whole


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What is known of the version of a file that was read last."""

    size: int
    mtime: int
    read_ms: int  #: when it was remembered
    content: Content | None = None  #: None: nothing stood in it, or it was set aside
    aside: str = ""  #: set aside: stands for the settings under which it could not be read
    gone_ms: int | None = None  #: since when it is no longer there
    passed_over: bool = False  #: its content was read before, under this name or another one
    leaves_ms: int | None = None  #: from when on it may be moved or removed; None: it stays
    why: str = ""  #: set aside: the reason, without the name of the file
    asides: tuple[FileVersion, ...] = ()  #: versions of it that were set aside, this one and earlier ones

    def is_of(self, version: FileVersion) -> bool:
        return (self.size, self.mtime) == (version.size, version.mtime)


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a version of a file that was not read to its end."""

    size: int
    mtime: int
    since_ms: int  #: when this size and time were seen first
    failures: int = 0
    held: str = ""  #: where its last row begins, whose end is not known; all before that was read

    def is_of(self, version: FileVersion) -> bool:
        return (self.size, self.mtime) == (version.size, version.mtime)


class Looks(NamedTuple):
    there: dict[str, Look]  #: by name
    gone: dict[str, Look]  #: what was not read to its end, and is not among those


class Files:
    """What one stream remembers of the files that it reads."""

    def __init__(self, redis: Redis, keys: StreamKeys) -> None:
        self._redis = redis
        self._read = keys.prefix + "files"
        self._looks = keys.prefix + "file-looks"

    def now_ms(self) -> int:
        return server_time_ms(self._redis)

    def read(self) -> dict[str, ReadFile]:
        """What was read of each file, by name."""
        return {text(name): _read_file(packed) for name, packed in self._redis.hgetall(self._read).items()}

    def looks(self) -> dict[str, Look]:
        """Files that were seen and not read to their end, by name."""
        return {text(name): _look(packed) for name, packed in self._redis.hgetall(self._looks).items()}

    def remember(
        self,
        version: FileVersion,
        content: Content | None,
        aside: str = "",
        passed_over: bool = False,
        leaves: bool = False,
        why: str = "",
    ) -> ReadFile:
        """This version was read to its end, set aside, or passed over; doing so twice is harmless. `leaves`: whether it
        is to be moved or removed."""
        now_ms = self.now_ms()
        # Not before it is sure to stay known that it was read.
        leaves_ms = now_ms + (PUT_BACK_MS if passed_over else SURE_MS) if leaves else None
        packed = self._redis.hget(self._read, version.name)
        asides = _read_file(packed).asides if packed else ()
        if aside and version not in asides:
            asides = (*asides, version)[-ASIDES_KEPT:]
        kept = ReadFile(
            version.size,
            version.mtime,
            now_ms,
            content,
            aside,
            passed_over=passed_over,
            leaves_ms=leaves_ms,
            why=why,
            asides=asides,
        )
        pipeline = self._redis.pipeline()
        pipeline.hset(self._read, version.name, orjson.dumps(kept))
        pipeline.hdel(self._looks, version.name)
        pipeline.execute()
        return kept

    def has_left(self, name: str, known: ReadFile) -> ReadFile:
        """This file was moved or removed."""
        kept = replace(known, leaves_ms=None)
        self._redis.hset(self._read, name, orjson.dumps(kept))
        return kept

    def note_gone(self, read: dict[str, ReadFile], there: Collection[str], now_ms: int, leaves: bool) -> bool:
        """Notes which of the files that were read are gone now, and which have come back; forgets those that are gone
        for long, and tells whether there were any. `read` is kept in step. `leaves`: whether one that has come back is
        to be moved or removed again."""
        changed: dict[str, ReadFile] = {}
        forgotten = []
        for name, known in read.items():
            if name in there:
                if known.gone_ms is not None:
                    changed[name] = replace(known, gone_ms=None, leaves_ms=now_ms + PUT_BACK_MS if leaves else None)
            elif known.gone_ms is None:
                changed[name] = replace(known, gone_ms=now_ms, leaves_ms=None)
            elif now_ms - known.gone_ms >= KEPT_MS:
                forgotten.append(name)
        pipeline = self._redis.pipeline()
        if changed:
            pipeline.hset(self._read, mapping={name: orjson.dumps(known) for name, known in changed.items()})
            read.update(changed)
        if forgotten:
            pipeline.hdel(self._read, *forgotten)
            for name in forgotten:
                del read[name]
        if pipeline.command_stack:
            pipeline.execute()
        return bool(forgotten)

    def look(self, versions: Sequence[FileVersion], now_ms: int) -> Looks:
        """Notes what is there and was not read yet."""
        before = self.looks()
        looks: dict[str, Look] = {}
        pipeline = self._redis.pipeline()
        for version in versions:
            known = before.pop(version.name, None)
            if known is None or not known.is_of(version):
                known = Look(version.size, version.mtime, now_ms)
                pipeline.hset(self._looks, version.name, orjson.dumps(known))
            looks[version.name] = known
        if pipeline.command_stack:
            pipeline.execute()
        return Looks(looks, before)

    def look_again(self, version: FileVersion) -> None:
        """This version, which was set aside, is to be read once more, though nothing has changed."""
        look = Look(version.size, version.mtime, self.now_ms())
        self._redis.hset(self._looks, version.name, orjson.dumps(look))

    def forget_looks(self, names: Sequence[str]) -> None:
        """These are no longer there, or not to be read any more."""
        if names:
            self._redis.hdel(self._looks, *names)

    def hold(self, version: FileVersion, place: str) -> None:
        """This version was read up to a place, behind which there is a row whose end is not known."""
        self._redis.hset(self._looks, version.name, orjson.dumps(replace(self._look_at(version), held=place)))

    def count_failure(self, version: FileVersion) -> int:
        """This version could not be read once more; how many times that is."""
        known = self._look_at(version)
        known = replace(known, failures=known.failures + 1)
        self._redis.hset(self._looks, version.name, orjson.dumps(known))
        return known.failures

    def _look_at(self, version: FileVersion) -> Look:
        packed = self._redis.hget(self._looks, version.name)
        known = _look(packed) if packed else None
        if known is None or not known.is_of(version):
            return Look(version.size, version.mtime, self.now_ms())
        return known


def _read_file(packed: bytes | str) -> ReadFile:
    fields = orjson.loads(packed)
    content = fields.pop("content")
    asides = tuple(FileVersion(**version) for version in fields.pop("asides", ()))
    return ReadFile(**fields, content=Content(**content) if content else None, asides=asides)


def _look(packed: bytes | str) -> Look:
    return Look(**orjson.loads(packed))
