"""The pretend Campaign: records, errors, filters, pages, metadata, the gateway."""

from typing import Any

import pytest
import requests

from tests.sandboxes import Sandbox


class Campaign:
    """A client that knows nothing but HTTP."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.ext = sandbox.profiles_api
        self.plain = self.ext.replace("profileAndServicesExt", "profileAndServices")
        self.headers = sandbox.campaign_headers()

    def send(self, method: str, url: str, body: object = None, **parameters: str) -> requests.Response:
        target = url if url.startswith("http") else self.ext + url
        return requests.request(method, target, json=body, params=parameters, headers=self.headers, timeout=10)

    def create(self, **values: Any) -> dict[str, Any]:
        answer = self.send("POST", "", values)
        assert answer.status_code == 201, answer.text
        record: dict[str, Any] = answer.json()
        return record


@pytest.fixture
def campaign(sandbox: Sandbox) -> Campaign:
    return Campaign(sandbox)


def test_a_created_profile_comes_back_whole_with_the_conventions_for_unset_values(campaign: Campaign) -> None:
    record = campaign.create(email="jo.doe@example.com", firstName="Jo", lastName="Doe", location={"city": "Orlando"})
    assert list(record) == sorted(record)
    assert record["PKey"].startswith("@") and len(record["PKey"]) > 90
    assert record["href"] == f"{campaign.ext}/{record['PKey']}"
    assert (record["phone"], record["birthDate"], record["age"], record["blackList"]) == ("", "", 0, False)
    assert (record["gender"], record["preferredLanguage"], record["orgUnit"]) == ("unknown", "none", None)
    assert (record["domain"], record["title"]) == ("example.com", "Jo Doe (jo.doe@example.com)")
    assert record["location"]["city"] == "Orlando"
    assert record["postalAddress"]["line1"] == "Jo DOE"
    assert record["postalAddress"]["serialized"].count("\n") == 5
    token = record["subscriptions"]["href"].split("/")[-3]
    assert token != record["PKey"] and token[:40] == record["PKey"][:40]
    assert record["lastModified"] <= record["created"]
    assert None not in [record[name] for name in record if name not in ("orgUnit", "geoUnit")]


def test_the_plain_api_neither_shows_nor_takes_extension_fields(campaign: Campaign) -> None:
    record = campaign.send("POST", campaign.plain, {"email": "jo@example.com"}).json()
    refused = campaign.send("POST", campaign.plain, {"cusCrmId": "1"})
    assert not [name for name in record if name.startswith("cus")]
    assert refused.status_code == 500
    assert "'cusCrmId' property is not valid for the 'profile' resource." in refused.json()["message"]


def test_an_update_merges_and_answers_with_the_address_only(campaign: Campaign) -> None:
    record = campaign.create(externalId="k-1", firstName="Jo", location={"city": "Orlando", "zipCode": "32801"})
    answer = campaign.send("PATCH", "/k-1", {"phone": "1", "location": {"city": "Austin"}})
    assert answer.status_code == 200
    assert answer.json() == {"PKey": record["PKey"], "href": record["href"]}
    after = campaign.send("GET", f"/{record['PKey']}").json()
    assert (after["firstName"], after["phone"]) == ("Jo", "1")
    assert (after["location"]["city"], after["location"]["zipCode"]) == ("Austin", "32801")


def test_a_flags_stamp_moves_only_when_the_flag_does(sandbox: Sandbox, campaign: Campaign) -> None:
    record = campaign.create(externalId="k-1")
    assert record["blackListEmailLastModified"] == ""
    campaign.send("PATCH", "/k-1", {"blackListEmail": True})
    first = campaign.send("GET", "/k-1").json()["blackListEmailLastModified"]
    sandbox.admin.post("/clock", {"advance": 60})
    campaign.send("PATCH", "/k-1", {"blackListEmail": True, "phone": "1"})
    assert campaign.send("GET", "/k-1").json()["blackListEmailLastModified"] == first != ""
    campaign.send("PATCH", "/k-1", {"blackListEmail": False, "blackList": True, "blackListPushnotification": True})
    after = campaign.send("GET", "/k-1").json()
    assert after["blackListEmailLastModified"] > first
    assert after["blackListLastModified"] == after["blackListAllLastModified"] == after["lastModified"]
    assert "blackListPushnotificationLastModified" not in after


def test_a_deleted_profile_is_gone_by_every_address(campaign: Campaign) -> None:
    record = campaign.create(externalId="k-1")
    answer = campaign.send("DELETE", "/k-1")
    assert (answer.status_code, answer.content) == (200, b"")
    assert campaign.send("GET", f"/{record['PKey']}").status_code == 404
    missing = campaign.send("GET", "/k-1")
    assert missing.status_code == 404
    assert "Unable to find document with path 'Profile' from key 'k-1:0'" in missing.json()["message"]
    assert campaign.send("GET", "").json()["content"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("PATCH", "/@O5iRp40EGA", {"phone": "1"}, "'O5iRp40EGA' attribute unknown"),
        ("PATCH", "/@O5iRp40EGA", {"phone": "1"}, "XTK-170036 Unable to parse expression '@id = @O5iRp40EGA'."),
        ("POST", "", {"externalId": "k-1"}, "A 'Profile' with the same key 'k-1' already exists. PGS-220000"),
        ("PATCH", "/k-1", {"externalId": "k-2"}, "RST-360012 Inconsistent operation on resource 'profile'"),
        ("PATCH", "/k-1", {"PKey": "@other"}, "RST-360012"),
        (
            "PATCH",
            "/k-1",
            {"gender": "divers"},
            "The value 'divers' is not valid for the 'nms:recipient:gender' enumer",
        ),
        ("PATCH", "/k-1", {"age": 4}, "Cannot update the 'age' property that is read-only"),
        ("PATCH", "/k-1", {"blackListLastModified": "2024-01-01"}, "that is read-only"),
        ("PATCH", "/k-1", {"denyListEmail": True}, "'denyListEmail' property is not valid"),
        ("PATCH", "/k-1", {"location": {"town": "x"}}, "'town' property is not valid"),
        ("PATCH", "/k-1", {"cusLoyaltyPoints": "many"}, "'many' is not a valid constant"),
        ("PATCH", "/k-1", {"birthDate": "7 May"}, "'7 May' is not a valid constant"),
        ("PATCH", "/k-1", {"firstName": "x" * 31}, "too long"),
        ("POST", "", "just text", "'just text' is not a valid constant"),
    ],
)
def test_client_mistakes_are_500_with_a_telling_text(
    sandbox: Sandbox, campaign: Campaign, method: str, path: str, body: object, text: str
) -> None:
    campaign.create(externalId="k-1", firstName="Jo")
    before = sandbox.admin.profiles()
    answer = campaign.send(method, path, body)
    assert answer.status_code == 500
    assert answer.json()["error_code"] == "500"
    assert text in answer.json()["message"]
    assert sandbox.admin.profiles() == before


def test_blank_keys_are_exempt_and_without_a_declared_key_duplicates_are_welcome(
    sandbox: Sandbox, campaign: Campaign
) -> None:
    campaign.create(email="a@example.com")
    campaign.create(email="a@example.com")
    sandbox.admin.put("/switches", {"profile_key": "none"})
    campaign.create(externalId="k-1")
    campaign.create(externalId="k-1")
    assert len(sandbox.admin.profiles()) == 4
    assert campaign.send("GET", "/k-1").status_code == 404


def test_a_patch_on_the_collection_finds_its_profile_by_the_key_in_the_body(campaign: Campaign) -> None:
    record = campaign.create(externalId="k-1")
    assert campaign.send("PATCH", "", {"externalId": "k-1", "phone": "7"}).json()["PKey"] == record["PKey"]
    assert campaign.send("GET", "/k-1").json()["phone"] == "7"


def test_keys_in_the_address_are_percent_encoded(campaign: Campaign) -> None:
    record = campaign.create(externalId="a/b c+d@é")
    assert campaign.send("GET", "/a%2Fb%20c%2Bd%40%C3%A9").json()["PKey"] == record["PKey"]
    assert campaign.send("GET", f"/%40{record['PKey'][1:]}").json()["PKey"] == record["PKey"]


def test_filters_find_by_email_text_and_declared_field(sandbox: Sandbox, campaign: Campaign) -> None:
    jo = campaign.create(email="jo.doe@example.com", lastName="Doe", externalId="k-1")["PKey"]
    ann = campaign.create(email="ann@example.com", lastName="Joyce", externalId="k-2")["PKey"]

    def found(path: str, **parameters: str) -> list[str]:
        return [record["PKey"] for record in campaign.send("GET", path, **parameters).json()["content"]]

    assert found("/byEmail", email="Jo.Doe@example.com") == [jo]
    assert found("/byEmail", email="jo.doe@example") == []
    assert found("/byText", text="jo") == [jo]
    assert found("/byText", text="Jo") == [ann]
    assert found("/byText", text="Joy", filterType="lastName") == [ann]
    assert found("/byExternalId", externalId_parameter="k-2") == [ann]
    assert found("/byExternalId", externalId_parameter="K-2") == []
    assert found("/byEmail/byExternalId", email="ann@example.com", externalId_parameter="k-1") == []
    # An empty parameter drops the condition: everything comes back
    assert found("/byExternalId", externalId_parameter="") == [jo, ann]
    sandbox.admin.put("/switches", {"filters": {"byKey": {"field": "externalId", "parameter": "_parameter"}}})
    assert found("/byKey", _parameter="k-1") == [jo]


def test_a_filter_on_the_last_change_finds_what_changed_since(sandbox: Sandbox, campaign: Campaign) -> None:
    campaign.create(externalId="k-1")
    sandbox.admin.post("/clock", {"advance": 60})
    later = campaign.create(externalId="k-2")
    found = campaign.send("GET", "/byLastModified", lastModified_parameter=later["lastModified"]).json()["content"]
    assert [record["externalId"] for record in found] == ["k-2"]


def test_pages_are_followed_through_next_and_the_total_is_told_when_it_is_known(campaign: Campaign) -> None:
    # Given thirty profiles
    made = [campaign.create(email=f"p{number:02d}@example.com")["PKey"] for number in range(30)]
    # When the collection is read with the default page, and in sevens, and in reverse
    first = campaign.send("GET", "").json()
    whole = campaign.send("GET", "", _lineCount="50").json()
    seen, link = [], f"{campaign.ext}?_lineCount=7&_order=email%20desc"
    while link:
        page = campaign.send("GET", link).json()
        seen += [record["PKey"] for record in page["content"]]
        link = page.get("next", {}).get("href", "")
        assert not link or "_lineCount=7" in link
    # Then every record comes once, in order
    assert [record["PKey"] for record in first["content"]] == made[:25]
    assert "value" not in first["count"]
    assert "/profile//_count?_lineStart=@" in first["count"]["href"]
    assert campaign.send("GET", first["count"]["href"]).json() == {"count": 30}
    assert whole["count"]["value"] == 30
    assert "next" not in whole
    assert seen == made[::-1]


def test_a_big_table_has_no_next_page_unless_it_is_forced(sandbox: Sandbox, campaign: Campaign) -> None:
    sandbox.admin.put("/switches", {"big_table_threshold": 2})
    for number in range(3):
        campaign.create(externalId=f"k-{number}")
    silent = campaign.send("GET", "", _lineCount="1").json()
    forced = campaign.send("GET", "", _lineCount="1", _forcePagination="true").json()
    assert "next" not in silent and silent["serverSidePagination"] is False
    assert "_forcePagination=true" in forced["next"]["href"]


def test_attribute_lists_hold_bare_values(campaign: Campaign) -> None:
    for number in range(3):
        campaign.create(email=f"p{number}@example.com")
    page = campaign.send("GET", "/email", _lineCount="2").json()
    assert page["content"] == ["p0@example.com", "p1@example.com"]
    assert "count" not in page
    assert campaign.send("GET", page["next"]["href"]).json()["content"] == ["p2@example.com"]


def test_double_slashes_and_trailing_slashes_change_nothing(campaign: Campaign) -> None:
    record = campaign.create(externalId="k-1")
    double = campaign.ext.replace("/campaign/", "/campaign//")
    assert campaign.send("GET", f"{double}//{record['PKey']}/").json()["PKey"] == record["PKey"]
    assert campaign.send("GET", campaign.ext + "/").json()["content"][0]["PKey"] == record["PKey"]


def test_addresses_as_adobes_own_client_encodes_them_are_understood(campaign: Campaign) -> None:
    record = campaign.create(email="jo@example.com", externalId="k-1")
    campaign.create(email="ann@example.com")
    root = campaign.ext.partition("/profileAndServicesExt")[0]
    relative = campaign.send("GET", f"{root}/%2FprofileAndServices%2Fprofile%2F{record['PKey']}")
    chained = campaign.send("GET", "/byEmail%2FbyExternalId", email="jo@example.com", externalId_parameter="k-1")
    ordered = campaign.send("GET", f"{campaign.ext}?_order=email%2520desc")
    assert relative.json()["PKey"] == record["PKey"]
    assert [found["PKey"] for found in chained.json()["content"]] == [record["PKey"]]
    assert [found["email"] for found in ordered.json()["content"]] == ["jo@example.com", "ann@example.com"]


def test_metadata_describes_fields_and_filters(campaign: Campaign) -> None:
    described = campaign.send("GET", "/metadata").json()
    assert (described["schema"], described["name"]) == ("nms:recipient", "profile")
    content = described["content"]
    assert (content["email"]["length"], content["email"]["dataPolicy"]) == ("128", "email")
    assert content["age"]["readOnly"] is True
    assert list(content["gender"]["values"]) == ["female", "male", "unknown"]
    assert content["orgUnit"]["resTarget"] == "orgUnitBase"
    filters = campaign.send("GET", described["filters"]["href"]).json()
    assert filters["byExternalId"]["data"].endswith("/profile/byExternalId?externalId_parameter=$value")
    by_type = campaign.ext.removesuffix("/profile") + "/resourceType/profile"
    assert campaign.send("GET", by_type).json() == described


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"Authorization": "Bearer wrong"}, 401, "401013"),
        ({"Authorization": None}, 403, "403010"),
        ({"X-Api-Key": None}, 403, "403000"),
        ({"X-Api-Key": "wrong"}, 403, "403003"),
    ],
)
def test_the_gateway_refuses_by_code(campaign: Campaign, change: dict[str, str | None], status: int, code: str) -> None:
    given = {name: value for name, value in {**campaign.headers, **change}.items() if value is not None}
    answer = requests.get(campaign.ext, headers=given, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


def test_another_organisation_is_refused_and_a_wrong_address_is_an_oops(sandbox: Sandbox, campaign: Campaign) -> None:
    of = sandbox.info["campaign"]
    other = campaign.send("GET", campaign.ext.replace(of["organization"], "somebody-else"))
    wrong = campaign.send("GET", of["url"] + "/nowhere")
    assert (other.status_code, other.json()) == (403, {"error_code": "403023", "message": "Profile is not valid"})
    assert (wrong.status_code, wrong.json()["code"]) == (500, 500)
    assert wrong.json()["message"].startswith("Oops.")
