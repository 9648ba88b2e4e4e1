"""d365acs replay: read and write a whole table again, the events of a window of time, or consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.moments import moment
from cli.output import draw, say, table, warn, write
from control.words import ago, iso, number, window

if TYPE_CHECKING:
    from control.replays import Listed

_name = click.argument("name", metavar="TABLE|egress|optinout")
_why = option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")


@click.group(cls=Group, example="d365acs replay create contact\nd365acs replay create egress --since 2d")
def replay() -> None:
    """Read and write a whole table again, the events of a window of time, or consent.

    It begins with the next stop and start of the workflow, and goes at lower priority than live changes, which it never
    overwrites. An event that Dynamics shows already is not shown twice; consent that is equal in both systems is not
    written.
    """


_since = option("--since", metavar="TIME", help="What happened since then. Default: all that is still there.")
_until = option("--until", metavar="TIME", help="Events before then. Default: until now.")


@replay.command(
    example='d365acs replay create contact --why "profiles were restored from a backup"\n'
    "d365acs replay create egress --since 2026-11-20 --until 2026-11-21T12:00Z"
)
@_name
@_since
@_until
@_why
@pass_context
def create(context: Context, name: str, since: str | None, until: str | None, why: str) -> None:
    """Ask for the replay of a mapped table, of the events of egress, or of the consent of optinout. It is pending until
    the next stop and start. Asking twice for a table is harmless. While a window is pending, another one is
    refused, and 2d is another one a minute later.

    A table is replayed whole. Consent can be that of whoever has changed since a TIME, and events those of a window:
    each TIME is a date (2026-11-20, its beginning), a time in ISO 8601 (2026-11-21T12:00+01:00), or so long ago (90min,
    6h, 2d, 1w). Without a zone it is UTC.
    """
    from control import replays

    now_ms = context.store.now_ms()
    since_ms, until_ms = moment("--since", since, now_ms), moment("--until", until, now_ms)
    asked = replays.ask(context.store, name, context.settings.actor, why, since_ms, until_ms)
    verb = "restart" if asked.is_on else "start"
    already = "" if asked.new else " already"
    which = f" ({asked.window})" if asked.window else ""
    say(f"The replay of {name}{which} is pending{already}; begin it with: d365acs workflow {verb} {asked.workflow}")
    for warning in asked.warnings:
        warn(warning)


@replay.command(example="d365acs replay ls")
@output_option()
@pass_context
def ls(context: Context, output: str) -> None:
    """List the replays: those that are pending, and how far the last one of each has come.

    pending: it begins with the next start; reading; writing: all is read; done; ended: by `replay cancel`.
    """
    from control import replays

    found = replays.replays(context.store)
    if output != "table":
        write(
            [
                {
                    "workflow": one.workflow,
                    "table": one.name if one.name != one.workflow else None,
                    "state": one.stage.value,
                    "since": iso(one.replay.since_ms),
                    "until": iso(one.replay.until_ms),
                    "read": one.read,
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
        ask = "ask for one with: d365acs replay create TABLE (or egress, optinout)"
        say(f"No replay is pending, and none has begun; {ask}")
        return
    now_ms = context.store.now_ms()
    columns = [
        ("REPLAY", "left"),
        ("STATE", "left"),
        ("WINDOW", "left"),
        ("ASKED", "left"),
        ("BEGAN", "left"),
        ("BY", "left"),
        ("WHY", "left"),
    ]
    rows = [
        (
            one.name,
            _state(one),
            window(one.replay.since_ms, one.replay.until_ms) or "all",
            ago(one.replay.asked_ms, now_ms),
            ago(one.replay.began_ms, now_ms),
            one.replay.by,
            one.replay.why or "-",
        )
        for one in found
    ]
    draw(table(columns, rows))


def _state(one: Listed) -> str:
    if one.stage == "writing":
        return f"{one.stage.value}, {number(one.waiting)} to go"
    return f"{one.stage.value}, {number(one.read)} so far" if one.read else one.stage.value


@replay.command(example="d365acs replay cancel contact\nd365acs replay cancel egress")
@_name
@_why
@pass_context
def cancel(context: Context, name: str, why: str) -> None:
    """Take a pending request back, or end a replay of events or of consent.

    If none of egress (or optinout) is pending, the one that is being read ends, at once or, if the workflow does not
    run, with its next start: what was read of it is written, the rest is not read. The replay of a table that has begun
    goes on to its end.
    """
    from control import replays

    cancelled = replays.cancel(context.store, name, context.settings.actor, why)
    if not cancelled.had_begun:
        say(f"The replay of {name} is taken back.")
        return
    ends = "ends now" if cancelled.is_on else f"ends with the next start of {name}"
    say(f"The replay of {name} {ends}: what was read of it is written, the rest is not read.")
