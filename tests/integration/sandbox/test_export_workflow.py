"""The export workflow over REST: its state, its commands, its signal."""

from typing import Any

import pytest

from tests.integration.sandbox.campaign_client import CampaignClient
from tests.sandboxes import Sandbox


@pytest.fixture
def campaign(sandbox: Sandbox) -> CampaignClient:
    return CampaignClient(sandbox)


def state(campaign: CampaignClient) -> str:
    told: str = campaign.workflow().json()["state"]
    return told


def test_a_workflow_tells_its_state_its_next_run_and_the_link_of_its_signal(
    sandbox: Sandbox, campaign: CampaignClient
) -> None:
    told = campaign.workflow().json()
    assert (told["name"], told["state"], told["PKey"][0]) == ("WKF123", "started", "@")
    assert told["nextProcessingDate"].endswith("Z")
    link = told["activities"]["activity"]["signal1"]["trigger"]["href"]
    activity = told["activities"]["activity"]["signal1"]["PKey"]
    assert link == f"{campaign.root}/workflow/execution/{told['PKey']}/activities/activity/{activity}/trigger/"
    # And by switch it has no signal, and its state goes by another word, or by none
    sandbox.admin.put("/switches", {"export_signal": "", "workflow_states": {"started": "11"}})
    again = campaign.workflow().json()
    assert (again["activities"], again["state"]) == ({"activity": {}}, "11")
    assert campaign.send("POST", link, {"source": "API"}).status_code == 404
    sandbox.admin.put("/switches", {"workflow_states": {"started": ""}})
    assert "state" not in campaign.workflow().json()


def test_commands_move_the_workflow_and_answer_with_nothing(sandbox: Sandbox, campaign: CampaignClient) -> None:
    for command, after in [
        *(("pause", "paused"), ("pause", "paused"), ("resume", "started"), ("stop", "stopped")),
        *(("stop", "stopped"), ("start", "started"), ("start", "started")),
    ]:
        answer = campaign.command(command)
        assert (answer.status_code, answer.content, state(campaign)) == (200, b"", after)
    commands = sandbox.admin.get("/consent/workflow")["commands"]
    assert [entry["method"] for entry in commands][:3] == ["pause", "pause", "resume"]
    sandbox.admin.put("/switches", {"workflow_answer": "json"})
    assert campaign.command("start").json() == {}


def test_commands_that_do_not_fit_are_refused(sandbox: Sandbox, campaign: CampaignClient) -> None:
    campaign.command("stop")
    for command, text in (("resume", "The workflow is stopped: it cannot resume."), ("dance", "'dance' is not")):
        answer = campaign.command(command)
        assert (answer.status_code, text in answer.json()["message"]) == (500, True)
    assert state(campaign) == "stopped"
    # And a failed workflow, as somebody finds it in the morning, is started again
    sandbox.admin.put("/consent/workflow", {"state": "failed"})
    assert state(campaign) == "failed"
    campaign.command("start")
    assert state(campaign) == "started"


def test_another_id_and_another_address_are_not_found(sandbox: Sandbox, campaign: CampaignClient) -> None:
    assert campaign.workflow("WKF124").status_code == campaign.command("start", "WKF124").status_code == 404
    sandbox.admin.put("/switches", {"export_workflow": "WKF124"})
    assert campaign.workflow("WKF124").status_code == 200
    assert campaign.workflow().status_code == 404
    assert campaign.send("GET", f"{campaign.root}/workflow/execution/WKF124/elsewhere").status_code == 404
    assert campaign.send("POST", f"{campaign.root}/workflow/execution/WKF124", {}).status_code == 405


def test_a_signal_exports_at_once_and_then_not_for_ten_minutes(sandbox: Sandbox, campaign: CampaignClient) -> None:
    # Given an opt-out, and a signal that exports it
    campaign.create(externalId="k-1", blackListEmail=True)
    answer = campaign.signal()
    assert (answer.status_code, answer.content) == (200, b"")
    (file,) = sandbox.admin.get("/sftp/files")["value"]
    # When another one comes within ten minutes
    campaign.send("PATCH", "/k-1", {"blackListEmail": False})
    sandbox.admin.post("/clock", {"advance": 595})
    early = campaign.signal()
    # Then it is refused in plain words that are no JSON, and nothing is exported
    assert (early.status_code, early.text[:1]) == (500, "T")
    assert early.headers["Content-Type"].startswith("text/plain")
    assert sandbox.admin.get("/sftp/files")["value"] == [file]
    # And a refused one does not make the wait longer
    sandbox.admin.post("/clock", {"advance": 10})
    assert campaign.signal().status_code == 200
    assert len(sandbox.admin.get("/sftp/files")["value"]) == 2
    assert [run["reason"] for run in sandbox.admin.get("/consent/workflow")["runs"]] == ["signal", "signal"]
    sandbox.admin.put("/switches", {"signal_cool_down_status": 200})
    assert (campaign.signal().status_code, campaign.signal().text[:1]) == (200, "T")


def test_a_workflow_that_does_not_run_takes_no_signal(sandbox: Sandbox, campaign: CampaignClient) -> None:
    campaign.command("stop")
    answer = campaign.signal()
    assert (answer.status_code, "The workflow is stopped" in answer.json()["message"]) == (500, True)
    campaign.command("start")
    assert campaign.signal().status_code == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"source": "API", "parameters": {"contentURL": "x"}}, "'contentURL' parameter isn't defined in signal"),
        ({"source": "API", "parameters": {"since": "yesterday"}}, "'yesterday' is not a valid constant."),
        ({"source": "API", "parameters": {"test": "perhaps"}}, "'perhaps' is not a valid constant."),
        ({"source": "API", "parameters": {"limit": "many"}}, "'many' is not a valid constant."),
        ({"source": "API", "parameters": {"audience": "x" * 70_000}}, "larger than 64 KB"),
        ({"parameters": {}}, "'source' parameter is missing"),
    ],
)
def test_signals_with_wrong_parameters_are_refused_and_cost_no_wait(
    sandbox: Sandbox, campaign: CampaignClient, body: dict[str, Any], text: str
) -> None:
    declared = {"audience": "string", "test": "boolean", "since": "datetime", "limit": "number"}
    sandbox.admin.put("/switches", {"export_parameters": declared})
    refused = campaign.signal(body)
    assert (refused.status_code, text in refused.json()["message"]) == (500, True)
    if "contentURL" in text:
        for code in ("RST-360011", "XTK-170006", "RST-360000", "HandleTrigger(@name, $(source), $({parameters}))"):
            assert code in refused.json()["message"]
    good = {"audience": "vip", "test": "true", "since": "2024-04-03 08:17:19.100Z", "limit": 5}
    assert campaign.signal({"source": "API", "parameters": good}).status_code == 200
    assert sandbox.admin.get("/consent/workflow")["signals"][0]["parameters"] == good
