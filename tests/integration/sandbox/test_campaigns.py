"""Made-up campaigns: what happened to each email, in the journal, in log files, and as the truth."""

import base64
import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import requests

from tests.integration.sandbox.journal_client import JournalClient
from tests.sandboxes import Sandbox

KINDS = {f"com.adobe.campaign.email.{kind}": kind for kind in ("send", "open", "click", "bounce")}


def rows_of(sandbox: Sandbox, path: str, encoding: str = "utf-8", delimiter: str = "\t") -> list[dict[str, str]]:
    """The rows of an exported file, read as any client would."""
    content = base64.b64decode(sandbox.admin.get(f"/sftp/files/{path}")["base64"])
    if path.endswith(".gz"):
        content = gzip.decompress(content)
    return list(csv.DictReader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter))


def test_the_journal_holds_exactly_the_events_of_the_truth(sandbox: Sandbox) -> None:
    # Given a campaign of 800 emails
    told = sandbox.campaign(sends=800, campaign="2019LoyaltyCamp", deliveries=["DM190", "DM7"])
    truth = sandbox.truth()
    # When the journal is read
    events = JournalClient(sandbox).events(limit=1000)
    # Then it holds every event of the truth with all its parts, in the order of their times
    assert told["events"] == len(truth) == len(events)
    for event, true in zip(events, truth, strict=True):
        data = event["data"]
        assert (event["id"], KINDS[event["type"]], data["eventDate"]) == (true["id"], true["kind"], true["time"])
        assert (data["externalId"], data["email"]) == (true["contact"], true["email"])
        assert (data["campaignName"], data["deliveryName"]) == (true["campaign"], true["delivery"])
        assert (data["url"], data["mirrorPageUrl"]) == (true["url"], true["mirror_page"])
        assert data["failureType"] == true["failure"]
        assert (data["url"] != "") == (true["kind"] == "click")
    assert [true["time"] for true in truth] == sorted(true["time"] for true in truth)
    assert len({true["id"] for true in truth}) == len(truth)
    assert {true["delivery"] for true in truth} == {"DM190", "DM7"}


def test_each_email_lives_a_life_that_makes_sense(sandbox: Sandbox) -> None:
    # Given a campaign with late bounces
    told = sandbox.campaign(sends=2000, late_bounces=0.05)
    lives: dict[str, list[dict[str, Any]]] = {}
    for event in sandbox.truth():
        lives.setdefault(event["mirror_page"], []).append(event)
    # Then every email was sent or bounced at once, and nothing was read that did not arrive
    shapes = Counter("".join(event["kind"][0] for event in life) for life in lives.values())
    assert sum(shapes.values()) == told["emails"] == 2000
    assert all(re.fullmatch("b|sb|s[oc]*", shape) and not shape.startswith("sc") for shape in shapes)
    # And some were opened several times, some clicked, some bounced at once, some days after they were sent
    assert shapes["soo"] and shapes["soc"] and shapes["b"] and shapes["sb"]
    late = [life for life in lives.values() if [event["kind"] for event in life] == ["send", "bounce"]]
    for sent, bounced in late:
        apart = datetime.fromisoformat(bounced["time"]) - datetime.fromisoformat(sent["time"])
        assert apart.days >= 1
        assert bounced["failure"] == "hard"
    # And of all bounces only the hard ones are to be shown
    bounces = [event for event in sandbox.truth() if event["kind"] == "bounce"]
    assert {event["failure"] for event in bounces} == {"hard", "soft"}
    assert all(event["expected"] == (event["failure"] == "hard") for event in bounces)


def test_it_is_written_to_contacts_and_by_request_to_strangers_too(sandbox: Sandbox) -> None:
    sandbox.campaign(sends=400, unknown=0.2, without_id=0.2)
    truth, contacts = sandbox.truth(), sandbox.admin.contacts()
    known = {event["contact"] for event in truth if event["contact"] in contacts}
    unknown = {event["contact"] for event in truth} - known - {""}
    assert len(known) > 80 and len(unknown) > 20
    assert any(event["contact"] == "" for event in truth)
    for event in truth:
        assert event["expected"] == (event["contact"] in contacts and event["failure"] != "soft")
        assert event["contact"] not in contacts or event["email"] == contacts[event["contact"]]["emailaddress1"]


def test_it_is_written_to_profiles_or_to_named_ids(sandbox: Sandbox) -> None:
    refused = requests.post(
        sandbox.info["admin"]["url"] + "/events/campaign", json={"recipients": "profiles"}, timeout=10
    )
    assert (refused.status_code, "nobody to write to" in refused.json()["error"]) == (400, True)
    sandbox.admin.post("/campaign/profiles", {"externalId": "k-1", "email": "jo@example.com"})
    sandbox.campaign(sends=3, recipients="profiles", hard_bounces=0, soft_bounces=0, opens=0)
    sandbox.campaign(sends=2, recipients=["k-2", "k-3"], hard_bounces=0, soft_bounces=0, opens=0)
    assert sorted(event["contact"] for event in sandbox.truth()) == ["k-1"] * 3 + ["k-2", "k-3"]


