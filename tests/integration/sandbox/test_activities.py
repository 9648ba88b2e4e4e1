"""The activity tables of the pretend Dataverse: definitions, writes regarding a contact, reads, their end."""

import uuid
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import requests

from tests.integration.sandbox.dataverse_client import Dataverse
from tests.sandboxes import Sandbox

OWN = {
    "adobe_emailsend": {"adobe_senton"},
    "adobe_emailopen": {"adobe_openedon"},
    "adobe_emailurlclick": {"adobe_clickedon", "adobe_trackingurl"},
    "adobe_emailbounce": {"adobe_bouncedon"},
}
SHARED = {"adobe_campaignname", "adobe_deliveryname", "adobe_mirrorpageurl"}
PARTIES = "adobe_emailsend_activity_parties"
DISCOVERY = "EntityDefinitions?$select=LogicalName,EntitySetName,DisplayName&$filter="
FOUND_BY = quote("IsActivity eq true and IsCustomEntity eq true")


@pytest.fixture
def dataverse(sandbox: Sandbox) -> Dataverse:
    return Dataverse(sandbox)


@pytest.fixture
def contact(sandbox: Sandbox) -> str:
    return next(iter(sandbox.admin.contacts()))


def activity(contact: str, table: str = "adobe_emailsend", **more: object) -> dict[str, Any]:
    return {
        "subject": "Campaign Name: CMP1; Delivery Name: DM190",
        f"regardingobjectid_contact_{table}@odata.bind": f"/contacts({contact})",
        "adobe_campaignname": "CMP1",
        "adobe_deliveryname": "DM190",
        "adobe_mirrorpageurl": "https://mirror.example.com/190",
        **more,
    }


def put(dataverse: Dataverse, row_id: str, body: object, table: str = "adobe_emailsend") -> requests.Response:
    """Create if absent."""
    return dataverse.send("PATCH", f"{table}s({row_id})", body, If_None_Match="*")


def test_the_custom_activities_are_found_by_their_definition(dataverse: Dataverse) -> None:
    found = dataverse.get(DISCOVERY + FOUND_BY)["value"]
    assert {item["LogicalName"]: item["EntitySetName"] for item in found} == {name: f"{name}s" for name in OWN}
    labels = {item["DisplayName"]["UserLocalizedLabel"]["Label"] for item in found}
    assert labels == {f"Adobe Campaign Email {kind}" for kind in ("Send", "Open", "URL Click", "Bounce")}
    pointer = dataverse.get("EntityDefinitions(LogicalName='activitypointer')")
    assert pointer["EntitySetName"] == "activitypointers"
    assert (pointer["IsActivity"], pointer["IsCustomEntity"]) == (True, False)


@pytest.mark.parametrize("table", OWN)
def test_an_activity_table_has_its_own_columns_and_the_inherited_ones(dataverse: Dataverse, table: str) -> None:
    path = f"EntityDefinitions(LogicalName='{table}')"
    definition = dataverse.get(path)
    columns = {item["LogicalName"]: item for item in dataverse.get(f"{path}/Attributes")["value"]}
    custom = {name for name, item in columns.items() if item["IsCustomAttribute"]}
    assert custom == OWN[table] | SHARED
    assert (definition["PrimaryIdAttribute"], definition["PrimaryNameAttribute"]) == ("activityid", "subject")
    assert definition["OwnershipType"] == "UserOwned"
    assert (definition["HasNotes"], definition["HasActivities"]) == (True, False)
    assert definition["ObjectTypeCode"] >= 10_000
    assert {name: columns[name]["MaxLength"] for name in ("subject", "description", "adobe_mirrorpageurl")} == {
        "subject": 200,
        "description": 2000,
        "adobe_mirrorpageurl": 2000,
    }
    [date] = [name for name in OWN[table] if name.endswith("on")]
    assert columns[date]["DateTimeBehavior"] == {"Value": "UserLocal"}
    regarding = columns["regardingobjectid"]
    assert (regarding["AttributeType"], regarding["Targets"]) == ("Lookup", ["contact", "account"])
    inherited = {"activitytypecode", "scheduledend", "actualend", "prioritycode", "statecode", "statuscode", "ownerid"}
    assert inherited <= columns.keys()


