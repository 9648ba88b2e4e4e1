"""The I/O Events journal: positions, links, expiry, refusals, duplicates and disorder."""

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.integration.sandbox.journal_client import JournalClient
from tests.sandboxes import Sandbox

DAY = 86_400


@pytest.fixture
def client(sandbox: Sandbox) -> JournalClient:
    return JournalClient(sandbox)


def put(sandbox: Sandbox, *numbers: int) -> None:
    sandbox.admin.post("/events/journal", {"events": [{"id": str(number)} for number in numbers]})


def ids(events: list[Any]) -> list[str]:
    return [event["id"] for event in events]


def test_events_come_page_by_page_each_behind_its_position(sandbox: Sandbox, client: JournalClient) -> None:
    # Given five events
    put(sandbox, *range(5))
    # When they are read two at a time
    pages = list(client.pages(limit=2))
    # Then each page tells its last position, and `next` goes on behind it with the same limit
    assert [ids([entry["event"] for entry in page.json()["events"]]) for page in pages] == [
        ["0", "1"],
        ["2", "3"],
        ["4"],
    ]
    for page in pages:
        last = page.json()["events"][-1]["position"]
        assert page.json()["_page"] == {"last": last, "count": len(page.json()["events"])}
        path = client.url[client.url.index("/events/") :]
        assert page.headers["Link"] == f'<{path}?since={last}&limit=2>; rel="next"'
        assert re.fullmatch(r"[a-z]+:[0-9a-f-]{36}:[0-9a-f-]{36}", last)


def test_a_page_that_was_read_before_comes_the_same_again(sandbox: Sandbox, client: JournalClient) -> None:
    put(sandbox, *range(4))
    link = client.next_of(client.get(limit=1))
    first = client.get(link).content
    put(sandbox, 4)
    assert client.get(link).content == first


def test_a_journal_that_was_put_back_has_new_pages(sandbox: Sandbox, client: JournalClient) -> None:
    # Given a page that was read
    put(sandbox, 1, 2)
    assert ids(client.events(limit=2)) == ["1", "2"]
    # When the sandbox is put back and fills again
    sandbox.admin.post("/reset")
    put(sandbox, 3, 4)
    # Then the page is a new one
    assert ids(client.events(limit=2)) == ["3", "4"]


def test_at_the_end_next_asks_for_the_same_again_and_later_finds_what_is_new(
    sandbox: Sandbox, client: JournalClient
) -> None:
    # Given a reader at the end
    put(sandbox, 1)
    link = client.next_of(client.get())
    answer = client.get(link)
    assert (answer.status_code, answer.content, client.next_of(answer)) == (204, b"", link)
    assert "/validate?since=" in answer.links["validate"]["url"]
    # When an event arrives, then the same link brings it
    put(sandbox, 2)
    assert ids([entry["event"] for entry in client.get(link).json()["events"]]) == ["2"]


def test_an_empty_journal_asks_back_at_the_same_address_without_a_pause(
    sandbox: Sandbox, client: JournalClient
) -> None:
    answer = client.get()
    assert (answer.status_code, client.next_of(answer)) == (204, client.url)
    assert "retry-after" not in answer.headers
    put(sandbox, 1)
    assert ids(client.events()) == ["1"]


def test_the_pause_comes_in_seconds_as_a_date_or_not_at_all(sandbox: Sandbox, client: JournalClient) -> None:
    put(sandbox, 1)
    assert client.get(latest="true").headers["retry-after"] == "10"
    sandbox.admin.put("/switches", {"journal_retry_after": "date", "journal_retry_after_seconds": 40})
    pause = parsedate_to_datetime(client.get(latest="true").headers["retry-after"]).timestamp() - time.time()
    assert 30 < pause <= 40
    sandbox.admin.put("/switches", {"journal_retry_after": "none"})
    assert "retry-after" not in client.get(latest="true").headers


def test_latest_begins_behind_everything_that_is_there(sandbox: Sandbox, client: JournalClient) -> None:
    for earlier in ((), (1, 2)):
        put(sandbox, *earlier)
        answer = client.get(latest="true", limit=5)
        assert answer.status_code == 204
        put(sandbox, 3)
        link = client.next_of(answer)
        assert ids([entry["event"] for entry in client.get(link).json()["events"]]) == ["3"]
        assert link.endswith("&limit=5")


