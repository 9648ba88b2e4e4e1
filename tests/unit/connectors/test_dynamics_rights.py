"""Privileges as Dynamics tells them: by what they allow, and how far they reach."""

from typing import Any

import pytest

from connectors.dynamics_rights import Reach, privileges_of, reach_of


def test_the_widest_of_several_roles_counts_and_none_is_none() -> None:
    held = [{"Depth": depth, "PrivilegeName": "prvWriteContact"} for depth in ("Basic", "Deep", "Local")]
    assert reach_of({"RolePrivileges": held}) is Reach.UNITS
    assert reach_of({"RolePrivileges": [*held, {"Depth": "Global"}]}) is Reach.ALL
    assert reach_of({"RolePrivileges": []}) is Reach.NOBODY


def test_a_depth_that_is_not_known_reaches_what_is_ones_own() -> None:
    assert reach_of({"RolePrivileges": [{"Depth": "RecordFilter"}]}) is Reach.OWN


def test_privileges_are_found_by_what_they_allow() -> None:
    told = [
        {"PrivilegeType": "Create", "Name": "prvCreateActivity"},
        {"PrivilegeType": "Read", "Name": "prvReadActivity"},
    ]
    assert privileges_of({"Privileges": told})["Create"] == "prvCreateActivity"


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"Privileges": None},
        {"Privileges": [{"Name": "prvRead"}]},
        {"Privileges": [{"PrivilegeType": 1, "Name": "')"}]},
    ],
)
def test_what_is_no_definition_is_none(definition: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        privileges_of(definition)
