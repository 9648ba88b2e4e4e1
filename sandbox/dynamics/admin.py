"""The Dataverse half of the admin API: rows behind the API's back, made-up commotion, published schema changes."""

import random
import uuid
from typing import Any

import orjson

from sandbox.dynamics.errors import DataverseError
from sandbox.dynamics.making import MAKERS, Maker
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.payload import checked_values
from sandbox.dynamics.tables import PARTIES, Row, Table
from sandbox.people import Values, new_id

Body = dict[str, Any]


def answer(organization: Organization, method: str, parts: list[str], body: Body) -> object:
    """What `parts`, the path behind `/dynamics/tables`, asks for: `<table>`, `<table>/<id>` or `<table>/<verb>`.

    ValueError, DataverseError or LookupError with a sentence for a mistake.
    """
    if not parts and method == "GET":
        return {"value": [_summary(organization, table) for table in organization.by_name.values()]}
    name = parts[0] if parts else ""
    table = organization.by_name.get(name) or organization.tables.get(name)
    if table is None or len(parts) > 2:
        raise LookupError(f"table {name}; GET /dynamics/tables lists them")
    if len(parts) == 1:
        return _rows(organization, method, table, body)
    verb = {"change": change, "create": create, "delete": delete}.get(parts[1])
    if verb is None:
        return _row(organization, method, table, parts[1], body)
    if method != "POST":
        raise LookupError(f"{method} here; use POST")
    ids = None if body.get("ids") is None else [str(row_id).lower() for row_id in body["ids"]]
    count = len(ids) if ids is not None else int(body.get("count", 1))
    return {"ids": verb(organization, table, count, body.get("seed", 0), ids)}


def change(organization: Organization, table: Table, count: int, seed: object, ids: list[str] | None) -> list[str]:
    """Change `count` rows, or those of `ids`, in columns that people map; the ids of the changed ones."""
    maker = _maker(table)
    source = random.Random(f"change:{seed}")
    chosen = _chosen(table, source, count, ids)
    for row_id in chosen:
        fresh = maker.values(source, source.randrange(10**9), [])
        names = source.sample(maker.changing, 2)
        changed: Values = {name: fresh.get(name) for name in names}
        # Whatever else is mapped, one column that every mapping has surely differs.
        old = str(table.rows[row_id].values.get(maker.always, ""))
        new = str(fresh[maker.always])
        changed[maker.always] = new if new != old else f"{new}-Jones"
        table.put(row_id, _fitting(organization, table, changed), organization.credentials.user_id)
    return chosen


def create(organization: Organization, table: Table, count: int, seed: object, ids: list[str] | None) -> list[str]:
    """New made-up rows, under `ids` if they are given; parents are chosen at random from those that are there."""
    for row_id in ids or ():
        if row_id in table.rows:
            raise ValueError(f"The row {row_id} is there already; use change.")
        uuid.UUID(row_id)
    maker = _maker(table)
    source = random.Random(f"create:{seed}:{organization.made[table.name]}")
    parents = organization.by_name[maker.parent].ids.all() if maker.parent else []
    made = []
    for number in range(count):
        organization.made[table.name] += 1
        row_id = new_id(source) if ids is None else ids[number]
        values = maker.values(source, organization.made[table.name], parents)
        table.put(row_id, _fitting(organization, table, values), organization.credentials.user_id)
        made.append(row_id)
    return made


def delete(organization: Organization, table: Table, count: int, seed: object, ids: list[str] | None) -> list[str]:
    """Delete `count` rows, or those of `ids`, and what hangs on them; the ids of the rows themselves."""
    chosen = _chosen(table, random.Random(f"delete:{seed}"), count, ids)
    for row_id in chosen:
        organization.delete(table, row_id)
    return chosen


def _chosen(table: Table, source: random.Random, count: int, ids: list[str] | None) -> list[str]:
    if ids is None:
        return source.sample(table.ids.all(), min(count, len(table.rows)))
    for row_id in ids:
        if row_id not in table.rows:
            raise LookupError(f"{table.name} {row_id}")
    return list(dict.fromkeys(ids))


def _fitting(organization: Organization, table: Table, values: Values) -> Values:
    """Made-up values as the table's columns take them now: what a published change has no place for is left out."""
    if not table.published:
        return values
    lookups = {
        name: value for name, value in values.items() if name.startswith("_") and name.split("@")[0] in table.by_wire
    }
    fitting: Values = {}
    for name, value in values.items():
        column = table.by_name.get(name)
        if column is None:
            continue
        given = str(value)[: column.length] if column.kind in ("String", "Memo") and value is not None else value
        try:
            fitting |= checked_values(organization, table, {name: given}, creating=False)
        except DataverseError:
            continue
    return fitting | lookups


def _summary(organization: Organization, table: Table) -> Body:
    return {
        "name": table.name,
        "set_name": table.set_name,
        "rows": len(table.rows),
        "change_tracking": organization.is_tracked(table),
    }


def _rows(organization: Organization, method: str, table: Table, body: Body) -> object:
    if method == "GET":
        return {"value": [_plain(table, row) for row in table.rows.values()]}
    if method != "POST":
        raise LookupError(f"{method} here; use GET or POST")
    values = checked_values(organization, table, body, creating=True)
    row_id = str(values.pop(table.primary_id, None) or uuid.uuid4())
    if row_id in table.rows:
        raise ValueError(f"The row {row_id} is there already; use PATCH.")
    return _plain(table, table.put(row_id, values, organization.credentials.user_id))


def _row(organization: Organization, method: str, table: Table, row_id: str, body: Body) -> object:
    row = table.rows.get(row_id.lower())
    if row is None:
        raise LookupError(f"row {row_id} in {table.set_name}")
    if method == "GET":
        return _plain(table, row)
    if method == "DELETE":
        organization.delete(table, row.id)
        return None
    if method != "PATCH":
        raise LookupError(f"{method} here; use GET, PATCH or DELETE")
    values = checked_values(organization, table, body, creating=False)
    values.pop(table.primary_id, None)
    return _plain(table, table.put(row.id, values, organization.credentials.user_id))


def _plain(table: Table, row: Row) -> dict[str, object]:
    """The row's values as they are stored: wire names, no nulls, no annotations; `parties` of an activity."""
    shown = {name: value for name, value in row.values.items() if name not in table.private}
    if PARTIES in row.values:
        shown["parties"] = orjson.loads(str(row.values[PARTIES]))
    return shown


def _maker(table: Table) -> Maker:
    if table.name not in MAKERS:
        raise LookupError(f"made-up {table.name}; POST one row at a time, or run a campaign")
    return MAKERS[table.name]
