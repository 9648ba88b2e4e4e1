"""How the history is shown: who did what, when and why."""

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
        ("ACTION", "left"),
        ("WHAT", "left"),
        ("WHY", "left"),
    ]
    return table(columns, [_row(act) for act in found])


def _row(act: Act) -> tuple[str, ...]:
    event = act.event
    return exact(event.at_ms), act.workflow, event.by or "-", event.action, act.what or "-", event.why or "-"


def acts_data(found: list[Act]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "at": iso(act.event.at_ms),
            "workflow": act.workflow,
            "by": act.event.by,
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
