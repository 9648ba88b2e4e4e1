"""How mistakes and warnings about a configuration are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli.output import say, warn, write
from control.words import counted

if TYPE_CHECKING:
    from config.problems import Problem


def tell_found(errors: Sequence[Problem], warnings: Sequence[Problem], output: str) -> None:
    """Mistakes are the answer; warnings stand beside it, for programs in it."""
    if output != "table":
        write(
            [{**one._asdict(), "severity": "error"} for one in errors]
            + [{**one._asdict(), "severity": "warning"} for one in warnings],
            output,
        )
        return
    for problem in errors:
        click.echo(str(problem))
    for problem in warnings:
        warn(f"Warning: {problem}")
    if errors:
        say(f"{counted(len(errors), 'mistake')} found.")


def tell_good(sentence: str, output: str, warnings: Sequence[Problem] = ()) -> None:
    """Nothing is wrong."""
    tell_found([], warnings, output)
    if output == "table":
        say(sentence)
