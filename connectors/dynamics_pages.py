"""Pages of Dynamics rows: from the Web API's JSON to what a reader puts on the queue. The hot path of reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from connectors.dynamics_metadata import LOOKUPS, DynamicsTable
from connectors.wire import Answer

#: Rows on a page; Dynamics serves no more (learn.microsoft.com, Web API: page results).
LARGEST_PAGE = 5000

#: Formatted values, such as a choice's label (learn.microsoft.com, Web API: select columns, formatted values).
FORMATTED = "OData.Community.Display.V1.FormattedValue"
#: The table that a lookup's value points to, by logical name (learn.microsoft.com, Web API: lookup properties).
LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"


class Row(NamedTuple):
    """One row, or one deletion.

    `version`: the number of the row's etag, comparable with every other of the organisation; None for a deletion.
    `values`: exactly the asked columns by logical name, lookups as lower-case guids; besides, where asked and where
    Dynamics has one, "column@label" with the formatted value, and "column@table" with the logical name of the table
    that a lookup points to. None for a deletion.
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
    """The rows do not hold a column that was asked for; the argument is its logical name."""


class Wanted:
    """What is asked of each row, by logical names, and how rows of the wire become it.

    `labels` and `tables` are to be among `columns`. A column that the table's definition lacks is asked for by its
    own name, so that Dynamics says that it is not there.
    """

    def __init__(
        self, table: DynamicsTable, columns: Sequence[str], labels: Sequence[str] = (), tables: Sequence[str] = ()
    ) -> None:
        known = {name: column for name in columns if (column := table.columns.get(name))}
        self._primary_id = table.primary_id
        self._columns = columns
        self.properties = tuple(known[name].property if name in known else name for name in columns)
        """The columns as `$select` takes them."""
        self.annotations = (*((FORMATTED,) if labels else ()), *((LOOKUP_TABLE,) if tables else ()))
        """What `Prefer: odata.include-annotations` is to ask for, and nothing else: annotations are long."""
        names = dict(zip(columns, self.properties, strict=True))
        self._lookups = [name for name, column in known.items() if column.type in LOOKUPS]
        self._labels = [(f"{name}@label", f"{names[name]}@{FORMATTED}") for name in labels]
        self._tables = [(name, f"{name}@table", f"{names[name]}@{LOOKUP_TABLE}") for name in tables]
        self._pick = _picker(columns, self.properties)
        # Mostly an item is the asked columns and these two: then it becomes the values itself, without being copied.
        # Never with lookups, whose properties have other names than the columns.
        self._nothing_else = {"@odata.etag", table.primary_id, *columns} if table.primary_id not in columns else None

    def rows(self, items: list[dict[str, Any]]) -> list[Row]:
        """A page's `value` as rows, in its order. A row wins over a deletion of the same id on the same page.

        Raises ColumnsMissing, and KeyError, TypeError, ValueError, AttributeError if an item has not the promised
        shape.
        """
        primary_id, nothing_else = self._primary_id, self._nothing_else
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
                values = self._values(item)
                id_ = item[primary_id]
            # W/"123"
            rows.append(Row(id_.lower(), int(etag[3:-1]), values))
        if deleted:
            live = {row.id for row in rows}
            rows.extend(Row(id_, None, None) for id_ in deleted if id_ not in live)
        return rows

    def _values(self, item: dict[str, Any]) -> dict[str, Any]:
        try:
            values = self._pick(item)
        except KeyError as error:
            missing = error.args[0]
            raise ColumnsMissing(self._columns[self.properties.index(missing)]) from None
        for name in self._lookups:
            if values[name] is not None:
                values[name] = values[name].lower()
        for key, annotation in self._labels:
            if annotation in item:
                values[key] = item[annotation]
        for name, key, annotation in self._tables:
            if values[name] is not None:
                # A link to a table nobody named could be taken for one to another table.
                values[key] = item[annotation]
        return values


def _picker(columns: Sequence[str], properties: Sequence[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    if len(columns) < 2:
        return lambda item: {name: item[key] for name, key in zip(columns, properties, strict=True)}
    together = itemgetter(*properties)
    return lambda item: dict(zip(columns, together(item), strict=True))


def selected(table: DynamicsTable, wanted: Wanted) -> str:
    """The value of `$select`; never empty, since that would select everything."""
    return ",".join(wanted.properties) or table.primary_id


def paging(page_size: int) -> str:
    """The preference for pages of a scan whose last one carries a delta link."""
    return f"odata.track-changes,odata.maxpagesize={min(page_size, LARGEST_PAGE)}"


def preferring(wanted: Wanted, paging: str = "") -> dict[str, str]:
    """The header with what is preferred, if there is anything."""
    named = ",".join(wanted.annotations)
    preferences = [paging] if paging else []
    if named:
        preferences.append(f'odata.include-annotations="{named}"')
    return {"Prefer": ",".join(preferences)} if preferences else {}


def items_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Raises KeyError, TypeError."""
    items = found["value"]
    if not isinstance(items, list):
        raise TypeError("no list")
    return items


def page_of(answer: Answer, wanted: Wanted) -> Page:
    """A page of a scan or of changes. Raises Malformed, ColumnsMissing."""
    found = answer.object()
    next_link, delta_link = found.get("@odata.nextLink"), found.get("@odata.deltaLink")
    try:
        rows = wanted.rows(items_of(found))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise answer.malformed("the page has not the promised shape") from None
    for link in (next_link, delta_link):
        if link is not None and not isinstance(link, str):
            raise answer.malformed("a link of the page is not a text")
    if not next_link and not delta_link:
        # Going on without a link would lose every later change in silence.
        raise answer.malformed("the last page carries no delta link")
    return Page(rows, next_link or None, None if next_link else delta_link)
