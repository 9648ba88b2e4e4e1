"""d365acs sandbox: a pretend Dynamics and Campaign on this machine."""

import os
import sys

import click

from cli.commands import Group


@click.group(cls=Group, example="d365acs sandbox up")
def sandbox() -> None:
    """Rehearse with a pretend Dynamics and a pretend Campaign on this machine."""


@sandbox.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    example="d365acs sandbox up --contacts 1000 -o json\nd365acs sandbox up --help",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def up(arguments: tuple[str, ...]) -> None:
    """Start the servers of both, with Campaign's event journal and SFTP. Their addresses and credentials are printed,
    the secrets last, as lines to paste. Ctrl-C ends them.

    All arguments are handed to the sandbox, whose own help says which there are.
    """
    sys.stdout.flush()
    # The sandbox shares no code with the product, so that it cannot share a misunderstanding: another program.
    environment = {**os.environ, "SANDBOX_COMMAND": "d365acs sandbox"}
    os.execve(sys.executable, [sys.executable, "-m", "sandbox", "up", *arguments], environment)
