"""The write side of Campaign against answers that are rare, wrong or hostile."""

from __future__ import annotations

from typing import Any

import pytest

from config.ingress import CampaignKey
from connectors.campaign import Campaign
from connectors.errors import (
    AlreadyExists,
    ConnectorError,
    LinkMissing,
    Malformed,
    NotFound,
    Refused,
    SchemaRefused,
    TableMissing,
    Unavailable,
    WrongFilter,
)
from tests.integration.connectors.odd_server import OddServer, Reply

BY_FILTER = CampaignKey()
BY_URI = CampaignKey(field="cusCrmId", unique=True, address="uri")
ROOT = "/acme/campaign/profileAndServicesExt/profile"


def test_creating_is_one_post(server: OddServer, campaign: Campaign) -> None:
    server.replies = [Reply(201, json={"PKey": "@new", "email": "a@example.com"})]
    assert campaign.create("profile", {"email": "a@example.com", "location": {"city": "Oslo"}}, 5) == "@new"
    [call] = server.calls
    assert (call.method, call.path) == ("POST", ROOT)
    assert call.body == b'{"email":"a@example.com","location":{"city":"Oslo"}}'
    assert call.headers["x-api-key"] == "key"
    assert call.headers["content-type"] == "application/json;charset=utf-8"


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("@Ab-_9", f"{ROOT}/@Ab-_9"),
        ("C/1 ä?#", f"{ROOT}/C%2F1%20%C3%A4%3F%23"),
        ("../service/x", f"{ROOT}/..%2Fservice%2Fx"),
        ("100%", f"{ROOT}/100%25"),
    ],
)
def test_a_reference_is_one_segment_of_the_address(
    server: OddServer, campaign: Campaign, reference: str, path: str
) -> None:
    server.replies = [Reply(json={"PKey": "@1", "href": ""}), Reply(200)]
    campaign.update("profile", reference, {"email": ""}, 5)
    campaign.delete("profile", reference, 5)
    assert [(call.method, call.path) for call in server.calls] == [("PATCH", path), ("DELETE", path)]


@pytest.mark.parametrize("reference", ["", " ", ".", ".."])
def test_a_reference_that_would_address_the_collection_is_refused_without_a_call(
    server: OddServer, campaign: Campaign, reference: str
) -> None:
    for act in (
        lambda: campaign.delete("profile", reference, 5),
        lambda: campaign.update("profile", reference, {}, 5),
        lambda: campaign.find("profile", BY_FILTER, reference, 5),
        lambda: campaign.find("profile", BY_URI, reference, 5),
    ):
        with pytest.raises(Refused, match="key is empty"):
            act()
    assert server.calls == []


def test_a_lookup_by_filter_is_one_call_with_an_encoded_value(server: OddServer, campaign: Campaign) -> None:
    server.replies = [Reply(json={"content": [{"PKey": "@1", "externalId": "A+b &1"}]})]
    assert campaign.find("profile", BY_FILTER, "a+b &1", 5) == ["@1"]
    assert server.calls[0].path == f"{ROOT}/byExternalId?externalId_parameter=a%2Bb%20%261&_lineCount=10"


def test_a_lookup_by_custom_key_is_one_call(server: OddServer, campaign: Campaign) -> None:
    missing = Reply(404, json={"error_code": "404", "message": NO_DOCUMENT.replace("O5iRp40EGA", "C-3")})
    server.replies = [Reply(json={"PKey": "@1"}), Reply(json={"content": [{"PKey": "@2"}]}), missing]
    assert campaign.find("profile", BY_URI, "C-1", 5) == ["@1"]
    assert campaign.find("profile", BY_URI, "C-2", 5) == ["@2"]
    assert campaign.find("profile", BY_URI, "C-3", 5) == []
    assert [call.path for call in server.calls] == [f"{ROOT}/C-1", f"{ROOT}/C-2", f"{ROOT}/C-3"]


