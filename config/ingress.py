"""The ingress workflow: which Dynamics tables flow into which Campaign resources, and how they hang together."""

import difflib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, ValidatorFunctionWrapHandler, field_validator

from config.comparisons import Comparison
from config.filters import Condition, Filter
from config.model import Model, Number, Place, list_with_relations, part, parts, written
from config.objectives import Objectives
from config.tables import CampaignKey, FieldMapping, LinkMapping, TableMapping

__all__ = [
    "CampaignKey",
    "Comparison",
    "Condition",
    "FieldMapping",
    "Filter",
    "IngressConfig",
    "LinkMapping",
    "TableMapping",
]


class IngressConfig(Model):
    """What flows from Dynamics to Campaign."""

    park_limit_seconds: Number = Field(
        default=900,
        gt=0,
        allow_inf_nan=False,
        description="How many seconds a child waits for its parent before the parent is fetched; "
        "if the parent cannot be had then, the child is set aside.",
    )
    objectives: Objectives | None = Field(
        default=None,
        description="How soon changes shall have arrived; {} takes all defaults. null: nothing is promised.",
    )
    tables: tuple[TableMapping, ...] = Field(
        description="The tables that flow, one by one. With an empty list, [], the workflow moves nothing."
    )

    @field_validator("tables", mode="wrap")
    @classmethod
    def _tables_agree(cls, value: object, handler: ValidatorFunctionWrapHandler) -> Any:
        return list_with_relations(value, handler, _mistakes)


def _mistakes(items: Sequence[object]) -> Iterator[tuple[Place, str]]:
    yield from _repeated_tables(items)
    yield from _unknown_parents(items)
    yield from _circles(items)
    yield from _shared_workflows(items)


def _shared_workflows(items: Sequence[object]) -> Iterator[tuple[Place, str]]:
    """Import workflows of Campaign that would get the files of two tables: each is built for one resource."""
    tables: dict[str, str] = {}
    for index, item in enumerate(items):
        workflow = written(part(item, "file_import"), "workflow")
        if workflow is not None and workflow in tables:
            yield (
                (index, "file_import", "workflow"),
                f"{workflow} imports {tables[workflow]} already: build a workflow of its own for each table",
            )
        elif workflow is not None:
            tables[workflow] = written(item, "table") or "another table"


def _repeated_tables(items: Sequence[object]) -> Iterator[tuple[Place, str]]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        table = written(item, "table")
        if table is not None and table in seen:
            yield (index, "table"), f"{table} is mapped twice: a table is mapped once, to one resource"
        if table is not None:
            seen.add(table)


def _unknown_parents(items: Sequence[object]) -> Iterator[tuple[Place, str]]:
    tables = [table for item in items if (table := written(item, "table")) is not None]
    for place, _, parent in _links(items):
        if parent not in tables:
            near = difflib.get_close_matches(parent, tables, n=1)
            hint = f"did you mean {near[0]}?" if near else "map it, or remove this link"
            yield place, f"{parent} is not mapped, and a link leads to a mapped table; {hint}"


def _circles(items: Sequence[object]) -> Iterator[tuple[Place, str]]:
    """Links by which a table would be its own ancestor: nothing could be written first. A table's link to itself
    is none of them."""
    parents: dict[str, list[str]] = {}
    for place, child, parent in _links(items):
        if child is None or child == parent:
            continue
        if way := _way(parents, parent, child):
            yield (
                place,
                f"closes a circle of links, {' -> '.join([child, *way])}: "
                "no table of it could be written first; remove one of these links",
            )
        else:
            parents.setdefault(child, []).append(parent)


def _way(parents: dict[str, list[str]], start: str, end: str) -> list[str]:
    """The tables on a shortest way from `start` to `end`, both among them; empty if there is none."""
    reached: dict[str, list[str]] = {start: [start]}
    waiting = deque(reached)
    while waiting and end not in reached:
        table = waiting.popleft()
        for parent in parents.get(table, ()):
            if parent not in reached:
                reached[parent] = [*reached[table], parent]
                waiting.append(parent)
    return reached.get(end, [])


def _links(items: Sequence[object]) -> Iterator[tuple[Place, str | None, str]]:
    """Each link's `table` with its place: where it stands, the child's table if known, and the parent's."""
    for index, item in enumerate(items):
        for number, link in enumerate(parts(item, "links")):
            parent = written(link, "table")
            if parent is not None:
                yield (index, "links", number, "table"), written(item, "table"), parent
