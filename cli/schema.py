"""d365acs schema: what can be mapped, as both systems say right now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.commands import Function, Group, option, output_option
from cli.context import Context, pass_context
from cli.output import draw, say, table, write
from control.words import number

if TYPE_CHECKING:
    from config.document import Document
    from connectors.errors import System
    from control.mappings.live import Field
    from sync.systems import Systems

#: Choices of a column that are shown to people; programs get all of them.
_FEW = 6


def _system() -> Callable[[Function], Function]:
    return option("--system", type=click.Choice(["dynamics", "campaign"]), help="One system only. Default: both.")


_containing = click.argument("containing", metavar="[TEXT]", default="")


@click.group(cls=Group, example="d365acs schema tables\nd365acs schema fields contact")
def schema() -> None:
    """See what both live systems have to map: tables and resources, fields with their types, tables of activities.

    The connections are those of the saved configuration.
    """


@schema.command(example="d365acs schema tables\nd365acs schema tables member --system dynamics")
@_containing
@_system()
@output_option()
@pass_context
def tables(context: Context, containing: str, system: System | None, output: str) -> None:
    """List the tables of Dynamics and the resources of Campaign; with a TEXT those whose name or label holds it."""
    from control.mappings import live

    def ask(systems: Systems, saved: Document) -> list[dict[str, Any]]:
        pairs = {one.table: one.resource for one in saved.ingress.tables} if saved.ingress else {}
        sources: dict[str, list[str]] = {}
        for source, target in pairs.items():
            sources.setdefault(target, []).append(source)
        return [
            {
                "system": one.system,
                "name": one.name,
                "label": one.label,
                "custom": one.custom,
                "change_tracking": one.change_tracking,
                "mapped": [pairs[one.name]] if one.system == "dynamics" and one.name in pairs else
                sources.get(one.name, []) if one.system == "campaign" else [],
            }
            for one in live.tables(systems, system)
            if _holds(containing, one.name, one.label)
        ]  # fmt: skip

    found = _asked(context, ask)
    if output != "table":
        write(found, output)
        return
    if not found:
        say(f"No table's name or label holds {containing}.")
        return
    columns = [("SYSTEM", "left"), ("NAME", "left"), ("CHANGE TRACKING", "left"), ("MAPPED", "left"), ("LABEL", "left")]
    tracking = {True: "on", False: "off", None: "-"}
    draw(
        table(
            columns,
            [
                (
                    one["system"],
                    one["name"],
                    tracking[one["change_tracking"]],
                    f"{'to' if one['system'] == 'dynamics' else 'from'} {', '.join(one['mapped'])}"
                    if one["mapped"]
                    else "-",
                    one["label"] or "-",
                )
                for one in found
            ],
        )
    )


@schema.command(example="d365acs schema fields contact\nd365acs schema fields profile mail -o json")
@click.argument("name")
@_containing
@_system()
@output_option()
@pass_context
def fields(context: Context, name: str, containing: str, system: System | None, output: str) -> None:
    """List the columns of a table or the fields of a resource, with types; with a TEXT those that hold it."""
    from control.mappings import live

    found = [
        one
        for one in _asked(context, lambda systems, _: live.fields(systems, name, system))
        if _holds(containing, one.name, one.label)
    ]
    if output != "table":
        write([_as_data(one) for one in found], output)
        return
    if not found:
        say(f"No field of {name} holds {containing} in its name or label.")
        return
    columns = [("SYSTEM", "left"), ("NAME", "left"), ("TYPE", "left"), ("LENGTH", "right"), ("NOTES", "left")]
    draw(table(columns, [(one.system, one.name, one.type, number(one.length), _notes(one) or "-") for one in found]))


@schema.command(example="d365acs schema activities\nd365acs schema activities click -o json")
@_containing
@output_option()
@pass_context
def activities(context: Context, containing: str, output: str) -> None:
    """List the custom activity tables of Dynamics, in which egress can write; with a TEXT those whose name or label
    holds it.

    EVENTS: what the saved configuration writes there. The columns of one are shown by `schema fields`.
    """
    from control.events import activities as tables_of_activities

    found = [
        one
        for one in _asked(context, lambda systems, saved: tables_of_activities(systems, saved.egress))
        if _holds(containing, one.name, one.label)
    ]
    if output != "table":
        write(
            [{"name": one.name, "set": one.set_name, "label": one.label, "events": list(one.events)} for one in found],
            output,
        )
        return
    if not found:
        say(
            f"No activity table's name or label holds {containing}."
            if containing
            else "Dynamics has no custom activity table."
        )
        return
    columns = [("NAME", "left"), ("SET", "left"), ("EVENTS", "left"), ("LABEL", "left")]
    draw(table(columns, [(one.name, one.set_name, ", ".join(one.events) or "-", one.label or "-") for one in found]))


def _as_data(one: Field) -> dict[str, Any]:
    return {
        "system": one.system,
        "table": one.table,
        "name": one.name,
        "label": one.label,
        "type": one.type,
        "length": one.length,
        "notes": list(one.notes),
        "values": list(one.values),
    }


def _notes(one: Field) -> str:
    values = ", ".join(one.values[:_FEW]) + (", ..." if len(one.values) > _FEW else "")
    return "; ".join([*one.notes, *([values] if values else [])])


def _holds(containing: str, *texts: str) -> bool:
    return any(containing.casefold() in text.casefold() for text in texts)


def _asked(context: Context, ask: Callable[[Systems, Document], list[Any]]) -> list[Any]:
    from control.configuration import export
    from control.mappings.live import systems_of

    saved = export(context.store)
    with systems_of(saved.connections, context.store) as systems:
        return ask(systems, saved)