@pytest.mark.parametrize("record", [{"PKey": "@2", "externalId": "other"}, {"PKey": "@2"}])
def test_a_filter_that_finds_other_records_stops_the_workflow(
    server: OddServer, campaign: Campaign, record: dict[str, Any]
) -> None:
    # Given a filter whose parameter is misspelt, so that Campaign answers with everybody
    server.replies = [Reply(json={"content": [{"PKey": "@1", "externalId": "mine"}, record]})]
    # When one record is looked up, then nobody can write to a stranger
    with pytest.raises(WrongFilter, match=r"externalId is another; .* key\.parameter") as caught:
        campaign.find("profile", BY_FILTER, "mine", 5)
    assert "mine" not in caught.value.sentence


def test_a_filter_that_is_not_there_stops_the_workflow(server: OddServer, campaign: Campaign) -> None:
    text = "RST-360011 An error has occurred. Unable to find document with path 'Profiles' from key 'byExternalId:0'"
    server.script = lambda call: Reply(404, json={"error_code": "404", "message": text})
    with pytest.raises(TableMissing, match="filter is not there"):
        campaign.find("profile", BY_FILTER, "1", 5)


DUPLICATE = (
    "A 'Profile' with the same key 'C-1' already exists. PGS-220000 PostgreSQL error: ERROR:  duplicate key value "
    'violates unique constraint "cusprofile_crmid" DETAIL:  Key (scrmid)=(C-1) already exists.'
)
UNKNOWN_PKEY = (
    "'O5iRp40EGA' attribute unknown (see definition of 'Profiles (nms:recipient)' schema). XTK-170036 Unable to parse "
    "expression '@id = @O5iRp40EGA'."
)


NO_DOCUMENT = (
    "RST-360011 An error has occurred - please contact your administrator. Unable to find document with path 'Service' "
    "from key 'O5iRp40EGA' (document with schema 'service' and name 'O5iRp40EGA')"
)


def envelopes(text: str, status: int = 500) -> list[Reply]:
    """The shapes in which an instance or the gateway puts a text."""
    return [
        Reply(status, json={"error_code": str(status), "message": text}),
        Reply(status, json={"code": status, "message": text}),
        Reply(status, json={"error": {"code": str(status), "message": text}}),
        Reply(status, body=text.encode()),
    ]


@pytest.mark.parametrize("reply", envelopes(DUPLICATE))
def test_a_duplicate_key_is_told_in_every_envelope(server: OddServer, campaign: Campaign, reply: Reply) -> None:
    server.replies = [reply]
    with pytest.raises(AlreadyExists) as caught:
        campaign.create("profile", {"cusCrmId": "C-1"}, 5)
    assert (caught.value.code, caught.value.field) == ("PGS-220000", "scrmid")
    assert "C-1" not in caught.value.sentence + caught.value.text


@pytest.mark.parametrize("reply", envelopes(UNKNOWN_PKEY))
def test_an_unknown_pkey_in_the_address_means_not_found(server: OddServer, campaign: Campaign, reply: Reply) -> None:
    server.replies = [reply, reply]
    with pytest.raises(NotFound):
        campaign.update("profile", "@O5iRp40EGA", {"email": "a@example.com"}, 5)
    with pytest.raises(NotFound):
        campaign.delete("profile", "@O5iRp40EGA", 5)


NO_RESOURCE = "RST-360011 An error has occurred - please contact your administrator. Unable to find the resource 'x'."


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404), Malformed),
        (Reply(404, body=b"<html>404 Not Found</html>"), Malformed),
        (Reply(404, body=b"no route to host"), Malformed),
        (Reply(404, json={"code": 404, "message": "Oops. Something went wrong. Check your URI and try again."}),
         Malformed),
        *((reply, TableMissing) for reply in envelopes(NO_RESOURCE, 404)),
    ],
)  # fmt: skip
def test_a_404_in_other_words_does_not_make_a_record_missing(
    server: OddServer, campaign: Campaign, reply: Reply, error: type[ConnectorError]
) -> None:
    server.script = lambda call: reply
    for act in (
        lambda: campaign.delete("profile", "@O5iRp40EGA", 5),
        lambda: campaign.delete("profile", "C-1", 5),
        lambda: campaign.update("profile", "@O5iRp40EGA", {"email": "a@example.com"}, 5),
        lambda: campaign.find("profile", BY_URI, "C-1", 5),
    ):
        with pytest.raises(error) as caught:
            act()
        assert type(caught.value) is error


