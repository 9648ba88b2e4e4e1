"""Records as an API shows them: complete, links and collections with them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.campaign.definitions import PLAIN
from sandbox.campaign.instance import Instance
from sandbox.campaign.resource import Record, Resource


@dataclass(frozen=True, slots=True)
class View:
    """One resource as one API shows it. `root` is the absolute URL of the API."""

    instance: Instance
    resource: Resource
    api: str
    root: str

    @property
    def url(self) -> str:
        return f"{self.root}/{self.resource.definition.name}"

    @property
    def is_extended(self) -> bool:
        """The plain API knows no extension."""
        return self.api != PLAIN

    def beside(self, name: str) -> "View":
        """Another resource, in the API that shows every field of it."""
        resource = self.instance.resources[name]
        api = resource.definition.apis[-1]
        return View(self.instance, resource, api, f"{self.root.rpartition('/')[0]}/{api}")

    def show(self, record: Record) -> dict[str, Any]:
        """The complete record; keys are put into alphabetical order when it is serialised."""
        resource, definition = self.resource, self.resource.definition
        shown: dict[str, Any] = {**definition.blanks, **record.values}
        url = self.url
        secret = resource.secret(record.number)
        shown["PKey"] = record.pkey
        shown["href"] = f"{url}/{record.pkey}"
        today = datetime.fromtimestamp(self.instance.clock.now(), UTC).date()
        shown |= definition.computed(shown, secret, today)
        for link in definition.links:
            shown[link.name] = self._linked(self.instance.parent(link, record), link.target)
        if definition.collections:
            token = resource.collection_token(record, secret)
            for collection in definition.collections:
                shown[collection.name] = {"href": f"{url}/{token}/{collection.name}/"}
        if not self.is_extended:
            for name in definition.extension:
                shown.pop(name, None)
        elif not self.instance.switches.acs_id:
            shown.pop("acsId", None)
        return shown

    def _linked(self, parent: Record | None, target: str) -> dict[str, Any] | None:
        if parent is None:
            return None
        view = self.beside(target)
        definition = view.resource.definition
        values = {**definition.blanks, **parent.values}
        title = definition.computed(values, b"", datetime.fromtimestamp(self.instance.clock.now(), UTC).date())["title"]
        shown = {"PKey": parent.pkey, "href": f"{view.url}/{parent.pkey}", "title": title}
        return shown | {name: values[name] for name in ("label", "name") if name in definition.fields}
