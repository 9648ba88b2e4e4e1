"""d365acs worker: the processes that do the work."""

from __future__ import annotations

import click

from cli.commands import Group, output_option
from cli.context import Context, pass_context
from cli.output import draw, say, table, warn, write
from control.words import ago, iso, listed


@click.group(cls=Group, example="d365acs worker ls")
def worker() -> None:
    """See the processes that do the work, on this machine and on others."""


@worker.command(example="d365acs worker ls\nd365acs worker ls -o json")
@output_option()
@pass_context
def ls(context: Context, output: str) -> None:
    """List the workers and beats that were heard of lately, with the queues that they serve.

    Slots are tasks that a worker can work on at once. Each process tells every few seconds that it is there; one that
    was not heard of for 15 seconds is gone. To have more of them, start more: celery -A workers.app worker
    """
    from control.workers import workers

    found = workers(context.store)
    if output != "table":
        write(
            [
                {
                    "name": one.name,
                    "role": one.role,
                    "slots": one.slots,
                    "queues": list(one.queues),
                    "heard": iso(one.at_ms),
                }
                for one in found.processes
            ],
            output,
        )
        return
    if found.processes:
        columns = [("PROCESS", "left"), ("ROLE", "left"), ("SLOTS", "right"), ("HEARD", "left"), ("QUEUES", "left")]
        rows = [
            (one.name, one.role, str(one.slots or "-"), ago(one.at_ms, found.at_ms), ", ".join(one.queues) or "-")
            for one in found.processes
        ]
        draw(table(columns, rows))
    else:
        say("No worker and no beat is there; start them with: d365acs up")
    if found.processes and found.unserved:
        warn(f"No worker serves {listed(found.unserved)}.")