@pytest.mark.parametrize("table", [*OWN, "activitypointer"])
def test_the_way_to_a_contact_is_told_by_the_relationships(dataverse: Dataverse, table: str) -> None:
    many = dataverse.get(f"EntityDefinitions(LogicalName='{table}')/ManyToOneRelationships")["value"]
    [one] = [
        item
        for item in many
        if (item["ReferencingAttribute"], item["ReferencedEntity"]) == ("regardingobjectid", "contact")
    ]
    pointer = table == "activitypointer"
    collection = "Contact_ActivityPointers" if pointer else f"contact_{table}s"
    navigation = "regardingobjectid_contact" + ("" if pointer else f"_{table}")
    assert one["ReferencingEntityNavigationPropertyName"] == navigation
    assert one["ReferencedEntityNavigationPropertyName"] == collection
    back = dataverse.get("EntityDefinitions(LogicalName='contact')/OneToManyRelationships")["value"]
    assert collection in {item["ReferencedEntityNavigationPropertyName"] for item in back}


def test_in_the_service_description_an_activity_inherits_from_the_pointer(dataverse: Dataverse) -> None:
    root = ElementTree.fromstring(dataverse.send("GET", "$metadata").content)
    kinds = {item.get("Name"): item for item in root.iter("{http://docs.oasis-open.org/odata/ns/edm}EntityType")}

    def names(kind: str, what: str) -> set[str | None]:
        return {item.get("Name") for item in kinds[kind].iter(f"{{http://docs.oasis-open.org/odata/ns/edm}}{what}")}

    assert kinds["adobe_emailsend"].get("BaseType") == "mscrm.activitypointer"
    assert names("adobe_emailsend", "Property") == {"adobe_senton", *SHARED}
    assert "regardingobjectid_contact_adobe_emailsend" in names("adobe_emailsend", "NavigationProperty")
    assert {"activityid", "subject", "_regardingobjectid_value"} <= names("activitypointer", "Property")


@pytest.mark.parametrize("table", OWN)
def test_an_activity_is_created_regarding_a_contact_and_read_from_both_sides(
    sandbox: Sandbox, dataverse: Dataverse, contact: str, table: str
) -> None:
    # Given an activity with everything a product would write
    dates = {name: "2026-05-01T12:00:00Z" for name in OWN[table] if name.endswith("on")}
    row_id = str(uuid.uuid4())
    assert put(dataverse, row_id, activity(contact, table, **dates), table).status_code == 204
    # When it is read by its id, by its contact, and as the contact's collection
    row = dataverse.send("GET", f"{table}s({row_id})", prefer='odata.include-annotations="*"').json()
    found = dataverse.get(f"{table}s?$select=subject&$filter=_regardingobjectid_value eq {contact}")["value"]
    below = dataverse.get(f"contacts({contact})/contact_{table}s?$select=activityid")["value"]
    twin = dataverse.get(f"activitypointers({row_id})?$select=subject,activitytypecode,_regardingobjectid_value")
    timeline = dataverse.get(f"contacts({contact})?$select=fullname&$expand=Contact_ActivityPointers($select=subject)")
    # Then it belongs to the contact and to the application user, everywhere
    lookup = "_regardingobjectid_value"
    assert row[lookup] == contact
    assert row[f"{lookup}@Microsoft.Dynamics.CRM.lookuplogicalname"] == "contact"
    navigation = f"regardingobjectid_contact_{table}"
    assert row[f"{lookup}@Microsoft.Dynamics.CRM.associatednavigationproperty"] == navigation
    assert row["_ownerid_value"] == dataverse.get("WhoAmI")["UserId"] == row["_createdby_value"]
    assert (row["activitytypecode"], row["statecode"], row["statuscode"]) == (table, 0, 1)
    assert (row["adobe_campaignname"], *(row[name] for name in dates)) == ("CMP1", *dates.values())
    assert [item["activityid"] for item in found] == [item["activityid"] for item in below] == [row_id]
    assert (twin["activitytypecode"], twin[lookup], twin["subject"]) == (table, contact, row["subject"])
    assert [item["activityid"] for item in timeline["Contact_ActivityPointers"]] == [row_id]
    assert sandbox.admin.get(f"/dynamics/tables/{table}/{row_id}")["adobe_deliveryname"] == "DM190"


