"""Which parents would be in Campaign by the time their children are written."""

from array import array
from bisect import bisect_left
from collections.abc import Collection
from hashlib import blake2b


class Parents:
    """Ids of records that would be written, eight bytes each: ten million take 80 MB."""

    def __init__(self) -> None:
        self._marks: dict[str, array[int]] = {}
        self._sorted: set[str] = set()

    def add(self, table: str, ids: Collection[str]) -> None:
        self._sorted.discard(table)
        self._marks.setdefault(table, array("Q")).extend(map(_mark, ids))

    def has(self, table: str, record_id: str) -> bool:
        """With a chance of one in many billions, of one that was not added, too."""
        marks = self._marks.get(table)
        if not marks:
            return False
        if table not in self._sorted:
            marks = self._marks[table] = array("Q", sorted(marks))
            self._sorted.add(table)
        mark = _mark(record_id)
        place = bisect_left(marks, mark)
        return place < len(marks) and marks[place] == mark


def _mark(record_id: str) -> int:
    return int.from_bytes(blake2b(record_id.encode(), digest_size=8).digest())
