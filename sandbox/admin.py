"""The admin API (JSON): change data, move the clock, turn switches, deal out faults, read the journals."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import orjson

from sandbox.campaign.errors import CampaignError
from sandbox.campaign.payload import checked_values as checked_profile
from sandbox.campaign.profiles import Profile
from sandbox.dynamics.errors import DataverseError
from sandbox.dynamics.payload import checked_values as checked_row
from sandbox.dynamics.tables import Row, Table
from sandbox.faults import FaultPlan
from sandbox.http import Answer, Receive, Request, Scope, Send, json_answer, read_request, send_answer
from sandbox.world import World

Body = dict[str, Any]


class Admin:
    """Routes by method and path; a mistake is answered with 400 or 404 and a sentence."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._routes: dict[tuple[str, str], Callable[[Body], object]] = {
            ("GET", "/"): lambda _: {"endpoints": [f"{method} {path}" for method, path in self._routes]},
            ("POST", "/reset"): self._reset,
            ("GET", "/clock"): lambda _: {"now": world.clock.now()},
            ("POST", "/clock"): lambda body: {"now": world.clock.advance(float(body.get("advance", 0)))},
            ("GET", "/switches"): lambda _: vars(world.switches),
            ("PUT", "/switches"): self._switch,
            ("GET", "/faults"): lambda _: {name: source.as_json() for name, source in world.faults.items()},
            ("PUT", "/faults"): self._faults,
            ("POST", "/tokens/expire"): self._expire_tokens,
            ("GET", "/calls"): lambda _: world.calls.as_json(),
            ("DELETE", "/calls"): lambda _: world.calls.clear(),
            ("GET", "/journal"): lambda _: world.writes.entries,
            ("DELETE", "/journal"): lambda _: world.writes.entries.clear(),
            ("GET", "/reads"): lambda _: world.reads.entries,
            ("DELETE", "/reads"): lambda _: world.reads.entries.clear(),
            ("POST", "/dynamics/change"): self._change,
            ("POST", "/dynamics/create"): self._create,
            ("POST", "/dynamics/delete"): self._delete,
            ("POST", "/dynamics/expire-delta"): lambda _: world.organization.expire_delta_tokens(),
            ("GET", "/campaign/profiles"): self._profiles,
            ("POST", "/campaign/profiles"): self._new_profile,
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
        found = handler(body) if handler is not None else self._one(request.method, path, body)
        return json_answer(200, {} if found is None else found)

    def _one(self, method: str, path: str, body: Body) -> object:
        """`/dynamics/<set>[/<id>]` and `/campaign/profiles/<PKey or key>`."""
        parts = path.strip("/").split("/")
        if parts[0] == "dynamics" and len(parts) in (2, 3) and parts[1] in self.world.organization.tables:
            table = self.world.organization.tables[parts[1]]
            return self._rows(method, table, body) if len(parts) == 2 else self._row(method, table, parts[2], body)
        if parts[:2] == ["campaign", "profiles"] and len(parts) == 3:
            return self._profile(method, parts[2], body)
        raise LookupError(f"{method} {path}; GET / lists what there is")

    def _rows(self, method: str, table: Table, body: Body) -> object:
        if method == "GET":
            return {"value": [_plain(table, row) for row in table.rows.values()]}
        if method != "POST":
            raise LookupError(f"{method} here; use GET or POST")
        organization = self.world.organization
        values = checked_row(organization, table, body, creating=True)
        row_id = str(values.pop(table.primary_id, None) or uuid.uuid4())
        if row_id in table.rows:
            raise ValueError(f"The row {row_id} is there already; use PATCH.")
        return _plain(table, table.put(row_id, values, organization.credentials.user_id))

    def _row(self, method: str, table: Table, row_id: str, body: Body) -> object:
        row = table.rows.get(row_id.lower())
        if row is None:
            raise LookupError(f"row {row_id} in {table.set_name}")
        if method == "GET":
            return _plain(table, row)
        if method == "DELETE":
            table.delete(row.id)
            return None
        if method != "PATCH":
            raise LookupError(f"{method} here; use GET, PATCH or DELETE")
        organization = self.world.organization
        values = checked_row(organization, table, body, creating=False)
        values.pop(table.primary_id, None)
        return _plain(table, table.put(row.id, values, organization.credentials.user_id))

    def _change(self, body: Body) -> object:
        return {"ids": self.world.organization.change_contacts(int(body.get("count", 1)), body.get("seed", 0))}

    def _create(self, body: Body) -> object:
        return {"ids": self.world.organization.create_contacts(int(body.get("count", 1)), body.get("seed", 0))}

    def _delete(self, body: Body) -> object:
        organization = self.world.organization
        if "ids" not in body:
            return {"ids": organization.delete_contacts(int(body.get("count", 1)), body.get("seed", 0))}
        ids = [str(row_id).lower() for row_id in body["ids"]]
        for row_id in ids:
            if row_id not in organization.contacts.rows:
                raise LookupError(f"contact {row_id}")
        for row_id in ids:
            organization.contacts.delete(row_id)
        return {"ids": ids}

    def _profiles(self, _: Body) -> object:
        return {"value": [self._shown(profile) for profile in self.world.profiles.by_number.values()]}

    def _new_profile(self, body: Body) -> object:
        """As if somebody had made it in Campaign's own interface: neither counted nor journalled."""
        return self._shown(self.world.profiles.create(checked_profile(body, True, self.world.switches)))

    def _profile(self, method: str, address: str, body: Body) -> object:
        profiles = self.world.profiles
        profile = profiles.by_pkey(address) if address.startswith("@") else profiles.by_key(address)
        if method == "PATCH":
            profiles.update(profile, checked_profile(body, True, self.world.switches))
        elif method == "DELETE":
            profiles.delete(profile)
            return None
        elif method != "GET":
            raise LookupError(f"{method} here; use GET, PATCH or DELETE")
        return self._shown(profile)

    def _shown(self, profile: Profile) -> dict[str, Any]:
        root = f"{self.world.launch_info()['campaign']['url']}/campaign/profileAndServicesExt/profile"
        return self.world.profiles.show(profile, root, True)

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
            raise ValueError(f"{sorted(unknown)[0]} is not a system; name dynamics, campaign or tokens.")
        plans = {name: FaultPlan.from_json(name, body.get(name) or {}) for name in self.world.faults}
        for name, source in self.world.faults.items():
            source.set(plans[name], f"{body.get('seed', 0)}:{name}")
        return {name: source.as_json() for name, source in self.world.faults.items()}

    def _expire_tokens(self, _: Body) -> object:
        self.world.dynamics_tokens.revoke_all()
        self.world.campaign_tokens.revoke_all()
        return None


def _plain(table: Table, row: Row) -> dict[str, object]:
    """The row's values as they are stored: wire names, no nulls, no annotations."""
    return {name: value for name, value in row.values.items() if name not in table.private}