@pytest.mark.parametrize("reply", [*envelopes(UNKNOWN_PKEY), *envelopes(NO_DOCUMENT, 404)])
def test_an_unknown_pkey_in_a_link_names_the_link(server: OddServer, campaign: Campaign, reply: Reply) -> None:
    server.replies = [reply, reply]
    values = {"owner": {"PKey": "@O5iRp40EGA"}}
    with pytest.raises(LinkMissing) as of_update:
        campaign.update("profile", "@other", values, 5)
    with pytest.raises(LinkMissing) as of_create:
        campaign.create("profile", values, 5)
    assert of_update.value.field == of_create.value.field == "owner"


@pytest.mark.parametrize("reply", envelopes("'cusGone' property is not valid for the 'profile' resource."))
def test_a_field_that_campaign_does_not_know_is_named(server: OddServer, campaign: Campaign, reply: Reply) -> None:
    server.replies = [reply, reply]
    with pytest.raises(SchemaRefused, match="knows no field cusGone") as of_update:
        campaign.update("profile", "@other", {"cusGone": "x"}, 5)
    with pytest.raises(SchemaRefused, match="knows no field cusGone") as of_create:
        campaign.create("profile", {"cusGone": "x"}, 5)
    assert of_update.value.field == of_create.value.field == "cusGone"


def test_a_filter_on_a_field_that_is_gone_names_the_field(server: OddServer, campaign: Campaign) -> None:
    text = "'@externalId' attribute unknown (see definition of 'x' schema). XTK-170036 Unable to parse expression 'x'."
    server.replies = [Reply(500, json={"message": text})]
    with pytest.raises(SchemaRefused) as caught:
        campaign.find("profile", BY_FILTER, "Ann-1", 5)
    assert caught.value.field == "externalId"
    assert "Ann-1" not in caught.value.sentence + caught.value.text


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(500, json={"code": 500, "message": "Oops. Something went wrong. Check your URI and try again."}),
         Unavailable),
        (Reply(502, json={"code": 502, "message": "Oops. Something went wrong. Check your URI and try again."}),
         Unavailable),
        (Reply(500, body=b"<html>a page that says: already exists</html>"), Unavailable),
        (Reply(503, body=b"the upstream is not valid"), Unavailable),
        (Reply(504), Unavailable),
        (Reply(500, json={"message": "PGS-220000 PostgreSQL error: ERROR:  deadlock detected"}), Unavailable),
        (Reply(404), TableMissing),
        (Reply(400, json={"message": "bad"}), Refused),
    ],
)  # fmt: skip
def test_gateway_trouble_is_told_from_business_errors(
    server: OddServer, campaign: Campaign, reply: Reply, error: type[ConnectorError]
) -> None:
    server.replies = [reply]
    with pytest.raises(error) as caught:
        campaign.create("profile", {"email": "a@example.com"}, 5)
    assert type(caught.value) is error


@pytest.mark.parametrize("body", [b"", b"<html>signed in</html>", b"[]", b"{}", b'{"PKey":5}', b'{"PKey":"@1"'])
def test_a_success_without_a_record_confirms_nothing(server: OddServer, campaign: Campaign, body: bytes) -> None:
    server.script = lambda call: Reply(200, body=body)
    with pytest.raises(Malformed):
        campaign.create("profile", {}, 5)
    with pytest.raises(Malformed):
        campaign.update("profile", "@1", {}, 5)


@pytest.mark.parametrize("reply", [Reply(200), Reply(204), Reply(200, body=b"{}")])
def test_a_deletion_needs_no_body(server: OddServer, campaign: Campaign, reply: Reply) -> None:
    server.replies = [reply]
    campaign.delete("profile", "@1", 5)


def test_a_deletion_is_not_confirmed_by_a_page(server: OddServer, campaign: Campaign) -> None:
    server.replies = [Reply(200, body=b"<html>")]
    with pytest.raises(Malformed):
        campaign.delete("profile", "@1", 5)


def test_an_unpublished_api_is_named_by_ping(server: OddServer, campaign: Campaign) -> None:
    with pytest.raises(TableMissing, match="publish it"):
        campaign.ping(5)
