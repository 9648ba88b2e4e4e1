"""Privileges of the application user: told as Dataverse tells them, and what is withheld is refused."""

from collections.abc import Iterator

import pytest

from tests.integration.sandbox.dataverse_client import Dataverse
from tests.sandboxes import Sandbox

FUNCTION = "Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName"


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Dataverse]:
    yield Dataverse(sandbox)


def held(api: Dataverse, privilege: str) -> list[tuple[str, str]]:
    """(name, depth) of what the user has of it."""
    user = api.get("WhoAmI")["UserId"]
    found = api.get(f"systemusers({user})/{FUNCTION}(PrivilegeName='{privilege}')")
    assert found["@odata.context"].endswith(f"$metadata#{FUNCTION}Response")
    return [(one["PrivilegeName"], one["Depth"]) for one in found["RolePrivileges"]]


def names(api: Dataverse, table: str) -> dict[str, str]:
    found = api.get(f"EntityDefinitions(LogicalName='{table}')?$select=LogicalName,Privileges")
    return {one["PrivilegeType"]: one["Name"] for one in found["Privileges"]}


def test_a_table_tells_its_privileges_and_activity_tables_share_theirs(api: Dataverse, sandbox: Sandbox) -> None:
    assert names(api, "contact")["AppendTo"] == "prvAppendToContact"
    assert names(api, "adobe_emailopen")["Create"] == names(api, "adobe_emailbounce")["Create"] == "prvCreateActivity"
    # Unless they have their own
    sandbox.admin.put("/switches", {"activity_privileges": "own"})
    assert names(api, "adobe_emailopen")["Create"] == "prvCreateadobe_emailopen"


def test_the_user_has_everything_until_a_switch_takes_it_away(api: Dataverse, sandbox: Sandbox) -> None:
    assert held(api, "prvWriteContact") == [("prvWriteContact", "Global")]
    assert held(api, "prvWriteNothing") == []
    # When some is taken away, Then it is told, and what takes it is refused by name
    sandbox.admin.put("/switches", {"privileges": {"prvWriteContact": "Basic", "prvCreateContact": "None"}})
    assert held(api, "prvWriteContact") == [("prvWriteContact", "Basic")]
    assert held(api, "prvCreateContact") == []
    refused = api.send("POST", "contacts", {"lastname": "Doe"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "0x80040220")
    assert "is missing prvCreateContact privilege" in refused.json()["error"]["message"]
    # And reading still is allowed
    assert api.get("contacts?$select=lastname&$top=1")["value"]


def test_who_may_not_look_at_users_is_told_so(api: Dataverse, sandbox: Sandbox) -> None:
    user = api.get("WhoAmI")["UserId"]
    sandbox.admin.put("/switches", {"privileges_told": False})
    status, code, text = api.refused(f"systemusers({user})/{FUNCTION}(PrivilegeName='prvWriteContact')")
    assert (status, code) == (403, "0x80040220") and "prvReadUser" in text
