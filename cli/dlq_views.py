"""How dead letters are shown to people: tables, one of them with its content, and what to do about each cause."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cli.output import facts, table
from control.words import ago, counted, exact, number

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from control.dead_letters import Cause, Letter, Opened

#: Characters that are shown of the place at which a record was read.
_LONGEST_PLACE = 48


def causes_table(found: list[Cause], now_ms: int, with_workflow: bool = False) -> Table:
    """Why records were set aside; never with a value of theirs. Without the workflows, it stands under one of them."""
    columns = [
        *([("WORKFLOW", "left"), ("STREAM", "left")] if with_workflow else [("SET ASIDE", "left")]),
        ("CAUSE", "left"),
        ("COUNT", "right"),
        ("NEWEST", "left"),
        ("WHERE", "left"),
        ("WHY", "left"),
    ]
    rows = [
        (
            *([one.workflow] if with_workflow else []),
            one.stream,
            one.kind,
            number(one.count),
            ago(one.newest.dead_ms, now_ms),
            _shortened(one.newest.where),
            one.newest.reason.sentence,
        )
        for one in found
    ]
    return table(columns, rows)


def remedy_lines(found: list[Cause]) -> list[RenderableType]:
    """What to do about each cause, and the command that comes after it."""
    from rich.text import Text

    lines: list[RenderableType] = []
    for one in found:
        lines += [
            "",
            Text(f"{one.kind}, {number(one.count)} of {one.workflow} {one.stream}", style="bold"),
            f"  {one.remedy.sentence}",
            f"  {one.remedy.command}",
        ]
    return lines


def letters_table(found: list[Letter], now_ms: int) -> Table:
    columns = [
        ("WORKFLOW", "left"),
        ("STREAM", "left"),
        ("ID", "left"),
        ("CAUSE", "left"),
        ("SET ASIDE", "left"),
        ("WHERE", "left"),
        ("WHY", "left"),
    ]
    rows = [
        (
            one.workflow,
            one.stream,
            one.id,
            one.kind,
            ago(one.dead_ms, now_ms),
            _shortened(one.reason.place) or "-",
            one.reason.sentence,
        )
        for one in found
    ]
    return table(columns, rows)


def opened_parts(opened: Opened, now_ms: int) -> list[RenderableType]:
    """One letter with its content."""
    letter, content = opened.letter, opened.content
    found: list[tuple[str, Any]] = [
        ("Record", letter.id),
        ("Of", f"{letter.workflow}, {letter.stream}"),
        ("Cause", letter.kind),
        ("Why", letter.reason.sentence),
        *([("Where", letter.reason.place)] if letter.reason.place else []),
        ("Attempts", number(letter.attempts)),
        *([("Queued", _when(opened.queued_ms, now_ms))] if opened.queued_ms is not None else []),
        ("Set aside", _when(letter.dead_ms, now_ms)),
        ("Content", content.what if content else "sealed with a key that is not known here"),
        ("What to do", opened.remedy.sentence),
        ("Then", opened.remedy.command),
    ]
    parts: list[RenderableType] = [facts(found)]
    if content and content.values:
        parts += ["", table([("NAME", "left"), ("VALUE", "left")], [*map(_pair, content.values.items())])]
    return parts


def _pair(item: tuple[str, Any]) -> tuple[str, str]:
    name, value = item
    if value is None or value == "":
        return name, "-"
    return name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _when(at_ms: int, now_ms: int) -> str:
    return f"{exact(at_ms)}, {ago(at_ms, now_ms)}"


def _shortened(place: str) -> str:
    """Positions in a journal are long; programs get the whole."""
    return place if len(place) <= _LONGEST_PLACE else f"{place[: _LONGEST_PLACE - 1]}…"


def ended_sentence(done: int, refused: int) -> str:
    """412 came to a good end; 3 were set aside again."""
    told = [f"{number(done)} came to a good end"] if done or not refused else []
    if refused:
        told.append(f"{number(refused)} {'was' if refused == 1 else 'were'} set aside again")
    return f"{'; '.join(told)}."


def question(count: int, which: str) -> str:
    """What is asked before letters are given up."""
    holds = "it holds" if count == 1 else "they hold"
    return f"Give up {counted(count, 'dead letter')} of {which}? What {holds} is gone then."
