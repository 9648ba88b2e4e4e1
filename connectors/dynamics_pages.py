"""Pages of Dynamics rows: from the Web API's JSON to what a reader puts on the queue. The hot path of reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

#: Formatted values, such as a choice's label (learn.microsoft.com, Web API: select columns, formatted values).
FORMATTED = "OData.Community.Display.V1.FormattedValue"


class Row(NamedTuple):
    """One row, or one deletion.

    `version`: the number of the row's etag, comparable with every other of the organisation; None for a deletion.
    `values`: exactly the asked columns, and "column@label" for formatted values where asked; None for a deletion.
    """

    id: str
    version: int | None
    values: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Page:
    """`next_link` to go on with this scan; `delta_link`, on the last page only, to ask for changes since it began."""

    rows: list[Row]
    next_link: str | None
    delta_link: str | None


class ColumnsMissing(Exception):
    """The rows do not hold a column that was asked for."""


def rows_of(items: list[dict[str, Any]], primary_id: str, columns: Sequence[str], labels: bool) -> list[Row]:
    """The page's `value` as rows, in its order. A row wins over a deletion of the same id on the same page.

    Raises ColumnsMissing, and KeyError, TypeError, ValueError, AttributeError if an item has not the promised shape.
    """
    pick = _picker(columns)
    # Mostly an item is the asked columns and these two: then it becomes the values itself, without being copied.
    nothing_else = {"@odata.etag", primary_id, *columns} if primary_id not in columns else None
    label_keys = [(f"{column}@label", f"{column}@{FORMATTED}") for column in columns] if labels else []
    rows: list[Row] = []
    deleted: list[str] = []
    for item in items:
        etag = item.get("@odata.etag")
        if etag is None:
            if item.get("reason") != "deleted":
                raise ValueError("neither a row nor a deletion")
            deleted.append(item["id"].lower())
            continue
        if item.keys() == nothing_else:
            id_, values = item.pop(primary_id), item
            del item["@odata.etag"]
        else:
            try:
                values = pick(item)
            except KeyError as error:
                raise ColumnsMissing(error.args[0]) from None
            for label, annotated in label_keys:
                if annotated in item:
                    values[label] = item[annotated]
            id_ = item[primary_id]
        # W/"123"
        rows.append(Row(id_.lower(), int(etag[3:-1]), values))
    if deleted:
        live = {row.id for row in rows}
        rows.extend(Row(id_, None, None) for id_ in deleted if id_ not in live)
    return rows


def _picker(columns: Sequence[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    if len(columns) < 2:
        return lambda item: {column: item[column] for column in columns}
    together = itemgetter(*columns)
    return lambda item: dict(zip(columns, together(item), strict=True))
