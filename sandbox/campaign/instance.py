"""All resources of the organisation, and the links between their records: who is hidden, who goes with whom.

A record whose link of cardinality 1 leads nowhere is hidden: the link is an inner join (Campaign Standard: configuring
the resource's data structure; links with cardinality 1 simple link).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.campaign.definitions import published
from sandbox.campaign.errors import no_document, unknown_pkey
from sandbox.campaign.fields import Field
from sandbox.campaign.resource import Record, Resource
from sandbox.clock import Clock
from sandbox.switches import Switches


class Instance:
    """The resources by name. What is asked of records across links is asked here."""

    def __init__(self, clock: Clock, switches: Switches, seed: int) -> None:
        self.clock = clock
        self.switches = switches
        definitions = published()
        self.resources = {
            definition.name: Resource(
                definition,
                clock,
                switches,
                seed,
                {
                    link.of
                    for other in definitions
                    for link in other.links
                    if link.of and link.target == definition.name
                },
            )
            for definition in definitions
        }

    def use(self, switches: Switches) -> None:
        self.switches = switches
        for resource in self.resources.values():
            resource.use(switches)

    def parent(self, link: Field, record: Record) -> Record | None:
        """The record that a link leads to now, hidden or not."""
        value = record.values.get(link.by or link.name)
        target = self.resources.get(link.target)
        if not value or target is None:
            return None
        if not link.by:
            return target.by_number.get(value)
        return next(iter(target.by_field(link.of, str(value))), None)

    def is_hidden(self, resource: Resource, record: Record) -> bool:
        return any(self._is_cut(link, record) for link in resource.definition.links if link.required)

    def _is_cut(self, link: Field, record: Record) -> bool:
        parent = self.parent(link, record)
        if parent is None:
            return True
        return self.switches.hide_grandchildren and self.is_hidden(self.resources[link.target], parent)

    def can_hide(self, resource: Resource) -> bool:
        return any(link.required for link in resource.definition.links)

    def visible(self, resource: Resource, records: Iterable[Record]) -> list[Record]:
        if not self.can_hide(resource):
            return records if isinstance(records, list) else list(records)
        return [record for record in records if not self.is_hidden(resource, record)]

    def after(self, resource: Resource, number: int, limit: int) -> list[Record]:
        """Up to `limit` visible records whose number is greater, oldest first."""
        found: list[Record] = []
        while len(found) < limit:
            more = resource.after(number, limit)
            found += self.visible(resource, more)
            if len(more) < limit:
                break
            number = more[-1].number
        return found[:limit]

    def by_pkey(self, resource: Resource, token: str) -> Record:
        """The visible record; CampaignError: a hidden one is as missing as a deleted one."""
        record = resource.by_pkey(token)
        if self.is_hidden(resource, record):
            raise no_document(resource.definition, token.removeprefix("@"))
        return record

    def linked(self, link: Field, token: str) -> Record:
        """The record that a PKey within a body names; CampaignError for one that names none."""
        target = self.resources.get(link.target)
        if target is None:
            raise unknown_pkey(None, token)
        if target.has(token):
            return target.by_pkey(token)
        if target.was_deleted(token) and self.switches.deleted_link == "404":
            raise no_document(target.definition, token.removeprefix("@"))
        raise unknown_pkey(target.definition, token)

    def children(self, target: Resource, record: Record) -> Iterator[tuple[Resource, Field, Record]]:
        """(resource, link, record) of all that lead to this record, hidden ones too."""
        for resource in self.resources.values():
            for link in resource.definition.links:
                if link.target == target.definition.name:
                    for child in self.children_by(resource, link, record):
                        yield resource, link, child

    def children_by(self, resource: Resource, link: Field, parent: Record) -> list[Record]:
        """Records of `resource` that lead to the parent by this link, oldest first."""
        value = parent.values.get(link.of) if link.by else parent.number
        found = resource.by_field(link.by or link.name, str(value)) if value else []
        return sorted(found, key=lambda record: record.number)

    def delete(self, resource: Resource, record: Record) -> None:
        """Its children stay, without it, unless the switch `delete_children` says otherwise."""
        orphans = list(self.children(resource, record)) if self.switches.delete_children else []
        resource.delete(record)
        for other, _, child in orphans:
            if child.number in other.by_number:
                self.delete(other, child)

    def lineage(self, resource: Resource, record: Record) -> tuple[dict[str, str], bool]:
        """For the journal: keys of the linked records by link, and whether one of them is missing.

        A missing one shows what is known of it: the joined value, or nothing.
        """
        parents: dict[str, str] = {}
        orphan = False
        for link in resource.definition.links:
            if link.target not in self.resources:
                continue
            joined = str(record.values.get(link.by) or "") if link.by else ""
            parent = self.parent(link, record)
            if parent is not None:
                key = self.resources[link.target].key
                parents[link.name] = str(parent.values.get(key if key != "none" else link.of or "externalId", ""))
            elif link.required or joined:
                parents[link.name] = joined
                orphan = True
        return parents, orphan

    def publish(
        self, name: str, add: list[dict[str, Any]], remove: list[str], change: dict[str, dict[str, Any]]
    ) -> Resource:
        """Change a resource's fields while everything runs. LookupError, ValueError."""
        if name not in self.resources:
            raise LookupError(f"resource {name}")
        resource = self.resources[name]
        links = {link.name for link in resource.definition.links}
        joined = {
            link.of for other in self.resources.values() for link in other.definition.links if link.target == name
        }
        for field in joined & {*remove, *change} - {""}:
            raise ValueError(f"{field} of {name} is what a link of another resource joins by.")
        before = dict(resource.definition.fields)
        resource.definition.publish(add, remove, change)
        retyped = {field for field in change if resource.definition.fields[field].type != before[field].type}
        resource.forget({*remove, *retyped})
        for other in self.resources.values():
            for collection in other.definition.collections:
                if collection.target == name and collection.back in links & {*remove}:
                    other.definition.drop(collection.name)
        resource.use(self.switches)
        return resource
