"""The export of changed consent: on its schedule, on demand, in every form that a switch gives it."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.sandbox.campaign_client import CampaignClient
from tests.integration.sandbox.test_sftp import Client
from tests.sandboxes import Sandbox

DAY = 86_400


@pytest.fixture
def campaign(sandbox: Sandbox) -> CampaignClient:
    return CampaignClient(sandbox)


def exported(sandbox: Sandbox, **body: Any) -> list[list[str]]:
    """The fields of the lines of an export that runs now; none where nothing was written."""
    told = sandbox.admin.post("/consent/export", body)
    if told["path"] is None:
        return []
    text: str = sandbox.admin.get(f"/sftp/files/{told['path']}")["text"]
    return [line.split(",") for line in text.splitlines()]


def files(sandbox: Sandbox) -> list[str]:
    return [file["path"] for file in sandbox.admin.get("/sftp/files")["value"]]


def test_an_export_has_the_profiles_whose_flags_changed_since_the_one_before(
    sandbox: Sandbox, campaign: CampaignClient
) -> None:
    # Given three profiles, of which one opted out, one in and out again, and one changed its telephone alone
    for key in ("k-1", "k-2", "k-3"):
        campaign.create(externalId=key, email=f"{key}@example.com")
    campaign.send("PATCH", "/k-1", {"blackListEmail": True})
    campaign.send("PATCH", "/k-2", {"blackListPushnotification": True})
    campaign.send("PATCH", "/k-3", {"phone": "1"})
    # When it is exported
    header, *rows = exported(sandbox)
    # Then those of the first two are there, with the flags' own times
    shown = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["externalId"] for row in shown] == ["k-1", "k-2"]
    stored = campaign.send("GET", "/k-1").json()
    assert shown[0]["blackListEmail"] == "1" and shown[0]["blackListFax"] == "0"
    assert shown[0]["blackListEmailLastModified"] == stored["blackListEmailLastModified"] != ""
    assert shown[0]["lastModified"] == stored["lastModified"]
    assert shown[0]["blackListFaxLastModified"] == ""
    # And push notification bears no time, all channels two of them
    assert shown[1]["blackListPushnotification"] == "1"
    assert [name for name in header if name.startswith("blackListPush")] == ["blackListPushnotification"]
    assert {"blackListLastModified", "blackListAllLastModified"} <= {*header}
    # And the next one has nothing, until something changes again
    assert exported(sandbox) == []
    campaign.send("PATCH", "/k-1", {"blackListEmail": False})
    assert [row[0] for row in exported(sandbox)[1:]] == ["k-1"]


def test_a_profile_that_is_gone_is_not_exported(sandbox: Sandbox, campaign: CampaignClient) -> None:
    campaign.create(externalId="k-1", blackList=True)
    campaign.send("DELETE", "/k-1")
    assert exported(sandbox) == []


def test_the_export_runs_once_a_day_while_the_workflow_is_started(sandbox: Sandbox, campaign: CampaignClient) -> None:
    # Given an opt-out shortly before the day is over
    campaign.create(externalId="k-1", blackListEmail=True)
    sandbox.admin.post("/clock", {"advance": DAY - 60})
    assert files(sandbox) == []
    # When the day is over, and two more
    sandbox.admin.post("/clock", {"advance": 60})
    (first,) = files(sandbox)
    CampaignClient(sandbox).send("PATCH", "/k-1", {"blackListEmail": False})
    sandbox.admin.post("/clock", {"advance": 2 * DAY})
    # Then each opt-out is in one file, and the days that were missed make no more of them
    assert len(files(sandbox)) == 2 and first.startswith("d365_loads/exports/optout_20")
    assert sandbox.admin.get(f"/sftp/files/{first}")["text"].count("\n") == 2
    runs = sandbox.admin.get("/consent/workflow")["runs"]
    assert [(run["reason"], run["rows"]) for run in runs] == [("schedule", 1), ("schedule", 1)]


def test_a_stopped_workflow_exports_nothing_until_it_is_started_again(
    sandbox: Sandbox, campaign: CampaignClient
) -> None:
    campaign.create(externalId="k-1", blackListEmail=True)
    assert campaign.command("stop").status_code == 200
    sandbox.admin.post("/clock", {"advance": 3 * DAY})
    assert files(sandbox) == []
    # The token of before has expired
    assert CampaignClient(sandbox).command("start").status_code == 200
    assert files(sandbox) == []
    sandbox.admin.post("/clock", {"advance": DAY})
    assert len(files(sandbox)) == 1


def test_an_export_can_come_bit_by_bit(sandbox: Sandbox, campaign: CampaignClient) -> None:
    campaign.create(externalId="k-1", blackListEmail=True)
    told = sandbox.admin.post("/consent/export", {"bytes": 10})
    path = f"/sftp/files/{told['path']}"
    assert (sandbox.admin.get(path)["size"], told["missing"] > 100) == (10, True)
    assert sandbox.admin.post(path, {})["missing"] == 0
    assert sandbox.admin.get(path)["text"].endswith("\n")
    # And by switch every export does
    sandbox.admin.put("/switches", {"export_bytes": 5})
    campaign.send("PATCH", "/k-1", {"blackListEmail": False})
    assert sandbox.admin.post("/consent/export")["missing"] > 100


def test_by_switch_the_file_has_another_form(sandbox: Sandbox, campaign: CampaignClient) -> None:
    # Given every switch of the file away from its default
    columns = dict.fromkeys(
        [
            *("email", "blackListFax", "blackListMobile", "blackListPhone", "blackListPostalMail", "ccpaOptOut"),
            *("blackListFaxLastModified", "blackListMobileLastModified", "blackListPhoneLastModified"),
            *("blackListPostalMailLastModified", "ccpaOptOutLastModified", "blackListPushnotification"),
            *("blackListLastModified", "blackListAllLastModified", "lastModified"),
        ]
    )
    sandbox.admin.put(
        "/switches",
        {
            "export_folder": "d365_loads/other",
            "export_name": "consent.txt",
            "export_columns": {**columns, "externalId": "key", "blackListEmail": "Abbestellt für immer"},
            "export_delimiter": ";",
            "export_newline": "\r\n",
            "export_encoding": "latin-1",
            "export_true": "yes",
            "export_false": "no",
            "export_dates": "%d/%m/%Y",
        },
    )
    campaign.create(externalId='a;"b', blackListEmail=True)
    # When it is exported
    told = sandbox.admin.post("/consent/export")
    # Then it is as they say
    day = campaign.send("GET", "/byExternalId", externalId_parameter='a;"b').json()["content"][0]["created"][:10]
    year, month, day = day.split("-")
    read = sandbox.admin.get("/sftp/files/d365_loads/other/consent.txt")
    text = base64.b64decode(read["base64"]).decode("latin-1")
    assert told["path"] == "d365_loads/other/consent.txt"
    assert text == (
        f'key;blackList;Abbestellt für immer;blackListEmailLastModified\r\n"a;""b";no;yes;{day}/{month}/{year}\r\n'
    )


def test_a_client_of_sftp_finds_the_daily_export_without_anybody_calling_for_it(
    sandbox: Sandbox, campaign: CampaignClient
) -> None:
    # Given an opt-out on a system whose clock is an hour ahead, and a client that is there already
    sandbox.admin.put("/switches", {"campaign_clock_offset": 3600})
    campaign.create(externalId="k-1", blackListEmail=True)
    client = Client(sandbox)
    assert client.sftp.listdir("d365_loads/exports") == ["logs"]
    # When the day is over
    now = sandbox.admin.post("/clock", {"advance": DAY})["now"]
    # Then the file is there, named and dated by Campaign's clock
    (name,) = set(client.sftp.listdir("d365_loads/exports")) - {"logs"}
    written = client.sftp.stat(f"d365_loads/exports/{name}").st_mtime or 0
    assert name == datetime.fromtimestamp(written, UTC).strftime("optout_%Y%m%d_%H%M%S.csv")
    assert 3590 < written - now < 3700
    client.close()


def test_by_switch_every_changed_profile_is_exported_and_an_empty_file_too(
    sandbox: Sandbox, campaign: CampaignClient
) -> None:
    sandbox.admin.put("/switches", {"export_rows": "profiles", "export_empty_files": True, "export_header": False})
    campaign.create(externalId="k-1")
    assert [row[0] for row in exported(sandbox)] == ["k-1"]
    assert (exported(sandbox), len(files(sandbox))) == ([], 2)
