"""How the history is shown: who did what, when, from where and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.output import table
from control.words import exact, iso

if TYPE_CHECKING:
    from rich.table import Table

    from control.acts import Act


def acts_table(found: list[Act]) -> Table:
    columns = [
        ("WHEN", "left"),
        ("WORKFLOW", "left"),
        ("BY", "left"),
        ("ORIGIN", "left"),
        ("ACTION", "left"),
        ("WHAT", "left"),
        ("WHY", "left"),
    ]
    return table(columns, [_row(act) for act in found])


def _row(act: Act) -> tuple[str, ...]:
    event = act.event
    who, origin, what, why = (text or "-" for text in (event.by, event.origin, act.what, event.why))
    return exact(event.at_ms), act.workflow, who, origin, event.action, what, why


def acts_data(found: list[Act]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "at": iso(act.event.at_ms),
            "workflow": act.workflow,
            "by": act.event.by,
            "origin": act.event.origin or None,
            "action": act.event.action,
            "why": act.event.why,
            "from": act.event.from_state or None,
            "to": act.event.to_state or None,
            "stream": act.event.stream or None,
            "revision": act.event.revision,
            "generation": act.event.generation,
        }
        for act in found
    ]
