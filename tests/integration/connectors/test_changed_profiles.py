"""Profiles that changed, and profiles by their key, against answers that are rare, wrong or hostile."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from config.ingress import CampaignKey
from connectors.campaign import Campaign
from connectors.campaign_profiles import ProfilePage
from connectors.errors import (
    ConnectorError,
    CursorExpired,
    ForeignLink,
    Malformed,
    Refused,
    TableMissing,
    Unavailable,
    WrongFilter,
)
from connectors.moments import campaign_ms, campaign_text
from tests.integration.connectors.odd_server import OddServer, Reply

ROOT = "/acme/campaign/profileAndServicesExt/profile"
SINCE = "2026-03-02 10:18:20.543Z"
SINCE_MS = campaign_ms(SINCE) or 0
FIELDS = ("externalId", "blackListEmail", "blackListPushnotificationLastModified")
MORE = f"{ROOT}/byLastModified?_lineStart=@abc&_lineCount=2"


def profile(number: int, at_ms: int = SINCE_MS, **more: Any) -> dict[str, Any]:
    return {
        "PKey": f"@{number}",
        "externalId": f"id-{number}",
        "blackListEmail": True,
        "email": "a@example.com",
        "lastModified": campaign_text(at_ms),
        **more,
    }


def listed(*profiles: dict[str, Any], **more: Any) -> Reply:
    return Reply(json={"content": list(profiles), "serverSidePagination": True, **more})


def changed(campaign: Campaign, **other: Any) -> ProfilePage:
    asked: dict[str, Any] = {"filter_": "byLastModified", "parameter": "lastModified_parameter", "since_ms": SINCE_MS}
    return campaign.changed_profiles(**{**asked, **other}, fields=FIELDS, page_size=2, timeout=5)


def test_changed_profiles_are_one_call_with_a_moment_as_campaign_writes_it(
    server: OddServer, campaign: Campaign
) -> None:
    server.replies = [listed(profile(1), profile(2, SINCE_MS + 9))]
    page = changed(campaign)
    # Then of each profile what was asked for has come, and what it does not have is not made up
    assert page == ProfilePage(
        [{"externalId": "id-1", "blackListEmail": True}, {"externalId": "id-2", "blackListEmail": True}], None
    )
    [call] = server.calls
    assert (call.method, urlsplit(call.path).path) == ("GET", f"{ROOT}/byLastModified")
    assert dict(parse_qsl(urlsplit(call.path).query)) == {
        "lastModified_parameter": SINCE,
        "_lineCount": "2",
        "_forcePagination": "true",
    }
    assert "+" not in call.path


def test_nobody_changed(server: OddServer, campaign: Campaign) -> None:
    server.replies = [listed()]
    assert changed(campaign) == ProfilePage([], None)


def test_pages_are_followed_by_the_links_of_their_answers(server: OddServer, campaign: Campaign) -> None:
    # Given three pages, whose links stand in each answer; one of them with the double slash that Campaign writes
    odd = MORE.replace("profile/", "profile//")
    server.replies = [
        listed(profile(1), next={"href": f"{server.origin}{MORE}"}),
        listed(profile(2), next={"href": f"{server.origin}{odd}"}),
        listed(profile(3)),
    ]
    first = changed(campaign)
    assert first.next == MORE
    second = campaign.follow_profiles(first.next, SINCE_MS, FIELDS, 5)
    assert second.next == odd
    third = campaign.follow_profiles(second.next, SINCE_MS, FIELDS, 5)
    # Then nothing was put together by hand
    assert [page.profiles[0]["externalId"] for page in (first, second, third)] == ["id-1", "id-2", "id-3"]
    assert third.next is None
    assert [call.path for call in server.calls[1:]] == [MORE, odd]


@pytest.mark.parametrize("names", [{"filter_": ""}, {"filter_": " "}, {"parameter": ""}])
def test_a_question_that_would_find_everybody_is_not_asked(
    server: OddServer, campaign: Campaign, names: dict[str, str]
) -> None:
    with pytest.raises(WrongFilter, match=r"optinout\.poll\.filter and optinout\.poll\.parameter"):
        changed(campaign, **names)
    assert server.calls == []


def test_a_filter_stays_one_segment_of_the_address(server: OddServer, campaign: Campaign) -> None:
    server.replies = [listed()]
    changed(campaign, filter_="../service?x=")
    assert server.calls[0].path.startswith(f"{ROOT}/..%2Fservice%3Fx%3D?lastModified_parameter=")


def test_a_filter_that_finds_older_profiles_is_named(server: OddServer, campaign: Campaign) -> None:
    # Given a filter whose parameter is misspelt, so that Campaign answers with everybody
    server.replies = [listed(profile(1), profile(2, SINCE_MS - 86_400_000))]
    with pytest.raises(WrongFilter, match="misspelt parameter finds everybody") as caught:
        changed(campaign, parameter="lastmodified_parameter")
    assert "id-2" not in caught.value.sentence


def test_older_profiles_on_a_later_page_are_noticed_too(server: OddServer, campaign: Campaign) -> None:
    server.replies = [listed(profile(2, SINCE_MS - 5_000))]
    with pytest.raises(WrongFilter):
        campaign.follow_profiles(MORE, SINCE_MS, FIELDS, 5)


def test_a_filter_that_compares_whole_seconds_is_no_wrong_one(server: OddServer, campaign: Campaign) -> None:
    server.replies = [listed(profile(1, SINCE_MS - SINCE_MS % 1000))]
    assert len(changed(campaign).profiles) == 1


@pytest.mark.parametrize("modified", ["", None, 5, "yesterday", "2026-03-02T10:18:20.543Z"])
def test_a_profile_that_does_not_tell_when_it_was_changed_proves_nothing(
    server: OddServer, campaign: Campaign, modified: object
) -> None:
    server.replies = [listed(profile(1), profile(2, lastModified=modified))]
    with pytest.raises(Malformed, match="when it was changed"):
        changed(campaign)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>"),
        Reply(json=[]),
        Reply(json={}),
        Reply(json={"content": {}}),
        Reply(json={"content": ["text"]}),
        Reply(json={"content": [None]}),
        Reply(json={"content": [{}]}),
        listed(profile(1), next="x"),
        listed(profile(1), next=None),
        listed(profile(1), next={}),
        listed(profile(1), next={"href": 5}),
        listed(profile(1), serverSidePagination=False),  # a table so big that no link is given
    ],
)
def test_an_odd_page_is_read_again(server: OddServer, campaign: Campaign, reply: Reply) -> None:
    server.script = lambda call: reply
    with pytest.raises(Malformed):
        changed(campaign)
    with pytest.raises(Malformed):
        campaign.follow_profiles(MORE, SINCE_MS, FIELDS, 5)


def test_a_link_that_leads_to_its_own_page_is_not_followed_for_ever(server: OddServer, campaign: Campaign) -> None:
    server.replies = [listed(profile(1), next={"href": f"{server.origin}{MORE}"})]
    with pytest.raises(Malformed, match="the same page"):
        campaign.follow_profiles(MORE, SINCE_MS, FIELDS, 5)


@pytest.mark.parametrize("link", ["https://elsewhere.example/x", "//elsewhere.example/x", "\\\\elsewhere.example"])
def test_a_link_to_another_host_is_not_followed(server: OddServer, campaign: Campaign, link: str) -> None:
    server.replies = [listed(profile(1), next={"href": link})]
    with pytest.raises(ForeignLink):
        changed(campaign)
    with pytest.raises(ForeignLink):
        campaign.follow_profiles(link, SINCE_MS, FIELDS, 5)
    assert len(server.calls) == 1


NO_FILTER = "RST-360011 An error has occurred. Unable to find document with path 'Profiles' from key 'byLastModified:0'"
NO_LINE = "RST-360011 An error has occurred - please contact your administrator. 'abc' is not a valid constant."


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404, json={"error_code": "404", "message": NO_FILTER}), TableMissing),
        (Reply(404), TableMissing),
        (Reply(500, json={"error_code": "500", "message": NO_LINE}), Refused),
        (Reply(502), Unavailable),
    ],
)
def test_a_filter_that_is_not_there_is_named(
    server: OddServer, campaign: Campaign, reply: Reply, error: type[ConnectorError]
) -> None:
    server.replies = [reply]
    with pytest.raises(error) as caught:
        changed(campaign)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404), CursorExpired),
        (Reply(500, json={"error_code": "500", "message": NO_LINE}), CursorExpired),
        (Reply(503), Unavailable),
    ],
)
def test_a_link_that_campaign_forgot_begins_the_reading_again(
    server: OddServer, campaign: Campaign, reply: Reply, error: type[ConnectorError]
) -> None:
    server.replies = [reply]
    with pytest.raises(error):
        campaign.follow_profiles(MORE, SINCE_MS, FIELDS, 5)


# By key

KEY = CampaignKey()


def test_a_profile_by_its_key_is_one_call_and_whole(server: OddServer, campaign: Campaign) -> None:
    server.replies = [listed(profile(1, externalId="MINE"))]
    assert campaign.profile_by_key(KEY, "mine", 5) == [profile(1, externalId="MINE")]
    # Then two are asked for: a second one is a double, and more would say no more
    assert server.calls[0].path == f"{ROOT}/byExternalId?externalId_parameter=mine&_lineCount=2"


def test_no_profile_and_a_double_are_told(server: OddServer, campaign: Campaign) -> None:
    server.replies = [listed(), listed(profile(1, externalId="mine"), profile(2, externalId="mine"))]
    assert campaign.profile_by_key(KEY, "mine", 5) == []
    assert [found["PKey"] for found in campaign.profile_by_key(KEY, "mine", 5)] == ["@1", "@2"]


def test_a_profile_of_another_key_is_never_handed_out(server: OddServer, campaign: Campaign) -> None:
    server.replies = [listed(profile(1, externalId="mine"), profile(2))]
    with pytest.raises(WrongFilter):
        campaign.profile_by_key(KEY, "mine", 5)


@pytest.mark.parametrize("value", ["", " ", "."])
def test_an_empty_key_is_not_asked_for(server: OddServer, campaign: Campaign, value: str) -> None:
    with pytest.raises(Refused, match="key is empty"):
        campaign.profile_by_key(KEY, value, 5)
    assert server.calls == []


@pytest.mark.parametrize("content", [["text"], [None], {}])
def test_an_odd_list_of_profiles_is_asked_for_again(server: OddServer, campaign: Campaign, content: object) -> None:
    server.replies = [Reply(json={"content": content})]
    with pytest.raises(Malformed):
        campaign.profile_by_key(KEY, "mine", 5)
