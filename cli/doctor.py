"""d365acs doctor: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import sys

import click

from cli.commands import Command, output_option
from cli.context import Context, pass_context
from cli.output import draw, say, table, write

_STYLES = {"green": "green", "yellow": "yellow", "red": "bold red"}


@click.command(cls=Command, example="d365acs doctor\nd365acs doctor -o json")
@output_option()
@pass_context
def doctor(context: Context, output: str) -> None:
    """Check Redis, the processes, the workflows, the systems that are used, whether the configuration fits them, and
    whether we may write there, the clocks and the secrets; say the remedy where one is needed.

    Exit code 1 if a check is red. Nothing is changed anywhere.
    """
    from rich.text import Text

    from control.doctor.checks import Colour
    from control.doctor.examination import examine

    # A system that does not answer takes its time: a person is told what is waited for.
    checks = examine(context.settings, say if sys.stderr.isatty() else lambda sentence: None)
    if output != "table":
        write(
            [
                {"check": one.name, "colour": one.colour.value, "finding": one.finding, "remedy": one.remedy or None}
                for one in checks
            ],
            output,
        )
    else:
        rows = [
            (
                Text(one.colour.value, style=_STYLES[one.colour.value]),
                one.name,
                Text(one.finding) if not one.remedy else Text(f"{one.finding}\n").append(one.remedy, style="bold"),
            )
            for one in checks
        ]
        draw(table([("", "left"), ("CHECK", "left"), ("FINDING", "left")], rows))
    if any(one.colour is Colour.RED for one in checks):
        raise click.exceptions.Exit(1)
