"""What the demonstration changes and deletes in Dynamics, and how many records of Campaign that must touch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Rows that are changed, by table; and contacts that are deleted, with all that hangs on them.
CHANGED: Mapping[str, int] = {"contact": 300, "new_membership": 30, "new_invoice": 30, "new_invoiceline": 30}
DELETED = 20

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Plan:
    changed: dict[str, list[str]]  #: by table, ids
    deleted: list[str]  #: ids of contacts
    updates: int  #: records of Campaign that change
    deletes: int  #: records of Campaign that go: the contacts' memberships, their invoices and lines, too


def plan(rows: Mapping[str, Rows]) -> Plan:
    """`rows` by table, as Dynamics holds them. What is deleted is not changed before: that would be one deletion."""
    deleted = [row["contactid"] for row in rows["contact"]][-DELETED:]
    going = {"contact": set(deleted)}
    for table, primary_id, column, parent in _CHILDREN:
        going[table] = {row[primary_id] for row in rows[table] if row.get(column) in going[parent]}
    ids = {"contact": "contactid", **{table: primary_id for table, primary_id, *_ in _CHILDREN}}
    changed = {
        table: [row[ids[table]] for row in rows[table] if row[ids[table]] not in going[table]][:count]
        for table, count in CHANGED.items()
    }
    # Who loses a sponsor is changed by that alone.
    unsponsored = {
        row["new_membershipid"]
        for row in rows["new_membership"]
        if row.get("_new_sponsorid_value") in going["contact"]
        and row["new_membershipid"] not in going["new_membership"]
    }
    updates = sum(map(len, changed.values())) + len(unsponsored - set(changed["new_membership"]))
    return Plan(changed, deleted, updates, sum(map(len, going.values())))


#: Table, primary id, property with the parent's id, parent: the lookups by which Dynamics deletes children.
_CHILDREN = (
    ("new_membership", "new_membershipid", "_new_contactid_value", "contact"),
    ("new_invoice", "new_invoiceid", "_new_membershipid_value", "new_membership"),
    ("new_invoiceline", "new_invoicelineid", "_new_invoiceid_value", "new_invoice"),
)
