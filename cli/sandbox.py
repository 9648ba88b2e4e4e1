"""d365acs sandbox: pretend Dynamics and Campaign servers on this machine."""

import os
import sys

import click

from cli.commands import Group


@click.group(cls=Group, example="d365acs sandbox up")
def sandbox() -> None:
    """Rehearse with pretend Dynamics and Campaign servers on this machine."""


@sandbox.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    example="d365acs sandbox up --contacts 1000 -o json\nd365acs sandbox up --help",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def up(arguments: tuple[str, ...]) -> None:
    """Start both servers; their addresses and credentials are printed. Ctrl-C ends them.

    All arguments are handed to the sandbox, whose own help says which there are.
    """
    sys.stdout.flush()
    # The sandbox shares no code with the product, so that it cannot share a misunderstanding: another program.
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", "up", *arguments])
