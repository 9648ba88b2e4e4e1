"""How a workflow's status is shown to people: tables, and sentences under them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.output import console, facts, fits, table
from control.words import ago, duration, number

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from cli.output import Cell
    from control.dead_letters import Cause
    from control.status.stream import StreamStatus
    from control.status.tokens import Token
    from control.status.workflow import WorkflowStatus

_STYLES = {"RUNNING": "green", "STARTING": "cyan", "FAILED": "bold red", "STOPPED": "dim"}

#: What a narrow terminal does without in the table of streams, the first first.
_SPARED = ("UNCHANGED", "FILTERED", "OLDEST", "READ", "TOKEN", "LAST READ", "LAST CHANGE", "WRITTEN")


def note_lines(found: list[str]) -> list[RenderableType]:
    """The notes as they stand under a table, after an empty line."""
    from rich.text import Text

    return ["", *(Text(note, style="yellow") for note in found)] if found else []


def state_text(state: str) -> Text:
    from rich.text import Text

    return Text(state, style=_STYLES.get(state, ""))


def list_parts(statuses: list[WorkflowStatus]) -> list[RenderableType]:
    """All of them, and what an operator should know of them."""
    from control.status.notes import notes_of

    return [list_table(statuses), *note_lines(notes_of(statuses))]


def list_table(statuses: list[WorkflowStatus]) -> Table:
    """One line a workflow: what matters at a glance."""
    columns = [
        ("WORKFLOW", "left"),
        ("STATE", "left"),
        ("SINCE", "left"),
        ("BACKLOG", "right"),
        ("PARKED", "right"),
        ("OLDEST", "right"),
        ("SET ASIDE", "right"),
        ("TOKEN", "right"),
    ]
    return table(columns, [_list_row(status) for status in statuses])


def _list_row(status: WorkflowStatus) -> list[RenderableType]:
    return [
        status.workflow,
        state_text(status.state),
        ago(status.since_ms, status.at_ms),
        # Dashes: a workflow that is not configured has nothing to count.
        number(status.backlog if status.configured else None),
        number(status.parked if status.configured else None),
        duration(status.oldest_seconds),
        number(status.dead if status.configured else None),
        _token_text(status.oldest_token),
    ]


_ALARMS = ("", "yellow", "bold red", "bold red")


def _token_text(token: Token | None) -> Text:
    """Its age, coloured as it nears its end."""
    from rich.text import Text

    return Text("-") if token is None else Text(duration(token.age_seconds), style=_ALARMS[token.alarm])


def shown_parts(found: tuple[WorkflowStatus, list[Cause]]) -> list[RenderableType]:
    """All that is known of one workflow, with the causes of its dead letters."""
    from cli.dlq_views import causes_table
    from control.status.notes import notes_of

    status, causes = found
    parts: list[RenderableType] = [facts_table(status)]
    if status.streams:
        parts += ["", streams_table(status, console().width)]
    if sources := sources_table(status):
        parts += ["", sources]
    if causes:
        parts += ["", causes_table(causes, status.at_ms)]
    return [*parts, *note_lines(notes_of([status]))]


def shown_data(found: tuple[WorkflowStatus, list[Cause]]) -> dict[str, Any]:
    """The same for programs."""
    from control.dead_letters.data import causes_data
    from control.status.data import as_data

    status, causes = found
    return {**as_data(status), "causes": causes_data(causes)}


def facts_table(status: WorkflowStatus) -> Table:
    """The workflow itself, a line for each fact."""
    from control.status.telling import facts_of

    found: list[tuple[str, RenderableType]] = [
        ("Workflow", f"{status.workflow} (instance {status.instance})"),
        ("State", state_text(status.state)),
        ("Since", ago(status.since_ms, status.at_ms)),
        ("By", status.by or "-"),
        # Why it has failed stands below, with the workflow's notes.
        *([] if status.state == "FAILED" else [("Why", status.why or "-")]),
    ]
    found += facts_of(status)
    return facts(found)


def streams_table(status: WorkflowStatus, width: int) -> Table:
    """The workflow's streams; on `width` characters, fewer columns if need be."""
    lines = [_stream(stream, status) for stream in status.streams]
    for spared in range(len(_SPARED) + 1):
        columns = [name for name in lines[0] if name not in _SPARED[:spared]]
        rows = [[line[name] for name in columns] for line in lines]
        if fits(columns, rows, width):
            break
    return table([(name, "left" if name in ("STREAM", "READS") else "right") for name in columns], rows)


def sources_table(status: WorkflowStatus) -> Table | None:
    """Where streams read in several places side by side; None if none does."""
    rows = [
        (source.name, ago(source.read_ms, status.at_ms), source.stands)
        for stream in status.streams
        for source in stream.reading.sources
    ]
    return table([("SOURCE", "left"), ("LAST CHANGE", "right"), ("STANDS AT", "left")], rows) if rows else None


def _stream(stream: StreamStatus, status: WorkflowStatus) -> dict[str, Cell]:
    reading = stream.reading
    read = ago(reading.read_ms, status.at_ms)
    aged: dict[str, Cell] = {"TOKEN": _token_text(reading.token), "LAST READ": read, "LAST CHANGE": read}
    return {
        "STREAM": stream.stream if stream.mapped else f"{stream.stream} (not mapped)",
        "BACKLOG": number(stream.backlog),
        status.kind.parked_column: number(stream.parked),
        "OLDEST": duration(stream.oldest_seconds),
        "SET ASIDE": number(stream.dead),
        "READ": number(stream.totals["read"]),
        "WRITTEN": number(stream.totals["written"]),
        "UNCHANGED": number(stream.totals["unchanged"]),
        "FILTERED": number(stream.totals["filtered"]),
        status.kind.aged_column: aged[status.kind.aged_column],
        "READS": _phase(stream, status.is_on),
    }


def _phase(stream: StreamStatus, is_on: bool) -> Text:
    from rich.text import Text

    from control.status.telling import HELD, reads

    what = reads(stream, is_on)
    return Text(what, style="bold red" if what == HELD else "")
