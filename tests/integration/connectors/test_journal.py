"""The events journal against answers in every form that was seen, and some that are wrong or hostile."""

from __future__ import annotations

import email.utils
from collections.abc import Iterator
from typing import Any

import pytest

from config.connections import JournalAccess
from connectors.errors import (
    AccessDenied,
    CredentialsRefused,
    CursorExpired,
    ForeignLink,
    Malformed,
    TableMissing,
    Throttled,
    Unavailable,
)
from connectors.http import NoThrottle
from connectors.journal import Journal, JournalEvent
from tests.integration.connectors.conftest import Pass, Pauses
from tests.integration.connectors.odd_server import OddServer, Reply

PATH = "/events/organizations/1/integrations/2/a-b"
NEXT = f"{PATH}?since=moose:2"
EVENT = {"id": "1", "type": "com.adobe.campaign.email.open"}


def access(server: OddServer, **changed: Any) -> JournalAccess:
    return JournalAccess(
        url=server.origin + PATH,
        org_id="0@AdobeOrg",
        client_id="key",
        client_secret="${env:JOURNAL_SECRET}",
        scopes=("adobeio_api", "openid"),
        token_url=f"{server.origin}/token",
    )._replace(**changed)


@pytest.fixture
def journal(server: OddServer, throttle: Pauses) -> Iterator[Journal]:
    journal = Journal(access(server), throttle, token=Pass())
    yield journal
    journal.close()


def page(*events: Any, link: str = f'<{NEXT}>; rel="next"') -> Reply:
    items = [{"position": f"camel:{place}", "event": event} for place, event in enumerate(events)]
    told = {"events": items, "_page": {"last": "camel:0", "count": len(items)}}
    return Reply(json=told, headers={"Link": link} if link else {})


def nothing(link: str = f'<{NEXT}>; rel="next"', wait: str = "10") -> Reply:
    return Reply(204, headers={"Link": link, "retry-after": wait})


def test_a_page_tells_its_events_and_what_follows(server: OddServer, journal: Journal) -> None:
    server.replies = [page(EVENT, {"id": "2"})]
    found = journal.first(5)
    assert found == ([JournalEvent("camel:0", EVENT), JournalEvent("camel:1", {"id": "2"})], NEXT, None)


def test_a_request_names_organisation_key_and_token(server: OddServer, journal: Journal) -> None:
    server.replies = [page(EVENT)]
    journal.first(5)
    [call] = server.calls
    assert (call.method, call.path) == ("GET", PATH)
    assert call.headers["x-ims-org-id"] == "0@AdobeOrg"
    assert call.headers["x-api-key"] == "key"
    assert call.headers["authorization"] == "Bearer token-1"


def test_the_token_is_asked_for_with_the_journals_credential(
    server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_SECRET", "s3cret")
    server.replies = [Reply(json={"access_token": "abc", "expires_in": 60}), page(EVENT)]
    journal = Journal(access(server), NoThrottle())
    journal.first(5)
    journal.close()
    granted, asked = server.calls
    assert (
        granted.body == b"grant_type=client_credentials&client_id=key&client_secret=s3cret&scope=adobeio_api%2Copenid"
    )
    assert asked.headers["authorization"] == "Bearer abc"


def test_a_wrong_secret_is_a_matter_of_the_journals_connection(
    server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_SECRET", "wrong")
    server.replies = [Reply(400, json={"error": "invalid_client", "error_description": "invalid client_secret"})]
    journal = Journal(access(server), NoThrottle())
    with pytest.raises(CredentialsRefused, match=r"^Campaign's event journal token: .*connections\.journal"):
        journal.first(5)
    journal.close()


@pytest.mark.parametrize(
    ("how", "query"),
    [
        ({}, ""),
        ({"limit": 1000}, "?limit=1000"),
        ({"seek_seconds": 7200, "limit": 5}, "?seek=-PT7200S&limit=5"),
    ],
)
def test_a_reading_begins_where_it_is_told_to(
    server: OddServer, journal: Journal, how: dict[str, Any], query: str
) -> None:
    server.replies = [page(EVENT)]
    journal.first(5, **how)
    assert server.calls[0].path == PATH + query


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("/events-fast/organizations/1?since=moose:2&limit=2", "/events-fast/organizations/1?since=moose:2&limit=2"),
        ("a-b?since=moose:2", f"{PATH}?since=moose:2"),
        ("?since=moose:2", f"{PATH}?since=moose:2"),
        ("{origin}/x?since=moose:2", "/x?since=moose:2"),
    ],
)
def test_links_lead_on_within_the_journals_own_host(
    server: OddServer, journal: Journal, link: str, leads_to: str
) -> None:
    # Given a page whose link is relative in one way or another
    server.replies = [page(EVENT, link=f'<{link.replace("{origin}", server.origin)}>; rel="next"'), nothing()]
    # When it is followed
    following = journal.first(5).next
    assert following == leads_to
    journal.read(following, 5)
    # Then the server is asked for it, as it was written
    assert server.calls[1].path == leads_to


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/x",
        "http://127.0.0.1:9/x",
        "//evil.example/x",
        "http://user@127.0.0.1/x",
        "/\\evil.example/x",
        "ftp://127.0.0.1/x",
    ],
)
@pytest.mark.parametrize("status", [200, 204])
def test_our_token_goes_nowhere_else(server: OddServer, journal: Journal, link: str, status: int) -> None:
    server.replies = [page(EVENT, link=f'<{link}>; rel="next"') if status == 200 else nothing(f'<{link}>; rel="next"')]
    with pytest.raises(ForeignLink, match=r"connections\.journal\.url"):
        journal.first(5)
    assert len(server.calls) == 1


