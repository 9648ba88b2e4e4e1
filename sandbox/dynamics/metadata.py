"""EntityDefinitions as they are asked for: paths, casts, `$select`, `$filter`, `$expand` (query schema definitions)."""

from typing import Any

import orjson

from sandbox.dynamics.comparing import Operand
from sandbox.dynamics.context import Call
from sandbox.dynamics.definitions import (
    attribute_definition,
    key_definitions,
    option_set,
    relationship_definitions,
    shadow_definitions,
    stable_id,
    table_definition,
)
from sandbox.dynamics.errors import JSON, DataverseError, bad_query, no_such_segment
from sandbox.dynamics.filters import parse_filter
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.selection import parse_expand
from sandbox.dynamics.tables import Table
from sandbox.http import Answer

_CASTS = {
    "StringAttributeMetadata": ("String",),
    "MemoAttributeMetadata": ("Memo",),
    "IntegerAttributeMetadata": ("Integer",),
    "BigIntAttributeMetadata": ("BigInt",),
    "DecimalAttributeMetadata": ("Decimal",),
    "DoubleAttributeMetadata": ("Double",),
    "MoneyAttributeMetadata": ("Money",),
    "BooleanAttributeMetadata": ("Boolean",),
    "DateTimeAttributeMetadata": ("DateTime", "DateOnly"),
    "LookupAttributeMetadata": ("Lookup", "Customer", "Owner"),
    "PicklistAttributeMetadata": ("Picklist",),
    "MultiSelectPicklistAttributeMetadata": ("MultiSelect",),
    "StateAttributeMetadata": ("State",),
    "StatusAttributeMetadata": ("Status",),
    "UniqueIdentifierAttributeMetadata": ("Uniqueidentifier",),
}
_OPTION_SETS = ("OptionSet", "GlobalOptionSet")
_COLLECTIONS = (
    "Attributes",
    "Keys",
    "ManyToOneRelationships",
    "OneToManyRelationships",
    "ManyToManyRelationships",
)


class DefinitionSchema:
    """Metadata filters: any member, one level of nesting, no functions."""

    def operand(self, path: str) -> Operand:
        head, _, rest = path.partition("/")

        def get(item: dict[str, Any]) -> Any:
            value = item.get(head)
            return value.get(rest) if rest and isinstance(value, dict) else value

        return Operand(get, "any")

    def named(self, name: str) -> Operand:
        return self.operand(name)

    def members(self, path: str) -> Any:
        raise DataverseError(501, "0x8006088a", 'The "any" function isn\'t supported for Metadata Entities')

    def allows_functions(self) -> bool:
        return False

    def now(self) -> float:
        return 0.0


def narrowed(items: list[dict[str, Any]], options: dict[str, str]) -> list[dict[str, Any]]:
    """`$filter` and `$select` on definitions; `MetadataId` and `@odata.type` always stay."""
    if "$filter" in options:
        predicate = parse_filter(options["$filter"], DefinitionSchema(), options)
        items = [item for item in items if predicate(item)]
    if options.get("$select"):
        names = [name.strip() for name in options["$select"].split(",")]
        for name in names:
            if items and not any(name in item for item in items):
                raise bad_query(f"Could not find a property named '{name}' on the requested metadata type.")
        keep = {"@odata.type", "MetadataId", *names}
        items = [{name: value for name, value in item.items() if name in keep} for item in items]
    return items


def answer_definitions(call: Call, segments: list[str]) -> Answer:
    """`EntityDefinitions`, `EntityDefinitions(...)`, and what hangs below; `segments` start with it."""
    organization = call.organization
    head, _, key = segments[0].partition("(")
    if head != "EntityDefinitions":
        raise no_such_segment(segments[0])
    if not key:
        items = [(table_definition(organization, table), table) for table in organization.tables.values()]
        shown = []
        for item, table in items:
            for kept in narrowed([item], call.request.query):
                shown.append(_expanded(organization, table, kept, call.request.query))
        return _collection(call, "EntityDefinitions", shown)
    table = _table(organization, key.rstrip(")"))
    if len(segments) == 1:
        item = narrowed([table_definition(organization, table)], _no_filter(call))[0]
        shown_item = _expanded(organization, table, item, call.request.query)
        return _single(call, "EntityDefinitions", shown_item)
    name, _, part = segments[1].partition("(")
    if name not in _COLLECTIONS:
        raise no_such_segment(segments[1])
    path = f"EntityDefinitions('{table.name}')/{name}"
    members = _members(organization, table, name)
    if part:
        members = [member for member in members if _is_named(member, part.rstrip(")"))]
        if not members:
            raise DataverseError(404, "0x80060888", f"Could not find a definition for {segments[1]}.")
    with_options = False
    if len(segments) == 3:
        members, with_options = _cast(members, segments[2].rpartition(".")[2])
    members = narrowed(members, _no_filter(call) if part else call.request.query)
    if with_options:
        members = [_with_options(table, member, call.request.query) for member in members]
    if part:
        if not members:
            raise DataverseError(404, "0x80060888", f"Could not find a definition for {segments[1]}.")
        return _single(call, path, members[0])
    return _collection(call, path, members)


