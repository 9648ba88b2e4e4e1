"""What the export workflow writes: the profiles whose consent changed since it last ran, as one file on SFTP.

Neither name nor form of the file is documented (ACS, d365-acs-self-service-app-settings): all of it is a switch.
"""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sandbox.campaign.instance import Instance
from sandbox.campaign.profile import FLAGS, STAMPS_OF_FLAG
from sandbox.campaign.resource import Record
from sandbox.clock import Clock
from sandbox.events.folder import Folder
from sandbox.switches import Switches

#: Every flag is followed by its stamps: none for push notification, two for all channels.
COLUMNS = (
    *("externalId", "email"),
    *(name for flag in FLAGS for name in (flag, *STAMPS_OF_FLAG[flag])),
    "lastModified",
)


class Exports:
    """Writes the files, and remembers which."""

    def __init__(self, clock: Clock, instance: Instance, folder: Folder) -> None:
        self._clock = clock
        self._instance = instance
        self._folder = folder
        self.paths: list[str] = []

    @property
    def switches(self) -> Switches:
        return self._instance.switches

    def run(self, first_bytes: int | None = None) -> dict[str, Any]:
        """Export what changed since the last run: `path` (or none, where nothing did), `rows`, `missing` bytes.

        `first_bytes`: only so many of the file are there for now (`Folder.go_on` brings the rest).
        """
        switches = self.switches
        profiles = self._instance.resources["profile"]
        chosen = [
            profiles.by_number[number]
            for number, of_flag in profiles.unexported.items()
            if of_flag or switches.export_rows == "profiles"
        ]
        profiles.unexported.clear()
        if not chosen and not switches.export_empty_files:
            return {"path": None, "rows": 0, "missing": 0}
        content = self._text(sorted(chosen, key=lambda record: record.number))
        moment = self._clock.shown("campaign")
        given: dict[str, Any] = {"base64": base64.b64encode(content).decode(), "mtime": moment}
        first = switches.export_bytes if first_bytes is None else first_bytes
        if first is not None:
            given["bytes"] = first
        told = self._folder.put(self._free_path(moment), given)
        self.paths.append(told["path"])
        return {"path": told["path"], "rows": len(chosen), "missing": told["missing"]}

    def _free_path(self, moment: float) -> str:
        """The name of the switch; a second later where there is such a file already."""
        switches = self.switches
        while True:
            name = datetime.fromtimestamp(moment, UTC).strftime(switches.export_name)
            path = f"{switches.export_folder.strip('/')}/{name}"
            later = datetime.fromtimestamp(moment + 1, UTC).strftime(switches.export_name)
            if later == name or not self._folder.place(path).exists():
                return path
            moment += 1

    def _text(self, records: Iterable[Record]) -> bytes:
        switches = self.switches
        names = [name for name in COLUMNS if switches.export_columns.get(name, name) is not None]
        lines = [[switches.export_columns.get(name) or name for name in names]] if switches.export_header else []
        lines += [[self._shown(record, name) for name in names] for record in records]
        return "".join(map(self._line, lines)).encode(switches.export_encoding, "replace")

    def _shown(self, record: Record, name: str) -> str:
        switches = self.switches
        value = record.values.get(name, "")
        if name in FLAGS:
            return switches.export_true if value else switches.export_false
        if not value or name in ("externalId", "email") or switches.export_dates == "campaign":
            return str(value)
        if switches.export_dates == "iso":
            return str(value).replace(" ", "T")
        return datetime.fromisoformat(str(value)).strftime(switches.export_dates)

    def _line(self, values: list[str]) -> str:
        """Quoted is what needs it."""
        switches = self.switches
        quote, special = switches.export_quote, (switches.export_delimiter, switches.export_quote, "\n", "\r")
        if quote:
            values = [
                f"{quote}{value.replace(quote, quote * 2)}{quote}" if any(mark in value for mark in special) else value
                for value in values
            ]
        return switches.export_delimiter.join(values) + switches.export_newline
