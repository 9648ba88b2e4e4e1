"""The admin API's side of Campaign: records behind the API's back, and publications."""

from typing import Any

from sandbox.campaign.errors import CampaignError
from sandbox.campaign.instance import Instance
from sandbox.campaign.payload import checked_values
from sandbox.campaign.resource import Record, Resource
from sandbox.campaign.showing import View

Body = dict[str, Any]


class CampaignAdmin:
    """What it changes is as if somebody had done it in Campaign's own interface: neither counted nor journalled."""

    def __init__(self, instance: Instance, url: str) -> None:
        """`url`: the organisation's address, before `/campaign`."""
        self._instance = instance
        self._url = url

    def answer(self, method: str, parts: list[str], body: Body) -> object:
        """`/campaign/resources/<resource>[/<key or PKey>]`, and the shorter `/campaign/profiles[/<key or PKey>]`."""
        if parts[:1] == ["profiles"]:
            parts = ["resources", "profile", *parts[1:]]
        if parts[:1] == ["resources"] and len(parts) == 2:
            return self.records(method, parts[1], body)
        if parts[:1] == ["resources"] and len(parts) == 3:
            return self.record(method, parts[1], parts[2], body)
        raise LookupError(f"{method} /campaign/{'/'.join(parts)}; GET / lists what there is")

    def records(self, method: str, name: str, body: Body) -> object:
        """`/campaign/resources/<resource>`: all records, hidden ones too, or a new one. LookupError, CampaignError."""
        view = self._view(name)
        if method == "GET":
            return {"value": [self._shown(view, record) for record in view.resource.by_number.values()]}
        if method != "POST":
            raise LookupError(f"{method} here; use GET or POST")
        return self._shown(view, view.resource.create(checked_values(view, body, True)))

    def record(self, method: str, name: str, address: str, body: Body) -> object:
        """`/campaign/resources/<resource>/<key or PKey>`, hidden or not. LookupError, CampaignError."""
        view = self._view(name)
        record = _found(view.resource, address)
        if method == "PATCH":
            view.resource.update(record, checked_values(view, body, False))
        elif method == "DELETE":
            self._instance.delete(view.resource, record)
            return None
        elif method != "GET":
            raise LookupError(f"{method} here; use GET, PATCH or DELETE")
        return self._shown(view, record)

    def publish(self, body: Body) -> object:
        """`/campaign/publish`: what the resource's fields are then, by type. LookupError, ValueError."""
        unknown = body.keys() - {"resource", "add", "remove", "change"}
        if unknown:
            raise ValueError(f"{sorted(unknown)[0]} is not known here; give resource, add, remove, change.")
        name, add, remove = body.get("resource"), body.get("add", []), body.get("remove", [])
        change = body.get("change", {})
        if not isinstance(add, list) or not isinstance(remove, list) or not isinstance(change, dict):
            raise ValueError("`add` and `remove` are lists, `change` is an object by field.")
        if not all(isinstance(given, dict) for given in [*add, *change.values()]):
            raise ValueError("Each field of `add` and `change` is an object.")
        resource = self._instance.publish(str(name), add, [str(field) for field in remove], change)
        return {"resource": name, "fields": {f.name: f.type for f in resource.definition.fields.values()}}

    def _view(self, name: str) -> View:
        resource = self._instance.resources.get(name)
        if resource is None:
            raise LookupError(f"resource {name}; there are {', '.join(self._instance.resources)}")
        api = resource.definition.apis[-1]
        return View(self._instance, resource, api, f"{self._url}/campaign/{api}")

    def _shown(self, view: View, record: Record) -> Body:
        hidden = {"hidden": True} if self._instance.is_hidden(view.resource, record) else {}
        return view.show(record) | hidden


def _found(resource: Resource, address: str) -> Record:
    try:
        return resource.by_pkey(address) if address.startswith("@") else resource.by_key(address)
    except CampaignError as missing:
        raise LookupError(f"{resource.definition.name} {address}") from missing
