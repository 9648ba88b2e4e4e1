"""What can be done with dead letters: d365acs dlq retry, and drop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from cli.commands import Command, SomeRefused, option, output_option, timeout_option
from cli.confirming import confirm
from cli.context import Context, pass_context
from cli.dlq_naming import ids_argument, named, narrowing_options, workflow_argument
from cli.output import say, warn, write
from control.words import counted

if TYPE_CHECKING:
    from control.dead_letters import Retried
    from store.record_queue import RecordQueue

_all = option("--all", "everything", is_flag=True, help="All of the workflow.")
_why = option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")


@click.command(
    cls=Command,
    example="d365acs dlq retry ingress --stream contact --cause unmappable --why 'the mapping was mended'\n"
    "d365acs dlq retry ingress --all --wait",
)
@workflow_argument
@ids_argument
@narrowing_options
@_all
@_why
@option("--wait/--no-wait", default=False, show_default=True, help="Wait until each has come to its end.")
@timeout_option
@output_option()
@pass_context
def retry(
    context: Context,
    /,
    workflow_name: str,
    ids: tuple[str, ...],
    everything: bool,
    why: str,
    wait: bool,
    timeout: float,
    output: str,
    **narrowing: Any,
) -> None:
    """Put them back on the queue: some by their ids, those of a cause, or all.

    Each begins anew, under the configuration that runs. A record that has changed meanwhile is written as it is now;
    a change of consent is compared with both systems as they are now; a file that could not be read is read again.
    With --wait the exit code is 3 if any was set aside again, and 1 if some still wait when the time is over.
    """
    from cli.dlq_views import ended_sentence
    from cli.progress import progress
    from control.dead_letters import await_retried
    from control.dead_letters import retry as put_back

    selection = named(context, workflow_name, ids, everything, narrowing)
    if wait:
        _check_running(context, workflow_name)
    give_up = time.monotonic() + timeout

    def room(queue: RecordQueue) -> bool:
        while wait and queue.is_full() and time.monotonic() < give_up:
            time.sleep(0.25)
        return not queue.is_full()

    with progress("Retrying") as look:
        retried = put_back(context.store, selection, context.settings.actor, why, look, room)
    ended = None
    if output == "table":
        _tell(retried)
    if wait and not (ids and len(retried.missing) == len(ids)):
        with progress("Waiting") as look:
            ended = await_retried(context.store, retried, max(0.0, give_up - time.monotonic()), look)
        if output == "table" and (ended.done or ended.refused):
            click.echo(ended_sentence(ended.done, ended.refused))
    if output != "table":
        told = {"done": ended.done, "refused": ended.refused, "waiting": ended.waiting} if ended else None
        write({**_retried_data(retried), "ended": told}, output)
    if ids and len(retried.missing) == len(ids):
        raise click.ClickException("None of these is a dead letter.")
    if wait and retried.left:
        raise click.ClickException(f"{retried.left:,} could not be retried.")
    if ended and ended.waiting:
        raise click.ClickException(f"{ended.waiting:,} still wait after {timeout:g} s; they go on by themselves.")
    if ended and ended.refused:
        raise SomeRefused(f"See why with: d365acs dlq stats {workflow_name}")


def _check_running(context: Context, workflow_name: str) -> None:
    from control.opening import workflow_of

    state = workflow_of(context.store, workflow_name).lifecycle.read().state
    if state not in ("STARTING", "RUNNING"):
        raise click.ClickException(
            f"{workflow_name} is {state}: nothing would happen while you wait. Start it (d365acs workflow start "
            f"{workflow_name}), or leave --wait out."
        )


def _tell(retried: Retried) -> None:
    if not retried.is_nothing:
        click.echo(retried.sentence)
    elif not retried.missing:
        say(f"No dead letter fits; see what there is with: d365acs dlq stats {retried.workflow}")
    for record_id in retried.missing:
        warn(f"{record_id} is no dead letter of {retried.workflow}.")
    for sentence in retried.notes:
        warn(sentence)


def _retried_data(retried: Retried) -> dict[str, Any]:
    return {
        "workflow": retried.workflow,
        "retried": retried.retried,
        "superseded": retried.superseded,
        "files": retried.files,
        "left": retried.left,
        "missing": retried.missing,
        "notes": retried.notes,
    }


@click.command(
    cls=Command,
    example="d365acs dlq drop egress --cause related-missing --until 30d --why 'contacts were deleted' --yes",
)
@workflow_argument
@ids_argument
@narrowing_options
@_all
@_why
@option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def drop(
    context: Context,
    /,
    workflow_name: str,
    ids: tuple[str, ...],
    everything: bool,
    why: str,
    yes: bool,
    **narrowing: Any,
) -> None:
    """Give them up: they are not written unless they change, or their table is replayed.

    What they hold is gone then; `dlq export` keeps it in a file.
    """
    from dataclasses import replace

    from cli.dlq_views import question
    from cli.progress import progress
    from control.dead_letters import count
    from control.dead_letters import drop as give_up

    selection = named(context, workflow_name, ids, everything, narrowing)
    # What comes while somebody thinks about it was not meant.
    selection = replace(selection, until_ms=selection.until_ms or context.store.now_ms() + 1)
    many = count(context.store, selection)
    if not many:
        say(f"No dead letter fits; see what there is with: d365acs dlq stats {workflow_name}")
        return
    confirm(question(many, workflow_name), yes)
    with progress("Dropping") as look:
        dropped = give_up(context.store, selection, context.settings.actor, why, look)
    click.echo(f"{counted(dropped, 'dead letter')} given up.")