def test_the_same_seed_makes_the_same_campaign_and_another_one_another(sandbox: Sandbox) -> None:
    runs = []
    for seed in (5, 5, 6):
        sandbox.admin.post("/reset")
        sandbox.campaign(events=200, seed=seed, begin="2026-05-01T08:00:00Z")
        runs.append(sandbox.truth())
    assert runs[0] == runs[1] != runs[2]
    assert [len(run) for run in runs] == [200] * 3


def test_a_campaign_that_goes_on_reaches_the_journal_as_time_passes(sandbox: Sandbox) -> None:
    # Given a campaign that begins now
    now = sandbox.admin.get("/clock")["now"]
    told = sandbox.campaign(sends=300, begin=now, hours=48)
    client = JournalClient(sandbox)
    begun = len(client.events(limit=1000))
    # When an hour passes, and an event of another kind arrives in between
    client.pass_time(3600)
    sandbox.admin.post("/events/journal", {"events": [{"id": "between"}]})
    after_an_hour = client.events(limit=1000)
    # Then there are more events, none from the future; in the end there are all
    assert begun < 20 < len(after_an_hour) < told["events"]
    assert after_an_hour[-1] == {"id": "between"}
    passed = sandbox.admin.get("/clock")["now"]
    assert all(datetime.fromisoformat(event["time"]).timestamp() <= passed for event in after_an_hour[:-1])
    client.pass_time(48 * 3600)
    assert len(client.events(limit=1000)) == told["events"] + 1
    assert sandbox.admin.get("/events/journal")["to_come"] == 0


def test_what_comes_late_to_the_journal_stands_behind_what_was_there(sandbox: Sandbox) -> None:
    # Given an event that has just arrived
    sandbox.admin.post("/events/journal", {"events": [{"id": "first"}]})
    client = JournalClient(sandbox)
    # When the events of a campaign of the last days are put in behind it
    told = sandbox.campaign(events=50)
    # Then they arrived now, whatever their own times are
    assert len(client.events(seek="-PT1M")) == 1 + told["events"]
    assert client.events()[0] == {"id": "first"}


def test_log_files_hold_the_events_of_the_truth_export_by_export(sandbox: Sandbox) -> None:
    # Given a campaign that is exported ten times
    told = sandbox.campaign(sends=1500, late_bounces=0.05, into="files", files={"count": 10})
    truth = {(event["log_id"], event["kind"]): event for event in sandbox.truth() if event["files"]}
    # When the files are read
    found: dict[tuple[str, str], dict[str, str]] = {}
    for path in told["files"]:
        assert re.fullmatch(r"d365_loads/exports/logs/(delivery|tracking)_logs_\d{8}_\d{6}\.txt", path)
        for row in rows_of(sandbox, path):
            kind = "bounce" if row.get("status") == "2" else row["type"]
            assert (row["id"], kind) not in found
            found[row["id"], kind] = row
    # Then each event stands in them once; a late bounce under the id of its send
    assert len(told["files"]) == 20
    assert found.keys() == truth.keys()
    for key, row in found.items():
        true = truth[key]
        assert (row["externalId"], row["eventDate"], row["mirrorPageUrl"]) == (
            *(true["contact"], true["time"], true["mirror_page"]),
        )
        assert (row["campaignName"], row["deliveryName"]) == (true["campaign"], true["delivery"])
        assert row.get("url", "") == true["url"]
        assert row.get("failureType", "0") == {"hard": "2", "soft": "1", "": "0"}[true["failure"]]
    assert any(name for name, kind in found if kind == "bounce" and (name, "send") in found)
    # And nothing went to the journal
    assert JournalClient(sandbox).get().status_code == 204


def test_a_row_that_failed_before_its_first_export_never_showed_as_sent(sandbox: Sandbox) -> None:
    told = sandbox.campaign(sends=300, late_bounces=0.1, into="files", files={"count": 1})
    delivery = next(path for path in told["files"] if "delivery" in path)
    rows = rows_of(sandbox, delivery)
    late = [event for event in sandbox.truth() if event["kind"] == "send" and not event["files"]]
    assert late
    assert len({row["id"] for row in rows}) == len(rows) == 300
    assert all(row["status"] == "2" for row in rows if row["id"] in {event["log_id"] for event in late})


