"""How one mapping is shown to people: the table and its key first, then every field and link on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.output import facts, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from config.ingress import FieldMapping, TableMapping


def shown(one: TableMapping) -> list[RenderableType]:
    columns = [("FROM", "left"), ("TO", "left"), ("UPDATES", "left"), ("NOTES", "left")]
    rows = [[f"{one.table} id", one.key.field, "-", "key"]]
    rows += [
        [link.source, link.target, "yes", f"link to {link.table}{', required' if link.required else ''}"]
        for link in one.links
    ]
    rows += [[rule.source, rule.target, "yes" if one.updates(rule) else "no", _notes(one, rule)] for rule in one.fields]
    return [facts(_facts(one)), "", table(columns, rows)]


def _facts(one: TableMapping) -> list[tuple[str, RenderableType]]:
    key = one.key
    found = f"{key.field} in the address" if key.address == "uri" else f"looked up by {key.filter} ({key.parameter})"
    return [
        ("Table", f"{one.table} -> {one.resource}"),
        ("Key", f"{key.field}{', unique in Campaign' if key.unique else ''}; {found}"),
        ("Filter", _filter(one)),
        ("Deleted in Dynamics", "deleted in Campaign" if one.apply_deletes else "stays in Campaign"),
        ("Filtered out", "deleted in Campaign" if one.delete_filtered_out else "stays in Campaign"),
    ]


def _filter(one: TableMapping) -> str:
    if one.filter is None:
        return "every record travels"
    return (" and " if one.filter.every else " or ").join(each.words for each in one.filter.conditions)


def _notes(one: TableMapping, rule: FieldMapping) -> str:
    notes = [] if one.technical(rule) else ["choices by label"]
    if rule.replace:
        shown = ", ".join(f"{old or '(nothing)'}: {new}" for old, new in list(rule.replace.items())[:6])
        notes.append(f"{shown}{', ...' if len(rule.replace) > 6 else ''}")
    return "; ".join(notes) or "-"
