"""d365acs worker: the processes that do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.commands import Group, output_option
from cli.context import Context, pass_context
from cli.output import draw, table, warn, write
from cli.watching import Watch, watch_options, watched
from control.words import ago, iso

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from control.workers import Workers


@click.group(cls=Group, example="d365acs worker ls")
def worker() -> None:
    """See the processes that do the work, on this machine and on others."""


@worker.command(example="d365acs worker ls\nd365acs worker ls --watch\nd365acs worker ls -o json")
@watch_options
@output_option()
@pass_context
def ls(context: Context, output: str, watch: Watch | None) -> None:
    """List the workers and beats that were heard of lately, with the queues that they serve.

    Slots are tasks that a worker can work on at once. Each process tells every few seconds that it is there; one that
    was not heard of for 15 seconds is gone. To have more of them, start more: celery -A workers.app worker

    A queue that no worker serves is named with the command that starts one; in red where a workflow runs that needs it.
    """
    from control.workers import workers

    def look() -> Workers:
        return workers(context.store)

    if watch:
        watched(context, look, _parts, _data, output, watch)
        return
    found = look()
    if output != "table":
        write(_data(found), output)
        return
    if found.processes:
        draw(_table(found))
    for line in found.lacking:
        warn(line.sentence, "red" if line.is_pressing else "yellow")


def _data(found: Workers) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "role": one.role, "slots": one.slots, "queues": list(one.queues), "heard": iso(one.at_ms)}
        for one in found.processes
    ]


def _parts(found: Workers) -> list[RenderableType]:
    from rich.text import Text

    lines = [Text(line.sentence, style="bold red" if line.is_pressing else "yellow") for line in found.lacking]
    return [*([_table(found)] if found.processes else []), *lines]


def _table(found: Workers) -> Table:
    columns = [("PROCESS", "left"), ("ROLE", "left"), ("SLOTS", "right"), ("HEARD", "left"), ("QUEUES", "left")]
    rows = [
        (one.name, one.role, str(one.slots or "-"), ago(one.at_ms, found.at_ms), ", ".join(one.queues) or "-")
        for one in found.processes
    ]
    return table(columns, rows)
