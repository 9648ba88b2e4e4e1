"""Bulk messages: CreateMultiple, UpdateMultiple, UpsertMultiple, BulkDelete (learn.microsoft.com, bulk operations)."""

import uuid
from typing import Any

import orjson

from sandbox.dynamics.context import Call
from sandbox.dynamics.errors import JSON, DataverseError, bad_query, not_supported
from sandbox.dynamics.payload import find_by_key, parse_key, read_json
from sandbox.dynamics.tables import Table
from sandbox.dynamics.writing import create_row, key_values, update_row
from sandbox.http import Answer


def bulk(call: Call, table: Table, action: str) -> Answer:
    """CreateMultiple, UpdateMultiple, UpsertMultiple: all or nothing, as standard tables do."""
    targets = read_json(table.set_name, call.request.body).get("Targets")
    if not isinstance(targets, list) or not targets:
        raise bad_query("The parameter 'Targets' must be a non-empty collection.")
    for target in targets:
        if str(target.get("@odata.type", "")).lstrip("#") != f"Microsoft.Dynamics.CRM.{table.name}":
            raise bad_query("Every target needs an @odata.type of the table it belongs to.")
    with call.organization.transaction():
        ids = [_bulk_one(call, table, action, target) for target in targets]
    if action != "CreateMultiple":
        return Answer(204, [])
    kind = "Microsoft.Dynamics.CRM.CreateMultipleResponse"
    return Answer(200, [JSON], orjson.dumps({"@odata.context": f"{call.api}/$metadata#{kind}", "Ids": ids}))


def _bulk_one(call: Call, table: Table, action: str, target: dict[str, Any]) -> str:
    if action == "CreateMultiple":
        return create_row(call, table, target, None).id
    address = target.get("@odata.id")
    row_id = target.get(table.primary_id)
    key = None
    if address is not None:
        key = str(address).partition("(")[2].rstrip(")")
        row_id = find_by_key(call.organization, table, key) if "=" in key else key
    row = table.rows.get(str(row_id).lower())
    if row is not None:
        return update_row(call, table, row, target).id
    if action == "UpdateMultiple":
        raise DataverseError(404, "0x80040217", f"{table.schema_name} With Ids = {row_id} Do Not Exist")
    if key is not None and "=" in key:
        if parse_key(key).keys() & target.keys():
            raise bad_query("The key columns must not stand both in @odata.id and in the body.")
        return create_row(call, table, {**key_values(table, key), **target}, None).id
    return create_row(call, table, target, str(row_id).lower() if row_id else None).id


def bulk_delete(call: Call) -> Answer:
    """`POST BulkDelete`: each query names its rows by `In` or `Equal` on one column. A real organisation deletes later,
    in a job of its own; here the job is done when the answer comes."""
    chosen: list[tuple[Table, str]] = []
    for query in read_json("BulkDelete", call.request.body).get("QuerySet", []):
        table = call.organization.by_name.get(str(query.get("EntityName")))
        if table is None:
            raise DataverseError(
                404, "0x80040217", f"The entity with a name = '{query.get('EntityName')}' was not found."
            )
        if table is call.organization.pointers:
            raise not_supported("DELETE", table.name)
        for condition in query.get("Criteria", {}).get("Conditions", []):
            if condition.get("Operator") not in ("In", "Equal"):
                raise bad_query(f"The operator {condition.get('Operator')} is not played by this sandbox.")
            wanted = {str(value.get("Value")).casefold() for value in condition.get("Values", [])}
            name = str(condition.get("AttributeName"))
            chosen += [(table, row.id) for row in table.rows.values() if str(row.values.get(name)).casefold() in wanted]
    for table, row_id in chosen:
        if row_id in table.rows:  # else its parent's end was its own
            call.organization.delete(table, row_id)
    kind = "Microsoft.Dynamics.CRM.BulkDeleteResponse"
    body = {"@odata.context": f"{call.api}/$metadata#{kind}", "JobId": str(uuid.uuid4())}
    return Answer(200, [JSON], orjson.dumps(body))