def test_a_link_from_elsewhere_is_not_followed(server: OddServer, journal: Journal) -> None:
    with pytest.raises(ForeignLink):
        journal.read("https://evil.example/x?since=1", 5)
    assert server.calls == []


def test_several_link_headers_are_read_as_one(server: OddServer, journal: Journal) -> None:
    raw = (
        "HTTP/1.1 204 No Content\r\nretry-after: 3\r\n"
        f'Link: <{PATH}/validate?since=moose:2>; rel="validate"\r\nLink: <{NEXT}>; rel="next"\r\n\r\n'
    )
    server.replies = [Reply(raw=raw.encode())]
    assert journal.first(5) == ([], NEXT, 3.0)


def test_at_the_end_the_link_is_kept_and_the_wait_told(server: OddServer, journal: Journal) -> None:
    in_a_while = email.utils.formatdate(1_700_000_030, usegmt=True)
    now = email.utils.formatdate(1_700_000_000, usegmt=True)
    server.replies = [
        nothing(wait="7"),
        Reply(204, headers={"Retry-After": in_a_while, "Date": now}),
        Reply(204),
        nothing(f'<{PATH}?since=rabbit:3>; rel="next"'),
    ]
    assert journal.read(NEXT, 5) == ([], NEXT, 7.0)
    assert journal.read(NEXT, 5) == ([], NEXT, 30.0)
    assert journal.read(NEXT, 5) == ([], NEXT, 2.0)
    assert journal.read(NEXT, 5) == ([], f"{PATH}?since=rabbit:3", 10.0)


@pytest.mark.parametrize("query", ["latest=true", "seek=-PT60S&limit=3"])
def test_a_link_that_moves_with_the_time_is_no_place_to_go_on_from(
    server: OddServer, journal: Journal, query: str
) -> None:
    server.replies = [nothing(f'<{PATH}?{query}>; rel="next"')]
    assert journal.first(5, seek_seconds=60).next is None


def test_an_empty_page_is_the_end(server: OddServer, journal: Journal) -> None:
    server.replies = [page(link="")]
    assert journal.read(NEXT, 5) == ([], NEXT, 2.0)


def test_whatever_stands_in_the_list_is_told(server: OddServer, journal: Journal) -> None:
    items = [None, 5, "x", {"no": "event"}, {"position": 7, "event": ["odd"]}]
    server.replies = [Reply(json={"events": items}, headers={"Link": f'<{NEXT}>; rel="next"'})]
    assert journal.first(5).events == [
        JournalEvent("", None),
        JournalEvent("", 5),
        JournalEvent("", "x"),
        JournalEvent("", {"no": "event"}),
        JournalEvent("", ["odd"]),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>"),
        Reply(body=b""),
        Reply(json=[]),
        Reply(json={}),
        Reply(json={"events": {}}),
        Reply(302, headers={"Location": "/elsewhere"}),
        page(EVENT, link=""),
        page(EVENT, link='</x>; rel="validate"'),
        page(EVENT, link=f'<{NEXT}>; rel="next", </x?since=1>; rel="next"'),
        page(EVENT, link=f'<{PATH}?since=camel:0>; rel="next"'),
        page(EVENT, link=f'<{PATH}?latest=true>; rel="next"'),
        Reply(418, json={"message": "teapot"}),
        Reply(400, body=b"<html>"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", hang_up=True),
    ],
)
def test_what_is_not_as_it_should_be_is_tried_again(server: OddServer, journal: Journal, reply: Reply) -> None:
    server.replies = [reply]
    with pytest.raises(Malformed):
        journal.read(f"{PATH}?since=camel:0", 5)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(410, body=b"Events at position moose:1 have expired."), CursorExpired),
        (Reply(400, json={"error_code": "400", "message": "not a position"}), CursorExpired),
        (Reply(403, json={"error_code": "403003", "message": "Api Key is invalid"}), CredentialsRefused),
        (Reply(403, json={"error_code": "403023", "message": "Profile is not valid"}), AccessDenied),
        (Reply(404), TableMissing),
        (Reply(408), Unavailable),
        (Reply(500), Unavailable),
        (Reply(503, headers={"Retry-After": "4"}), Unavailable),
        (Reply(429, headers={"Retry-After": "4"}), Throttled),
    ],
)
def test_errors_are_named_by_their_remedy(
    server: OddServer, journal: Journal, reply: Reply, kind: type[Exception]
) -> None:
    server.replies = [reply]
    with pytest.raises(kind, match=r"^Campaign's event journal GET events: "):
        journal.read(NEXT, 5)


def test_a_beginning_that_is_not_understood_is_no_expiry(server: OddServer, journal: Journal) -> None:
    server.replies = [Reply(400, json={"error_code": "400", "message": "'limit' must be smaller."})]
    with pytest.raises(Malformed):
        journal.first(5, limit=1_000_000)


def test_a_throttled_journal_pauses_everybody(server: OddServer, journal: Journal, throttle: Pauses) -> None:
    server.replies = [Reply(429, headers={"Retry-After": "11"})]
    with pytest.raises(Throttled):
        journal.read(NEXT, 5)
    assert throttle.told == [11]


def test_a_token_that_was_revoked_is_renewed(server: OddServer, journal: Journal) -> None:
    server.replies = [Reply(401, json={"error_code": "401013", "message": "Oauth token is not valid"}), page(EVENT)]
    assert len(journal.read(f"{PATH}?since=x", 5).events) == 1
    assert server.calls[1].headers["authorization"] == "Bearer token-2"
