"""Reads of rows: one row, one property, a filtered collection page by page (learn.microsoft.com, page results)."""

from typing import Any

import orjson

from sandbox.dynamics.annotations import METADATA_VERSION, TOTAL, TOTAL_EXCEEDED, render
from sandbox.dynamics.context import Call
from sandbox.dynamics.errors import JSON, bad_query, missing_row, unknown_property
from sandbox.dynamics.filters import Predicate, narrowed
from sandbox.dynamics.links import (
    Cookie,
    cookie_text,
    encoded_cookie,
    kept_parameters,
    read_cookie,
    require_known_options,
)
from sandbox.dynamics.selection import (
    Selection,
    children,
    expand_into,
    follower,
    order_key,
    parse_expand,
    parse_orderby,
    parse_select,
    row_filter,
    sort_rows,
)
from sandbox.dynamics.tables import Row, Table
from sandbox.http import Answer

_COLLECTION_OPTIONS = frozenset({"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken"})


def context(call: Call, table: Table, selection: Selection, tail: str = "") -> str:
    """`...$metadata#contacts(a,b)` plus `/$entity` or `/$delta`."""
    names = list(selection.names)
    for expansion in parse_expand(call.request.query.get("$expand")):
        names.append(f"{expansion.navigation}({expansion.options.get('$select', '')})")
    shown = f"({','.join(names)})" if names else ""
    return f"{call.api}/$metadata#{table.set_name}{shown}{tail}"


def read_collection(call: Call, table: Table, rows: list[Row] | None = None, path: str = "") -> Answer:
    """A page of a collection. `rows` limits it to the children of one row (`path` is then their address)."""
    query = call.request.query
    require_known_options(query, _COLLECTION_OPTIONS)
    wanted = call.annotations()
    size = call.page_size()
    selection = parse_select(table, query.get("$select"))
    expansions = parse_expand(query.get("$expand"))
    order = parse_orderby(table, query.get("$orderby"))
    if order == ((table.primary_id, False),):
        order = ()  # as they stand anyway
    top = _top(query)
    cookie = read_cookie(query["$skiptoken"], table.primary_id) if query.get("$skiptoken") else Cookie(1, "")
    if top is not None and (call.organization.switches.top_with_page_size == "top" or len(call.applied) == 0):
        size = min(size, top - cookie.served)
    found, total, more = _page(call, table, rows, order, cookie, max(size, 0))
    shown = []
    for row in found:
        item = render(table, row, selection.wires, wanted, call.organization.name_of)
        if expansions:
            expand_into(call.organization, table, row, item, expansions, wanted)
        shown.append(item)
    body: dict[str, Any] = {"@odata.context": context(call, table, selection)}
    cap = call.organization.switches.count_cap
    counted = query.get("$count") == "true"
    if counted:
        body["@odata.count"] = min(total(), cap)
    if wanted.has(TOTAL):
        body[f"@{TOTAL}"] = min(total(), cap) if counted else -1
        body[f"@{TOTAL_EXCEEDED}"] = counted and total() > cap
        body[f"@{METADATA_VERSION}"] = "80869940"
    body["value"] = shown
    served = cookie.served + len(found)
    if more and found and (top is None or served < top):
        following = Cookie(
            cookie.page + 1,
            found[-1].id,
            first=found[0].id,
            order=tuple(orjson.dumps(_position(call, table, wire, found[-1])).decode() for wire, _ in order),
            served=served if top is not None else 0,
        )
        names = tuple(table.by_wire[wire].name for wire, _ in order)
        token = encoded_cookie(cookie_text(following, table.primary_id, names))
        body["@odata.nextLink"] = f"{call.api}/{path or table.set_name}?{kept_parameters(query)}$skiptoken={token}"
    if call.read_entry is not None:
        call.read_entry |= {"kind": "query", "page": cookie.page, "rows": len(found)}
    return Answer(200, [JSON], orjson.dumps(body))


def _top(query: dict[str, str]) -> int | None:
    given = query.get("$top")
    if given is None:
        return None
    if not given.isdigit():
        raise bad_query(
            f"Invalid value '{given}' for $top query option found. The $top query option requires a "
            "non-negative integer value."
        )
    return int(given)


def _position(call: Call, table: Table, wire: str, row: Row) -> list[Any]:
    return list(order_key(call.organization, table, wire, row))


def _page(
    call: Call,
    table: Table,
    rows: list[Row] | None,
    order: tuple[tuple[str, bool], ...],
    cookie: Cookie,
    size: int,
) -> tuple[list[Row], Any, bool]:
    """(rows of the page, a function that counts all, whether more follow): keyset paging, no snapshot."""
    predicate = row_filter(call.organization, table, call.request.query)
    if rows is None and predicate is None and not order:
        ids = table.after(cookie.last, size + 1)
        found = [table.rows[row_id] for row_id in ids[:size]]
        return found, (lambda: len(table.rows)), len(ids) > size
    if rows is not None:
        everything = sorted(rows, key=lambda row: row.id)
    elif (known := _known_ids(table, predicate)) is not None:
        # Asked for by their ids, or by the row they lead to, rows are fetched, not searched for.
        everything = [table.rows[row_id] for row_id in sorted(known)]
    else:
        everything = [table.rows[row_id] for row_id in table.after("", len(table.rows))]
    if predicate is not None:
        everything = [row for row in everything if predicate(row)]
    sort_rows(call.organization, table, everything, order)
    start = 0
    if cookie.last:
        places = [orjson.loads(text) for text in cookie.order]
        while start < len(everything) and not _follows(call, table, everything[start], order, places, cookie.last):
            start += 1
    return everything[start : start + size], (lambda: len(everything)), start + size < len(everything)