def test_an_activity_is_created_once_under_its_id(sandbox: Sandbox, dataverse: Dataverse, contact: str) -> None:
    row_id = str(uuid.uuid4())
    first, again = (put(dataverse, row_id, activity(contact, subject=text)) for text in ("first", "again"))
    assert (first.status_code, again.status_code, again.json()["error"]["code"]) == (204, 412, "0x80040237")
    assert dataverse.get(f"adobe_emailsends({row_id})")["subject"] == "first"
    assert sandbox.admin.get("/dynamics/activities") == [
        {
            "seq": 1,
            "method": "create",
            "table": "adobe_emailsend",
            "id": row_id,
            "regarding": contact,
            "subject": "first",
        }
    ]


def test_every_write_is_journalled_and_an_id_that_was_created_twice_is_told(
    sandbox: Sandbox, dataverse: Dataverse, contact: str
) -> None:
    # Given an activity that is created, changed, deleted and created again, and one that is created once
    row_id = str(uuid.uuid4())
    put(dataverse, row_id, activity(contact))
    dataverse.send("PATCH", f"adobe_emailsends({row_id})", {"subject": "changed"}, If_Match="*")
    dataverse.send("DELETE", f"adobe_emailsends({row_id})")
    put(dataverse, row_id, activity(contact))
    assert sandbox.admin.get("/dynamics/activities/counts")["twice"] == 1
    put(dataverse, str(uuid.uuid4()), activity(contact, "adobe_emailopen"), "adobe_emailopen")
    # Then each write stands there, in order
    entries = sandbox.admin.get("/dynamics/activities")
    assert [entry["method"] for entry in entries] == ["create", "update", "delete", "create", "create"]
    assert sandbox.admin.get("/dynamics/activities/counts") == {
        "writes": 5,
        "created": 3,
        "twice": 1,
        "tables": {"adobe_emailsend": 2, "adobe_emailopen": 1},
    }
    # And a cleared journal begins anew
    sandbox.admin.delete("/dynamics/activities")
    assert sandbox.admin.get("/dynamics/activities/counts")["writes"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (activity(str(uuid.UUID(int=1))), 404, "0x80040217", f"contact With Id = {uuid.UUID(int=1)} Does Not Exist"),
        ({"subject": "x" * 201}, 400, "0x80044331", "'subject' attribute of the 'adobe_emailsend' entity exceeded"),
        ({"adobe_mirrorpageurl": "x" * 2001}, 400, "0x80044331", "allowed length of '2000'"),
        ({"adobe_senton": "yesterday"}, 400, "0x80048d19", "'Edm.DateTimeOffset'"),
        ({"adobe_openedon": "2026-05-01T12:00:00Z"}, 400, "0x80048d19", "'adobe_openedon' does not exist on type"),
        (
            {"regardingobjectid_contact@odata.bind": f"/contacts({uuid.UUID(int=1)})"},
            *(400, "0x80048d19"),
            "An undeclared property 'regardingobjectid_contact' which only has property annotations",
        ),
        ({"_regardingobjectid_value": str(uuid.UUID(int=1))}, 400, "0x80060888", "read-only"),
        ({"statecode": 1, "statuscode": 1}, 400, "0x80048408", "not a valid status code"),
        ({"statuscode": 2}, 400, "0x80048408", "not a valid status code"),
    ],
)
def test_a_refused_activity_has_its_code_and_leaves_nothing(
    sandbox: Sandbox, dataverse: Dataverse, body: dict[str, Any], status: int, code: str, words: str
) -> None:
    answer = put(dataverse, str(uuid.uuid4()), body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert words in answer.json()["error"]["message"]
    assert sandbox.admin.get("/dynamics/activities") == []


def test_codes_and_statuses_that_nobody_knows_for_certain_are_switches(sandbox: Sandbox, dataverse: Dataverse) -> None:
    sandbox.admin.put("/switches", {"missing_reference_status": 400, "undeclared_bind_code": "0x80060888"})
    missing = put(dataverse, str(uuid.uuid4()), activity(str(uuid.UUID(int=1))))
    undeclared = put(dataverse, str(uuid.uuid4()), {"regardingobjectid_contact@odata.bind": "/contacts(1)"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (400, "0x80040217")
    assert (undeclared.status_code, undeclared.json()["error"]["code"]) == (400, "0x80060888")


@pytest.mark.parametrize(("asked", "as_created"), [("accepted", (1, 2)), ("ignored", (0, 1))])
def test_whether_an_activity_can_be_created_as_completed_is_a_switch(
    sandbox: Sandbox, dataverse: Dataverse, contact: str, asked: str, as_created: tuple[int, int]
) -> None:
    sandbox.admin.put("/switches", {"activity_state_on_create": asked})
    row_id = str(uuid.uuid4())
    put(dataverse, row_id, activity(contact, statecode=1, statuscode=2))
    row = dataverse.get(f"adobe_emailsends({row_id})")
    assert (row["statecode"], row["statuscode"]) == as_created
    # And afterwards it always can
    path = f"adobe_emailsends({row_id})"
    assert dataverse.send("PATCH", path, {"statecode": 2}, If_Match="*").status_code == 204
    canceled = dataverse.get(path)
    assert (canceled["statecode"], canceled["statuscode"], canceled["subject"]) == (2, 3, row["subject"])


def test_conditions_hold_for_activities(dataverse: Dataverse, contact: str) -> None:
    row_id = str(uuid.uuid4())
    path = f"adobe_emailsends({row_id})"
    missing = dataverse.send("PATCH", path, {"subject": "x"}, If_Match="*")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "0x80040217")
    assert dataverse.send("PATCH", path, activity(contact)).status_code == 204
    etag = dataverse.get(path)["@odata.etag"]
    assert dataverse.send("PATCH", path, {"description": "seen"}, If_Match=etag).status_code == 204
    stale = dataverse.send("PATCH", path, {"description": "late"}, If_Match=etag)
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "0x80060882")
    row = dataverse.get(path)
    assert (row["description"], row["adobe_campaignname"]) == ("seen", "CMP1")
    assert row["createdon"] <= row["modifiedon"]


def test_a_posted_activity_can_bring_its_parties(sandbox: Sandbox, dataverse: Dataverse, contact: str) -> None:
    party = {"partyid_contact@odata.bind": f"/contacts({contact})", "participationtypemask": 2}
    answer = dataverse.send("POST", "adobe_emailsends", activity(contact) | {PARTIES: [party]})
    row_id = answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")
    [kept] = sandbox.admin.get(f"/dynamics/tables/adobe_emailsend/{row_id}")["parties"]
    assert (kept["_partyid_value"], kept["participationtypemask"]) == (contact, 2)
    assert "parties" not in dataverse.send("GET", f"adobe_emailsends({row_id})").text
    wrong = {**party, "partyid_contact@odata.bind": f"/contacts({uuid.UUID(int=1)})"}
    assert dataverse.send("POST", "adobe_emailsends", activity(contact) | {PARTIES: [wrong]}).status_code == 404


def test_a_new_activity_can_be_posted_to_its_contact(dataverse: Dataverse, contact: str) -> None:
    assert dataverse.send("POST", f"contacts({contact})/contact_adobe_emailopens", {"subject": "x"}).ok
    [row] = dataverse.get("adobe_emailopens?$select=_regardingobjectid_value")["value"]
    assert row["_regardingobjectid_value"] == contact


def test_the_end_of_a_contact_ends_its_activities_and_nobody_elses(
    sandbox: Sandbox, dataverse: Dataverse, contact: str
) -> None:
    # Given activities of two contacts in two tables
    other = list(sandbox.admin.contacts())[1]
    sandbox.admin.put("/switches", {"change_tracking": {"adobe_emailsend": True}})
    link = dataverse.delta_link("adobe_emailsends")
    ids = [str(uuid.uuid4()) for _ in range(3)]
    put(dataverse, ids[0], activity(contact))
    put(dataverse, ids[1], activity(contact, "adobe_emailopen"), "adobe_emailopen")
    put(dataverse, ids[2], activity(other))
    # When one contact is deleted
    assert dataverse.send("DELETE", f"contacts({contact})").status_code == 204
    # Then only the other's activity is left, and the delta says so
    assert {item["activityid"] for item in dataverse.get("activitypointers")["value"]} == {ids[2]}
    told = dataverse.scan(link)[0]
    assert [item.get("activityid", item.get("id")) for item in told] == [ids[2], ids[0]]
    assert sandbox.admin.get("/dynamics/activities/counts")["writes"] == 5


def test_activities_are_read_page_by_page_in_any_number(dataverse: Dataverse, contact: str) -> None:
    ids = sorted(str(uuid.uuid4()) for _ in range(7))
    for row_id in reversed(ids):
        put(dataverse, row_id, activity(contact))
    for set_name in ("adobe_emailsends", "activitypointers"):
        rows, _ = dataverse.scan(f"{set_name}?$select=subject", "odata.maxpagesize=3")
        assert [row["activityid"] for row in rows] == ids
        assert dataverse.send("GET", f"{set_name}/$count").content.decode("utf-8-sig") == "7"


def test_pointers_are_written_through_their_own_tables(dataverse: Dataverse) -> None:
    for method, path in (("POST", "activitypointers"), ("PATCH", f"activitypointers({uuid.UUID(int=1)})")):
        answer = dataverse.send(method, path, {"subject": "x"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80040800")


def test_all_names_can_be_others(sandbox: Sandbox, dataverse: Dataverse, contact: str) -> None:
    # Given an organisation whose opens are called otherwise, with a set of its own, and one column too
    put(dataverse, str(uuid.uuid4()), activity(contact))
    names = {
        "adobe_emailopen": "contoso_mailopened",
        "adobe_emailopens": "contoso_mailopenedset",
        "adobe_openedon": "contoso_when",
        "adobe_emailopen.adobe_campaignname": "contoso_campaign",
    }
    sandbox.admin.put("/switches", {"activity_names": names})
    # Then it is found by its definition, under these names alone, and other names begin with empty tables
    found = {item["LogicalName"]: item["EntitySetName"] for item in dataverse.get(DISCOVERY + FOUND_BY)["value"]}
    assert found == {
        **{name: f"{name}s" for name in OWN if name != "adobe_emailopen"},
        "contoso_mailopened": "contoso_mailopenedset",
    }
    assert dataverse.get("activitypointers")["value"] == []
    body = {
        "subject": "x",
        "regardingobjectid_contact_contoso_mailopened@odata.bind": f"/contacts({contact})",
        "contoso_when": "2026-05-01T12:00:00Z",
        "contoso_campaign": "CMP1",
    }
    path = f"contoso_mailopenedset({uuid.uuid4()})"
    assert dataverse.send("PATCH", path, body, If_None_Match="*").status_code == 204
    assert dataverse.get(path)["contoso_campaign"] == "CMP1"
    assert put(dataverse, str(uuid.uuid4()), activity(contact)).status_code == 204
    assert dataverse.send("GET", "adobe_emailopens").status_code == 404


@pytest.mark.parametrize(
    "names",
    [{"adobe_emailopen": "adobe_emailsend"}, {"adobe_emailopen": "contact"}, {"adobe_senton": "Sent On"}],
)
def test_names_that_cannot_be_are_refused(sandbox: Sandbox, names: dict[str, str]) -> None:
    url = sandbox.info["admin"]["url"] + "/switches"
    assert requests.put(url, json={"activity_names": names}, timeout=10).status_code == 400


def test_a_published_change_reaches_activities_that_are_there(
    sandbox: Sandbox, dataverse: Dataverse, contact: str
) -> None:
    row_id = str(uuid.uuid4())
    put(dataverse, row_id, activity(contact))
    change = {
        "table": "adobe_emailsend",
        "remove": ["adobe_deliveryname"],
        "change": {"adobe_campaignname": {"length": 5}},
    }
    sandbox.admin.post("/dynamics/publish", change)
    row = dataverse.get(f"adobe_emailsends({row_id})")
    assert ("adobe_deliveryname" in row, row["adobe_campaignname"]) == (False, "CMP1")
    refused = put(dataverse, str(uuid.uuid4()), {"adobe_campaignname": "CMP123"})
    assert refused.json()["error"]["code"] == "0x80044331"
