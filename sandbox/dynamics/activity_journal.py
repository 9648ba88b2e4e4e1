"""Every write to an activity that had its effect, in order: whoever looks for doubles finds them here."""

from array import array
from collections import Counter
from typing import Any

METHODS = ("create", "update", "delete")


class ActivityJournal:
    """Ids, regarded rows and subjects, each text held once however many activities bear it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._texts: dict[str, str] = {}
        self._methods = array("B")
        self._tables: list[str] = []
        self._ids: list[str] = []
        self._regarded: list[str | None] = []
        self._subjects: list[str | None] = []

    def __len__(self) -> int:
        return len(self._ids)

    def note(self, method: str, table: str, row_id: str, regarded: object, subject: object) -> None:
        self._methods.append(METHODS.index(method))
        self._tables.append(table)
        self._ids.append(row_id)
        self._regarded.append(self._once(regarded))
        self._subjects.append(self._once(subject))

    def cut(self, length: int) -> None:
        """Forget what came after the first `length` entries: it was taken back."""
        for column in (self._methods, self._tables, self._ids, self._regarded, self._subjects):
            del column[length:]

    def counts(self) -> dict[str, Any]:
        """How many were created in each table, and how many ids were created more than once."""
        creating = METHODS.index("create")
        tables: Counter[str] = Counter()
        times: Counter[str] = Counter()
        for method, table, row_id in zip(self._methods, self._tables, self._ids, strict=True):
            if method == creating:
                tables[table] += 1
                times[row_id] += 1
        created = sum(tables.values())
        return {"writes": len(self), "created": created, "twice": created - len(times), "tables": tables}

    def as_json(self) -> list[dict[str, Any]]:
        names = ("method", "table", "id", "regarding", "subject")
        columns = zip(
            (METHODS[method] for method in self._methods),
            *(self._tables, self._ids, self._regarded, self._subjects),
            strict=True,
        )
        return [{"seq": number, **dict(zip(names, entry, strict=True))} for number, entry in enumerate(columns, 1)]

    def _once(self, text: object) -> str | None:
        if text is None:
            return None
        own = str(text)
        return self._texts.setdefault(own, own)
