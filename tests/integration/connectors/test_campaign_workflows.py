"""Campaign's workflows against answers of which hardly anything is documented."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connectors.campaign import Campaign
from connectors.campaign_workflows import LARGEST_SIGNAL, Standing, WorkflowState
from connectors.errors import (
    AccessDenied,
    ConnectorError,
    CoolingDown,
    ForeignLink,
    Malformed,
    Refused,
    TableMissing,
    Throttled,
    Unavailable,
)
from tests.integration.connectors.odd_server import OddServer, Reply

ROOT = "/acme/campaign/workflow/execution"
TRIGGER = f"{ROOT}/@Wkf_1/activities/activity/@Act_2/trigger/"
MISSING = (
    "RST-360011 An error has occurred - please contact your administrator. Unable to find document with path "
    "'Workflow' from key 'WKF1:0' (document with schema 'workflow' and name 'WKF1')"
)


def described(server: OddServer, **more: Any) -> Reply:
    activity = {
        "signal1": {"PKey": "@Act_2", "trigger": {"href": f"{server.origin}{TRIGGER}"}},
        "query": {"PKey": "@Act_3"},
    }
    return Reply(json={"PKey": "@Wkf_1", "activities": {"activity": activity}, **more})


def text(status: int, body: str, **headers: str) -> Reply:
    return Reply(status, body=body.encode(), headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        ("started", Standing.RUNNING),
        ("stopping", Standing.RUNNING),
        ("Paused", Standing.PAUSED),
        ("stopped", Standing.STOPPED),
        ("finished", Standing.STOPPED),
        ("failed", Standing.STOPPED),
        ("editing", Standing.STOPPED),
        ("hibernating", Standing.UNKNOWN),
        ("", Standing.UNKNOWN),
    ],
)
def test_how_a_workflow_stands_is_one_call(
    server: OddServer, campaign: Campaign, state: str, standing: Standing
) -> None:
    server.replies = [described(server, state=state)]
    assert campaign.workflows.state("WKF1", 5) == WorkflowState(standing, state, ("signal1",))
    [call] = server.calls
    assert (call.method, call.path) == ("GET", f"{ROOT}/WKF1")


@pytest.mark.parametrize("more", [{}, {"state": None}, {"state": 11}, {"state": {}}])
def test_a_workflow_that_does_not_tell_how_it_stands_is_not_guessed_at(
    server: OddServer, campaign: Campaign, more: dict[str, Any]
) -> None:
    server.replies = [described(server, **more)]
    assert campaign.workflows.state("WKF1", 5).standing is Standing.UNKNOWN


@pytest.mark.parametrize("activities", [None, {}, {"activity": None}, {"activity": {"end": {"trigger": None}}}])
def test_a_workflow_may_have_no_signals(server: OddServer, campaign: Campaign, activities: object) -> None:
    server.replies = [Reply(json={"PKey": "@1", "activities": activities, "state": "started"})]
    assert campaign.workflows.state("WKF1", 5).signals == ()


@pytest.mark.parametrize("command", ["start", "pause", "resume", "stop"])
@pytest.mark.parametrize("answer", [Reply(), Reply(204), Reply(json={}), Reply(body=b"OK")])
def test_a_command_is_one_call_whatever_its_answer_holds(
    server: OddServer, campaign: Campaign, command: Any, answer: Reply
) -> None:
    server.replies = [answer]
    campaign.workflows.command("WKF 1/2", command, 5)
    [call] = server.calls
    assert (call.method, call.path) == ("POST", f"{ROOT}/WKF%201%2F2/commands")
    assert orjson.loads(call.body) == {"method": command}
    assert call.headers["content-type"] == "application/json;charset=utf-8"


def test_a_page_for_a_browser_confirms_no_command(server: OddServer, campaign: Campaign) -> None:
    server.replies = [Reply(body=b"\n<html>Sign in</html>")]
    with pytest.raises(Malformed):
        campaign.workflows.command("WKF1", "start", 5)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404, json={"error_code": "404", "message": MISSING}), TableMissing),
        (Reply(404), Malformed),
        (Reply(403), AccessDenied),
        (Reply(500, json={"error_code": "500", "message": "RST-360000 'x' is not a valid constant"}), Refused),
        (Reply(502), Unavailable),
    ],
)
def test_errors_of_workflows_are_named_by_their_remedy(
    server: OddServer, campaign: Campaign, reply: Reply, error: type[ConnectorError]
) -> None:
    server.script = lambda call: reply
    for act in (
        lambda: campaign.workflows.state("WKF1", 5),
        lambda: campaign.workflows.command("WKF1", "start", 5),
        lambda: campaign.workflows.signal("WKF1", "signal1", {}, 5),
    ):
        with pytest.raises(error) as caught:
            act()
        assert type(caught.value) is error


@pytest.mark.parametrize("id_", ["", " ", ".", ".."])
def test_an_id_that_addresses_no_workflow_is_not_asked_for(server: OddServer, campaign: Campaign, id_: str) -> None:
    with pytest.raises(TableMissing, match=r"optinout\.export_workflow\.id"):
        campaign.workflows.state(id_, 5)
    assert server.calls == []


@pytest.mark.parametrize("answer", [Reply(), Reply(204), Reply(json={})])
def test_a_signal_goes_to_the_address_that_the_workflow_names(
    server: OddServer, campaign: Campaign, answer: Reply
) -> None:
    server.replies = [described(server), answer]
    campaign.workflows.signal("WKF1", "signal1", {"since": "2026-04-03 08:17:19.100Z", "most": 5, "test": True}, 5)
    ask, trigger = server.calls
    assert (ask.method, ask.path) == ("GET", f"{ROOT}/WKF1")
    assert (trigger.method, trigger.path) == ("POST", TRIGGER)
    assert orjson.loads(trigger.body) == {
        "source": "API",
        "parameters": {"since": "2026-04-03 08:17:19.100Z", "most": 5, "test": True},
    }


def test_a_signal_without_parameters_names_only_its_source(server: OddServer, campaign: Campaign) -> None:
    server.replies = [described(server), Reply()]
    campaign.workflows.signal("WKF1", "signal1", {}, 5)
    assert orjson.loads(server.calls[1].body) == {"source": "API"}


@pytest.mark.parametrize("status", [200, 400, 409, 500])
def test_a_signal_too_soon_after_the_last_one_is_sent_later(server: OddServer, campaign: Campaign, status: int) -> None:
    server.replies = [described(server), text(status, "The activity was triggered less than 10 minutes ago.")]
    with pytest.raises(CoolingDown, match="once in 10 minutes") as caught:
        campaign.workflows.signal("WKF1", "signal1", {}, 5)
    assert caught.value.wait == 600


def test_the_wait_that_campaign_names_is_kept(server: OddServer, campaign: Campaign) -> None:
    server.replies = [described(server), text(200, "Too soon", Retry_After="42")]
    with pytest.raises(CoolingDown) as caught:
        campaign.workflows.signal("WKF1", "signal1", {}, 5)
    assert caught.value.wait == 42


UNDECLARED = (
    "The request failed. RST-360011 An error has occurred - please contact your administrator. 'contentURL' parameter "
    "isn't defined in signal activity. XTK-170006 Unable to parse expression 'HandleTrigger(@name, $(source))'."
)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (text(500, UNDECLARED), Refused),
        (Reply(500, json={"error_code": "500", "message": UNDECLARED}), Refused),
        (text(500, "Service failure"), Unavailable),
        (text(503, "Temporarily unavailable"), Unavailable),
        (text(429, "Too many requests"), Throttled),
        (text(403, "This is forbidden"), AccessDenied),
        (text(200, "<html>Sign in</html>"), Malformed),
        (text(200, '{"torn":'), Malformed),
    ],
)
def test_no_other_answer_is_taken_for_a_signal_too_soon(
    server: OddServer, campaign: Campaign, reply: Reply, error: type[ConnectorError]
) -> None:
    server.replies = [described(server), reply]
    with pytest.raises(error) as caught:
        campaign.workflows.signal("WKF1", "signal1", {"contentURL": "x"}, 5)
    assert type(caught.value) is error


def test_a_signal_activity_that_is_not_there_is_named_with_those_that_are(
    server: OddServer, campaign: Campaign
) -> None:
    server.replies = [described(server)]
    with pytest.raises(TableMissing, match=r"it has: signal1\); correct optinout\.export_workflow\.signal"):
        campaign.workflows.signal("WKF1", "signal2", {}, 5)
    assert len(server.calls) == 1


def test_a_signal_that_is_too_large_is_not_sent(server: OddServer, campaign: Campaign) -> None:
    with pytest.raises(Refused, match="64 kB"):
        campaign.workflows.signal("WKF1", "signal1", {"list": "x" * LARGEST_SIGNAL}, 5)
    assert server.calls == []


def test_a_trigger_on_another_host_is_not_pulled(server: OddServer, campaign: Campaign) -> None:
    activity = {"signal1": {"trigger": {"href": "https://elsewhere.example/trigger/"}}}
    server.replies = [Reply(json={"activities": {"activity": activity}})]
    with pytest.raises(ForeignLink):
        campaign.workflows.signal("WKF1", "signal1", {}, 5)


@pytest.mark.parametrize("activities", ["x", {"activity": [5]}, {"activity": {"signal1": {"trigger": {}}}}])
def test_odd_activities_are_asked_for_again(server: OddServer, campaign: Campaign, activities: object) -> None:
    server.replies = [Reply(json={"activities": activities})]
    with pytest.raises(Malformed):
        campaign.workflows.state("WKF1", 5)
