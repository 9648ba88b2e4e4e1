"""One file on its way into Campaign: taken, read, written row by row, and told of."""

import csv
import gc
import io
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from sandbox.campaign.errors import GENERIC, CampaignError
from sandbox.campaign.showing import View
from sandbox.campaign.writes import Writes
from sandbox.clock import Clock
from sandbox.events.folder import Folder
from sandbox.imports.columns import Columns, Malformed
from sandbox.imports.results import Missing, Results
from sandbox.imports.settings import ImportSettings

#: So many rows are one step.
_STEP = 50
#: After so many of them the records are no longer scanned for garbage: they live as long as the process, and each scan
#: would hold up everybody else for longer than the one before.
_SETTLED = 5000

_REFUSED = f"{GENERIC} The record could not be inserted."


class Halted(Exception):
    """The run ends before its end, and so does the workflow: the state it comes into, and a sentence."""

    def __init__(self, state: str, error: str) -> None:
        super().__init__(error)
        self.state = state
        self.error = error


class Run:
    """`worked` tells the seconds that the workflow has been at work, by the sandbox's clock."""

    def __init__(
        self,
        clock: Clock,
        worked: Callable[[], float],
        settings: ImportSettings,
        view: View,
        writes: Writes,
        folder: Folder,
        told: dict[str, Any],
    ) -> None:
        """`told`: the entry of the admin API, kept up to date."""
        self._clock = clock
        self._worked = worked
        self._settings = settings
        self._view = view
        self._writes = writes
        self._folder = folder
        self._told = told
        self._name: str = told["file"]
        self._key = settings.key or view.resource.key

    def steps(self) -> Iterator[float]:
        """Each yield is the moment, in `worked`, before which there is nothing to do. Halted."""
        try:
            yield from self._steps()
        except (Malformed, Missing) as wrong:
            raise Halted("failed", str(wrong)) from wrong

    def _steps(self) -> Iterator[float]:
        settings, told = self._settings, self._told
        self._check_key()
        content = self._take()
        results = Results(self._clock, self._folder, settings, self._name, self._key)
        rows = []
        for at, row in enumerate(_rows(content)):
            rows.append(row)
            if at % _STEP == 0:
                yield 0.0
        columns = Columns(self._view.resource, rows[0], self._key)
        del rows[0]
        told["rows"] = len(rows)
        yield from self._write(columns, rows, results)
        self._halt_at(len(rows))
        yield self._worked() + settings.results_delay_seconds
        for _ in results.put():
            told["halves"] += 1
            yield self._worked() + settings.half_results_seconds
        told["results"] = results.paths
        if settings.delete_source == "end":
            self._folder.place(self._path).unlink(missing_ok=True)

    def _check_key(self) -> None:
        if not self._view.resource.is_indexed(self._key):
            raise Malformed(
                f"'{self._key}' is neither the key of {self._settings.resource} nor a field that a filter looks up."
            )

    @property
    def _path(self) -> str:
        return f"{self._settings.folder.strip('/')}/{self._name}"

    def _take(self) -> bytes:
        place = self._folder.place(self._path)
        if not place.is_file():
            raise Malformed(f"The file {self._path} is not there any more.")
        content = place.read_bytes()
        self._told |= {"state": "importing", "taken_at": self._clock.now()}
        if self._settings.delete_source == "read":
            place.unlink()
        return content

    def _write(self, columns: Columns, rows: list[list[str]], results: Results) -> Iterator[float]:
        rate, begun = self._settings.rows_per_second, self._worked()
        step = _STEP if rate is None else max(1, min(_STEP, int(rate / 50)))
        for at, cells in enumerate(rows):
            if at % step == 0:
                yield 0.0 if rate is None else begun + at / rate
                self._check_key()  # it may be another one by now
            if at % _SETTLED == 0:
                gc.freeze()
            self._halt_at(at)
            self._bring(columns, at + 1, cells, results)
        if rate is not None:
            yield begun + len(rows) / rate

    def _halt_at(self, done: int) -> None:
        settings = self._settings
        if settings.fail_after_rows is not None and done >= settings.fail_after_rows:
            raise Halted("failed", f"The workflow failed after {done} rows.")
        if settings.stop_after_rows is not None and done >= settings.stop_after_rows:
            raise Halted("stopped", f"Somebody stopped the workflow after {done} rows.")

    def _bring(self, columns: Columns, number: int, cells: list[str], results: Results) -> None:
        """Insert or update, reconciled by the key."""
        settings, told, view = self._settings, self._told, self._view
        key = cells[columns.names.index(self._key)]
        try:
            if settings.reject_every is not None and number % settings.reject_every == 0:
                raise CampaignError(500, _REFUSED)
            if not key:
                raise CampaignError(500, f"{GENERIC} The '@{self._key}' field, the key, is empty.")
            given = columns.given(cells)
            body = orjson.dumps(given)
            known = view.resource.by_field(self._key, key)
            found = view.instance.visible(view.resource, known) if known else known
            if found:
                self._writes.change(view, found[0], given, body, self._name)
            else:
                self._writes.insert(view, given, body, self._name)
        except CampaignError as refusal:
            told["rejected"] += 1
            results.rejected.append((key, refusal.message))
            return
        told["updated" if found else "inserted"] += 1
        told["written"] += 1
        if settings.unlisted_every is None or told["written"] % settings.unlisted_every:
            results.written.append(key)
        else:
            told["unlisted"] += 1


def _rows(content: bytes) -> Iterator[list[str]]:
    """The lines, header first, all of its width. Malformed."""
    try:
        lines = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        width = None
        for row in lines:
            width = len(row) if width is None else width
            if len(row) != width or not row:
                raise Malformed(f"Line {lines.line_num} has {len(row)} columns, the header {width}.")
            yield row
    except UnicodeDecodeError as wrong:
        raise Malformed(f"The file is not UTF-8 at byte {wrong.start}.") from wrong
    except csv.Error as wrong:
        raise Malformed(f"Line {lines.line_num} cannot be read: {wrong}.") from wrong
    if width is None:
        raise Malformed("The file is empty: it has not even a header.")
