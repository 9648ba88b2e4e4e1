"""Links between tables: which parents a record needs, and what it writes to lead to them.

Campaign joins a child to its parent in one of two ways, and the metadata of the link's field tells which: a link takes
the parent's PKey, asked for right before the write; a text field takes the parent's id, by which Campaign itself joins.
"""

from collections.abc import Mapping

from config.ingress import LinkMapping, TableMapping
from store.record_queue import Parent
from sync.mapping.mapper import Unmappable
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.streams import Link


class Links:
    """A table's links, made ready once per revision and schema."""

    def __init__(
        self, mapping: TableMapping, columns: Mapping[str, ColumnShape], fields: Mapping[str, FieldShape]
    ) -> None:
        self._rules = mapping.links
        self.columns: tuple[str, ...] = tuple(dict.fromkeys(rule.source for rule in mapping.links))
        """The lookups to read."""
        self.several_tables: tuple[str, ...] = tuple(
            column for column in self.columns if len(columns[column].targets) > 1
        )
        """Those that may point to more than one table: which one must be read with them."""
        self.references: dict[str, LinkMapping] = {
            rule.target: rule for rule in mapping.links if fields[rule.target].type == "link"
        }
        """The fields that take a PKey."""

    def resolve(self, values: Mapping[str, object]) -> tuple[dict[str, object], tuple[Link, ...]]:
        """What the link fields take (the parent's id, also where a PKey will stand in its place), and the links.

        An empty lookup writes "no link". Raises Unmappable where the link is required.
        """
        body: dict[str, object] = {}
        links: list[Link] = []
        for rule in self._rules:
            if rule.source not in values:
                continue  # queued before the mapping knew this link
            found = values[rule.source]
            if found is not None and values.get(f"{rule.source}@table", rule.table) != rule.table:
                found = None  # it points to a record of another table
            empty = None if rule.target in self.references else ""
            if found is not None:
                links.append(Link(Parent(rule.table, str(found)), rule.target, empty, rule.required))
            elif rule.required:
                raise Unmappable(
                    rule.target,
                    f"{rule.source} leads to no {rule.table}, and {rule.target} must: fill it in Dynamics, or make the "
                    "link not required.",
                )
            body[rule.target] = empty if found is None else str(found)
        return body, tuple(links)
