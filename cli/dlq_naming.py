"""How commands name the dead letters that they are about."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.commands import option
from cli.context import Context
from cli.moments import moment

if TYPE_CHECKING:
    from control.dead_letters import Selection

Function = TypeVar("Function", bound=Callable[..., Any])

workflow_argument = click.argument("workflow_name", metavar="WORKFLOW")
ids_argument = click.argument("ids", metavar="[ID]...", nargs=-1)
one_argument = click.argument("named", metavar="[WORKFLOW] ID", nargs=-1, required=True)


def one_named(named: tuple[str, ...]) -> tuple[str | None, str]:
    """(workflow, None if it is not said, and id) of `one_argument`. Raises UsageError."""
    from sync.workflows import NAMES

    match named:
        case (record_id,) if record_id not in NAMES:
            return None, record_id
        case (workflow_name, record_id):
            return workflow_name, record_id
    raise click.UsageError("Name one dead letter: its id, with its workflow before it where several have that id.")


def narrowing_options(function: Function) -> Function:
    """What names dead letters, beside their workflow and their ids."""
    options = [
        option("--stream", metavar="NAME", help="Those of one stream: a table, events, or consent."),
        option("--cause", metavar="KIND", help="Those of one cause, such as unmappable."),
        option("--containing", default="", metavar="TEXT", help="Those whose reason contains this."),
        option("--since", metavar="TIME", help="Those set aside since then: 2026-11-20, 6h, 2d."),
        option("--until", metavar="TIME", help="Those set aside before then."),
    ]
    return reduce(lambda decorated, one: one(decorated), reversed(options), function)


def selection_of(
    context: Context, workflow_name: str, ids: tuple[str, ...] = (), since: str | None = None,
    until: str | None = None, **narrowing: Any,
) -> Selection:  # fmt: skip
    """What the options of `narrowing_options` say. Raises BadParameter."""
    from control.dead_letters import Selection

    now_ms = context.store.now_ms()
    since_ms, until_ms = moment("--since", since, now_ms), moment("--until", until, now_ms)
    return Selection(workflow_name, ids=ids, since_ms=since_ms, until_ms=until_ms, **narrowing)


def named(
    context: Context, workflow_name: str, ids: tuple[str, ...], everything: bool, narrowing: dict[str, Any]
) -> Selection:
    """Nothing is done to all of them by a slip. Raises UsageError."""
    selection = selection_of(context, workflow_name, ids, **narrowing)
    if selection.is_everything and not everything:
        raise click.UsageError("Say which: ids, --stream, --cause, --containing, --since, --until, or --all.")
    if everything and not selection.is_everything:
        raise click.UsageError("--all means all of the workflow; leave it out, or what narrows it.")
    return selection
