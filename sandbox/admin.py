"""The admin API (JSON): change data, move the clock, turn switches, deal out faults, read the journals."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import orjson

from sandbox.campaign.admin import CampaignAdmin
from sandbox.campaign.errors import CampaignError
from sandbox.consent.admin import ConsentAdmin
from sandbox.dynamics import admin as dynamics
from sandbox.dynamics.errors import DataverseError
from sandbox.dynamics.publish import publish
from sandbox.events.admin import EventAdmin
from sandbox.faults import FaultPlan
from sandbox.http import Answer, Receive, Request, Scope, Send, json_answer, read_request, send_answer
from sandbox.imports.admin import ImportAdmin
from sandbox.world import World

Body = dict[str, Any]

#: Addresses with a name or an id within.
_ONES = (
    ("GET", "/dynamics/tables"),
    ("GET|POST", "/dynamics/tables/<table>"),
    ("GET|PATCH|DELETE", "/dynamics/tables/<table>/<id>"),
    ("POST", "/dynamics/tables/<table>/change|create|delete"),
    ("GET|POST", "/campaign/resources/<resource>"),
    ("GET|PATCH|DELETE", "/campaign/resources/<resource>/<key or PKey>"),
    ("POST", "/events/campaign"),
    ("GET|POST", "/events/journal"),
    ("GET", "/events/truth?campaign=&begin=&count="),
    ("GET", "/sftp/files"),
    ("GET|PUT|POST|PATCH|DELETE", "/sftp/files/<path>"),
    ("PUT", "/sftp/folders/<path>"),
    ("GET|PUT", "/consent/workflow"),
    ("POST", "/consent/export"),
    ("GET|POST", "/consent/profiles"),
    ("POST", "/consent/profiles/delete"),
    ("GET", "/consent/flags?columns=&id="),
    ("GET|POST|DELETE", "/consent/changes"),
    ("GET|DELETE", "/consent/writes"),
    ("GET", "/imports"),
    ("GET|PUT|PATCH|DELETE", "/imports/<workflow>"),
    ("POST", "/imports/<workflow>/run"),
)


class Admin:
    """Routes by method and path; a mistake is answered with 400 or 404 and a sentence."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._routes: dict[tuple[str, str], Callable[[Body], object]] = {
            ("GET", "/"): lambda _: {"endpoints": [f"{method} {path}" for method, path in (*self._routes, *_ONES)]},
            ("POST", "/reset"): self._reset,
            ("GET", "/clock"): lambda _: {"now": world.clock.now()},
            ("POST", "/clock"): lambda body: {"now": world.clock.advance(float(body.get("advance", 0)))},
            ("GET", "/switches"): lambda _: vars(world.switches),
            ("PUT", "/switches"): self._switch,
            ("GET", "/faults"): lambda _: {name: source.as_json() for name, source in world.faults.items()},
            ("PUT", "/faults"): self._faults,
            ("GET", "/tokens"): lambda _: {"value": [*world.dynamics_tokens.told, *world.campaign_tokens.told]},
            ("POST", "/tokens/expire"): self._expire_tokens,
            ("GET", "/calls"): lambda _: world.calls.as_json(),
            ("DELETE", "/calls"): lambda _: world.calls.clear(),
            ("GET", "/journal"): lambda _: world.writes.entries,
            ("DELETE", "/journal"): lambda _: world.writes.entries.clear(),
            ("GET", "/reads"): lambda _: world.reads.entries,
            ("DELETE", "/reads"): lambda _: world.reads.entries.clear(),
            ("GET", "/dynamics/activities"): lambda _: world.organization.activity_journal.as_json(),
            ("GET", "/dynamics/activities/counts"): lambda _: world.organization.activity_journal.counts(),
            ("DELETE", "/dynamics/activities"): lambda _: world.organization.activity_journal.clear(),
            ("POST", "/dynamics/publish"): self._publish_in_dynamics,
            ("POST", "/dynamics/expire-delta"): lambda _: world.organization.expire_delta_tokens(),
            ("POST", "/campaign/publish"): lambda body: self._campaign().publish(body),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        try:
            found = self._answer(request)
        except (ValueError, TypeError, DataverseError, CampaignError) as wrong:
            found = json_answer(400, {"error": str(wrong)})
        except LookupError as missing:
            found = json_answer(404, {"error": f"There is no {missing}."})
        await send_answer(send, found)

    def _answer(self, request: Request) -> Answer:
        path = unquote(request.path).rstrip("/") or "/"
        body = orjson.loads(request.body) if request.body else {}
        if not isinstance(body, dict):
            raise ValueError("The body must be a JSON object.")
        handler = self._routes.get((request.method, path))
        self.world.settle()
        found = handler(body) if handler is not None else self._one(request, path, body)
        return json_answer(200, {} if found is None else found)

    def _one(self, request: Request, path: str, body: Body) -> object:
        """`/dynamics/tables/<table>[/<id or verb>]` and its shorter forms; `/campaign/...` and the rest likewise."""
        method, parts = request.method, path.strip("/").split("/")
        organization = self.world.organization
        if parts[:2] == ["dynamics", "tables"]:
            return dynamics.answer(organization, method, parts[2:], body)
        if parts[0] == "dynamics" and len(parts) == 2 and parts[1] in ("change", "create", "delete"):
            return dynamics.answer(organization, method, ["contact", parts[1]], body)
        if parts[0] == "dynamics" and len(parts) > 1 and parts[1] in organization.tables:
            return dynamics.answer(organization, method, parts[1:], body)
        if parts[0] == "campaign":
            return self._campaign().answer(method, parts[1:], body)
        if parts[0] == "events":
            return EventAdmin(self.world.events).events(method, parts[1:], request.query, body)
        if parts[0] == "sftp":
            return EventAdmin(self.world.events).files(method, parts[1:], body)
        if parts[0] == "consent":
            return ConsentAdmin(self.world.consent).answer(method, parts[1:], request.query, body)
        if parts[0] == "imports":
            return self._imports().answer(method, parts[1:], body)
        raise LookupError(f"{method} {path}; GET / lists what there is")

    def _publish_in_dynamics(self, body: Body) -> object:
        switches = self.world.switches
        if "change_tracking" in body:
            tracking = {**switches.change_tracking, str(body.get("table")): body["change_tracking"]}
            switches = switches.changed({"change_tracking": tracking})
        told = publish(self.world.organization, body)
        self.world.use(switches)
        return told

    def _campaign(self) -> CampaignAdmin:
        return CampaignAdmin(self.world.instance, self.world.launch_info()["campaign"]["url"])

    def _imports(self) -> ImportAdmin:
        world = self.world
        return ImportAdmin(
            world.imports,
            world.switches.import_workflows,
            lambda given: world.use(world.switches.changed({"import_workflows": given})),
        )

    def _reset(self, _: Body) -> object:
        self.world.reset()
        return None

    def _switch(self, body: Body) -> object:
        self.world.use(self.world.switches.changed(body))
        return vars(self.world.switches)

    def _faults(self, body: Body) -> object:
        """The whole plan at once: a system that is not named has no faults."""
        unknown = body.keys() - self.world.faults.keys() - {"seed"}
        if unknown:
            raise ValueError(f"{sorted(unknown)[0]} is not a system; name any of {', '.join(self.world.faults)}.")
        plans = {name: FaultPlan.from_json(name, body.get(name) or {}) for name in self.world.faults}
        for name, source in self.world.faults.items():
            source.set(plans[name], f"{body.get('seed', 0)}:{name}")
        return {name: source.as_json() for name, source in self.world.faults.items()}

    def _expire_tokens(self, _: Body) -> object:
        self.world.dynamics_tokens.revoke_all()
        self.world.campaign_tokens.revoke_all()
        return None
