"""The four activity tables of Adobe's solution, and what every activity table inherits from the activity pointer.

Columns and their lengths: learn.microsoft.com, activitypointer table reference; custom activities. Of Adobe's names
only `adobe_emailsend` with its own four columns is public; those of opens, clicks and bounces are assumed in its
likeness, which is why all of them can be renamed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.dynamics.columns import Column, common_columns

POINTER = "activitypointer"
#: The tables that an activity may regard.
REGARDED = ("contact", "account")

_SYSTEM = frozenset(
    {
        *("createdon", "modifiedon", "overriddencreatedon", "versionnumber", "exchangerate", "onholdtime"),
        *("importsequencenumber", "timezoneruleversionnumber", "utcconversiontimezonecode", "lastonholdtime"),
        *("processid", "stageid", "traversedpath", "transactioncurrencyid"),
        *("ownerid", "createdby", "modifiedby", "createdonbehalfby", "modifiedonbehalfby"),
        *("owningbusinessunit", "owninguser", "owningteam"),
    }
)
_STATES = {0: "Open", 1: "Completed", 2: "Canceled", 3: "Scheduled"}
_STATUSES = {1: "Open", 2: "Completed", 3: "Canceled", 4: "Scheduled"}
_PRIORITIES = {0: "Low", 1: "Normal", 2: "High"}


@dataclass(frozen=True)
class ActivityKind:
    """One activity table of Adobe's solution under the names this sandbox assumes; `date` and `label` tell it apart."""

    table: str
    label: str
    type_code: int
    date: str
    date_label: str
    tracked_link: bool = False


ACTIVITY_KINDS = (
    ActivityKind("adobe_emailsend", "Adobe Campaign Email Send", 10_021, "adobe_senton", "Date Sent"),
    ActivityKind("adobe_emailopen", "Adobe Campaign Email Open", 10_022, "adobe_openedon", "Date Opened"),
    ActivityKind(
        "adobe_emailurlclick", "Adobe Campaign Email URL Click", 10_023, "adobe_clickedon", "Date Clicked", True
    ),
    ActivityKind("adobe_emailbounce", "Adobe Campaign Email Bounce", 10_024, "adobe_bouncedon", "Date Bounced"),
)


def renamed(names: Mapping[str, str], table: str, column: str) -> str:
    """A column of one of the four tables as the switch `activity_names` calls it: in this table, or in all."""
    return names.get(f"{table}.{column}") or names.get(column, column)


def email_columns(kind: ActivityKind, names: Mapping[str, str]) -> tuple[Column, ...]:
    """Everything a row of this kind has."""
    own = [
        ("adobe_campaignname", "String", 200, "Campaign Name"),
        ("adobe_deliveryname", "String", 200, "Delivery Name"),
        ("adobe_mirrorpageurl", "String", 2000, "Mirror Page URL"),
        (kind.date, "DateTime", None, kind.date_label),
    ]
    if kind.tracked_link:
        own.append(("adobe_trackingurl", "String", 2000, "Tracking URL"))
    return (
        *activity_columns(names.get(kind.table, kind.table)),
        *(
            Column(renamed(names, kind.table, name), form, length=length, label=label, vendor=True)
            for name, form, length, label in own
        ),
    )


def activity_columns(table: str) -> tuple[Column, ...]:
    """The inherited columns. The navigation properties behind `regardingobjectid` bear the table's name, but for the
    pointer's own: `regardingobjectid_contact_adobe_emailsend`, `regardingobjectid_contact`."""
    pointer = table == POINTER
    ending = "" if pointer else f"_{table}"
    regarded = {f"regardingobjectid_{target}{ending}": target for target in REGARDED}
    return (
        Column("activityid", "Uniqueidentifier", create_only=True, required="SystemRequired", label="Activity"),
        *(column for column in common_columns("activityid") if column.name in _SYSTEM),
        Column("activitytypecode", "EntityName", read_only=True, default=table, label="Activity Type"),
        Column("statecode", "State", options=_STATES, default=0, label="Activity Status"),
        Column("statuscode", "Status", options=_STATUSES, default=1, label="Status Reason"),
        Column("subject", "String", length=400 if pointer else 200, required="ApplicationRequired"),
        Column("description", "Memo", length=2000),
        Column("regardingobjectid", "Lookup", targets=regarded, label="Regarding", on_delete="Cascade"),
        *_moments("scheduledstart", "actualstart", "actualend", "sortdate"),
        Column("scheduledend", "DateTime", label="Due Date"),
        *_moments("senton", "deliverylastattemptedon", "postponeactivityprocessinguntil", read_only=True),
        Column("scheduleddurationminutes", "Integer", minimum=0, read_only=True),
        Column("actualdurationminutes", "Integer", minimum=0),
        Column("prioritycode", "Picklist", options=_PRIORITIES, default=1, label="Priority"),
        Column("deliveryprioritycode", "Picklist", options=_PRIORITIES, default=1),
        *(Column(name, "Boolean", default=False) for name in ("isbilled", "isworkflowcreated", "leftvoicemail")),
        Column("ismapiprivate", "Boolean"),
        Column("isregularactivity", "Boolean", default=True, read_only=True),
        Column("community", "Picklist", options={1: "Facebook", 2: "Twitter", 0: "Other"}),
        Column("instancetypecode", "Picklist", options={0: "Not Recurring"}, default=0, read_only=True),
    )


def _moments(*names: str, read_only: bool = False) -> list[Column]:
    return [Column(name, "DateTime", read_only=read_only) for name in names]
