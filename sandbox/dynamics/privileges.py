"""Privileges: which there are about a table, and how far the application user has them.

The form of both is the vendor's (EntityMetadata, Privileges; RetrieveUserPrivilegeByPrivilegeName). That all activity
tables share the privileges named ...Activity is an assumption, the switch `activity_privileges`.
"""

import re
import uuid

import orjson

from sandbox.dynamics.context import Call
from sandbox.dynamics.errors import JSON, DataverseError, no_such_segment
from sandbox.dynamics.tables import Table
from sandbox.http import Answer
from sandbox.switches import Switches

RIGHTS = ("Create", "Read", "Write", "Delete", "Assign", "Share", "Append", "AppendTo")

#: In the switch `privileges`, of one that the user has not.
NONE = "None"

_FUNCTION = re.compile(r"Microsoft\.Dynamics\.CRM\.RetrieveUserPrivilegeByPrivilegeName\(PrivilegeName='(\w+)'\)")


def verb_of(method: str) -> str:
    """The right that a request on a row takes."""
    return {"GET": "Read", "POST": "Create", "DELETE": "Delete"}.get(method, "Write")


def name_of(switches: Switches, table: Table, right: str) -> str:
    shared = table.activity and switches.activity_privileges == "shared"
    return f"prv{right}{'Activity' if shared else table.schema_name}"


def privileges(switches: Switches, table: Table) -> list[dict[str, object]]:
    """As a table's definition has them."""
    return [
        {
            "CanBeBasic": True,
            "CanBeLocal": True,
            "CanBeDeep": True,
            "CanBeGlobal": True,
            "CanBeEntityReference": False,
            "CanBeParentEntityReference": False,
            "Name": name,
            "PrivilegeId": _id(name),
            "PrivilegeType": right,
        }
        for right in RIGHTS
        for name in (name_of(switches, table, right),)
    ]


def is_withheld(switches: Switches, table: Table, method: str) -> bool:
    """Whether the user has not what a request takes; how far what they have reaches is not played."""
    return switches.privileges.get(name_of(switches, table, verb_of(method))) == NONE


def held(call: Call, user_id: str, segment: str) -> Answer:
    """systemusers(<id>)/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='...')."""
    asked = _FUNCTION.fullmatch(segment)
    if asked is None:
        raise no_such_segment(segment)
    organization, name = call.organization, asked[1]
    credentials, switches = organization.credentials, organization.switches
    if user_id != credentials.user_id:
        raise DataverseError(404, "0x80040217", f"systemuser With Id = {user_id} Does Not Exist")
    if not switches.privileges_told:
        raise DataverseError(
            403,
            "0x80040220",
            f"Principal user (Id={user_id}, type=8) is missing prvReadUser privilege on OTC=8 for entity 'systemuser'.",
        )
    known = {name_of(switches, table, right) for table in organization.tables.values() for right in RIGHTS}
    # One that is not there is one that nobody has.
    has_it = name in known and not switches.missing_privilege
    depth = switches.privileges.get(name, "Global") if has_it else NONE
    found = {
        "Depth": depth,
        "PrivilegeId": _id(name),
        "BusinessUnitId": credentials.business_unit_id,
        "PrivilegeName": name,
    }
    kind = "Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeNameResponse"
    body = {"@odata.context": f"{call.api}/$metadata#{kind}", "RolePrivileges": [] if depth == NONE else [found]}
    return Answer(200, [JSON], orjson.dumps(body))


def _id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox:privilege:{name}"))
