"""Which files of a folder were read, and which are only looked at yet, because they may still be growing.

A file that was read is known by its name, size and time for as long as it is there and 30 days longer, and by its
content, so that the same content under another name is recognised. Times of files are those of the server that has
them; everything else is told by the store's clock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import orjson
from redis import Redis

from store.client import server_time_ms, text
from store.keys import StreamKeys

#: How long a file that is gone is still known.
KEPT_MS = 30 * 86_400_000


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

    def is_of(self, version: FileVersion) -> bool:
        return (self.size, self.mtime) == (version.size, version.mtime)


@dataclass(frozen=True, slots=True)
class _Look:
    size: int
    mtime: int
    since_ms: int  #: when this size and time were seen first
    failures: int = 0

    def is_of(self, version: FileVersion) -> bool:
        return (self.size, self.mtime) == (version.size, version.mtime)


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

    def remember(self, version: FileVersion, content: Content | None, aside: str = "") -> None:
        """This version was read to its end, or set aside; doing so twice is harmless."""
        kept = ReadFile(version.size, version.mtime, self.now_ms(), content, aside)
        pipeline = self._redis.pipeline()
        pipeline.hset(self._read, version.name, orjson.dumps(kept))
        pipeline.hdel(self._looks, version.name)
        pipeline.execute()

    def forget_gone(self, read: dict[str, ReadFile], there: Collection[str], now_ms: int) -> None:
        """Notes which of the files that were read are gone now, and forgets those that are gone for long."""
        pipeline = self._redis.pipeline()
        for name, known in read.items():
            if name in there:
                if known.gone_ms is not None:
                    pipeline.hset(self._read, name, orjson.dumps(replace(known, gone_ms=None)))
            elif known.gone_ms is None:
                pipeline.hset(self._read, name, orjson.dumps(replace(known, gone_ms=now_ms)))
            elif now_ms - known.gone_ms >= KEPT_MS:
                pipeline.hdel(self._read, name)
        if pipeline.command_stack:
            pipeline.execute()

    def look(self, versions: Sequence[FileVersion], now_ms: int) -> dict[str, int]:
        """Notes what is there and was not read yet; since when each is unchanged, ms since 1970, by name."""
        before = {text(name): _look(packed) for name, packed in self._redis.hgetall(self._looks).items()}
        since: dict[str, int] = {}
        pipeline = self._redis.pipeline()
        for version in versions:
            known = before.pop(version.name, None)
            if known is None or not known.is_of(version):
                known = _Look(version.size, version.mtime, now_ms)
                pipeline.hset(self._looks, version.name, orjson.dumps(known))
            since[version.name] = known.since_ms
        if before:
            pipeline.hdel(self._looks, *before)
        if pipeline.command_stack:
            pipeline.execute()
        return since

    def count_failure(self, version: FileVersion) -> int:
        """This version could not be read once more; how many times that is."""
        packed = self._redis.hget(self._looks, version.name)
        known = _look(packed) if packed else None
        if known is None or not known.is_of(version):
            known = _Look(version.size, version.mtime, self.now_ms())
        known = replace(known, failures=known.failures + 1)
        self._redis.hset(self._looks, version.name, orjson.dumps(known))
        return known.failures


def _read_file(packed: bytes | str) -> ReadFile:
    fields = orjson.loads(packed)
    content = fields.pop("content")
    return ReadFile(**fields, content=Content(**content) if content else None)


def _look(packed: bytes | str) -> _Look:
    return _Look(**orjson.loads(packed))
