"""Ids in the order of keys, sorted when somebody asks: a million rows may come in between two pages."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

_FEW = 64


class KeyOrder:
    """A sorted collection of ids. Additions and removals wait until the order is wanted."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._sorted = sorted(ids)
        self._added: list[str] = []
        self._removed: set[str] = set()

    def add(self, row_id: str) -> None:
        """Take in an id that is not there."""
        if self._removed:
            self._settle()
        self._added.append(row_id)

    def remove(self, row_id: str) -> None:
        """Let go of an id that is there."""
        if self._added:
            self._settle()
        self._removed.add(row_id)

    def after(self, last_id: str, limit: int) -> list[str]:
        """Up to `limit` ids that follow `last_id`."""
        ids = self._settle()
        start = bisect_right(ids, last_id) if last_id else 0
        return ids[start : start + limit]

    def __len__(self) -> int:
        return len(self._sorted) + len(self._added) - len(self._removed)

    def all(self) -> list[str]:
        """Every id, in order; not to be changed."""
        return self._settle()

    def _settle(self) -> list[str]:
        if len(self._removed) > _FEW:
            self._sorted = [row_id for row_id in self._sorted if row_id not in self._removed]
        else:
            for row_id in self._removed:
                del self._sorted[bisect_left(self._sorted, row_id)]
        self._removed.clear()
        if len(self._added) > _FEW:
            self._sorted += self._added
            self._sorted.sort()
        else:
            for row_id in self._added:
                insort(self._sorted, row_id)
        self._added.clear()
        return self._sorted
