"""d365acs replay: read and write a table once more, the events of a window of time, or consent; whole or in part."""

from __future__ import annotations

from typing import IO

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.moments import moment
from cli.output import say, warn, write
from cli.watching import Watch, answered, watch_options

_name = click.argument("name", metavar="TABLE|egress|optinout")
_why = option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")


@click.group(
    cls=Group,
    example="d365acs replay create contact\n"
    "d365acs replay create contact --where 'statecode equals 0' --rate 20\n"
    "d365acs replay create egress --since 2d --now",
)
def replay() -> None:
    """Read and write a table once more, the events of a window of time, or consent; whole or in part.

    It goes beside live changes, at lower priority, and never overwrites them. An event that Dynamics shows already is
    not shown twice; consent that is equal in both systems is not written.
    """


_since = option("--since", metavar="TIME", help="What happened since then. Default: all that is still there.")
_until = option("--until", metavar="TIME", help="What happened before then. Default: until now.")
_where = option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Of a table, records for which this holds: 'COLUMN COMPARISON VALUE'. Several must hold together.",
)
_ids = option(
    "--ids", type=click.File(), metavar="FILE", help="Of a table, the records named here, one id a line; - for stdin."
)
_now = option("--now", is_flag=True, help="Begin at once, if the workflow runs.")
_rate = option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Records a second, at most. Default: any."
)


@replay.command(
    example='d365acs replay create contact --why "profiles were restored from a backup"\n'
    "d365acs replay create contact --since 6h --where 'address1_country equals Austria'\n"
    "d365acs replay create contact --ids lost.txt --rate 5 --dry-run\n"
    "d365acs replay create egress --since 2026-11-20 --until 2026-11-21T12:00Z --now"
)
@_name
@_since
@_until
@_where
@_ids
@_now
@_rate
@option("--dry-run", is_flag=True, help="Of a table, or of events: ask for nothing, and tell what would be written.")
@_why
@output_option()
@pass_context
def create(
    context: Context,
    name: str,
    since: str | None,
    until: str | None,
    where: tuple[str, ...],
    ids: IO[str] | None,
    now: bool,
    rate: float | None,
    dry_run: bool,
    why: str,
    output: str,
) -> None:
    """Ask for the replay of a mapped table, of the events of egress, or of the consent of optinout.

    It is pending until the next stop and start, or begins at once with --now. A part of a table, by --since, --until,
    --where or --ids, and a table with --rate, always begin at once if ingress runs. Asking twice is harmless; while one
    is pending, another one of the same is refused.

    Of a table, --since and --until are about when a record was last changed. Consent can be that of whoever has changed
    since a TIME. Each TIME is a date (2026-11-20, its beginning), a time in ISO 8601 (2026-11-21T12:00+01:00), or so
    long ago (90min, 6h, 2d, 1w). Without a zone it is UTC. Conditions are those of the filters of mappings; several
    values stand with commas between them ('statecode one_of 0,1').
    """
    from control import replays
    from control.replays.data import asked_data

    now_ms = context.store.now_ms()
    since_ms, until_ms = moment("--since", since, now_ms), moment("--until", until, now_ms)
    if dry_run:
        from cli.rehearsal_views import rehearsed_replay

        rehearsed_replay(context, name, since_ms, until_ms, where, ids, rate, output)
        return
    asked = replays.ask(
        *(context.store, name, context.settings.actor, why, since_ms, until_ms),
        now=now,
        where=where,
        ids=ids,
        rate=rate,
    )
    if output != "table":
        write(asked_data(asked), output)
        return
    say(asked.sentence)
    for warning in asked.warnings:
        warn(warning)


@replay.command(example="d365acs replay ls\nd365acs replay ls --watch")
@watch_options
@output_option()
@pass_context
def ls(context: Context, output: str, watch: Watch | None) -> None:
    """List the replays: those that are pending, how far the last one of each has come, and below the last 20 of each
    workflow that others have followed.

    pending: it begins with the next start; reading; paused; writing: all is read; done; ended: by `replay cancel`;
    over: another one took its place.
    """
    from cli.replay_views import replays_table
    from control import replays
    from control.replays.data import replays_data

    answered(
        context,
        lambda: [*replays.replays(context.store), *replays.past(context.store)],
        lambda found: [replays_table(found, context.store.now_ms())],
        replays_data,
        output,
        watch,
        "No replay is pending, and none has begun; ask for one with: d365acs replay create TABLE (or egress, optinout)",
    )


@replay.command(
    example="d365acs replay show contact\nd365acs replay show contact --watch\nd365acs replay show egress -o json"
)
@_name
@watch_options
@output_option()
@pass_context
def show(context: Context, name: str, output: str, watch: Watch | None) -> None:
    """Show one: what it is confined to, how far it has come, who asked for it and why."""
    from cli.replay_views import replay_facts
    from control import replays
    from control.replays.data import replays_data

    answered(
        context,
        lambda: replays.replay_of(context.store, name),
        lambda found: [replay_facts(one, context.store.now_ms()) for one in found],
        replays_data,
        output,
        watch,
    )


@replay.command(example="d365acs replay pause contact --why 'Campaign is busy until noon'")
@_name
@_why
@pass_context
def pause(context: Context, name: str, why: str) -> None:
    """Read no more of a replay until it is resumed. What was read of it is written; stops and starts change nothing."""
    from control import replays

    found = replays.pause(context.store, name, context.settings.actor, why)
    say(f"The replay of {name} is {found.words}; let it go on with: d365acs replay resume {name}")


@replay.command(example="d365acs replay resume contact")
@_name
@_why
@pass_context
def resume(context: Context, name: str, why: str) -> None:
    """Let a replay that was paused go on where it stood."""
    from control import replays

    found = replays.resume(context.store, name, context.settings.actor, why)
    say(f"The replay of {name} goes on: {found.words}.")


@replay.command(example="d365acs replay cancel contact\nd365acs replay cancel egress")
@_name
@_why
@pass_context
def cancel(context: Context, name: str, why: str) -> None:
    """Take a pending request back, or end a replay.

    If none is pending, the one that is being read ends, at once or, if the workflow does not run, with its next start:
    what was read of it is written, the rest is not read.
    """
    from control import replays

    cancelled = replays.cancel(context.store, name, context.settings.actor, why)
    if not cancelled.had_begun:
        say(f"The replay of {name} is taken back.")
        return
    ends = "ends now" if cancelled.is_on else f"ends with the next start of {cancelled.workflow}"
    say(f"The replay of {name} {ends}: what was read of it is written, the rest is not read.")
