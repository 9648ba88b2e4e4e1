"""What was asked of the sandbox: counts of calls, Campaign writes in order, Dynamics page reads with their overlap."""

from collections import Counter
from typing import Any


class Calls:
    """Counts per system and method, answers per status, and the most requests that were ever under way at once."""

    def __init__(self) -> None:
        self.in_flight: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Start counting anew; requests under way stay under way."""
        self.methods: dict[str, Counter[str]] = {
            "dynamics": Counter(),
            "campaign": Counter(),
            "tokens": Counter(),
            "journal": Counter(),
            "sftp": Counter(),
        }
        self.statuses: dict[str, Counter[str]] = {name: Counter() for name in self.methods}
        self.most_in_flight: Counter[str] = Counter()
        self.engine_calls = 0
        self.batches = 0
        self.batched_operations = 0

    def batch(self, operations: int) -> None:
        self.batches += 1
        self.batched_operations += operations

    def begin(self, system: str, method: str) -> None:
        self.methods[system][method] += 1
        self.in_flight[system] += 1
        if self.in_flight[system] > self.most_in_flight[system]:
            self.most_in_flight[system] = self.in_flight[system]

    def end(self, system: str, status: str) -> None:
        self.in_flight[system] -= 1
        self.statuses[system][status] += 1

    def as_json(self) -> dict[str, Any]:
        return {
            **self.methods,
            "statuses": self.statuses,
            "most_in_flight": self.most_in_flight,
            "engine_calls": self.engine_calls,
            "batches": self.batches,
            "batched_operations": self.batched_operations,
        }


class WriteJournal:
    """All Campaign writes that had their effect, in the order in which they had it."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def note(
        self,
        method: str,
        resource: str,
        key: str,
        pkey: str,
        version: object,
        mark: object,
        digest: str,
        at: float,
        parents: dict[str, str],
        orphan: bool,
        file: str | None,
    ) -> None:
        """`parents`: keys of the linked records by link; `orphan`: at this moment one of them was missing; `file`: the
        one that an import workflow read it from.
        """
        self.entries.append(
            {
                "seq": len(self.entries) + 1,
                "method": method,
                "resource": resource,
                "key": key,
                "pkey": pkey,
                "version": version,
                "mark": mark,
                "digest": digest,
                "at": at,
                "parents": parents,
                "orphan": orphan,
                "file": file,
            }
        )


class ReadJournal:
    """Each page read of a Dynamics table: its place in the scan, and whether the same page was being read already."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._under_way: Counter[str] = Counter()

    def begin(self, table: str, link: str, at: float) -> dict[str, Any]:
        """`link` is the decoded query, so that two spellings of one page are one page."""
        entry: dict[str, Any] = {
            "seq": len(self.entries) + 1,
            "table": table,
            "link": link,
            "kind": "",
            "page": 0,
            "rows": 0,
            "deleted": 0,
            "started": at,
            "ended": None,
            "overlapped": self._under_way[link] > 0,
        }
        self._under_way[link] += 1
        self.entries.append(entry)
        return entry

    def end(self, entry: dict[str, Any], at: float) -> None:
        entry["ended"] = at
        self._under_way[entry["link"]] -= 1
