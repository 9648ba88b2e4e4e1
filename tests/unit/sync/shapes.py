"""Made-up schemas and mappings that the tests of the rules share."""

from typing import Any

from config.ingress import Condition, Filter, TableMapping
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.schemas import TableSchema

ID = "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"
OTHER_ID = "11bb11bb-bb11-cc22-dd33-44ee44ee44ee"

MEMBERSHIPS = TableSchema(
    "new_memberships",
    "new_membershipid",
    {
        "new_membershipid": ColumnShape("Uniqueidentifier"),
        "new_name": ColumnShape("String", 100),
        "new_note": ColumnShape("Memo", 2000),
        "new_tier": ColumnShape("Picklist", options={1: "Bronze", 2: "Silver", 3: "Gold"}),
        "new_interests": ColumnShape("MultiSelectPicklist", options={1: "Sports", 2: "Music", 3: "Travel; far"}),
        "new_since": ColumnShape("DateOnly"),
        "new_seen": ColumnShape("DateTime"),
        "new_points": ColumnShape("Integer"),
        "new_active": ColumnShape("Boolean", options={0: "No", 1: "Yes"}),
        "new_discount": ColumnShape("Decimal"),
        "new_contactid": ColumnShape("Lookup", targets=("contact",)),
        "new_holderid": ColumnShape("Customer", targets=("account", "contact")),
    },
    {
        "crmId": FieldShape("string", 100),
        "number": FieldShape("string", 20),
        "tier": FieldShape("enumeration", values=("none", "bronze", "silver", "gold")),
        "interests": FieldShape("string", 255),
        "since": FieldShape("date"),
        "seen": FieldShape("datetime"),
        "points": FieldShape("long"),
        "active": FieldShape("boolean"),
        "discount": FieldShape("double"),
        "note": FieldShape("string", 255),
        "short": FieldShape("string", 5),
        "place": FieldShape("element"),
        "place.city": FieldShape("string", 50),
        "place.zip": FieldShape("string", 10),
        "created": FieldShape("datetime", read_only=True, mandatory=True),
        "holder": FieldShape("link", target="profile"),
        "sponsor": FieldShape("link", target="profile"),
        "invoices": FieldShape("collection", target="cusInvoice", mandatory=True),
        "holderId": FieldShape("string", 100),
    },
)

RESOURCES = {"new_membership": "cusMembership", "contact": "profile", "account": "cusCompany"}


def memberships(*fields: dict[str, Any], **more: Any) -> TableMapping:
    """A mapping of memberships; each field and all else as a file has it."""
    plain = {
        "table": "new_membership",
        "resource": "cusMembership",
        "key": {"field": "crmId", "filter": "byCrmId", "parameter": "crmId_parameter"},
        "fields": list(fields),
    }
    return TableMapping.model_validate({**plain, **more})


def line(source: str, target: str, **more: Any) -> dict[str, Any]:
    """One line of a mapping as a file has it."""
    return {"from": source, "to": target, **more}


def condition(field: str, comparison: str, value: object = None) -> Condition:
    """One condition of a filter as a file has it."""
    written = {"field": field, "is": comparison}
    return Condition.model_validate(written if value is None else {**written, "value": value})


def one(field: str, comparison: str, value: object = None) -> Filter:
    """A filter of one condition."""
    return Filter(all=(condition(field, comparison, value),))
