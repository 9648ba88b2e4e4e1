"""d365acs workflow: see the workflows, start and stop them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.commands import Group, option, output_option, timeout_option
from cli.context import Context, pass_context
from cli.output import draw, say, warn, write
from cli.watching import Watch, answered, watch_options, watched
from control.words import counted

if TYPE_CHECKING:
    from control.dead_letters import Cause
    from control.operate import Operation
    from control.status.workflow import WorkflowStatus

_why = option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")
_wait = option("--wait/--no-wait", default=False, show_default=True, help="Wait until it has happened.")
_accept = option(
    "--accept-privacy",
    is_flag=True,
    help="Acknowledge that privacy requests are to be made in both systems; the first start asks for it.",
)
_workflow = click.argument("workflow_name", metavar="WORKFLOW")


@click.group(cls=Group, example="d365acs workflow ls")
def workflow() -> None:
    """See the workflows, start and stop them."""


@workflow.command(example="d365acs workflow ls\nd365acs workflow ls --watch\nd365acs workflow ls -o json")
@watch_options
@output_option()
@pass_context
def ls(context: Context, output: str, watch: Watch | None) -> None:
    """List the workflows: state, backlog, the oldest waiting record, and how many records were set aside."""
    from cli.workflow_views import list_parts
    from control.status.data import all_data
    from control.status.workflow import all_statuses

    def look() -> list[WorkflowStatus]:
        return all_statuses(context.store, context.settings)

    answered(context, look, list_parts, all_data, output, watch)


@workflow.command(
    example="d365acs workflow show ingress --watch\nd365acs workflow show ingress -o yaml",
)
@_workflow
@watch_options
@output_option()
@pass_context
def show(context: Context, workflow_name: str, output: str, watch: Watch | None) -> None:
    """Show one workflow with its streams: what it does, who switched it, what it waits for, what was set aside and why.

    What was set aside is told by cause, with the newest of each; of more than 10,000 in a stream, so many are looked
    at. `d365acs dlq stats` counts all of them, and says what to do.
    """
    from cli.workflow_views import shown_data, shown_parts
    from control.dead_letters import LOOKED_AT, causes
    from control.status.workflow import status_of

    def look() -> tuple[WorkflowStatus, list[Cause]]:
        status = status_of(context.store, context.settings, workflow_name)
        return status, causes(context.store, workflow_name, LOOKED_AT) if status.dead else []

    answered(context, look, shown_parts, shown_data, output, watch)


@workflow.command(
    example="d365acs workflow start ingress --wait --timeout 60\n"
    "d365acs workflow start ingress --dry-run --limit 1000 --exact"
)
@_workflow
@_why
@_accept
@_wait
@timeout_option
@option("--dry-run", is_flag=True, help="Start nothing: read, and tell what would be written.")
@option("--limit", type=click.IntRange(min=1), metavar="N", help="Of a dry run: the first N records of each table.")
@option("--exact", is_flag=True, help="Of a dry run: look a sample up in Campaign.")
@output_option()
@pass_context
def start(
    context: Context,
    workflow_name: str,
    why: str,
    accept_privacy: bool,
    wait: bool,
    timeout: float,
    dry_run: bool,
    limit: int | None,
    exact: bool,
    output: str,
) -> None:
    """Start a workflow that is stopped or has failed.

    The newest saved configuration becomes active. The workflow is STARTING until the systems answer and the
    configuration fits them, then RUNNING. Starting what starts or runs already changes nothing. The first start of an
    instance asks whether it is known how privacy requests are made; a script says so with --accept-privacy.

    With --dry-run everything that the start would read is read, filtered, mapped and compared with what is known of the
    other system, and counted: what would be created, updated, deleted; nothing is written. Not for egress from files,
    which reading puts away; for optinout there is `consent preview`.
    """
    from control import operate

    if dry_run:
        from cli.rehearsal_views import rehearsed_start

        rehearsed_start(context, workflow_name, limit, exact, output)
        return
    if limit is not None or exact:
        raise click.UsageError("--limit and --exact are about a dry run: add --dry-run.")
    operation = _acknowledged(
        lambda accept: operate.start(context.store, workflow_name, context.settings.actor, why, accept), accept_privacy
    )
    _after_start(context, operation, wait, timeout, output)


@workflow.command(example="d365acs workflow stop ingress --wait")
@_workflow
@_why
@_wait
@timeout_option
@output_option()
@pass_context
def stop(context: Context, workflow_name: str, why: str, wait: bool, timeout: float, output: str) -> None:
    """Stop a workflow that runs or starts.

    The queue and the reading position are kept; the next start goes on from there. With --wait it returns when the
    last record that was being written has been confirmed.
    """
    from control import operate
    from control.status.notes import unapplied_note
    from control.status.workflow import status_of

    before = status_of(context.store, context.settings, workflow_name)
    if before.unapplied:
        warn(unapplied_note(before))
    operation = operate.stop(context.store, workflow_name, context.settings.actor, why)
    rested = not wait or operate.await_rest(context.store, workflow_name, timeout)
    if output != "table":
        write(_operation_data(operation), output)
    elif operation.changed:
        kept = counted(before.backlog + before.parked, before.kind.noun)
        click.echo(f"{workflow_name}: {operation.before} -> {operation.after}, {kept} kept on the queue.")
        for stream in status_of(context.store, context.settings, workflow_name).streams:
            if stream.loading.under_way and stream.loading.under_way.after_stop:
                say(stream.loading.under_way.after_stop)
    elif operation.before == "FAILED":
        say(f"{workflow_name} has failed and does not run; there is nothing to stop.")
    else:
        say(f"{workflow_name} is stopped already.")
    if not rested:
        held = f"{before.kind.noun.capitalize()}s"
        raise click.ClickException(f"{held} were still being written after {timeout:g} s; they end by themselves.")


@workflow.command(example="d365acs workflow restart ingress --wait")
@_workflow
@_why
@_accept
@_wait
@timeout_option
@output_option()
@pass_context
def restart(
    context: Context, workflow_name: str, why: str, accept_privacy: bool, wait: bool, timeout: float, output: str
) -> None:
    """Stop a workflow and start it again, so that saved changes take effect; a stopped one is started."""
    from control import operate

    operation = _acknowledged(
        lambda accept: operate.restart(context.store, workflow_name, context.settings.actor, why, accept),
        accept_privacy,
    )
    _after_start(context, operation, wait, timeout, output)


def _acknowledged(begin: Callable[[bool], Operation], accept: bool) -> Operation:
    """Begins; where nobody has acknowledged yet how privacy requests are made, the operator is asked on a terminal."""
    from cli.editing import on_terminal
    from control.errors import PrivacyNotAcknowledged
    from control.privacy import STATEMENT

    try:
        return begin(accept)
    except PrivacyNotAcknowledged:
        if not on_terminal():
            raise
    say(STATEMENT)
    if not click.confirm("Do you acknowledge this for this instance?", default=False, err=True):
        raise click.ClickException("Nothing is started.")
    return begin(True)


def _after_start(context: Context, operation: Operation, wait: bool, timeout: float, output: str) -> None:
    """Tells what a start did, and waits for its end if asked to."""
    from control import operate
    from control.status.workflow import status_of

    name = operation.workflow
    if output == "table":
        if operation.changed:
            click.echo(f"{name}: {operation.before} -> {operation.after}, revision {operation.revision}.")
        else:
            say(f"{name} is {operation.before} already.")
    state = operation.after
    if wait:
        state = operate.await_start(context.store, name, timeout)
    status = status_of(context.store, context.settings, name)
    if output != "table":
        write({**_operation_data(operation), "state": state.value}, output)
    elif wait and operation.after is not state:
        click.echo(f"{name}: {operation.after} -> {state}.")
    if status.unapplied:
        from control.status.notes import unapplied_note

        warn(unapplied_note(status))
    if state == "STARTING":
        from control.status.waiting import wish

        if status.absence:
            warn(status.absence)
        for trouble in status.troubles:
            warn(f"{name} waits {wish(trouble.where)}: {trouble.sentence}")
        if wait:
            raise click.ClickException(f"{name} is still STARTING after {timeout:g} s.")
    elif wait and state == "FAILED":
        raise click.ClickException(f"{name} failed: {status.why}")
    elif wait and state == "STOPPED":
        raise click.ClickException(f"{name} was stopped meanwhile by {status.by}.")


def _operation_data(operation: Operation) -> dict[str, Any]:
    return {
        "workflow": operation.workflow,
        "changed": operation.changed,
        "before": operation.before.value,
        "state": operation.after.value,
        "generation": operation.generation,
        "revision": operation.revision,
    }


@workflow.command(example="d365acs workflow watch\nd365acs workflow watch ingress --interval 5 -o jsonl")
@click.argument("workflow_name", metavar="[WORKFLOW]", required=False)
@option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look.",
)
@option("--count", type=click.IntRange(min=1), metavar="N", help="Look so often, then end. Default: until Ctrl-C.")
@output_option("table", "jsonl")
@pass_context
def watch(context: Context, workflow_name: str | None, interval: float, count: int | None, output: str) -> None:
    """Watch workflows live: rates, backlog, and on a first run its progress with the remaining time."""
    from cli.watch_table import watch_parts
    from control.status.data import all_data
    from control.status.workflow import all_statuses, status_of

    def look() -> list[WorkflowStatus]:
        if workflow_name is None:
            return all_statuses(context.store, context.settings)
        return [status_of(context.store, context.settings, workflow_name)]

    watched(context, look, watch_parts, all_data, output, Watch(interval, count))


@workflow.command(example='d365acs workflow edit ingress --why "map the phone number"')
@_workflow
@_why
@output_option()
@pass_context
def edit(context: Context, workflow_name: str, why: str, output: str) -> None:
    """Edit a workflow's whole configuration in your editor (VISUAL or EDITOR); it is checked and saved when you leave.

    What does not validate is not saved, and your text is kept. Before anything is saved of egress or optinout, a text
    to begin with is opened.
    """
    from cli.config import tell_applied
    from cli.editing import edit as in_editor
    from config.document import dump
    from config.load import load
    from control import configuration
    from control.configuration import Applied
    from control.opening import workflow_of
    from control.templates import template

    newest = workflow_of(context.store, workflow_name).revisions.newest()
    seen = {workflow_name: newest}
    begun = template(context.store, workflow_name) if not newest else None
    text = begun or dump(configuration.export(context.store, workflow_name))

    def save(text: str, filename: str) -> list[Applied]:
        return configuration.apply(context.store, load(text, filename), context.settings.actor, why, seen)

    header = (_BEGINNING if begun else _EDITING).format(workflow=workflow_name)
    applied = in_editor(context, workflow_name, header, text, save, "d365acs config apply")
    if applied is None:
        say("Nothing was changed; nothing is saved.")
    else:
        tell_applied(applied, output)


@workflow.command(example="d365acs workflow history\nd365acs workflow history ingress --since 2d --limit 20 -o jsonl")
@click.argument("workflow_name", metavar="[WORKFLOW]", required=False)
@option("--since", metavar="TIME", help="What was done since then: 2026-11-20, 6h, 2d. Default: all that is kept.")
@option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many, at most.")
@output_option()
@pass_context
def history(context: Context, workflow_name: str | None, since: str | None, limit: int, output: str) -> None:
    """Show who did what, when, from where and why, the newest first: starts and stops, edits, replays, dead letters
    that were retried or given up, values that were revealed; and what the workflow did by itself.

    ORIGIN is the user and the machine of a command, or the address that a visitor of the dashboard came from.

    The last 10,000 entries of each workflow are kept.
    """
    from cli.history_views import acts_data, acts_table
    from cli.moments import moment
    from control.acts import acts

    now_ms = context.store.now_ms()
    found = acts(context.store, workflow_name, moment("--since", since, now_ms), limit)
    if output != "table":
        write(acts_data(found), output)
    elif found:
        draw(acts_table(found))
    else:
        say("Nothing was done so far." if since is None else "Nothing was done since then.")


_EDITING = """\
The configuration of {workflow}. It is checked when you leave the editor, and takes effect with the next stop and start.
Comments are not kept. Every key is described in docs/configuration.md."""

_BEGINNING = """\
A text to begin with: nothing is saved of {workflow} yet. Change it to what is true for you; left as it is, it is not
saved. It is checked when you leave the editor. Every key is described in docs/configuration.md."""
