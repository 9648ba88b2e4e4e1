"""How rehearsals and previews are shown: what would become of the records, why, and what that takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cli.context import Context
from cli.output import draw, table, write
from cli.progress import progress
from control.words import counted, duration, finished, number

if TYPE_CHECKING:
    from rich.console import RenderableType

    from control.rehearsal import Preview, Rehearsal, Tally
    from control.rehearsal.previewing import FieldPreview


def rehearsed_start(context: Context, workflow_name: str, limit: int | None, exact: bool, output: str) -> None:
    """`workflow start --dry-run`."""
    from control.rehearsal import rehearse_start
    from control.rehearsal.data import rehearsal_data

    with progress("Rehearsing") as look:
        found = rehearse_start(context.unsealed, workflow_name, context.settings.read_page_size, limit, exact, look)
    if output != "table":
        write(rehearsal_data(found), output)
        return
    draw(*rehearsal_parts(found))


def rehearsed_replay(
    context: Context,
    table_name: str,
    since_ms: int | None,
    until_ms: int | None,
    where: Sequence[str],
    ids: Iterable[str] | None,
    rate: float | None,
    output: str,
) -> None:
    """`replay create --dry-run`."""
    from control.rehearsal import rehearse_replay
    from control.rehearsal.data import rehearsal_data

    named = None if ids is None else [line for line in map(str.strip, ids) if line]
    with progress("Rehearsing") as look:
        found = rehearse_replay(
            *(context.store, table_name, context.settings.read_page_size, since_ms, until_ms, where, named),
            rate=rate,
            look=look,
        )
    if output != "table":
        write(rehearsal_data(found), output)
        return
    draw(*rehearsal_parts(found))


def rehearsal_parts(found: Rehearsal) -> list[RenderableType]:
    parts: list[RenderableType] = [_fates(list(found.tallies))]
    for tally in found.tallies:
        if told := [*_told(tally)]:
            parts += ["", *told]
    parts += ["", _takes(found)]
    return parts


_COLUMNS = [
    ("TABLE", "left"),
    ("RECORDS", "right"),
    ("CREATE", "right"),
    ("UPDATE", "right"),
    ("DELETE", "right"),
    ("UNCHANGED", "right"),
    ("FILTERED", "right"),
    ("WAITS", "right"),
    ("INVALID", "right"),
    ("ENGINE CALLS", "right"),
    ("READS", "left"),
]


def _fates(tallies: list[Tally]) -> RenderableType:
    from control.rehearsal.counting import Fate

    rows = [
        (
            tally.table,
            number(tally.rows),
            *(number(tally.fates[fate]) for fate in Fate),
            number(tally.engine_calls),
            tally.reads if tally.is_whole else f"the first {number(tally.rows)} of {tally.reads}",
        )
        for tally in tallies
    ]
    return table(_COLUMNS, rows)


def _told(tally: Tally) -> Iterator[str]:
    """What the numbers do not say."""
    from control.rehearsal.counting import Fate

    if not tally.is_whole and tally.expected:
        yield f"{tally.table}: Dynamics has about {counted(tally.expected, 'record')}."
    if tally.queued:
        waits = "waits" if tally.queued == 1 else "wait"
        yield f"{tally.table}: {counted(tally.queued, 'record')} of these {waits} on the queue already."
    for fate in Fate:
        if ids := tally.examples.get(fate):
            yield f"{tally.table}, {fate.value}, such as: {', '.join(ids)}"
    for reason, count in tally.reasons.most_common():
        yield f"{tally.table}, {counted(count, 'record')}: {finished(reason)}"
    if tally.looked and tally.looked.records:
        looked = tally.looked
        yield (
            f"{tally.table}: of {counted(looked.records, 'record')} to be written that {_were(looked.records)} looked "
            f"up, Campaign has {number(looked.there)}."
        )
        if looked.doubles:
            yield f"{tally.table}: {number(looked.doubles)} of these it has more than once; merge them in Campaign."
        for name, count in looked.fields.most_common():
            yield f"{tally.table}: {name} would change in {number(count)} of these."
    for note in tally.notes:
        yield f"{tally.table}: {note}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _takes(found: Rehearsal) -> str:
    if found.estimate is None:
        calls = all(tally.calls_engine for tally in found.tallies)
        return "Nothing would be written." if calls else "Campaign is not written to. Nothing was written to Dynamics."
    return (
        f"That is {counted(found.engine_calls, 'engine call')}, in {counted(found.requests, 'request')} to Campaign at "
        f"most: about {duration(max(1.0, found.estimate.seconds))}, at {found.estimate.basis}. Nothing was written."
    )


def preview_parts(found: Preview) -> list[RenderableType]:
    from rich.text import Text

    columns = [
        ("FROM", "left"),
        ("TO", "left"),
        ("FILLED", "right"),
        ("REPLACED", "right"),
        ("UNFIT", "right"),
        ("SUCH AS", "left"),
        ("WRITTEN", "left"),
    ]
    parts: list[RenderableType] = [table(columns, [_row(one) for one in found.fields])]
    misfits = [one.misfit for one in found.fields if one.misfit]
    if misfits:
        parts += ["", *(Text(sentence, style="yellow") for sentence in misfits)]
    parts += ["", _fates([found.tally])]
    if told := [*_told(found.tally)]:
        parts += ["", *told]
    if found.reads_anew:
        parts += [
            "",
            f"With the next start {found.tally.table} is read anew as a whole, since the mapping has changed.",
        ]
    return parts


def _row(one: FieldPreview) -> tuple[str, ...]:
    example = one.example
    return (
        one.source,
        one.target,
        number(one.filled),
        number(one.replaced),
        number(one.unfit),
        _value(example.value) if example else "-",
        _value(example.result) if example else "-",
    )


def _value(value: object) -> str:
    if value is None or value == "":
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
