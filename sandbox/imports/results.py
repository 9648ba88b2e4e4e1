"""What a run leaves behind: the refused rows with their reasons, then the keys of the rows that are in Campaign."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain

from sandbox.clock import Clock
from sandbox.events.folder import Folder
from sandbox.imports.settings import ImportSettings


class Missing(Exception):
    """A folder that is not there; the text names it."""


class Results:
    """The two files of one input file. Nothing renames them into place: they may be seen half."""

    def __init__(self, clock: Clock, folder: Folder, settings: ImportSettings, name: str, key: str) -> None:
        """`name`: of the input file; `key`: the field that reconciles."""
        self._clock = clock
        self._folder = folder
        self._settings = settings
        self._base = f"{settings.results_folder.strip('/')}/{name.removesuffix('.csv')}"
        self._key = key
        self.written: list[str] = []
        self.rejected: list[tuple[str, str]] = []
        self.paths: list[str] = []

    def put(self) -> Iterator[None]:
        """File by file; with `half_results_seconds` it pauses where half of one is there. Missing."""
        if not self._settings.writes_results:
            return
        if not self._folder.place(self._settings.results_folder).is_dir():
            raise Missing(f"The folder {self._settings.results_folder} is not there.")
        reason = self._settings.reason_column
        if self.rejected or self._settings.empty_rejects:
            lines = [(self._key, reason), *self.rejected]
            yield from self._put("rejects", lines if reason else [line[:1] for line in lines])
        yield from self._put("written", chain([(self._key,)], ((key,) for key in self.written)))

    def _put(self, kind: str, lines: Iterable[tuple[str, ...]]) -> Iterator[None]:
        text = io.StringIO()
        csv.writer(text, delimiter=self._settings.results_delimiter, lineterminator="\n").writerows(lines)
        path, content = f"{self._base}.{kind}.csv", text.getvalue()
        if not self._settings.half_results_seconds:
            self._folder.put(path, {"text": content, "mtime": self._clock.shown("campaign")})
            self.paths.append(path)
            return
        half = {"text": content, "bytes": len(content.encode()) // 2, "mtime": self._clock.shown("campaign")}
        self._folder.put(path, half)
        yield
        if self._folder.place(path).is_file():
            self._folder.go_on(path, {"mtime": self._clock.shown("campaign")})
            self.paths.append(path)
