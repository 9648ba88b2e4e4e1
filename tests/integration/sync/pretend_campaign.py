"""A Campaign in memory that records what it was sent, and what was missing at that moment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any

from config.ingress import CampaignKey
from connectors.errors import AlreadyExists, LinkMissing, NotFound

KEYS = {"profile": "externalId", "cusMembership": "crmId", "cusInvoice": "crmId"}
#: Links: by resource, the field and the resource that it leads to. `membershipId` joins by the parent's key.
LINKS = {
    "cusMembership": {"holder": "profile", "sponsor": "profile"},
    "cusInvoice": {"membershipId": "cusMembership"},
    "profile": {"referrer": "profile"},
}


@dataclass(frozen=True, slots=True)
class Event:
    """One write that had its effect."""

    method: str
    resource: str
    key: str
    body: dict[str, Any]
    missing: tuple[str, ...] = ()  #: links that led to no record at that moment
    orphaned: tuple[str, ...] = ()  #: of a deletion: records that led to the deleted one


class PretendCampaign:
    """`before` runs ahead of every write and may raise; `after` behind it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.looked_up: list[str] = []
        self.before: Callable[[str, str], None] = lambda method, resource: None
        self.after: Callable[[str, str], None] = lambda method, resource: None
        #: Whether a record that is deleted is there again by now: what already leads to the new one is no orphan.
        self.is_back: Callable[[str], bool] = lambda key: False
        self._lock = RLock()
        self._records: dict[str, dict[str, dict[str, Any]]] = {resource: {} for resource in KEYS}
        self._made = 0

    # What people see and do there.

    def held(self, resource: str) -> dict[str, dict[str, Any]]:
        """All records by key, links by the parents' keys."""
        with self._lock:
            return {
                record[KEYS[resource]]: {
                    name: self._parent_of(resource, name, value) if name in LINKS.get(resource, {}) else value
                    for name, value in record.items()
                    if name != KEYS[resource]
                }
                for record in self._records[resource].values()
            }

    def lose(self, resource: str, key: str) -> None:
        """Somebody deletes a record there."""
        with self._lock:
            del self._records[resource][self._pkey(resource, key)]

    def writes(self, resource: str) -> list[tuple[str, str]]:
        """(method, key) of every write so far."""
        return [(event.method, event.key) for event in self.events if event.resource == resource]

    # What the connector offers.

    def find(self, resource: str, key: CampaignKey, value: str, timeout: float) -> list[str]:
        with self._lock:
            self.looked_up.append(f"{resource} {value}")
            return [pkey for pkey, record in self._records[resource].items() if record[key.field] == value]

    def create(self, resource: str, values: Mapping[str, Any], timeout: float) -> str:
        self.before("create", resource)
        with self._lock:
            key = str(values[KEYS[resource]])
            if any(record[KEYS[resource]] == key for record in self._records[resource].values()):
                raise AlreadyExists("campaign", "a record with this key exists", field=f"s{KEYS[resource]}")
            self._check_links(resource, values)
            self._made += 1
            pkey = f"@{self._made}"
            self._records[resource][pkey] = dict(values)
            self._note("create", resource, key, values)
        self.after("create", resource)
        return pkey

    def update(self, resource: str, reference: str, values: Mapping[str, Any], timeout: float) -> str:
        self.before("update", resource)
        with self._lock:
            pkey = self._pkey(resource, reference)
            self._check_links(resource, values)
            self._records[resource][pkey].update(values)
            self._note("update", resource, self._records[resource][pkey][KEYS[resource]], values)
        self.after("update", resource)
        return pkey

    def delete(self, resource: str, reference: str, timeout: float) -> None:
        self.before("delete", resource)
        with self._lock:
            pkey = self._pkey(resource, reference)
            key = self._records[resource][pkey][KEYS[resource]]
            orphaned = tuple(
                f"{child} {child_key}"
                for child, links in LINKS.items()
                for child_key, record in self.held(child).items()
                if child != resource and any(record.get(name) == key for name, to in links.items() if to == resource)
            )
            orphaned = () if self.is_back(key) else orphaned
            del self._records[resource][pkey]
            self.events.append(Event("delete", resource, key, {}, orphaned=orphaned))
        self.after("delete", resource)

    def _note(self, method: str, resource: str, key: str, values: Mapping[str, Any]) -> None:
        missing = tuple(
            name
            for name, parent in LINKS.get(resource, {}).items()
            if values.get(name) and not self._is_there(parent, self._parent_of(resource, name, values[name]))
        )
        self.events.append(Event(method, resource, key, dict(values), missing))

    def _is_there(self, resource: str, key: str | None) -> bool:
        return any(record[KEYS[resource]] == key for record in self._records[resource].values())

    def _parent_of(self, resource: str, name: str, value: Any) -> str | None:
        """The key of the record that a link's value leads to; None where it leads to none."""
        if not isinstance(value, Mapping):
            return value or None
        parent = LINKS[resource][name]
        found = self._records[parent].get(value["PKey"])
        return str(found[KEYS[parent]]) if found else None

    def _check_links(self, resource: str, values: Mapping[str, Any]) -> None:
        for name, parent in LINKS.get(resource, {}).items():
            value = values.get(name)
            if isinstance(value, Mapping) and value["PKey"] not in self._records[parent]:
                raise LinkMissing("campaign", f"what the link {name} leads to is not there", field=name)

    def _pkey(self, resource: str, reference: str) -> str:
        if reference in self._records[resource]:
            return reference
        for pkey, record in self._records[resource].items():
            if record[KEYS[resource]] == reference:
                return pkey
        raise NotFound("campaign", "not found")
