"""Definitions of tables, attributes, choices, keys, relationships, whole (learn.microsoft.com, metadata entities)."""

import uuid
from typing import Any

from sandbox.dynamics.activities import REGARDED
from sandbox.dynamics.columns import LOOKUP_KINDS, Column
from sandbox.dynamics.organization import Organization, collection_name
from sandbox.dynamics.privileges import privileges
from sandbox.dynamics.tables import Table


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
    custom, activity = table.custom, table.activity
    return {
        "MetadataId": stable_id("table", table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "CollectionSchemaName": plural,
        "PrimaryIdAttribute": table.primary_id,
        "PrimaryNameAttribute": table.primary_name,
        "PrimaryImageAttribute": None if custom or activity else "entityimage",
        "ObjectTypeCode": table.type_code,
        "ChangeTrackingEnabled": organization.is_tracked(table),
        "CanChangeTrackingBeEnabled": _managed(True, "canchangetrackingbeenabled"),
        "IsActivity": activity,
        "IsActivityParty": not custom and not activity,
        "ActivityTypeMask": 1 if activity and custom else 0,
        "IsCustomEntity": custom,
        "IsManaged": table.vendor or not custom,
        "IsAvailableOffline": True,
        "IsMailMergeEnabled": not activity,
        "IsPrivate": False,
        "IsIntersect": False,
        "OwnershipType": "UserOwned",
        "IsOptimisticConcurrencyEnabled": True,
        "TableType": "Standard",
        "HasNotes": True,
        "HasActivities": table.name in REGARDED,
        "Privileges": privileges(organization.switches, table),
        "DisplayName": label(table.label or table.schema_name),
        "DisplayCollectionName": label(f"{table.label or table.schema_name}s"),
        "Description": label(f"{table.label or table.schema_name} of the sandbox."),
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
        "IsCustomAttribute": column.is_custom,
        "IsManaged": column.vendor or not column.is_custom,
        "IsLogical": False,
        "DisplayName": label(column.display_name),
        "Description": label(column.display_name),
        **_typed_members(column),
    }


def shadow_definitions(table: Table, column: Column) -> list[dict[str, Any]]:
    """What hangs on a column without being a property of the Web API: the texts behind numbers and lookups."""
    if column.kind in LOOKUP_KINDS:
        shadows = [("name", "String", "StringType", {"MaxLength": 100, "Format": "Text"})]
        if len(column.targets) > 1:
            shadows.append(("type", "EntityName", "EntityNameType", {}))
    elif column.options or column.kind == "Boolean":
        shadows = [("name", "Virtual", "VirtualType", {})]
    else:
        return []
    return [
        {
            **attribute_definition(table, Column(f"{column.name}{ending}", "String", read_only=True)),
            "@odata.type": f"#Microsoft.Dynamics.CRM.{'String' if kind == 'String' else ''}AttributeMetadata",
            "AttributeType": kind,
            "AttributeTypeName": {"Value": type_name},
            "AttributeOf": column.name,
            "IsLogical": True,
            **({} if more else {"MaxLength": None, "Format": None}),
            **more,
        }
        for ending, kind, type_name, more in shadows
    ]


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
        usual = {"Decimal": 10, "Double": 5, "Money": 2}
        precision = {} if kind == "Integer" else {"Precision": column.precision or usual[kind]}
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
        "IsCustomOptionSet": column.is_custom,
        "DisplayName": label(column.display_name),
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
    kind = "Picklist" if column.kind == "MultiSelect" else column.kind
    return {**shared, "OptionSetType": kind, "Options": options}


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
            reverse = collection_name(child, navigation)
            delete = "NoCascade" if not column.on_delete else "RemoveLink"
            if child is organization.pointers:
                delete = "NoCascade"
            elif column.on_delete == "Cascade" and organization.switches.cascade == "delete":
                delete = "Cascade"
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
                    "IsCustomRelationship": column.is_custom,
                    "CascadeConfiguration": {"Assign": "NoCascade", "Delete": delete, "Merge": "NoCascade"},
                    "MetadataId": stable_id("relationship", child.name, navigation),
                }
            )
    return found
