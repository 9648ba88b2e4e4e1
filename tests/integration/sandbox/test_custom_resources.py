"""The pretend Campaign's custom resources: links, hidden children, keys, types, publications."""

from typing import Any

import pytest
import requests

from tests.sandboxes import Sandbox


class Campaign:
    """A client that knows nothing but HTTP. Paths are below `/campaign`, or whole addresses."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.root = sandbox.info["campaign"]["url"] + "/campaign"
        self.ext = self.root + "/profileAndServicesExt"
        self.headers = sandbox.campaign_headers()

    def send(self, method: str, path: str, body: object = None, **parameters: str) -> requests.Response:
        target = path if path.startswith("http") else f"{self.ext}/{path}"
        return requests.request(method, target, json=body, params=parameters, headers=self.headers, timeout=10)

    def create(self, resource: str, **values: Any) -> dict[str, Any]:
        answer = self.send("POST", resource, values)
        assert answer.status_code == 201, answer.text
        record: dict[str, Any] = answer.json()
        return record

    def keys(self, path: str, **parameters: str) -> list[str]:
        answer = self.send("GET", path, **parameters)
        assert answer.status_code == 200, answer.text
        return [record["crmId"] for record in answer.json()["content"]]


@pytest.fixture
def campaign(sandbox: Sandbox) -> Campaign:
    return Campaign(sandbox)


def to(record: dict[str, Any]) -> dict[str, str]:
    """A link by primary key."""
    return {"PKey": record["PKey"]}


def household(campaign: Campaign) -> tuple[dict[str, Any], dict[str, Any]]:
    """A profile and its membership `m-1`."""
    ann = campaign.create("profile", externalId="p-1", firstName="Ann", lastName="Roe", email="ann@example.com")
    return ann, campaign.create("cusMembership", crmId="m-1", number="M 1", holder=to(ann))


def test_the_linked_custom_resources_are_listed_by_name(campaign: Campaign) -> None:
    listed = campaign.send("GET", "").json()
    assert [name for name in listed if name != "apiName"] == ["cusInvoice", "cusInvoiceLine", "cusMembership"]
    assert listed["cusInvoice"]["data"] == "/profileAndServicesExt/cusInvoice/"
    described = campaign.send("GET", listed["cusMembership"]["href"]).json()
    assert (described["name"], described["schema"]) == ("cusMembership", "cus:membership")
    assert [*campaign.send("GET", campaign.root + "/customResources/").json()] == ["apiName", "cusStore"]


def test_a_resource_that_hangs_on_no_profile_stands_in_the_other_api_alone(campaign: Campaign) -> None:
    elsewhere = campaign.root + "/customResources/cusStore"
    made = campaign.send("POST", elsewhere, {"crmId": "s-1", "name": "Corner shop", "city": "Oslo"})
    assert (made.status_code, made.json()["href"]) == (201, f"{elsewhere}/{made.json()['PKey']}")
    assert made.json()["title"] == "Corner shop (s-1)"
    assert campaign.send("GET", "cusStore").status_code == 404
    assert campaign.send("GET", campaign.root + "/customResources/cusMembership").status_code == 404
    assert campaign.send("GET", campaign.root + "/profileAndServices/cusMembership").status_code == 404


def test_metadata_tells_types_lengths_values_links_and_what_is_mandatory(campaign: Campaign) -> None:
    def content(resource: str) -> dict[str, Any]:
        found: dict[str, Any] = campaign.send("GET", f"resourceType/{resource}").json()["content"]
        return found

    membership, line = content("cusMembership"), content("cusInvoiceLine")
    assert {name: field["type"] for name, field in membership.items()} == {
        **dict.fromkeys(["crmId", "number", "interests", "title", "PKey"], "string"),
        **{"tier": "enumeration", "since": "date", "points": "long", "active": "boolean", "discount": "double"},
        **{"score": "float", "created": "datetime", "lastModified": "datetime"},
        **{"holder": "link", "sponsor": "link", "invoiceslink": "collection"},
    }
    assert list(membership["tier"]["values"]) == ["bronze", "gold", "none", "silver"]
    assert (membership["holder"]["resTarget"], membership["invoiceslink"]["resTarget"]) == ("profile", "cusInvoice")
    assert (membership["number"]["length"], membership["created"]["readOnly"]) == ("20", True)
    assert [name for name, field in line.items() if field["mandatory"]] == ["label"]
    invoice = content("cusInvoice")
    assert invoice["membershiplink"]["resTarget"] == "cusMembership"
    assert (invoice["membershipId"]["type"], invoice["membershipId"]["length"]) == ("string", "100")
    filters = campaign.send("GET", campaign.send("GET", "cusInvoice/metadata").json()["filters"]["href"]).json()
    assert [rule["data"] for rule in filters.values()] == [
        "/profileAndServicesExt/cusInvoice/byCrmId?crmId_parameter=$value"
    ]


def test_a_child_shows_its_parents_and_a_parent_leads_to_its_children(campaign: Campaign) -> None:
    # Given a profile, its membership, and an invoice that names the membership by its key
    ann, membership = household(campaign)
    invoice = campaign.create("cusInvoice", crmId="i-1", number="2024-1", membershipId="m-1", total=12.5)
    # Then every record is whole, with the conventions for unset values
    assert list(membership) == sorted(membership)
    assert membership["holder"] == {"PKey": ann["PKey"], "href": ann["href"], "title": "Ann Roe (ann@example.com)"}
    assert (membership["sponsor"], membership["tier"], membership["since"]) == (None, "none", "")
    assert (membership["points"], membership["active"], membership["title"]) == (0, False, "M 1 (m-1)")
    assert invoice["membershiplink"] == {
        "PKey": membership["PKey"],
        "href": membership["href"],
        "title": membership["title"],
    }
    # And collections lead from the parents to the children, by tokens that are no PKeys
    profile = campaign.send("GET", "profile/p-1").json()
    assert campaign.keys(profile["cusMembershipslink"]["href"]) == ["m-1"]
    assert campaign.keys(profile["cusSponsoredlink"]["href"]) == []
    assert campaign.keys(membership["invoiceslink"]["href"]) == ["i-1"]
    assert membership["PKey"] not in membership["invoiceslink"]["href"]
    assert campaign.keys(f"cusMembership/{membership['PKey']}/invoiceslink") == ["i-1"]
    plain = campaign.send("GET", campaign.root + f"/profileAndServices/profile/{ann['PKey']}").json()
    assert "cusMembershipslink" not in plain


def test_only_a_token_that_was_given_out_leads_to_a_collection(campaign: Campaign) -> None:
    _, membership = household(campaign)
    address = membership["invoiceslink"]["href"]
    token = address.split("/")[-3]
    for wrong in ("@O5iRp40EGA", "@" + "x" * 39 + token[40:]):
        answer = campaign.send("GET", address.replace(token, wrong))
        assert answer.status_code == 500
        assert "attribute unknown" in answer.json()["message"]
    assert campaign.send("GET", address.replace("invoiceslink", "noslink")).status_code == 404
    assert campaign.send("POST", address, {}).status_code == 405


def test_pages_of_children_are_followed_and_counted(campaign: Campaign) -> None:
    _, membership = household(campaign)
    for number in range(5):
        campaign.create("cusInvoice", crmId=f"i-{number}", membershipId="m-1")
    page = campaign.send("GET", membership["invoiceslink"]["href"], _lineCount="3").json()
    assert campaign.send("GET", page["count"]["href"]).json() == {"count": 5}
    assert campaign.keys(page["next"]["href"]) == ["i-3", "i-4"]


def test_a_child_without_its_required_parent_is_accepted_and_hidden(sandbox: Sandbox, campaign: Campaign) -> None:
    # Given one membership with a holder, and one that was accepted without
    ann, _ = household(campaign)
    hidden = campaign.create("cusMembership", crmId="m-2")
    # Then it is in no list, no filter and no count, and cannot be read, changed, deleted or made again
    assert campaign.keys("cusMembership") == campaign.keys("cusMembership", _order="crmId desc") == ["m-1"]
    assert campaign.keys("cusMembership/byCrmId", crmId_parameter="m-2") == []
    assert campaign.send("GET", "cusMembership/crmId").json()["content"] == ["m-1"]
    assert campaign.send("GET", "cusMembership/_count").json() == {"count": 1}
    for method in ("GET", "PATCH", "DELETE"):
        answer = campaign.send(method, f"cusMembership/{hidden['PKey']}", {"holder": to(ann)})
        assert answer.status_code == 404
        assert "Unable to find document with path 'Membership'" in answer.json()["message"]
    again = campaign.send("POST", "cusMembership", {"crmId": "m-2", "holder": to(ann)})
    assert "A 'Membership' with the same key 'm-2' already exists." in again.json()["message"]
    # And the admin API shows it for what it is, and can put it right
    shown = sandbox.admin.get("/campaign/resources/cusMembership")["value"]
    assert {record["crmId"]: record.get("hidden", False) for record in shown} == {"m-1": False, "m-2": True}
    assert "hidden" not in sandbox.admin.patch("/campaign/resources/cusMembership/m-2", {"holder": to(ann)})
    assert campaign.keys("cusMembership") == ["m-1", "m-2"]


def test_a_child_that_joins_by_a_field_appears_with_its_parent(campaign: Campaign) -> None:
    ann, _ = household(campaign)
    early = campaign.create("cusInvoice", crmId="i-1", membershipId="m-9")
    assert (early["membershiplink"], campaign.keys("cusInvoice")) == (None, [])
    membership = campaign.create("cusMembership", crmId="m-9", holder=to(ann))
    assert campaign.keys("cusInvoice/byCrmId", crmId_parameter="i-1") == ["i-1"]
    campaign.send("DELETE", f"cusMembership/{membership['PKey']}")
    assert campaign.keys("cusInvoice") == []
    campaign.create("cusMembership", crmId="m-9", holder=to(ann))
    assert campaign.keys("cusInvoice") == ["i-1"]


def test_many_hidden_children_cost_no_visible_one_its_place_on_a_page(campaign: Campaign) -> None:
    household(campaign)
    for number in range(12):
        campaign.create("cusInvoice", crmId=f"i-{number:02d}", membershipId="m-1" if number % 4 == 3 else "none")
    first = campaign.send("GET", "cusInvoice", _lineCount="2").json()
    assert [record["crmId"] for record in first["content"]] == ["i-03", "i-07"]
    assert campaign.keys(first["next"]["href"]) == ["i-11"]
    whole = campaign.send("GET", "cusInvoice").json()
    assert (whole["count"]["value"], "next" in whole) == (3, False)


def test_a_deleted_parent_leaves_required_children_hidden_and_others_without_a_link(
    sandbox: Sandbox, campaign: Campaign
) -> None:
    ann, first = household(campaign)
    ben = campaign.create("profile", externalId="p-2")
    campaign.create("cusMembership", crmId="m-2", holder=to(ben), sponsor=to(ann))
    campaign.send("DELETE", "profile/p-1")
    assert campaign.keys("cusMembership") == ["m-2"]
    [left] = campaign.send("GET", "cusMembership").json()["content"]
    assert left["sponsor"] is None
    assert campaign.send("GET", f"cusMembership/{first['PKey']}").status_code == 404
    # With the switch, children go with their parents, all the way down
    campaign.create("cusInvoice", crmId="i-1", membershipId="m-2")
    sandbox.admin.put("/switches", {"delete_children": True})
    campaign.send("DELETE", "profile/p-2")
    assert [record["crmId"] for record in sandbox.admin.get("/campaign/resources/cusMembership")["value"]] == ["m-1"]
    assert sandbox.admin.get("/campaign/resources/cusInvoice")["value"] == []


def test_a_hidden_parent_hides_its_children_only_where_the_switch_says_so(sandbox: Sandbox, campaign: Campaign) -> None:
    campaign.create("cusMembership", crmId="m-1")
    campaign.create("cusInvoice", crmId="i-1", membershipId="m-1")
    assert campaign.keys("cusInvoice") == ["i-1"]
    sandbox.admin.put("/switches", {"hide_grandchildren": True})
    assert campaign.keys("cusInvoice") == []


def test_links_are_set_by_pkey_cleared_by_nothing_and_inline_attributes_are_passed_over(campaign: Campaign) -> None:
    ann, membership = household(campaign)
    address = f"cusMembership/{membership['PKey']}"

    def sponsor(value: object) -> object:
        answer = campaign.send("PATCH", address, {"sponsor": value})
        assert answer.status_code == 200, answer.text
        return campaign.send("GET", address).json()["sponsor"] and "set"

    assert sponsor(to(ann)) == "set"
    assert sponsor({"firstName": "Somebody"}) == "set"
    assert sponsor(None) is None
    assert sponsor({"firstName": "Somebody"}) is None
    assert sponsor(to(ann)) == "set"
    assert sponsor({"PKey": ""}) is None
    made = campaign.create("cusMembership", crmId="m-2", holder={"firstName": "Somebody"})
    assert made["holder"] is None


def test_a_link_that_joins_by_a_field_is_that_field(campaign: Campaign) -> None:
    _, membership = household(campaign)
    invoice = campaign.create("cusInvoice", crmId="i-1", membershiplink=to(membership))
    assert invoice["membershipId"] == "m-1"
    campaign.send("PATCH", f"cusInvoice/{invoice['PKey']}", {"membershiplink": None})
    assert campaign.keys("cusInvoice") == []


@pytest.mark.parametrize("which", ["unknown", "deleted", "of another resource"])
def test_a_pkey_that_names_no_parent_is_refused_as_an_unknown_attribute(campaign: Campaign, which: str) -> None:
    ann, membership = household(campaign)
    gone = campaign.create("profile", externalId="p-9")
    campaign.send("DELETE", "profile/p-9")
    token = {"unknown": "@O5iRp40EGA", "deleted": gone["PKey"], "of another resource": membership["PKey"]}[which]
    answer = campaign.send("POST", "cusMembership", {"crmId": "m-2", "holder": {"PKey": token}})
    assert answer.status_code == 500
    assert f"XTK-170036 Unable to parse expression '@id = {token}'." in answer.json()["message"]
    assert "'Profiles (nms:recipient)'" in answer.json()["message"]
    assert campaign.keys("cusMembership") == ["m-1"] and ann["PKey"] != token


def test_a_deleted_parents_pkey_is_a_missing_document_where_the_switch_says_so(
    sandbox: Sandbox, campaign: Campaign
) -> None:
    gone = campaign.create("profile", externalId="p-9")
    campaign.send("DELETE", "profile/p-9")
    sandbox.admin.put("/switches", {"deleted_link": "404"})
    answer = campaign.send("POST", "cusMembership", {"crmId": "m-1", "holder": to(gone)})
    assert answer.status_code == 404
    assert "Unable to find document with path 'Profile'" in answer.json()["message"]


def test_custom_resources_are_addressed_by_pkey_or_found_by_filter_and_never_by_key(
    sandbox: Sandbox, campaign: Campaign
) -> None:
    _, membership = household(campaign)
    address = f"cusMembership/{membership['PKey']}"
    assert campaign.send("GET", "cusMembership/m-1").status_code == 404
    assert campaign.send("PATCH", "cusMembership/m-1", {"points": 1}).status_code == 404
    assert campaign.send("PATCH", "cusMembership", {"crmId": "m-1", "points": 1}).status_code == 404
    answer = campaign.send("PATCH", address, {"points": 7})
    assert (answer.status_code, answer.json()) == (200, {"PKey": membership["PKey"], "href": membership["href"]})
    [found] = campaign.send("GET", "cusMembership/byCrmId", crmId_parameter="m-1").json()["content"]
    assert (found["PKey"], found["points"]) == (membership["PKey"], 7)
    changed = campaign.send("PATCH", address, {"crmId": "m-2"})
    assert "RST-360012 Inconsistent operation on resource 'cusMembership'" in changed.json()["message"]
    sandbox.admin.put("/switches", {"resource_keys": {}, "resource_filters": {}})
    assert campaign.send("POST", "cusMembership", {"crmId": "m-1"}).status_code == 201
    assert campaign.send("GET", "cusMembership/byCrmId").status_code == 404
    assert campaign.send("DELETE", address).status_code == 200
    assert campaign.send("GET", address).status_code == 404


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"tier": "platinum"}, "The value 'platinum' is not valid for the 'cus:membership:tier' enumeration"),
        ({"points": "many"}, "'many' is not a valid constant"),
        ({"points": 1.5}, "'1.5' is not a valid constant"),
        ({"points": 2**31}, 'value "2147483648" is out of range for type integer'),
        ({"points": -(2**31) - 1}, "out of range for type integer"),
        ({"score": 1e39}, "out of range for type real"),
        ({"active": "yes"}, "'yes' is not a valid constant"),
        ({"since": "2024-05-07T10:00:00Z"}, "'2024-05-07T10:00:00Z' is not a valid constant"),
        ({"number": "x" * 21}, "The value of the '@number' field is too long (maximum 20 characters)."),
        ({"title": "x"}, "'title' property is not valid for the 'cusMembership' resource."),
        ({"colour": "red"}, "'colour' property is not valid for the 'cusMembership' resource."),
    ],
)
def test_what_a_custom_field_cannot_hold_is_refused(campaign: Campaign, values: dict[str, Any], text: str) -> None:
    answer = campaign.send("POST", "cusMembership", {"crmId": "m-1", **values})
    assert answer.status_code == 500
    assert text in answer.json()["message"]


def test_numbers_come_back_as_their_columns_hold_them(campaign: Campaign) -> None:
    record = campaign.create("cusMembership", crmId="m-1", points=2**31 - 1, discount=0.1, score=0.1)
    assert (record["points"], record["discount"], record["score"]) == (2**31 - 1, 0.1, 0.1)
    longer = campaign.create("cusMembership", crmId="m-2", discount=1234567.891, score=1234567.891)
    # Single precision keeps about seven digits
    assert (longer["discount"], longer["score"]) == (1234567.891, 1234567.9)


def test_a_mandatory_field_must_be_given_and_stay_filled(campaign: Campaign) -> None:
    _, _ = household(campaign)
    invoice = campaign.create("cusInvoice", crmId="i-1", membershipId="m-1")
    text = 'null value in column "slabel" violates not-null constraint'
    for body in ({"crmId": "l-1", "invoice": to(invoice)}, {"crmId": "l-1", "label": ""}):
        answer = campaign.send("POST", "cusInvoiceLine", body)
        assert answer.status_code == 500 and text in answer.json()["message"]
    line = campaign.create("cusInvoiceLine", crmId="l-1", label="Tea", invoice=to(invoice))
    address = f"cusInvoiceLine/{line['PKey']}"
    assert campaign.send("PATCH", address, {"quantity": 2}).status_code == 200
    assert text in campaign.send("PATCH", address, {"label": None}).json()["message"]


def test_the_journal_tells_the_parents_of_a_child_and_whether_one_was_missing(
    sandbox: Sandbox, campaign: Campaign
) -> None:
    ann, membership = household(campaign)
    early = campaign.create("cusInvoice", crmId="i-1", number="2024-1", membershipId="m-7")
    campaign.create("cusMembership", crmId="m-7", number="M 7", holder=to(ann), sponsor=to(ann))
    campaign.send("PATCH", f"cusInvoice/{early['PKey']}", {"number": "2024-2"})
    campaign.create("cusInvoiceLine", crmId="l-1", label="Tea")
    campaign.send("DELETE", f"cusMembership/{membership['PKey']}")
    told = [
        (entry["method"], entry["resource"], entry["key"], entry["version"], entry["parents"], entry["orphan"])
        for entry in sandbox.admin.get("/journal")
    ]
    assert told == [
        ("POST", "profile", "p-1", None, {}, False),
        ("POST", "cusMembership", "m-1", "M 1", {"holder": "p-1"}, False),
        ("POST", "cusInvoice", "i-1", "2024-1", {"membershiplink": "m-7"}, True),
        ("POST", "cusMembership", "m-7", "M 7", {"holder": "p-1", "sponsor": "p-1"}, False),
        ("PATCH", "cusInvoice", "i-1", "2024-2", {"membershiplink": "m-7"}, False),
        ("POST", "cusInvoiceLine", "l-1", "Tea", {"invoice": ""}, True),
        ("DELETE", "cusMembership", "m-1", None, {"holder": "p-1"}, False),
    ]


def test_a_publication_takes_effect_at_once_and_a_reset_puts_it_back(sandbox: Sandbox, campaign: Campaign) -> None:
    # Given a profile with a job title
    campaign.create("profile", externalId="p-1", cusJobTitle="Buyer", cusSegment="gold")
    # When the field is removed, one is added, and others change
    sandbox.admin.post(
        "/campaign/publish",
        {
            "resource": "profile",
            "add": [{"name": "cusColour", "type": "enumeration", "values": ["none", "red"], "mandatory": True}],
            "remove": ["cusJobTitle"],
            "change": {
                "firstName": {"length": 5},
                "cusSegment": {"values": ["none", "gold"]},
                "cusIncome": {"type": "string", "length": 10},
                "cusVip": {"read_only": True},
            },
        },
    )
    # Then records, metadata and writes obey
    shown = campaign.send("GET", "profile/p-1").json()
    assert "cusJobTitle" not in shown
    assert (shown["cusColour"], shown["cusIncome"], shown["cusSegment"]) == ("none", "", "gold")
    content = campaign.send("GET", "profile/metadata").json()["content"]
    assert "cusJobTitle" not in content
    assert (content["firstName"]["length"], content["cusIncome"]["type"]) == ("5", "string")
    assert (content["cusColour"]["mandatory"], list(content["cusColour"]["values"])) == (True, ["none", "red"])
    for values, text in [
        ({"cusJobTitle": "Seller"}, "'cusJobTitle' property is not valid for the 'profile' resource."),
        ({"firstName": "Leonie"}, "too long (maximum 5 characters)"),
        ({"cusSegment": "silver"}, "is not valid for the 'nms:recipient:cusSegment' enumeration"),
        ({"cusVip": True}, "Cannot update the 'cusVip' property that is read-only"),
    ]:
        answer = campaign.send("PATCH", "profile/p-1", values)
        assert answer.status_code == 500 and text in answer.json()["message"]
    assert campaign.send("PATCH", "profile/p-1", {"cusColour": "red", "cusIncome": "much"}).status_code == 200
    # And a reset puts everything back
    sandbox.admin.post("/reset")
    assert campaign.create("profile", externalId="p-1", cusJobTitle="Buyer")["cusJobTitle"] == "Buyer"


def test_a_removed_field_takes_its_values_with_it_and_a_removed_link_hides_nobody(
    sandbox: Sandbox, campaign: Campaign
) -> None:
    campaign.create("cusMembership", crmId="m-1", interests="Music")
    sandbox.admin.post("/campaign/publish", {"resource": "cusMembership", "remove": ["interests", "holder"]})
    sandbox.admin.post(
        "/campaign/publish", {"resource": "cusMembership", "add": [{"name": "interests", "type": "string"}]}
    )
    [record] = campaign.send("GET", "cusMembership").json()["content"]
    assert (record["interests"], "holder" in record) == ("", False)
    assert "cusMembershipslink" not in campaign.create("profile", externalId="p-1")


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"resource": "cusNothing"}, 404, "There is no resource cusNothing."),
        ({"resource": "profile", "remove": ["nosuch"]}, 400, "nosuch is not a field of profile."),
        ({"resource": "profile", "remove": ["lastModified"]}, 400, "lastModified is built into profile"),
        ({"resource": "profile", "add": [{"name": "colour", "type": "string"}]}, 400, "starts with cus"),
        ({"resource": "profile", "add": [{"name": "cusVip", "type": "string"}]}, 400, "is a field of profile already"),
        ({"resource": "profile", "add": [{"name": "cusNew", "type": "geometry"}]}, 400, "cusNew.type must be one of"),
        ({"resource": "profile", "change": {"cusVip": {"size": 1}}}, 400, "cusVip.size is not known"),
        ({"resource": "profile", "change": {"cusVip": {"type": "enumeration"}}}, 400, "an enumeration has `values`"),
        ({"resource": "cusMembership", "remove": ["crmId"]}, 400, "what a link of another resource joins by"),
        ({"resource": "cusInvoice", "remove": ["membershipId"]}, 400, "carries the link membershiplink"),
        ({"resource": "profile", "drop": []}, 400, "drop is not known here"),
    ],
)
def test_a_wrong_publication_is_refused_whole(
    sandbox: Sandbox, campaign: Campaign, body: dict[str, Any], status: int, text: str
) -> None:
    before = campaign.send("GET", "profile/metadata").json()
    url = sandbox.info["admin"]["url"] + "/campaign/publish"
    answer = requests.post(url, json=body, timeout=10)
    assert (answer.status_code, text in answer.json()["error"]) == (status, True), answer.text
    assert campaign.send("GET", "profile/metadata").json() == before


def test_custom_records_can_be_changed_behind_the_api(sandbox: Sandbox) -> None:
    made = sandbox.admin.post("/campaign/resources/cusStore", {"crmId": "s-1", "name": "Corner shop"})
    assert made["href"].endswith(f"/campaign/customResources/cusStore/{made['PKey']}")
    assert sandbox.admin.patch("/campaign/resources/cusStore/s-1", {"city": "Oslo"})["city"] == "Oslo"
    assert sandbox.admin.get(f"/campaign/resources/cusStore/{made['PKey']}")["city"] == "Oslo"
    sandbox.admin.delete("/campaign/resources/cusStore/s-1")
    assert sandbox.admin.get("/campaign/resources/cusStore")["value"] == sandbox.admin.get("/journal") == []