def _no_filter(call: Call) -> dict[str, str]:
    return {name: value for name, value in call.request.query.items() if name != "$filter"}


def _members(organization: Organization, table: Table, name: str) -> list[dict[str, Any]]:
    if name == "Attributes":
        plain = [attribute_definition(table, column) for column in table.columns]
        return plain + [shadow for column in table.columns for shadow in shadow_definitions(table, column)]
    if name == "Keys":
        return key_definitions(organization, table)
    if name == "ManyToManyRelationships":
        return []
    return relationship_definitions(organization, table, name == "ManyToOneRelationships")


def _cast(members: list[dict[str, Any]], cast: str) -> tuple[list[dict[str, Any]], bool]:
    if cast == "EnumAttributeMetadata" or cast not in _CASTS:
        raise bad_query(f"The type 'Microsoft.Dynamics.CRM.{cast}' cannot be cast to here.")
    kept = []
    for member in members:
        if str(member["@odata.type"]).endswith(f".{cast}"):
            kept.append({name: value for name, value in member.items() if name != "@odata.type"})
    choices = ("Picklist", "State", "Status", "Boolean", "MultiSelectPicklist")
    return kept, cast.removesuffix("AttributeMetadata") in choices


def _with_options(table: Table, member: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """Option sets are only shown when `$expand` names them."""
    shown = dict(member)
    column = next(c for c in table.columns if stable_id("attribute", table.name, c.name) == member["MetadataId"])
    for expansion in parse_expand(query.get("$expand")):
        if expansion.navigation not in _OPTION_SETS:
            raise bad_query(f"Could not find a property named '{expansion.navigation}'.")
        found = option_set(table, column) if expansion.navigation == "OptionSet" else None
        if found is not None and expansion.options.get("$select"):
            names = {"MetadataId", *expansion.options["$select"].split(",")}
            found = {name: value for name, value in found.items() if name in names}
        shown[expansion.navigation] = found
    return shown


def _expanded(organization: Organization, table: Table, item: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    shown = dict(item)
    for expansion in parse_expand(query.get("$expand")):
        if expansion.navigation not in _COLLECTIONS:
            raise bad_query(f"Could not find a property named '{expansion.navigation}' on type 'EntityMetadata'.")
        shown[expansion.navigation] = narrowed(_members(organization, table, expansion.navigation), expansion.options)
    return shown


def _table(organization: Organization, key: str) -> Table:
    name, _, value = key.partition("=")
    for table in organization.tables.values():
        if (name == "LogicalName" and value.strip("'") == table.name) or key == stable_id("table", table.name):
            return table
    shown = value.strip("'") or key
    raise DataverseError(
        404,
        "0x80060888",
        f"Could not find an entity with name {shown} and id 00000000-0000-0000-0000-000000000000.",
    )


def _is_named(member: dict[str, Any], key: str) -> bool:
    name, _, value = key.partition("=")
    return bool(member.get("MetadataId") == key or (value and member.get(name) == value.strip("'")))


def _names(call: Call) -> str:
    select = call.request.query.get("$select")
    return f"({select})" if select else ""


def _collection(call: Call, path: str, items: list[dict[str, Any]]) -> Answer:
    body = {"@odata.context": f"{call.api}/$metadata#{path}{_names(call)}", "value": items}
    return Answer(200, [JSON], orjson.dumps(body))


def _single(call: Call, path: str, item: dict[str, Any]) -> Answer:
    body = {"@odata.context": f"{call.api}/$metadata#{path}{_names(call)}/$entity", **item}
    return Answer(200, [JSON], orjson.dumps(body))
