"""`/campaign/workflow/execution/...`: a workflow's state, commands and signal (ACS, triggering a signal activity)."""

from collections.abc import Callable
from typing import Any

import orjson

from sandbox.campaign.errors import GENERIC, CampaignError, no_document_of, wrong_constant
from sandbox.campaign.payload import normal_stamp, read_json
from sandbox.campaign.workflow import CoolingDown, NotPossible, Workflow
from sandbox.clock import campaign_stamp
from sandbox.http import JSON_TYPE, Answer, Request
from sandbox.switches import Switches

_LARGEST = 64 * 1024

_EXPRESSION = "XTK-170006 Unable to parse expression 'HandleTrigger(@name, $(source), $({parameters}))'."
_ASSESSING = (
    "RST-360000 Error while assessing 'HandleTrigger(@name, $(source), $({parameters}))' expression "
    "('xtk:workflow:execution/activities/signal/trigger' resource)."
)


class WorkflowApi:
    """The workflows of the instance, each by its ID or its PKey."""

    def __init__(self, settle: Callable[[], None], workflows: Callable[[], list[Workflow]]) -> None:
        """`settle` brings all of them up to this moment."""
        self._settle = settle
        self._workflows = workflows

    def answer(self, request: Request, root: str, rest: list[str], switches: Switches) -> Answer:
        """`root`: the absolute address of `workflow/execution`; `rest`: the path behind it. CampaignError."""
        self._settle()
        workflow = next((one for one in self._workflows() if rest and rest[0] in (one.id, one.pkey)), None)
        if workflow is None:
            raise no_document_of("xtk:workflow", "workflow", rest[0] if rest else "")
        if len(rest) == 1 and request.method == "GET":
            body = orjson.dumps(_shown(workflow, root, switches), option=orjson.OPT_SORT_KEYS)
            return Answer(200, [JSON_TYPE], body)
        trigger = ["activities", "activity", workflow.activity, "trigger"]
        if rest[1:] not in ([], ["commands"], trigger) or (rest[1:] == trigger and not workflow.signal_name):
            raise CampaignError(404, f"{GENERIC} Unable to find the resource '{'/'.join(rest[1:])}'.")
        if request.method != "POST" or len(rest) == 1:
            raise CampaignError(405, f"{GENERIC} The method '{request.method}' is not allowed here.")
        given = read_json(request.body, switches)
        try:
            if rest[1:] == trigger:
                workflow.signal(_checked(given, request.body, workflow.parameters))
            else:
                workflow.command(str(given.get("method", "")))
        except NotPossible as refusal:
            raise CampaignError(500, f"{GENERIC} {refusal}") from refusal
        except CoolingDown:
            text = b"The signal activity has been triggered less than 10 minutes ago."
            return Answer(switches.signal_cool_down_status, [(b"Content-Type", b"text/plain;charset=utf-8")], text)
        return Answer(200, [JSON_TYPE], b"{}" if switches.workflow_answer == "json" else b"")


def _shown(workflow: Workflow, root: str, switches: Switches) -> dict[str, Any]:
    url = f"{root}/{workflow.pkey}"
    activities: dict[str, Any] = {}
    if workflow.signal_name:
        activities[workflow.signal_name] = {
            "PKey": workflow.activity,
            "name": workflow.signal_name,
            "parameters": workflow.parameters,
            "trigger": {"href": f"{url}/activities/activity/{workflow.activity}/trigger/"},
        }
    due = workflow.next_run
    shown = {
        "PKey": workflow.pkey,
        "activities": {"activity": activities},
        "commands": {"href": f"{url}/commands/"},
        "href": url,
        "label": workflow.label,
        "name": workflow.id,
        "nextProcessingDate": "" if due is None else campaign_stamp(due),
        "state": switches.workflow_states.get(workflow.state, workflow.state),
    }
    return {name: value for name, value in shown.items() if name != "state" or value}


def _checked(given: dict[str, Any], body: bytes, declared: dict[str, str]) -> dict[str, Any]:
    """The parameters of a signal. CampaignError for an undeclared one, a wrong type, no source, too much of all."""
    if len(body) > _LARGEST:
        raise CampaignError(500, f"{GENERIC} The payload is larger than 64 KB. {_ASSESSING}")
    if not isinstance(given.get("source"), str) or not given["source"]:
        raise CampaignError(500, f"{GENERIC} The 'source' parameter is missing. {_EXPRESSION} {_ASSESSING}")
    parameters = given.get("parameters", {})
    if not isinstance(parameters, dict):
        raise wrong_constant(str(parameters))
    for name, value in parameters.items():
        kind = declared.get(name)
        if kind is None:
            undeclared = f"'{name}' parameter isn't defined in signal activity."
            raise CampaignError(500, f"{GENERIC} {undeclared} {_EXPRESSION} {_ASSESSING}")
        _check_type(kind, value)
    return parameters


def _check_type(kind: str, value: Any) -> None:
    """Values may come as text, whatever their type."""
    if kind == "datetime":
        normal_stamp(value)
    elif kind == "boolean":
        if str(value).lower() not in ("true", "false"):
            raise wrong_constant(str(value))
    elif kind == "number":
        try:
            float(value)
        except (TypeError, ValueError) as wrong:
            raise wrong_constant(str(value)) from wrong
    elif not isinstance(value, str):
        raise wrong_constant(str(value))
