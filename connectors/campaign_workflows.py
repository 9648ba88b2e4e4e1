"""Campaign's workflows: how one stands, its commands, and its external signals.

experienceleague.adobe.com, Campaign Standard APIs: Controlling a workflow; Triggering a signal activity. What the
answers hold is hardly documented: what is not told is said to be unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import orjson

from connectors.campaign_errors import CODE, GATEWAY, error_of
from connectors.errors import CoolingDown, NotFound, Refused, TableMissing
from connectors.http import Http, wait_of
from connectors.uptime import uptime
from connectors.wire import Answer

#: A signal activity can be triggered once in so many seconds.
COOL_DOWN_SECONDS = 600.0
#: The most bytes of a signal with its parameters.
LARGEST_SIGNAL = 64 * 1024

Command = Literal["start", "pause", "resume", "stop"]


class Standing(StrEnum):
    RUNNING = "running"  # or at the end of what it does: until it is stopped, it may still write
    PAUSED = "paused"
    STOPPED = "stopped"  # by a command, at its end, after an error, or never started
    UNKNOWN = "unknown"  # Campaign does not tell, or in a word that we do not know


#: No page of the vendor lists the words; these are those of its own screens and commands.
_WORDS = {
    **dict.fromkeys(("started", "running", "starting", "resumed", "pending", "stopping"), Standing.RUNNING),
    **dict.fromkeys(("paused", "pausing"), Standing.PAUSED),
    **dict.fromkeys(
        ("stopped", "finished", "failed", "error", "errors", "editing", "edited", "draft"), Standing.STOPPED
    ),
}


class WorkflowState(NamedTuple):
    """`state`: Campaign's own word, "" if it tells none; `signals`: its external signal activities, by name."""

    standing: Standing
    state: str
    signals: tuple[str, ...]


class Workflows:
    """The workflows of one instance, by the ID that stands in their properties, such as WKF123.

    Every method may raise TryAgain, Stop and Refused, and TableMissing for an ID that Campaign does not know.
    """

    def __init__(self, http: Http, setting: str = "optinout.export_workflow", id_key: str = "id") -> None:
        """`setting`: the group of the configuration that names the workflow, and `id_key` its key for the ID: what is
        to be corrected where they do not lead to one."""
        self._http = http
        self._setting = setting
        self._id_key = id_key

    def named_by(self, setting: str, id_key: str) -> Workflows:
        """The same, where another group of the configuration names the workflow."""
        return Workflows(self._http, setting, id_key)

    def state(self, id_: str, timeout: float) -> WorkflowState:
        """How the workflow stands now: one request."""
        answer = self._get(id_, timeout)
        state = answer.object().get("state")
        word = state.strip() if isinstance(state, str) else ""
        return WorkflowState(_WORDS.get(word.lower(), Standing.UNKNOWN), word, tuple(sorted(_triggers(answer))))

    def command(self, id_: str, method: Command, timeout: float) -> None:
        """Ask the workflow to start, pause, resume or stop. Campaign acts on it a little later."""
        about = f"{method} of workflow {id_}"
        answer = self._http.request(
            "POST", f"{self._path(id_)}/commands", about=about, timeout=timeout, json={"method": method}
        )
        if answer.status >= 400:
            raise self._error(answer, id_)
        if answer.body.lstrip()[:1] == b"<":
            raise answer.malformed("the answer is a page for a browser and confirms nothing")

    def signal(
        self, id_: str, activity: str, parameters: Mapping[str, str | int | float | bool], timeout: float
    ) -> None:
        """Trigger an external signal activity of a workflow that runs: two requests.

        `parameters` as the activity declares them; a moment is a text as Campaign writes it (`moments.campaign_text`).
        Raises CoolingDown less than 10 minutes after the last time; TableMissing for an activity that is not there;
        Refused for a parameter that the activity does not declare, and without asking for more than 64 kB.
        """
        deadline = uptime() + timeout
        payload: dict[str, Any] = {"source": "API"}
        if parameters:
            payload["parameters"] = dict(parameters)
        about = f"signal {activity} of workflow {id_}"
        if len(orjson.dumps(payload)) > LARGEST_SIGNAL:
            raise Refused("campaign", f"Campaign POST {about}: its parameters take more than 64 kB", code="too-large")
        described = self._get(id_, timeout)
        triggers = _triggers(described)
        if activity not in triggers:
            named = ", ".join(sorted(triggers)) or "none"
            raise TableMissing(
                "campaign",
                f"Campaign POST {about}: the workflow has no such signal activity (it has: {named}); correct "
                f"{self._setting}.signal",
            )
        # Their addresses hold PKeys: they are asked for anew each time, and never composed.
        link = self._http.resolved(triggers[activity], self._http.root, described.about)
        answer = self._http.request("POST", link, about=about, timeout=deadline - uptime(), json=payload)
        if _is_cooling_down(answer):
            wait = wait_of(answer)
            raise CoolingDown(
                "campaign",
                f"{answer.about}: a signal can be triggered once in 10 minutes; it will be tried again later",
                wait=COOL_DOWN_SECONDS if wait is None else wait,
            )
        if answer.status >= 400:
            raise self._error(answer, id_)
        if answer.body.strip():
            answer.json()  # a page for a browser is no confirmation

    def _get(self, id_: str, timeout: float) -> Answer:
        answer = self._http.request("GET", self._path(id_), about=f"workflow {id_}", timeout=timeout)
        if answer.status >= 400:
            raise self._error(answer, id_)
        return answer

    def _path(self, id_: str) -> str:
        if not id_.strip() or id_ in (".", ".."):
            raise TableMissing(
                "campaign",
                f"Campaign GET workflow: the workflow's ID is empty; set {self._setting}.{self._id_key}",
            )
        return f"workflow/execution/{quote(id_, safe='@')}"

    def _error(self, answer: Answer, id_: str) -> Exception:
        error = error_of(answer, reference=id_)
        if isinstance(error, NotFound):
            return TableMissing(
                "campaign",
                f"{answer.about}: Campaign has no workflow with this ID; correct {self._setting}.{self._id_key}",
            )
        return error


def _triggers(answer: Answer) -> dict[str, str]:
    """The link that triggers each external signal activity. Raises Malformed."""
    try:
        told = answer.object().get("activities") or {}
        activities = told.get("activity") or {}
        return {
            name: activity["trigger"]["href"]
            for name, activity in activities.items()
            if isinstance(activity, dict) and isinstance(activity.get("trigger"), dict)
        }
    except (KeyError, AttributeError):
        raise answer.malformed("the workflow's activities have not the promised shape") from None


def _is_cooling_down(answer: Answer) -> bool:
    """Whether this is the text, no JSON, by which Campaign says that a signal comes too soon after the last one.

    Its status is not documented, of its words only that they begin with a T (aio-lib-campaign-standard, issue 85).
    """
    text = answer.body.strip()
    if not text or text[:1] in b'<{["' or answer.status in (401, 403, 404, *GATEWAY):
        return False
    return answer.status < 400 or (text[:1] == b"T" and not CODE.search(text.decode("utf-8", "replace")))
