"""Activities and the events journal against the sandbox's servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from config.connections import JournalAccess
from connectors.dynamics import Dynamics
from connectors.dynamics_activities import ActivityTable
from connectors.dynamics_creates import Create
from connectors.errors import (
    AccessDenied,
    CursorExpired,
    ForeignLink,
    Refused,
    RelatedMissing,
    SchemaRefused,
    TableMissing,
    Throttled,
    TryAgain,
    Unavailable,
)
from connectors.http import NoThrottle
from connectors.journal import Journal
from tests.sandboxes import Sandbox

TABLES = ("adobe_emailbounce", "adobe_emailopen", "adobe_emailsend", "adobe_emailurlclick")
DAY = 86_400
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def journal(sandbox: Sandbox) -> Iterator[Journal]:
    given = sandbox.info["journal"]
    scopes = ("openid", "AdobeID", "adobeio_api", "read_organizations")
    names = ("url", "org_id", "client_id")
    access = JournalAccess(
        **{name: given[name] for name in names},
        client_secret="${env:JOURNAL_SECRET}",
        scopes=scopes,
        token_url=given["token_url"],
    )
    journal = Journal(access, NoThrottle())
    yield journal
    journal.close()


@pytest.fixture
def sends(dynamics: Dynamics) -> ActivityTable:
    return dynamics.activity("adobe_emailsend", 10)


@pytest.fixture
def contacts(sandbox: Sandbox) -> list[str]:
    return list(sandbox.admin.contacts())


def send(table: ActivityTable, contact: str, **more: Any) -> Create:
    body = {
        "subject": "Campaign Name: 2026Loyalty; Delivery Name: DM190",
        f"{table.regarding}@odata.bind": f"/contacts({contact})",
        "adobe_senton": "2026-11-01T12:00:00Z",
        "statecode": 1,
        "statuscode": 2,
        **more,
    }
    return Create(table.set_name, str(uuid.uuid4()), orjson.dumps(body))


def created(sandbox: Sandbox) -> int:
    return int(sandbox.admin.get("/dynamics/activities/counts")["created"])


def test_the_activity_tables_are_found(dynamics: Dynamics) -> None:
    found = dynamics.activities(10)
    assert [one.name for one in found] == list(TABLES)
    for one in found:
        table = dynamics.activity(one.name, 10)
        assert table.set_name == one.set_name
        assert table.regarding == f"regardingobjectid_contact_{one.name}"
        assert {"subject", "adobe_campaignname", "adobe_deliveryname", "adobe_mirrorpageurl"} <= set(table.columns)


def test_a_table_that_is_no_activity_is_none(dynamics: Dynamics) -> None:
    with pytest.raises(TableMissing, match="cannot regard a contact"):
        dynamics.activity("account", 10)


def test_activities_are_created_once(
    sandbox: Sandbox, dynamics: Dynamics, sends: ActivityTable, contacts: list[str]
) -> None:
    # Given activities of which some are there
    creates = [send(sends, contacts[place % len(contacts)]) for place in range(30)]
    assert dynamics.create_absent(creates[:10], 20) == [True] * 10
    # When all are created
    assert dynamics.create_absent(creates, 20) == [False] * 10 + [True] * 20
    # Then each is there once
    assert created(sandbox) == 30


def test_each_row_that_is_refused_says_why(
    sandbox: Sandbox, dynamics: Dynamics, sends: ActivityTable, contacts: list[str]
) -> None:
    contact = contacts[0]
    found = dynamics.create_absent(
        [
            send(sends, contact),
            send(sends, NOBODY),
            send(sends, contact, adobe_campaignname="x" * 5000),
            send(sends, contact, adobe_colour="red"),
            send(sends, contact)._replace(set_name="adobe_emailsmokes"),
            send(sends, contact),
        ],
        20,
    )
    assert [one if isinstance(one, bool) else type(one) for one in found] == [
        True,
        RelatedMissing,
        Refused,
        SchemaRefused,
        TableMissing,
        True,
    ]
    assert isinstance(found[2], Refused) and found[2].field == "adobe_campaignname"
    assert isinstance(found[3], SchemaRefused) and found[3].field == "adobe_colour"
    assert created(sandbox) == 2


@pytest.mark.parametrize(
    "switches",
    [
        {"missing_reference_status": 400},
        {"missing_row_text": "entity"},
    ],
)
def test_a_missing_contact_is_told_in_every_form(
    sandbox: Sandbox, dynamics: Dynamics, sends: ActivityTable, switches: dict[str, Any]
) -> None:
    sandbox.admin.put("/switches", switches)
    [found] = dynamics.create_absent([send(sends, NOBODY)], 20)
    assert isinstance(found, RelatedMissing)


def test_a_limit_on_requests_holds_back_a_whole_batch(
    sandbox: Sandbox, dynamics: Dynamics, sends: ActivityTable, contacts: list[str]
) -> None:
    sandbox.admin.put("/switches", {"service_protection": True, "limit_requests": 1})
    dynamics.create_absent([send(sends, contacts[0])], 20)
    with pytest.raises(Throttled) as raised:
        dynamics.create_absent([send(sends, contacts[0])], 20)
    assert raised.value.wait and raised.value.wait > 200
    assert created(sandbox) == 1


@pytest.mark.parametrize("seed", range(6))
def test_whatever_goes_wrong_each_row_is_created_once_and_told_to_be_there(
    sandbox: Sandbox, dynamics: Dynamics, sends: ActivityTable, contacts: list[str], seed: int
) -> None:
    # Given a server on which operations and whole batches fail, before they were done and after
    inside = {f"rate_operation_{kind}": 0.1 for kind in ("429", "500", "500_after")}
    outside = {f"rate_{kind}": 0.08 for kind in ("429", "500", "reset", "reset_after", "truncated", "malformed")}
    sandbox.admin.put("/faults", {"seed": seed, "dynamics": {**inside, **outside}})
    creates = [send(sends, contacts[0]) for _ in range(40)]
    # When what is not known to be there is sent again and again
    left = creates
    for _ in range(100):
        try:
            told = dynamics.create_absent(left, 20)
        except TryAgain:
            continue
        assert all(isinstance(one, bool | TryAgain) for one in told)
        left = [one for one, outcome in zip(left, told, strict=True) if not isinstance(outcome, bool)]
        if not left:
            break
    # Then each is there, once
    assert left == []
    journal = sandbox.admin.get("/dynamics/activities")
    assert sorted(one["id"] for one in journal) == sorted(one.id for one in creates)


def read_all(journal: Journal, limit: int) -> tuple[list[object], str]:
    found: list[object] = []
    page = journal.first(10, limit=limit)
    while page.wait is None:
        found += [event.value for event in page.events]
        assert page.next
        page = journal.read(page.next, 10)
    assert page.next
    return found, page.next


def put(sandbox: Sandbox, *numbers: int) -> None:
    sandbox.admin.post("/events/journal", {"events": [{"id": str(number)} for number in numbers]})


@pytest.mark.parametrize("headers", ["several", "joined"])
@pytest.mark.parametrize("origin", ["relative", "absolute"])
@pytest.mark.parametrize("path", ["same", "fast"])
def test_a_journal_is_read_to_its_end_by_links_of_every_form(
    sandbox: Sandbox, journal: Journal, headers: str, origin: str, path: str
) -> None:
    forms = {"journal_link_headers": headers, "journal_link_origin": origin, "journal_link_path": path}
    sandbox.admin.put("/switches", {**forms, "journal_all_links": True})
    put(sandbox, *range(7))
    found, link = read_all(journal, 3)
    assert found == [{"id": str(number)} for number in range(7)]
    put(sandbox, 7)
    assert [event.value for event in journal.read(link, 10).events] == [{"id": "7"}]


def test_a_link_to_another_host_is_not_followed(sandbox: Sandbox, journal: Journal) -> None:
    sandbox.admin.put("/switches", {"journal_link_origin": "foreign"})
    put(sandbox, 1)
    with pytest.raises(ForeignLink):
        journal.first(10)


@pytest.mark.parametrize(("how", "wait"), [("seconds", 10.0), ("none", 2.0)])
def test_the_end_says_when_to_ask_again(sandbox: Sandbox, journal: Journal, how: str, wait: float) -> None:
    sandbox.admin.put("/switches", {"journal_retry_after": how})
    put(sandbox, 1)
    assert journal.read(read_all(journal, 10)[1], 10).wait == wait


def test_a_position_expires_with_its_events(sandbox: Sandbox, journal: Journal) -> None:
    # Given a position whose events are older than a week
    put(sandbox, *range(4))
    link = journal.first(10, limit=2).next
    assert link
    sandbox.admin.post("/clock", {"advance": 8 * DAY})
    put(sandbox, 9)
    # Then reading goes on from the oldest that are left only
    with pytest.raises(CursorExpired):
        journal.read(link, 10)
    assert [event.value for event in journal.first(10).events] == [{"id": "9"}]


def test_a_position_that_is_none_is_expired(sandbox: Sandbox, journal: Journal) -> None:
    put(sandbox, 1)
    link = read_all(journal, 10)[1]
    with pytest.raises(CursorExpired):
        journal.read(link.replace("since=", "since=x"), 10)


def test_reading_may_begin_at_a_time(sandbox: Sandbox, journal: Journal) -> None:
    put(sandbox, 1)
    sandbox.admin.post("/clock", {"advance": DAY})
    put(sandbox, 2)
    page = journal.first(10, seek_seconds=3600)
    assert [event.value for event in page.events] == [{"id": "2"}]
    put(sandbox, 3)
    assert page.next
    assert [event.value for event in journal.read(page.next, 10).events] == [{"id": "3"}]


def test_a_credential_without_the_right_scope_is_told(sandbox: Sandbox, journal: Journal) -> None:
    sandbox.admin.put("/switches", {"journal_scope": "something_else"})
    with pytest.raises(AccessDenied, match="I/O Management API"):
        journal.first(10)


@pytest.mark.parametrize(("fault", "kind"), [("rate_429", Throttled), ("rate_503", Unavailable)])
def test_trouble_of_the_journal_is_told(sandbox: Sandbox, journal: Journal, fault: str, kind: type[Exception]) -> None:
    sandbox.admin.put("/faults", {"journal": {fault: 1}})
    with pytest.raises(kind):
        journal.first(10)
