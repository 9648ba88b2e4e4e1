"""A folder of log files on a real SFTP server, and a reader that stores pages as the read step does."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from redis import Redis

from config.event_files import FileEvents
from connectors.sftp import Sftp
from store.client import SURE_MS
from store.files import Files
from store.keys import InstanceKeys, StreamKeys
from sync.egress import file_columns
from sync.files.source import FileSource
from sync.pages import RawPage, RawRecord
from tests.integration.connectors.sftp_server import OddSftp

FIRST = "id\ttype\texternalId\teventDate\n"


class ClockedFiles(Files):
    """The store's memory with a clock that a test moves."""

    def __init__(self, redis: Redis, keys: StreamKeys) -> None:
        super().__init__(redis, keys)
        self.at_ms = 1_777_000_000_000

    def now_ms(self) -> int:
        return self.at_ms


class LogFolder:
    """`source` reads the folder `logs` under `settings`; `position` and `events` are what is stored."""

    def __init__(self, redis: Redis, server: OddSftp) -> None:
        self.server = server
        self.files = ClockedFiles(redis, InstanceKeys("test").workflow("egress").stream("events"))
        self.sftp = Sftp(server.connection())
        self.events: list[RawRecord] = []
        self.missed: list[str] = []
        self.source = self._source(settled_seconds=0)
        self.position = self.source.beginning(None)

    def _source(self, **given: Any) -> FileSource:
        self.settings = FileEvents.model_validate({"folder": "logs", "pattern": "*.txt*", **given})
        return FileSource(self.sftp, self.settings, file_columns(self.settings), self.files)

    def use(self, **given: Any) -> None:
        """Settings as a file has them; what was stored stays."""
        self.source.close()
        self.source = self._source(**given)

    def restart(self) -> None:
        """Another process: it knows what is stored and nothing else."""
        self.source.close()
        self.source = FileSource(self.sftp, self.settings, file_columns(self.settings), self.files)

    def close(self) -> None:
        self.source.close()
        self.sftp.close()

    def path(self, name: str) -> Path:
        return self.server.home / name if "/" in name else self.server.home / "logs" / name

    def put(self, name: str, content: str | bytes, mtime: int = 1_776_000_000) -> None:
        """A file as it is on the server; its content is packed if its name ends so."""
        data = content.encode() if isinstance(content, str) else content
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") and isinstance(content, str) else data)
        os.utime(path, (mtime, mtime))

    def names(self, folder: str = "logs") -> list[str]:
        return sorted(os.listdir(self.server.home / folder))

    def fetch(self) -> RawPage:
        return self.source.fetch(self.position, 5)

    def store(self, page: RawPage) -> None:
        self.events += page.records
        self.missed += [page.missed] if page.missed else []
        self.position = page.behind

    def read(self) -> list[str]:
        """Reads and stores until there is no more, as the read step does: the next page is on its way before one is
        stored. Gives the ids of what came."""
        before = len(self.events)
        page = self.fetch()
        while True:
            ahead = self.source.fetch(page.behind, 5) if page.more else None
            self.store(page)
            if ahead is None:
                return [shown(event) for event in self.events[before:]]
            page = ahead

    def tidy(self) -> None:
        """So much later that files which were read may leave."""
        self.files.at_ms += SURE_MS
        assert self.read() == []

    def read_again(self, since_ms: int = 0) -> list[str]:
        """What comes of a reading of all once more, each page made by another process; the stored position stays."""
        live, self.position = self.position, self.source.beginning(since_ms)
        found: list[str] = []
        while True:
            page = self.fetch()
            found += map(shown, page.records)
            self.position = page.behind
            self.restart()
            if not page.more:
                self.position = live
                return found


def shown(event: RawRecord) -> str:
    """An event's id, or where a flaw is, without what tells versions of a file apart."""
    return str(event.value["id"]) if event.value else event.where.partition(" (")[0]


def rows(*ids: object) -> str:
    """A file's content."""
    return FIRST + "".join(f"{id_}\tclick\tc{id_}\t2026-11-01\n" for id_ in ids)


def log_folders(redis: Redis, home: Path) -> Iterator[LogFolder]:
    """One folder, for a fixture."""
    (home / "logs").mkdir(parents=True)
    with OddSftp(home) as server:
        folder = LogFolder(redis, server)
        yield folder
        folder.close()
