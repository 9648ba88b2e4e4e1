"""What optinout would write, as it is shown: to people by kind of change, the same to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.output import table
from control.consent.words import SYSTEMS, value
from control.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from control.consent.previewing import Previewed
    from sync.consent.preview import Change


def preview_parts(previewed: Previewed) -> list[RenderableType]:
    """For people."""
    found = previewed.found
    columns = [("COLUMN", "left"), ("FLAG", "left"), ("CHANGE", "left"), ("RULE", "left"), ("CONTACTS", "right")]
    rows = [
        (one.column, one.flag, _comes_to(one), one.rule, f"{many:,}")
        for one, many in sorted(found.changes.items(), key=_order)
    ]
    parts: list[RenderableType] = [table(columns, rows), ""] if rows else []
    parts += ["Nothing was written. " + _read(previewed)] if rows else [f"Nothing would be written. {_read(previewed)}"]
    return parts


def _order(item: tuple[Change, int]) -> tuple[str, str, int]:
    return item[0].flag, item[0].to, -item[1]


def _comes_to(one: Change) -> str:
    if not one.to:
        return "left as it is"
    return f"{value(one.opted_out)} in {SYSTEMS[one.to]}"


def _read(previewed: Previewed) -> str:
    found = previewed.found
    told = [f"{counted(found.profiles, 'profile')} of Campaign {'was' if found.profiles == 1 else 'were'} read"]
    if not found.ended:
        told.append("and then it stopped, by --limit")
    if found.without_contact:
        told.append(f"Dynamics does not have the contacts of {found.without_contact:,}")
    if found.no_contacts:
        told.append(f"the keys of {found.no_contacts:,} are no contacts' ids")
    if found.doubles:
        told.append(f"{found.doubles:,} were second profiles of a contact")
    return f"{'; '.join(told)}."


def warnings(previewed: Previewed) -> Iterator[str]:
    """What somebody should see before consent moves."""
    from control.consent.polarity import doubtful

    yield from (sentence for pair in previewed.config.flags if (sentence := doubtful(pair)))
    if not previewed.config.reads_campaign:
        wiped = sum(many for one, many in previewed.found.changes.items() if one.opted_out is False)
        if wiped:
            yield (
                f"Ingress would undo {counted(wiped, 'opt-out')} in Campaign, where Dynamics says otherwise, and keep "
                "no record of it. To keep them, begin with direction: bidirectional."
            )


def preview_data(previewed: Previewed) -> dict[str, Any]:
    """For programs."""
    found = previewed.found
    return {
        "profiles": found.profiles,
        "all": found.ended,
        "without_contact": found.without_contact,
        "no_contacts": found.no_contacts,
        "doubles": found.doubles,
        "changes": [
            {
                "column": one.column,
                "flag": one.flag,
                "written_to": one.to or None,
                "opted_out": one.opted_out,
                "rule": one.rule,
                "contacts": many,
            }
            for one, many in sorted(found.changes.items(), key=_order)
        ],
    }
