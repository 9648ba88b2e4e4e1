"""Writes answers: a table for people, JSON, JSON lines or YAML for programs. All else goes to stderr."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    Cell: TypeAlias = str | Text

#: Between two columns.
_GAP = "  "

#: Characters a line may have where nobody's terminal sets the limit: a pipe or a file is never wrapped.
UNLIMITED = 10_000


def write(answer: Any, output: str) -> None:
    """The answer as json, jsonl (one line for each item) or yaml."""
    if output == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    elif output == "jsonl":
        for item in answer if isinstance(answer, list) else [answer]:
            click.echo(json.dumps(item, ensure_ascii=False))
    else:
        import yaml

        click.echo(yaml.safe_dump(answer, sort_keys=False, allow_unicode=True, width=100), nl=False)


def stream_out(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], output: str) -> None:
    """Rows as they come, however many, as csv (with a line of the columns) or jsonl. Nothing is an empty field there
    and null here."""
    stream = sys.stdout
    if output == "jsonl":
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    lines = csv.writer(stream, lineterminator="\n")
    lines.writerow(columns)
    for row in rows:
        lines.writerow([_cell(row[name]) for name in columns])


def _cell(value: Any) -> Any:
    """True and False as all programs have them."""
    return str(value).lower() if isinstance(value, bool) else value


def say(sentence: str) -> None:
    """A word to the operator, beside the answer."""
    click.echo(sentence, err=True)


def warn(sentence: str, colour: str = "yellow") -> None:
    click.secho(sentence, fg=colour, err=True, color=False if _plain() else None)


def _plain() -> bool:
    """NO_COLOR (no-color.org): then nothing is coloured, nor bold, nor dimmed."""
    return bool(os.environ.get("NO_COLOR"))


def console(stderr: bool = False) -> Console:
    """Where tables are drawn: as wide as the terminal, as wide as needed elsewhere, without colours there."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else UNLIMITED
    return Console(
        file=stream,
        highlight=False,
        soft_wrap=False,
        width=width,
        emoji=False,
        markup=False,
        color_system=None if _plain() else "auto",
    )


def draw(*parts: RenderableType) -> None:
    """Writes tables and texts to stdout; without the blanks that fill up a table's last column where it is piped."""
    screen = console()
    if not parts:
        return
    if screen.is_terminal:
        screen.print(*parts, sep="\n")
        return
    with screen.capture() as captured:
        screen.print(*parts, sep="\n")
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def fits(columns: Sequence[str], rows: Iterable[Sequence[Cell]], width: int) -> bool:
    """Whether the table of these columns needs no more than `width` characters a line."""
    widest = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    return sum(widest) + len(_GAP) * (len(widest) - 1) <= width


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> Table:
    """A calm table: no lines, headers dimmed. `columns` are (header, justify); cells are texts or rich renderables."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="dim")
    for header, justify in columns:
        # Numbers and names are cut rather than broken in two; a sentence, in the last column, is wrapped.
        whole = justify == "right" or len(drawn.columns) < len(columns) - 1
        drawn.add_column(header, justify=justify, no_wrap=whole)  # type: ignore[arg-type]  # a narrower text type
    for row in rows:
        drawn.add_row(*row)
    return drawn


def facts(found: Sequence[tuple[str, RenderableType]]) -> Table:
    """What is known of one thing, a line for each fact."""
    drawn = table([("", "left"), ("", "left")], found)
    drawn.show_header = False
    drawn.columns[0].style = "dim"
    drawn.columns[0].no_wrap = True
    return drawn
