"""The SFTP user's home: real files in a directory that ends with the sandbox, put there whole or bit by bit."""

import base64
import gzip
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

_KNOWN = {"text", "base64", "encoding", "gzip", "bytes", "mtime", "age"}


class Folder:
    """`root` is what a client sees as `/`. Paths of the methods are relative to it."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="sandbox-sftp-")
        self.root = Path(self._directory.name).resolve()
        self._rest: dict[Path, bytes] = {}
        #: Called before somebody looks: puts there what should be there by now.
        self.settle: Callable[[], None] = lambda: None

    def clear(self) -> None:
        """Nothing but the folders that an administrator creates for the integration (ACS, self-service settings)."""
        self._rest.clear()
        for entry in self.root.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.make("d365_loads/exports/logs")

    def close(self) -> None:
        self._directory.cleanup()

    def place(self, path: str) -> Path:
        """Where a path lies; ValueError for one that leads out."""
        inside = PurePosixPath(path.strip("/"))
        if ".." in inside.parts or not inside.parts:
            raise ValueError("The path must name something below the user's home.")
        return self.root / inside

    def make(self, path: str) -> None:
        self.place(path).mkdir(parents=True, exist_ok=True)

    def put(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        """A file of `text` (in `encoding`) or `base64`, packed with `gzip`; with `bytes` only so many of it for now.

        `mtime` in seconds since the epoch, or `age` in seconds. ValueError for anything else.
        """
        unknown = given.keys() - _KNOWN
        if unknown or ("text" in given) == ("base64" in given):
            raise ValueError(f"Give text or base64, and of the rest any of {', '.join(sorted(_KNOWN))}.")
        if not isinstance(given.get("text", ""), str):
            raise ValueError("text must be a text.")
        if "text" in given:
            content = given["text"].encode(given.get("encoding", "utf-8"))
        else:
            content = base64.b64decode(given["base64"], validate=True)
        if given.get("gzip"):
            content = gzip.compress(content, 6, mtime=0)
        first = int(given.get("bytes", len(content)))
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content[:first])
        self._rest.pop(place, None)
        if first < len(content):
            self._rest[place] = content[first:]
        self._date(place, given)
        return self.describe(place)

    def go_on(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        """The next `bytes` of a file that was put in part, or all that is missing."""
        place = self.place(path)
        if place not in self._rest or not place.is_file():
            raise LookupError(f"file {path} of which a part is missing")
        rest = self._rest.pop(place)
        count = int(given.get("bytes", len(rest)))
        with place.open("ab") as file:
            file.write(rest[:count])
        if count < len(rest):
            self._rest[place] = rest[count:]
        self._date(place, given)
        return self.describe(place)

    def change(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        """Another `mtime` or `age`."""
        place = self._there(path)
        self._date(place, given)
        return self.describe(place)

    def remove(self, path: str) -> None:
        place = self._there(path)
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()

    def read(self, path: str) -> dict[str, Any]:
        """The file with its content: `text` if it is UTF-8, and `base64`."""
        place = self._there(path)
        if place.is_dir():
            return {"value": self.listed(place)}
        content = place.read_bytes()
        found = {**self.describe(place), "base64": base64.b64encode(content).decode()}
        try:
            found["text"] = content.decode()
        except UnicodeDecodeError:
            found["text"] = None
        return found

    def listed(self, below: Path | None = None) -> list[dict[str, Any]]:
        """All files, by path."""
        return [self.describe(place) for place in sorted((below or self.root).rglob("*")) if place.is_file()]

    def describe(self, place: Path) -> dict[str, Any]:
        facts = place.stat()
        missing = len(self._rest.get(place, b""))
        path = str(place.relative_to(self.root))
        return {"path": path, "size": facts.st_size, "mtime": facts.st_mtime, "missing": missing}

    def _there(self, path: str) -> Path:
        place = self.place(path)
        if not place.exists():
            raise LookupError(f"file {path}")
        return place

    @staticmethod
    def _date(place: Path, given: dict[str, Any]) -> None:
        if "mtime" in given:
            os.utime(place, (given["mtime"], given["mtime"]))
        elif "age" in given:
            then = time.time() - given["age"]
            os.utime(place, (then, then))
