"""EntityDefinitions: tables, attributes, choices, keys, relationships (learn.microsoft.com, query definitions)."""

import uuid
from typing import Any

import orjson

from sandbox.dynamics.columns import Column
from sandbox.dynamics.context import Call
from sandbox.dynamics.errors import DataverseError, bad_query, no_such_segment
from sandbox.dynamics.filters import Operand, parse_filter
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.reading import JSON
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


def stable_id(*names: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "sandbox:" + ":".join(names)))


def label(text: str) -> dict[str, Any]:
    one = {
        "Label": text,
        "LanguageCode": 1033,
        "IsManaged": True,
        "MetadataId": stable_id("label", text),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [one], "UserLocalizedLabel": one}


def _managed(value: Any, name: str) -> dict[str, Any]:
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def table_definition(organization: Organization, table: Table) -> dict[str, Any]:
    plural = table.schema_name + "s"
    return {
        "MetadataId": stable_id("table", table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "CollectionSchemaName": plural,
        "PrimaryIdAttribute": table.primary_id,
        "PrimaryNameAttribute": table.primary_name,
        "PrimaryImageAttribute": "entityimage",
        "ObjectTypeCode": table.type_code,
        "ChangeTrackingEnabled": organization.is_tracked(table),
        "CanChangeTrackingBeEnabled": _managed(True, "canchangetrackingbeenabled"),
        "IsActivity": False,
        "IsActivityParty": True,
        "ActivityTypeMask": 0,
        "IsCustomEntity": False,
        "IsManaged": True,
        "IsPrivate": False,
        "IsIntersect": False,
        "OwnershipType": "UserOwned",
        "IsOptimisticConcurrencyEnabled": True,
        "TableType": "Standard",
        "HasNotes": True,
        "HasActivities": True,
        "DisplayName": label(table.schema_name),
        "DisplayCollectionName": label(plural),
        "Description": label(f"{table.schema_name} of the sandbox."),
    }


def attribute_definition(table: Table, column: Column) -> dict[str, Any]:
    """Everything about one column, the members of its own type included; `@odata.type` tells the type."""
    kind = {
        "DateOnly": "DateTime",
        "Uniqueidentifier": "UniqueIdentifier",
        "MultiSelect": "MultiSelectPicklist",
    }
    lookup = {"Customer": "Lookup", "Owner": "Lookup"}
    type_name = lookup.get(column.kind) or kind.get(column.kind, column.kind)
    type_value = "MultiSelectPicklistType" if column.kind == "MultiSelect" else f"{column.attribute_type}Type"
    return {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{type_name}AttributeMetadata",
        "MetadataId": stable_id("attribute", table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema_name,
        "AttributeType": column.attribute_type,
        "AttributeTypeName": {"Value": type_value},
        "AttributeOf": None,
        "EntityLogicalName": table.name,
        "RequiredLevel": _managed(column.required, "canmodifyrequirementlevelsettings"),
        "IsValidForCreate": not column.read_only and not column.update_only,
        "IsValidForRead": True,
        "IsValidForUpdate": not column.read_only and not column.create_only,
        "IsPrimaryId": column.name == table.primary_id,
        "IsPrimaryName": column.name == table.primary_name,
        "IsCustomAttribute": False,
        "IsManaged": True,
        "IsLogical": False,
        "DisplayName": label(column.schema_name),
        "Description": label(column.schema_name),
        **_typed_members(column),
    }


def _typed_members(column: Column) -> dict[str, Any]:
    kind = column.kind
    if kind in ("String", "Memo"):
        is_email = column.name.startswith("emailaddress")
        shape = "Email" if is_email else "TextArea" if kind == "Memo" else "Text"
        return {"MaxLength": column.length, "Format": shape}
    if kind in ("DateTime", "DateOnly"):
        behavior = "DateOnly" if kind == "DateOnly" else "UserLocal"
        shape = "DateOnly" if kind == "DateOnly" else "DateAndTime"
        return {"Format": shape, "DateTimeBehavior": {"Value": behavior}}
    if kind in ("Integer", "Decimal", "Double", "Money"):
        precision = {} if kind == "Integer" else {"Precision": {"Decimal": 10, "Double": 5, "Money": 2}[kind]}
        low = -2147483648 if column.minimum is None else column.minimum
        high = 2147483647 if column.maximum is None else column.maximum
        return {"MinValue": low, "MaxValue": high, **precision}
    if kind in ("Lookup", "Customer", "Owner"):
        return {"Targets": list(dict.fromkeys(column.targets.values()))}
    return {}


def option_set(table: Table, column: Column) -> dict[str, Any] | None:
    shared = {
        "MetadataId": stable_id("options", table.name, column.name),
        "Name": f"{table.name}_{column.name}",
        "IsGlobal": False,
        "IsCustomOptionSet": False,
        "DisplayName": label(column.schema_name),
    }
    if column.kind == "Boolean":
        return {
            **shared,
            "OptionSetType": "Boolean",
            "TrueOption": _option(1, column.true_label),
            "FalseOption": _option(0, column.false_label),
        }
    if not column.options:
        return None
    options = [_option(value, text) for value, text in column.options.items()]
    for option in options:
        if column.kind == "State":
            option |= {
                "@odata.type": "#Microsoft.Dynamics.CRM.StateOptionMetadata",
                "DefaultStatus": option["Value"] + 1,
                "InvariantName": column.options[option["Value"]],
            }
        elif column.kind == "Status":
            option |= {
                "@odata.type": "#Microsoft.Dynamics.CRM.StatusOptionMetadata",
                "State": option["Value"] - 1,
                "TransitionData": None,
            }
    return {**shared, "OptionSetType": column.kind, "Options": options}


def _option(value: int, text: str) -> dict[str, Any]:
    return {
        "Value": value,
        "Label": label(text),
        "Description": {"LocalizedLabels": [], "UserLocalizedLabel": None},
        "Color": None,
        "IsManaged": True,
        "ExternalValue": None,
        "ParentValues": [],
        "Tag": None,
        "IsHidden": False,
        "MetadataId": None,
        "HasChanged": None,
    }


def key_definitions(organization: Organization, table: Table) -> list[dict[str, Any]]:
    return [
        {
            "SchemaName": name,
            "LogicalName": name.lower(),
            "KeyAttributes": list(columns),
            "EntityKeyIndexStatus": "Active",
            "EntityLogicalName": table.name,
            "MetadataId": stable_id("key", name),
        }
        for name, columns in organization.keys(table).items()
    ]


def relationship_definitions(organization: Organization, table: Table, many_to_one: bool) -> list[dict[str, Any]]:
    found = []
    for child in organization.tables.values():
        for navigation, (column, target) in child.navigations.items():
            if (child if many_to_one else organization.by_name.get(target)) is not table:
                continue
            name = f"{child.name}_{navigation}"
            reverse = "contact_customer_accounts" if navigation == "parentcustomerid_account" else name
            found.append(
                {
                    "@odata.type": "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
                    "SchemaName": reverse,
                    "ReferencedEntity": target,
                    "ReferencedAttribute": f"{target}id",
                    "ReferencingEntity": child.name,
                    "ReferencingAttribute": column.name,
                    "ReferencingEntityNavigationPropertyName": navigation,
                    "ReferencedEntityNavigationPropertyName": reverse,
                    "RelationshipType": "OneToManyRelationship",
                    "MetadataId": stable_id("relationship", child.name, navigation),
                }
            )
    return found


class DefinitionSchema:
    """Metadata filters: any member, one level of nesting, no functions."""

    def operand(self, path: str) -> Operand:
        head, _, rest = path.partition("/")

        def get(item: dict[str, Any]) -> Any:
            value = item.get(head)
            return value.get(rest) if rest and isinstance(value, dict) else value

        return Operand(get, "any")

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
        return [attribute_definition(table, column) for column in table.columns]
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
