"""Creates, updates, upserts, deletes and their conditions (learn.microsoft.com, perform conditional operations)."""

import uuid
from typing import Any

from sandbox.dynamics.context import Call
from sandbox.dynamics.errors import (
    JSON,
    DataverseError,
    already_there,
    bad_query,
    missing_row,
    not_supported,
    version_mismatch,
)
from sandbox.dynamics.payload import (
    check_unique,
    checked_values,
    parse_key,
    read_json,
    resolve_reference,
)
from sandbox.dynamics.reading import existing, row_body
from sandbox.dynamics.tables import Row, Table
from sandbox.http import Answer


def create(call: Call, table: Table) -> Answer:
    given = read_json(table.set_name, call.request.body)
    row = create_row(call, table, given, None)
    return _written(call, table, row, f"{table.set_name}({row.id})", created=True)


def create_child(call: Call, parent: Table, parent_id: str, name: str) -> Answer:
    """`POST contacts(id)/contact_adobe_emailsends`: a new row that leads to its parent."""
    existing(call, parent, parent_id)
    table, column = call.organization.collections[parent.name, name]
    if table is call.organization.pointers:
        raise not_supported("POST", table.name)
    navigation = next(key for key, found in table.navigations.items() if found == (column, parent.name))
    bind = {f"{navigation}@odata.bind": f"/{parent.set_name}({parent_id})"}
    row = create_row(call, table, read_json(table.set_name, call.request.body) | bind, None)
    return _written(call, table, row, f"{table.set_name}({row.id})", created=True)


def create_row(call: Call, table: Table, given: dict[str, Any], row_id: str | None) -> Row:
    """Insert; the id comes from the URL, from the body, or is made."""
    organization = call.organization
    values = checked_values(organization, table, given, creating=True)
    row_id = row_id or str(values.get(table.primary_id) or uuid.uuid4())
    if row_id in table.rows:
        raise already_there()
    check_unique(organization, table, row_id, values)
    values.pop(table.primary_id, None)
    row = table.put(row_id, values, organization.credentials.user_id)
    _note_consent(call, table, "create", row, values, table.defaults)
    return row


def update_row(call: Call, table: Table, row: Row, given: dict[str, Any]) -> Row:
    values = checked_values(call.organization, table, given, creating=False)
    values.pop(table.primary_id, None)
    check_unique(call.organization, table, row.id, values)
    written = table.put(row.id, values, call.organization.credentials.user_id)
    _note_consent(call, table, "update", written, values, row.values)
    return written


def _note_consent(
    call: Call, table: Table, method: str, row: Row, values: dict[str, object], before: dict[str, object]
) -> None:
    organization = call.organization
    if table is not organization.contacts:
        return
    flags = {name: values[name] for name in table.flags if name in values}
    if flags:
        changed = [name for name, value in flags.items() if value != before.get(name)]
        stamp, at = row.values["modifiedon"], organization.clock.now()
        organization.consent.write("dynamics", method, row.id, None, flags, changed, stamp, at)


def patch(call: Call, table: Table, row_id: str | None, key: str | None) -> Answer:
    """PATCH by id or alternate key: update, upsert, or create, as the conditions say."""
    given = read_json(table.set_name, call.request.body)
    address = f"{table.set_name}({key or row_id})"
    row = table.rows.get(row_id) if row_id is not None else None
    if_match, if_none = call.request.header(b"if-match"), call.request.header(b"if-none-match")
    if row is None:
        if if_match:
            if key is not None:
                raise _no_such_key(table)
            raise missing_row(table.name, str(row_id), call.organization.switches.missing_row_text)
        if key is not None:
            given = {**key_values(table, key), **given}
        return _written(call, table, create_row(call, table, given, row_id), address, created=True)
    if if_none == "*":
        raise already_there()
    _check_version(row, if_match)
    if key is not None:
        given = {name: value for name, value in given.items() if name not in parse_key(key)}
    return _written(call, table, update_row(call, table, row, given), address, created=False)


def delete(call: Call, table: Table, row_id: str) -> Answer:
    row = existing(call, table, row_id)
    _check_version(row, call.request.header(b"if-match"))
    call.organization.delete(table, row_id)
    return Answer(204, [])


def write_member(call: Call, table: Table, row_id: str, rest: list[str]) -> Answer:
    """PUT/DELETE of one property, PUT/DELETE of a single-valued `$ref`."""
    row = existing(call, table, row_id)
    name, clearing = rest[0], call.request.method == "DELETE"
    if rest[1:] == ["$ref"] and name in table.navigations:
        column, target = table.navigations[name]
        values: dict[str, object] = {column.wire: None, f"{column.wire}@table": None}
        if not clearing:
            reference = str(read_json(table.set_name, call.request.body).get("@odata.id", ""))
            found = resolve_reference(call.organization, target, reference)
            values = {column.wire: found, f"{column.wire}@table": target if len(column.targets) > 1 else None}
        table.put(row.id, values, call.organization.credentials.user_id)
        return Answer(204, [])
    if name not in table.by_wire or len(rest) > 1:
        raise bad_query(f"Resource not found for the segment '{rest[-1]}'.")
    value = None if clearing else read_json(table.set_name, call.request.body).get("value")
    update_row(call, table, row, {name: value})
    return Answer(204, [] if clearing else [_entity_id(call, f"{table.set_name}({row.id})")])


def _check_version(row: Row, if_match: str) -> None:
    if if_match and if_match != "*" and if_match != f'W/"{row.version}"':
        raise version_mismatch()


def key_values(table: Table, key: str) -> dict[str, Any]:
    """The alternate key's columns as body values, numbers where the column is one."""
    numeric = ("Integer", "BigInt", "Picklist")
    return {
        name: int(value) if table.by_name[name].kind in numeric else value for name, value in parse_key(key).items()
    }


def _no_such_key(table: Table) -> DataverseError:
    return DataverseError(
        404, "0x80060891", f"A record with the specified key values does not exist in {table.name} entity"
    )


def _entity_id(call: Call, address: str) -> tuple[bytes, bytes]:
    return b"OData-EntityId", f"{call.api}/{address}".encode("latin-1", "replace")


def _written(call: Call, table: Table, row: Row, address: str, created: bool) -> Answer:
    entity_id = _entity_id(call, address)
    if not call.wants_representation():
        return Answer(204, [entity_id])
    headers = [JSON, (b"ETag", f'W/"{row.version}"'.encode())]
    if call.organization.switches.entity_id_with_representation:
        headers.append(entity_id)
    return Answer(201 if created else 200, headers, row_body(call, table, row, expand=created))