@pytest.mark.parametrize(("back", "found"), [("-PT2H", ["2"]), ("-P1D", ["2"]), ("-P1DT2H", ["1", "2"])])
def test_seek_begins_so_long_ago(sandbox: Sandbox, client: JournalClient, back: str, found: list[str]) -> None:
    put(sandbox, 1)
    client.pass_time(DAY + 3600)
    put(sandbox, 2)
    assert ids(client.events(seek=back)) == found


@pytest.mark.parametrize(
    "params",
    [
        {"since": "camel:0:0", "seek": "-PT2H"},
        {"since": "camel:0:0", "latest": "true"},
        {"latest": "true", "seek": "-PT2H"},
        {"latest": "false"},
        {"seek": "PT2H"},
        {"seek": "-P"},
        {"seek": "-P1DT"},
        {"seek": "-P1M"},
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "many"},
        {"since": "camel:0:0"},
        {"since": "camel:5aeb25cc-1111-4111-8111-111111111111:ff244403-1111-4111-8111-111111111111"},
    ],
)
def test_requests_that_make_no_sense_are_refused(client: JournalClient, params: dict[str, str]) -> None:
    answer = client.get(**params)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "400"


def test_a_position_expires_with_its_event_and_the_oldest_are_gone(sandbox: Sandbox, client: JournalClient) -> None:
    # Given a reader behind the first of two events, and a third event six days later
    put(sandbox, 1, 2)
    link = client.next_of(client.get(limit=1))
    position = re.search("since=([^&]+)", link)
    client.pass_time(6 * DAY)
    put(sandbox, 3)
    assert client.get(link).status_code == 200
    # When the first two are older than seven days
    client.pass_time(1.1 * DAY)
    answer = client.get(link)
    # Then the position is gone, and reading without one brings the third alone
    assert position is not None
    assert (answer.status_code, answer.text) == (410, f"Events at position {position[1]} have expired.")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert ids(client.events()) == ["3"]


def test_by_switch_a_position_expires_only_if_events_were_missed(sandbox: Sandbox, client: JournalClient) -> None:
    put(sandbox, 1)
    link = client.next_of(client.get())
    client.pass_time(8 * DAY)
    assert client.get(link).status_code == 410
    sandbox.admin.put("/switches", {"journal_expiry": "lost"})
    assert client.get(link).status_code == 204


def test_an_answer_ends_before_it_is_too_large_and_holds_one_event_at_least(
    sandbox: Sandbox, client: JournalClient
) -> None:
    # Given events of 400 kB, and one that is larger than an answer may be
    sandbox.admin.post("/events/journal", {"events": [{"text": "x" * 400_000}] * 4 + [{"text": "x" * 1_600_000}]})
    # When all are asked for at once
    pages = list(client.pages(limit=1000))
    # Then each answer holds what fits
    assert [page.json()["_page"]["count"] for page in pages] == [3, 1, 1]
    assert all(len(page.content) <= 1_500_000 for page in pages[:2])


@pytest.mark.parametrize(
    ("switches", "links"),
    [
        ({}, 'Link: <{path}?since={last}>; rel="next"\r\n'),
        ({"journal_link_path": "fast"}, 'Link: </events-fast{rest}?since={last}>; rel="next"\r\n'),
        ({"journal_link_origin": "absolute"}, 'Link: <{origin}{path}?since={last}>; rel="next"\r\n'),
        ({"journal_link_origin": "foreign"}, 'Link: <https://events.example.com{path}?since={last}>; rel="next"\r\n'),
    ],
)
def test_next_comes_in_every_form(
    sandbox: Sandbox, client: JournalClient, switches: dict[str, str], links: str
) -> None:
    put(sandbox, 1)
    sandbox.admin.put("/switches", switches)
    answer = client.get()
    origin, _, rest = client.url.partition("/events")
    shown = {"path": "/events" + rest, "rest": rest, "origin": origin, "last": answer.json()["_page"]["last"]}
    assert f"Link: {answer.headers['Link']}\r\n" == links.format(**shown)


def test_links_beside_next_come_in_several_headers_or_in_one(sandbox: Sandbox, client: JournalClient) -> None:
    put(sandbox, 1)
    sandbox.admin.put("/switches", {"journal_all_links": True})

    def links() -> list[str]:
        raw = client.session.get(client.url, stream=True, timeout=10).raw
        return list(raw.headers.getlist("Link"))

    several = links()
    sandbox.admin.put("/switches", {"journal_link_headers": "joined"})
    assert len(several) == 7
    assert links() == [", ".join(several)]
    for rel in ("next", "validate", "events", "count", "latest", "page", "seek"):
        assert sum(f'rel="{rel}"' in link for link in several) == 1


