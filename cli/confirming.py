"""Asks before something is done that cannot simply be done again."""

import click

from cli.editing import on_terminal


def confirm(question: str, yes: bool) -> None:
    """Goes on if the operator agrees; `yes`: already has. Raises ClickException, and UsageError where nobody is there
    to be asked."""
    if yes:
        return
    if not on_terminal():
        raise click.UsageError("Nobody is there to be asked; add --yes.")
    if not click.confirm(question, default=False, err=True):
        raise click.ClickException("Nothing is changed.")
