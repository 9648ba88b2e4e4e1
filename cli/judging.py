"""Holds a configuration against both live systems and tells what does not fit, each at its line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.context import Context

if TYPE_CHECKING:
    from config.document import Document
    from config.problems import Problem


def judge_file(context: Context, file: Path | None, document: Document, output: str) -> None:
    """Tells how a configuration fits the live systems; `file`: where it stands, None: in the store."""
    from cli.problems import tell_found, tell_good
    from config.yaml_lines import read_tree
    from control.judging import Misfit, judge
    from control.live import systems_of

    if document.ingress is None:
        tell_good("Nothing is mapped.", output)
        return
    with systems_of(document.connections, context.store) as systems:
        found = judge(document.ingress, systems)
    text, name = _text_and_name(file, document)
    tree = read_tree(text)

    def problem(one: Misfit) -> Problem:
        from config.problems import Problem

        return Problem(name, tree.line(one.place), ".".join(map(str, one.place)), one.sentence)

    errors = sorted((problem(one) for one in found.errors), key=lambda one: one.line)
    warnings = sorted((problem(one) for one in found.warnings), key=lambda one: one.line)
    if errors:
        tell_found(errors, warnings, output)
        raise click.exceptions.Exit(1)
    count = len(document.ingress.tables)
    tell_good(f"{f'{count} mappings fit' if count != 1 else 'The mapping fits'} both live systems.", output, warnings)


def _text_and_name(file: Path | None, document: Document) -> tuple[str, str]:
    """A saved configuration has the lines that `config export` prints."""
    from config.document import dump

    return (file.read_text(encoding="utf-8-sig"), str(file)) if file else (dump(document), "saved configuration")
