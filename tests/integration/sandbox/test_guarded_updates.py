"""Updates of a contact on condition: the version that was read, the row that is there, the answer that comes back."""

import re

import pytest

from tests.integration.sandbox.dataverse_client import Dataverse
from tests.sandboxes import Sandbox


@pytest.fixture
def dataverse(sandbox: Sandbox) -> Dataverse:
    return Dataverse(sandbox)


@pytest.fixture
def path(sandbox: Sandbox) -> str:
    return f"contacts({next(iter(sandbox.admin.contacts()))})"


def test_an_update_of_the_version_that_was_read_answers_with_the_next_one(dataverse: Dataverse, path: str) -> None:
    # Given a contact as it was read
    select = "?$select=donotemail,modifiedon"
    read = dataverse.get(path + select)
    # When it is changed on condition, asking for a part of it in return
    told = dataverse.send(
        *("PATCH", path + select, {"donotemail": not read["donotemail"]}),
        prefer="return=representation",
        If_Match=read["@odata.etag"],
    )
    # Then the answer has the part that was asked for, with the next version in body and header
    body = told.json()
    assert told.status_code == 200 and told.headers["Preference-Applied"] == "return=representation"
    assert {*body} == {"@odata.context", "@odata.etag", "contactid", "donotemail", "modifiedon"}
    assert body["donotemail"] is not read["donotemail"]
    assert body["@odata.etag"] == told.headers["ETag"] != read["@odata.etag"]
    # And times in whole seconds, as a later read shows them
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["modifiedon"])
    assert dataverse.get(path + select)["@odata.etag"] == body["@odata.etag"]


def test_an_update_of_an_older_version_is_refused_and_does_nothing(dataverse: Dataverse, path: str) -> None:
    old = dataverse.get(path)
    dataverse.send("PATCH", path, {"jobtitle": "Somebody was here"})
    between = dataverse.get(path)
    refused = dataverse.send("PATCH", path, {"donotemail": not old["donotemail"]}, If_Match=old["@odata.etag"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (412, "0x80060882")
    assert dataverse.get(path) == between


@pytest.mark.parametrize("condition", ["*", "version"])
def test_a_contact_that_was_deleted_is_not_created_again(
    sandbox: Sandbox, dataverse: Dataverse, path: str, condition: str
) -> None:
    etag = dataverse.get(path)["@odata.etag"]
    sandbox.admin.post("/dynamics/delete", {"ids": [path[9:-1]]})
    refused = dataverse.send("PATCH", path, {"donotemail": True}, If_Match=etag if condition == "version" else "*")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "0x80040217")
    assert path[9:-1] not in sandbox.admin.contacts()
    # And without a condition it would be
    assert dataverse.send("PATCH", path, {"donotemail": True}).status_code == 204
    assert path[9:-1] in sandbox.admin.contacts()


def test_a_change_behind_the_api_makes_another_version_too(sandbox: Sandbox, dataverse: Dataverse, path: str) -> None:
    etag = dataverse.get(path)["@odata.etag"]
    sandbox.admin.post("/consent/profiles")
    sandbox.admin.post("/consent/changes", {"ids": [path[9:-1]], "side": "dynamics"})
    assert dataverse.send("PATCH", path, {"donotemail": True}, If_Match=etag).status_code == 412