def test_files_come_in_the_form_that_the_workflow_is_set_up_for(sandbox: Sandbox) -> None:
    # Given an export with everything otherwise
    files = {
        **{"folder": "elsewhere", "count": 1, "gzip": True, "encoding": "latin-1", "delimiter": ";", "quote": '"'},
        **{"newline": "\r\n", "dates": "%d/%m/%Y %H:%M:%S", "enumerations": "labels", "delivery_base": "sent"},
        **{"types": {"open": "Open", "click": "Email click"}, "columns": {"externalId": "CRM ID", "email": None}},
    }
    told = sandbox.campaign(sends=200, into=["files", "journal"], files=files)
    # When it is read accordingly
    sent, tracked = (rows_of(sandbox, path, "latin-1", ";") for path in told["files"])
    # Then names, texts and dates are as they were asked for
    assert re.fullmatch(r"elsewhere/sent_\d{8}_\d{6}\.txt\.gz", told["files"][0])
    assert {row["status"] for row in sent} == {"Sent", "Failed"}
    assert {row["failureType"] for row in sent} == {"", "Hard", "Soft"}
    assert {row["type"] for row in tracked} == {"Open", "Email click"}
    assert {row["deliveryLabel"] for row in sent} == {"Frühlingsgrüße DM190", "Frühlingsgrüße DM191"}
    assert all(datetime.strptime(row["eventDate"], "%d/%m/%Y %H:%M:%S") for row in tracked)  # noqa: DTZ007
    assert "CRM ID" in sent[0] and "externalId" not in sent[0] and "email" not in sent[0]
    # And the journal has the same events
    assert len(JournalClient(sandbox).events(limit=1000)) == told["events"]


def test_exports_overlap_and_hold_rows_of_no_event_by_request(sandbox: Sandbox) -> None:
    told = sandbox.campaign(sends=400, into="files", files={"count": 2, "overlap": 3, "other_rows": 0.1})
    truth = {event["log_id"] for event in sandbox.truth()}
    first, second = (rows_of(sandbox, path) for path in told["files"] if "tracking" in path)
    assert [row["id"] for row in second if row["id"] in truth][:3] == [
        row["id"] for row in first if row["id"] in truth
    ][-3:]
    other = {row["type"] for row in first if row["id"] not in truth}
    assert other == {"3", "6"}
    pending = [row for path in told["files"] if "delivery" in path for row in rows_of(sandbox, path)]
    assert {row["status"] for row in pending if row["id"] not in truth} == {"6"}


def test_dates_and_enumerations_of_the_journal_are_switches(sandbox: Sandbox) -> None:
    sandbox.campaign(sends=50, soft_bounces=0.5, hard_bounces=0.2)
    client = JournalClient(sandbox)
    iso = [event["data"]["eventDate"] for event in client.events()]
    sandbox.admin.put("/switches", {"journal_dates": "campaign", "journal_enumerations": "values"})
    data = [event["data"] for event in client.events()]
    assert [each["eventDate"] for each in data] == [date.replace("T", " ") for date in iso]
    assert {each["failureType"] for each in data} == {"", "1", "2"}
    sandbox.admin.put("/switches", {"journal_dates": "milliseconds"})
    numbers = [event["data"]["eventDate"] for event in client.events()]
    assert numbers == [round(datetime.fromisoformat(date).timestamp() * 1000) for date in iso]


def test_a_sandbox_can_begin_with_a_campaign_that_a_reset_brings_back(
    start_sandbox: Callable[..., Sandbox],
) -> None:
    # Given a sandbox that was started with 300 events in both places
    sandbox = start_sandbox("--contacts", "50", "--campaign-events", "300", "--campaign-into", "both")
    events = JournalClient(sandbox).events(limit=1000)
    files = sandbox.admin.get("/sftp/files")["value"]
    # When everything was changed and put back
    sandbox.campaign(sends=5)
    sandbox.admin.delete(f"/sftp/files/{files[0]['path']}")
    sandbox.admin.post("/reset")
    # Then it is there again: the same contacts, the same emails
    again = JournalClient(sandbox).events(limit=1000)
    assert len(events) == len(files) + 292 == 300
    assert [event["id"] for event in again] == [event["id"] for event in events]
    assert [file["size"] for file in sandbox.admin.get("/sftp/files")["value"]] == [file["size"] for file in files]


def test_the_truth_is_told_in_parts_and_by_campaign(sandbox: Sandbox) -> None:
    sandbox.campaign(events=30)
    sandbox.campaign(events=20)
    whole = sandbox.truth()
    assert len(whole) == 50
    part = sandbox.admin.get("/events/truth?begin=25&count=10")["value"]
    assert part == whole[25:35]
    assert sandbox.admin.get("/events/truth?campaign=2")["value"] == whole[30:]


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ({"mails": 1}, "mails is not known here"),
        ({"opens": 2}, "opens is a share"),
        ({"hard_bounces": 0.6, "soft_bounces": 0.6}, "add up to more than 1"),
        ({"begin": "2026-05-01T08:00:00"}, "begin needs its distance from UTC"),
        ({"into": "paper"}, "into must name journal, files or both"),
        ({"files": {"colour": 1}}, "files.colour is not known here"),
        ({"files": {"columns": {"colour": "x"}}}, "files.columns.colour is not a column"),
    ],
)
def test_a_wrong_plan_is_refused_with_a_sentence(sandbox: Sandbox, plan: dict[str, Any], text: str) -> None:
    answer = requests.post(sandbox.info["admin"]["url"] + "/events/campaign", json=plan, timeout=10)
    assert answer.status_code == 400
    assert text in answer.json()["error"]
    assert sandbox.truth() == []