def _known_ids(table: Table, predicate: Predicate | None) -> set[str] | None:
    """The ids that can pass the filter, where its own words tell; None if every row must be looked at."""
    for one in narrowed(predicate):
        column = table.by_wire.get(one.path) or table.by_name.get(one.path)
        if column is None:
            continue
        wanted = {str(value) for value in one.values if value is not None}
        if column.name == table.primary_id:
            return {row_id for row_id in wanted if row_id in table.rows}
        if table.is_indexed(column.wire) and len(wanted) == len(one.values):
            return {row_id for target in wanted for row_id in table.pointing(column.wire, target)}
    return None


def _follows(
    call: Call,
    table: Table,
    row: Row,
    order: tuple[tuple[str, bool], ...],
    places: list[list[Any]],
    last: str,
) -> bool:
    for (wire, descending), place in zip(order, places, strict=True):
        mine = _position(call, table, wire, row)
        if mine != place:
            return (mine > place) is not descending
    return row.id > last


def read_row(call: Call, table: Table, row_id: str) -> Answer:
    """One row; 304 when `If-None-Match` names its version."""
    query = call.request.query
    require_known_options(query, frozenset({"$select", "$expand"}))
    row = existing(call, table, row_id)
    wanted = call.annotations()
    expansions = parse_expand(query.get("$expand"))
    if call.request.header(b"if-none-match") == f'W/"{row.version}"' and not expansions and not wanted.patterns:
        return Answer(304, [(b"ETag", f'W/"{row.version}"'.encode())])
    return Answer(200, [JSON, (b"ETag", f'W/"{row.version}"'.encode())], row_body(call, table, row, expand=True))


def row_body(call: Call, table: Table, row: Row, expand: bool) -> bytes:
    """A single row with its context, as reads and `return=representation` give it."""
    query = call.request.query
    wanted = call.annotations()
    selection = parse_select(table, query.get("$select"))
    body: dict[str, object] = {"@odata.context": context(call, table, selection, "/$entity")}
    body |= render(table, row, selection.wires, wanted, call.organization.name_of)
    if expand:
        expand_into(call.organization, table, row, body, parse_expand(query.get("$expand")), wanted)
    return orjson.dumps(body)


def existing(call: Call, table: Table, row_id: str) -> Row:
    row = table.rows.get(row_id)
    if row is None:
        raise missing_row(table.name, row_id, call.organization.switches.missing_row_text)
    return row


def read_member(call: Call, table: Table, row_id: str, rest: list[str]) -> Answer:
    """`contacts(id)/firstname[/$value]`, `contacts(id)/<lookup>[/$ref]`, `accounts(id)/contact_customer_accounts`."""
    row = existing(call, table, row_id)
    name = rest[0]
    if name in table.by_wire:
        value = row.values.get(name)
        if value is None:
            return Answer(204, [])
        if rest[1:] == ["$value"]:
            return Answer(200, [(b"Content-Type", b"text/plain")], str(value).encode())
        body = {"@odata.context": f"{call.api}/$metadata#{table.set_name}({row_id})/{name}", "value": value}
        return Answer(200, [JSON], orjson.dumps(body))
    collection = call.organization.collections.get((table.name, name))
    if collection is not None:
        path = f"{table.set_name}({row_id})/{name}"
        return read_collection(call, collection[0], children(*collection, row_id), path)
    if name not in table.navigations:
        raise unknown_property(name, table.name)
    _, target = table.navigations[name]
    found = follower(call.organization, table, name)(row)
    if found is None:
        return Answer(204, [])
    inner = call.organization.by_name[target]
    if rest[1:] == ["$ref"]:
        body = {
            "@odata.context": f"{call.api}/$metadata#$ref",
            "@odata.id": f"{call.api}/{inner.set_name}({found.id})",
        }
        return Answer(200, [JSON], orjson.dumps(body))
    return Answer(200, [JSON], row_body(call, inner, found, expand=True))


def count_rows(call: Call, table: Table) -> Answer:
    """`contacts/$count`: plain text, a byte order mark and a bare number, capped."""
    predicate = row_filter(call.organization, table, call.request.query)
    known = _known_ids(table, predicate)
    rows = table.rows.values() if known is None else [table.rows[row_id] for row_id in known]
    total = len(table.rows) if predicate is None else sum(1 for row in rows if predicate(row))
    return plain_count(min(total, call.organization.switches.count_cap))


def plain_count(number: int) -> Answer:
    return Answer(200, [(b"Content-Type", b"text/plain")], b"\xef\xbb\xbf" + str(number).encode())
