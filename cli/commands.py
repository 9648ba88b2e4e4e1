"""How commands look and read their options: help ends with an example, every option has its D365ACS_ variable."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

PREFIX = "D365ACS"


class WithExample(click.Command):
    """A command whose help ends with lines to paste."""

    def __init__(self, *args: Any, example: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class Command(WithExample):
    """One verb."""


class Group(WithExample, click.Group):
    """One noun."""

    command_class = Command


Group.group_class = Group


class SomeRefused(click.ClickException):
    """Exit code 3: what was asked for is done, but some records were refused. The message says how to see why."""

    exit_code = 3

    def show(self, file: object = None) -> None:
        click.echo(self.message, err=True)


#: An option that shows its variable: D365ACS_<COMMAND>_<OPTION>, made by click.
option = partial(click.option, show_envvar=True)

#: How long a command that waits does so, in seconds.
timeout_option = option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=180.0,
    show_default=True,
    metavar="SECONDS",
    help="How long --wait waits.",
)

FORMATS = ("table", "json", "yaml", "jsonl")


class _Output(click.Option):
    """One variable serves all commands: a format that this command lacks leaves it at its default."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        value = super().resolve_envvar_value(ctx)
        assert isinstance(self.type, click.Choice)
        return None if value in FORMATS and value not in self.type.choices else value


def output_option(*formats: str) -> Callable[[Function], Function]:
    """-o with these formats, the first by default; one variable for all commands."""
    known = formats or FORMATS
    return click.option(
        "-o",
        "--output",
        cls=_Output,
        type=click.Choice(known),
        default=known[0],
        show_default=True,
        envvar=f"{PREFIX}_OUTPUT",
        show_envvar=True,
        help="How the answer is written.",
    )
