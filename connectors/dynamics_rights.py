"""Which privileges reading and writing a table takes, and how far the application user has them: asked, never tried.

learn.microsoft.com: Verify access in code, Check a user's security privileges (RetrieveUserPrivilegeByPrivilegeName,
which counts those of teams, too); EntityMetadata, Privileges (SecurityPrivilegeMetadata).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Literal

Right = Literal["Create", "Read", "Write", "Append", "AppendTo"]
"""What somebody may do with rows, as PrivilegeType names it."""


class Reach(IntEnum):
    """Whose rows a privilege is about, each the ones before included (PrivilegeDepth)."""

    NOBODY = 0  # the privilege is missing
    OWN = 1  # Basic: those of the user and of their teams
    UNIT = 2  # Local: those of the business unit
    UNITS = 3  # Deep: those of the business unit and of the ones below it
    ALL = 4  # Global: those of the organisation


_DEPTHS = {"Basic": Reach.OWN, "Local": Reach.UNIT, "Deep": Reach.UNITS, "Global": Reach.ALL}


def privileges_path(table: str) -> str:
    """Address of the privileges that are about a table, by its logical name."""
    return f"EntityDefinitions(LogicalName='{table}')?$select=LogicalName,Privileges"


def privileges_of(definition: Mapping[str, Any]) -> dict[str, str]:
    """Right -> name of the privilege, such as Create -> prvCreateActivity, which all activity tables share.

    Raises KeyError, TypeError or ValueError where the answer has not the promised shape.
    """
    return {str(found["PrivilegeType"]): _plain(found["Name"]) for found in definition["Privileges"]}


def held_path(user_id: str, privilege: str) -> str:
    """Address of how far a user has a privilege."""
    function = f"Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='{privilege}')"
    return f"systemusers({user_id})/{function}"


def reach_of(held: Mapping[str, Any]) -> Reach:
    """The widest that any role gives. Raises as `privileges_of`."""
    # A depth that is not known here reaches something: at least what is one's own.
    return max((_DEPTHS.get(one["Depth"], Reach.OWN) for one in held["RolePrivileges"]), default=Reach.NOBODY)


def _plain(name: str) -> str:
    if not re.fullmatch(r"\w+", name):
        raise ValueError("no name of a privilege")
    return name
