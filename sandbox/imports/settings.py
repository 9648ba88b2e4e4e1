"""One import workflow as an operator built it, and what is to go wrong with it."""

from dataclasses import dataclass, fields
from typing import Any

#: By member: the least number it can be. All others are text or true and false.
_LEAST = {
    "every_seconds": 0.001,
    "delay_seconds": 0,
    "rows_per_second": 0.001,
    "results_delay_seconds": 0,
    "half_results_seconds": 0,
    "fail_after_rows": 0,
    "stop_after_rows": 0,
    "reject_every": 1,
    "unlisted_every": 1,
}
_WHOLE = frozenset({"fail_after_rows", "stop_after_rows", "reject_every", "unlisted_every"})
_CHOICES = {"delete_source": ("read", "end", "never"), "missing_file": ("passes", "fails")}


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """One value of the switch `import_workflows`; docs/sandbox.md explains each member."""

    resource: str
    #: The field that reconciles; empty: the unique key of the resource.
    key: str = ""
    # What sets it off
    signal: str = "signal1"
    parameter: str = "file"
    every_seconds: float | None = None
    ends: bool = False
    # Its files
    folder: str = "d365_loads/imports"
    results_folder: str = "d365_loads/imports/results"
    files: str = ""
    delete_source: str = "read"
    missing_file: str = "passes"
    reason_column: str = "reason"
    empty_rejects: bool = False
    results_delimiter: str = ","
    # Its pace
    delay_seconds: float = 0.0
    rows_per_second: float | None = None
    results_delay_seconds: float = 0.0
    # What goes wrong
    takes_files: bool = True
    fail_after_rows: int | None = None
    stop_after_rows: int | None = None
    reject_every: int | None = None
    unlisted_every: int | None = None
    half_results_seconds: float = 0.0
    writes_results: bool = True

    @classmethod
    def from_json(cls, given: object) -> "ImportSettings":
        """Check and build; ValueError names the wrong member."""
        if not isinstance(given, dict) or not isinstance(given.get("resource"), str):
            raise ValueError("it needs `resource`, the name of one.")
        known = {entry.name: entry for entry in fields(cls)}
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"{name} is not known here; give any of {', '.join(known)}.")
            _check(name, value, known[name].default)
        settings = cls(**given)
        if len(settings.results_delimiter) != 1 or settings.results_delimiter in '"\r\n':
            raise ValueError("results_delimiter must be one character that is no quote and ends no line.")
        for name in ("folder", "results_folder"):
            parts = getattr(settings, name).strip("/").split("/")
            if {"", ".", ".."} & {*parts}:
                raise ValueError(f"{name} must be a path below the user's home.")
        if settings.folder.strip("/") == settings.results_folder.strip("/"):
            raise ValueError("folder and results_folder must differ.")
        return settings

    @property
    def pattern(self) -> str:
        """Of the files that it takes where none is named."""
        return self.files or f"{self.resource}_*.csv"


def _check(name: str, value: Any, default: object) -> None:
    if name in _LEAST:
        if value is None and default is None:
            return
        kind = int if name in _WHOLE else int | float
        if isinstance(value, bool) or not isinstance(value, kind) or value < _LEAST[name]:
            raise ValueError(f"{name} must be a {'whole ' * (name in _WHOLE)}number of at least {_LEAST[name]}.")
    elif name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(_CHOICES[name])}.")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false.")
    elif not isinstance(value, str):
        raise ValueError(f"{name} must be a text.")
