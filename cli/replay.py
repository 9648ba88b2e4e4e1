"""d365acs replay: read and write a whole table again."""

from __future__ import annotations

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.output import draw, say, table, write
from control.words import ago, iso, number

_table = click.argument("table_name", metavar="TABLE")
_why = option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")


@click.group(cls=Group, example="d365acs replay create contact")
def replay() -> None:
    """Read and write a whole table again, from the next stop and start of the workflow on.

    It goes at lower priority than live changes, which it never overwrites.
    """


@replay.command(example='d365acs replay create contact --why "profiles were restored from a backup"')
@_table
@_why
@pass_context
def create(context: Context, table_name: str, why: str) -> None:
    """Ask for the replay of a mapped table. It is pending until the next stop and start; asking twice is harmless."""
    from control import replays

    asked = replays.ask(context.store, table_name, context.settings.actor, why)
    verb = "restart" if asked.is_on else "start"
    already = "" if asked.new else " already"
    say(f"The replay of {table_name} is pending{already}; begin it with: d365acs workflow {verb} ingress")


@replay.command(example="d365acs replay ls")
@output_option()
@pass_context
def ls(context: Context, output: str) -> None:
    """List the replays: those that are pending, and how far each table's last one has come.

    pending: it begins with the next start; reading; writing: all is read; done.
    """
    from control import replays

    found = replays.replays(context.store)
    if output != "table":
        write(
            [
                {
                    "table": one.table,
                    "state": one.stage.value,
                    "waiting": one.waiting,
                    "asked": iso(one.replay.asked_ms),
                    "began": iso(one.replay.began_ms),
                    "by": one.replay.by,
                    "why": one.replay.why,
                }
                for one in found
            ],
            output,
        )
        return
    if not found:
        say("No replay was ever asked for; ask for one with: d365acs replay create TABLE")
        return
    now_ms = context.store.now_ms()
    columns = [
        ("TABLE", "left"),
        ("STATE", "left"),
        ("ASKED", "left"),
        ("BEGAN", "left"),
        ("BY", "left"),
        ("WHY", "left"),
    ]
    rows = [
        (
            one.table,
            f"{one.stage.value}, {number(one.waiting)} to go" if one.stage == "writing" else one.stage.value,
            ago(one.replay.asked_ms, now_ms),
            ago(one.replay.began_ms, now_ms),
            one.replay.by,
            one.replay.why or "-",
        )
        for one in found
    ]
    draw(table(columns, rows))


@replay.command(example="d365acs replay cancel contact")
@_table
@_why
@pass_context
def cancel(context: Context, table_name: str, why: str) -> None:
    """Take a pending request back. A replay that has begun goes on to its end."""
    from control import replays

    replays.cancel(context.store, table_name, context.settings.actor, why)
    say(f"The replay of {table_name} is taken back.")
