"""How mistakes and warnings about a configuration are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from cli.output import say, warn, write
from control.words import counted

if TYPE_CHECKING:
    from config.problems import Problem


def tell_found(errors: Sequence[Problem], warnings: Sequence[Problem], output: str) -> None:
    """Mistakes are the answer; warnings stand beside it, for programs in it."""
    if output != "table":
        write([_as_data(one, "error") for one in errors] + [_as_data(one, "warning") for one in warnings], output)
        return
    for problem in errors:
        click.echo(str(problem))
    for problem in warnings:
        warn(f"Warning: {problem}")
    if errors:
        say(f"{counted(len(errors), 'mistake')} found.")


def _as_data(problem: Problem, severity: str) -> dict[str, Any]:
    return {**problem._asdict(), "file": problem.file or None, "severity": severity}


def tell_good(sentence: str, output: str, warnings: Sequence[Problem] = ()) -> None:
    """Nothing is wrong."""
    tell_found([], warnings, output)
    if output == "table":
        say(sentence)