def test_the_same_registration_answers_under_other_first_segments(sandbox: Sandbox, client: JournalClient) -> None:
    put(sandbox, 1)
    for prefix in ("/events/", "/events-fast/", "/"):
        assert client.get(client.url.replace("/events/", prefix)).status_code == 200
    assert client.get(client.url[:-1]).status_code == 404
    assert client.get(client.url.replace("/events/", "/other/")).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x-api-key": None}, 403, "403000"),
        ({"x-api-key": "other"}, 403, "403003"),
        ({"Authorization": None}, 403, "403010"),
        ({"Authorization": "Bearer other"}, 401, "401013"),
        ({"x-ims-org-id": None}, 403, "403023"),
        ({"x-ims-org-id": "other@AdobeOrg"}, 403, "403023"),
    ],
)
def test_the_gateway_refuses_by_code(
    client: JournalClient, headers: dict[str, str | None], status: int, code: str
) -> None:
    answer = client.session.get(client.url, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


def test_a_token_without_the_scope_of_io_management_is_refused(sandbox: Sandbox) -> None:
    headers = {**sandbox.campaign_headers(), "x-ims-org-id": sandbox.info["journal"]["org_id"]}
    assert requests.get(sandbox.journal_url, headers=headers, timeout=10).status_code == 403
    sandbox.admin.put("/switches", {"journal_scope": ""})
    assert requests.get(sandbox.journal_url, headers=headers, timeout=10).status_code == 204


@pytest.mark.parametrize("status", [429, 500, 503])
def test_faults_are_dealt_out_by_the_journal_too(sandbox: Sandbox, client: JournalClient, status: int) -> None:
    sandbox.admin.put("/faults", {"journal": {f"rate_{status}": 1, "retry_after": 3}})
    answer = client.get()
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "3")
    assert sandbox.admin.get("/calls")["statuses"]["journal"] == {str(status): 1}


def test_events_come_twice_and_out_of_order_within_a_window(sandbox: Sandbox, client: JournalClient) -> None:
    # Given a journal that delivers a fifth of all events again and moves them by up to 50 places
    sandbox.admin.put("/switches", {"journal_duplicates": 0.2, "journal_disorder": 50})
    # When 2,000 events arrive
    put(sandbox, *range(2000))
    read = [int(name) for name in ids(client.events(limit=1000))]
    # Then all are there, about a fifth of them twice, none far from its place, each at a position of its own
    assert set(read) == set(range(2000))
    assert 2300 < len(read) < 2500
    firsts = list(dict.fromkeys(read))
    assert firsts != sorted(firsts)
    assert all(abs(place - number) <= 50 for place, number in enumerate(firsts))
    positions = [entry["position"] for entry in client.entries(limit=1000)]
    assert len(set(positions)) == len(positions)


def test_what_was_delivered_can_be_delivered_again_later(sandbox: Sandbox, client: JournalClient) -> None:
    put(sandbox, 1, 2, 3)
    link = client.next_of(client.get())
    sandbox.admin.post("/events/journal", {"again": 1})
    assert ids([entry["event"] for entry in client.get(link).json()["events"]]) == ["1", "2", "3"]


def test_events_of_any_shape_and_entries_of_no_shape_can_be_put_in(sandbox: Sandbox, client: JournalClient) -> None:
    # Given events that are no objects
    sandbox.admin.post("/events/journal", {"events": [None, 7, [], {"id": None}], "entries": ['{"no": "position"}']})
    # When they are read, then they come as they are; only what was put in as an entry has no position
    entries = client.entries()
    assert [entry["event"] for entry in entries[:4]] == [None, 7, [], {"id": None}]
    assert entries[4] == {"no": "position"}
    # And an entry that is no JSON spoils its page
    sandbox.admin.post("/events/journal", {"entries": ["{{"]})
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.get().json()


def test_a_reset_empties_the_journal_and_its_positions_are_none_any_more(
    sandbox: Sandbox, client: JournalClient
) -> None:
    put(sandbox, 1)
    link = client.next_of(client.get())
    sandbox.admin.post("/reset")
    assert client.get(link).status_code == 400
    assert client.get().status_code == 204
