"""How a workflow's status is shown to people: tables, and sentences under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.output import facts, table
from control.words import ago, counted, duration, number, rate

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from control.progress import Progress
    from control.status import WorkflowStatus
    from control.stream_status import StreamStatus
    from control.tokens import Token

_STYLES = {"RUNNING": "green", "STARTING": "cyan", "FAILED": "bold red", "STOPPED": "dim"}

#: Columns of a terminal from which on the less important columns of a table are shown.
WIDE, MEDIUM = 96, 66

#: The same for `watch`, which shows more: the progress bar; age and reading; since when; the remaining time.
_FOR_BAR, _FOR_READING, _FOR_SINCE, _FOR_REMAINING = 108, 92, 74, 62

_BAR_CELLS = 16


def note_lines(found: list[str]) -> list[RenderableType]:
    """The notes as they stand under a table, after an empty line."""
    from rich.text import Text

    return ["", *(Text(note, style="yellow") for note in found)] if found else []


def state_text(state: str) -> Text:
    from rich.text import Text

    return Text(state, style=_STYLES.get(state, ""))


def list_table(statuses: list[WorkflowStatus]) -> Table:
    """One line a workflow: what matters at a glance."""
    columns = [
        ("WORKFLOW", "left"),
        ("STATE", "left"),
        ("SINCE", "left"),
        ("BACKLOG", "right"),
        ("PARKED", "right"),
        ("OLDEST", "right"),
        ("FAILED", "right"),
        ("TOKEN", "right"),
    ]
    return table(columns, [_list_row(status) for status in statuses])


def _list_row(status: WorkflowStatus) -> list[RenderableType]:
    return [
        status.workflow,
        state_text(status.state),
        ago(status.since_ms, status.at_ms),
        number(status.backlog),
        number(status.parked),
        duration(status.oldest_seconds),
        number(status.dead),
        _token_text(status.oldest_token),
    ]


_ALARMS = ("", "yellow", "bold red", "bold red")


def _token_text(token: Token | None) -> Text:
    """Its age, coloured as it nears its end."""
    from rich.text import Text

    return Text("-") if token is None else Text(duration(token.age_seconds), style=_ALARMS[token.alarm])


def facts_table(status: WorkflowStatus) -> Table:
    """The workflow itself, a line for each fact."""
    presence = status.presence
    found: list[tuple[str, RenderableType]] = [
        ("Workflow", f"{status.workflow} (instance {status.instance})"),
        ("State", state_text(status.state)),
        ("Since", ago(status.since_ms, status.at_ms)),
        ("By", status.by or "-"),
        ("Why", status.why or "-"),
        ("Generation", str(status.generation)),
        ("Revision", _revision(status)),
        (
            "Processes",
            f"{counted(presence.workers, 'worker')} ({counted(presence.slots, 'slot')}), "
            f"{counted(presence.beats, 'beat')}",
        ),
        ("Last tick", "never" if presence.ticked_seconds is None else f"{duration(presence.ticked_seconds)} ago"),
        ("Engine calls", f"{status.engine.today:,} today, {status.engine.period:,} in 30 days"),
    ]
    return facts(found)


def _revision(status: WorkflowStatus) -> str:
    if not status.newest_revision:
        return "none saved"
    if status.active_revision is None:
        return f"{status.newest_revision} saved, none active yet"
    if status.newest_revision == status.active_revision:
        return f"{status.active_revision}"
    return f"{status.active_revision} active, {status.newest_revision} saved"


def streams_table(status: WorkflowStatus, width: int) -> Table:
    """The workflow's streams; fewer columns on a narrow terminal."""
    columns = [("STREAM", "left"), ("BACKLOG", "right"), ("PARKED", "right"), ("OLDEST", "right"), ("FAILED", "right")]
    if width >= MEDIUM:
        columns += [("READ", "right"), ("WRITTEN", "right"), ("UNCHANGED", "right")]
    if width >= WIDE:
        columns += [("FILTERED", "right"), ("TOKEN", "right"), ("READS", "left")]
    rows: list[list[RenderableType]] = []
    for stream in status.streams:
        row: list[RenderableType] = [
            stream.stream if stream.mapped else f"{stream.stream} (not mapped)",
            number(stream.backlog),
            number(stream.parked),
            duration(stream.oldest_seconds),
            number(stream.dead),
        ]
        if width >= MEDIUM:
            row += [number(stream.totals[what]) for what in ("read", "written", "unchanged")]
        if width >= WIDE:
            row += [number(stream.totals["filtered"]), _token_text(stream.token), _phase(stream, status.is_on)]
        rows.append(row)
    return table(columns, rows)


def _phase(stream: StreamStatus, is_on: bool) -> Text:
    from rich.text import Text

    if stream.hold and is_on:
        return Text("held", style="bold red")
    phase = {None: "nothing yet", "full": "everything", "changes": "changes"}[stream.phase]
    pending = stream.replay is not None and stream.replay.began_ms is None
    return Text(f"{phase}, replay pending" if pending else phase)


def watch_table(statuses: list[WorkflowStatus], width: int) -> Table:
    """What `watch` shows anew each second: a line for each workflow, and for its streams if there are several."""
    shown = {
        "SINCE": width >= _FOR_SINCE,
        "PARKED": any(status.parked for status in statuses),
        "OLDEST": width >= _FOR_READING,
        "READ/S": width >= _FOR_READING,
        "PROGRESS": any(status.progress for status in statuses),
    }
    lines = []
    for status in statuses:
        lines.append(_workflow_line(status, width))
        if len(status.streams) > 1:
            lines += [_stream_line(stream, status.is_on, width) for stream in status.streams]
    left = ("WORKFLOW", "STATE", "SINCE", "PROGRESS")
    columns = [name for name in lines[0] if shown.get(name, True)]
    return table(
        [(name, "left" if name in left else "right") for name in columns],
        [[line[name] for name in columns] for line in lines],
    )


def _workflow_line(status: WorkflowStatus, width: int) -> dict[str, RenderableType]:
    return {
        "WORKFLOW": status.workflow,
        "STATE": state_text(status.state),
        "SINCE": ago(status.since_ms, status.at_ms),
        "BACKLOG": number(status.backlog),
        "PARKED": number(status.parked),
        "OLDEST": duration(status.oldest_seconds),
        "READ/S": rate(status.rate("read")),
        "WRITTEN/S": rate(status.rate("written")),
        "FAILED": number(status.dead),
        "PROGRESS": progress_text(status.progress, width),
    }


def _stream_line(stream: StreamStatus, is_on: bool, width: int) -> dict[str, RenderableType]:
    from rich.text import Text

    return {
        "WORKFLOW": f"  {stream.stream}",
        "STATE": Text("held", style="bold red") if stream.hold and is_on else "",
        "SINCE": "",
        "BACKLOG": number(stream.backlog),
        "PARKED": number(stream.parked),
        "OLDEST": duration(stream.oldest_seconds),
        "READ/S": rate(stream.rates["read"]),
        "WRITTEN/S": rate(stream.rates["written"]),
        "FAILED": number(stream.dead),
        "PROGRESS": progress_text(stream.progress, width),
    }


def progress_text(progress: Progress | None, width: int) -> Text:
    """██████░░░░░░░░░░  38%  3 min left"""
    from rich.text import Text

    if progress is None:
        return Text("")
    if progress.fraction is None:
        return Text(f"{progress.done:,} done")
    line = Text()
    if width >= _FOR_BAR:
        filled = int(progress.fraction * _BAR_CELLS)
        # Two signs, so that the bar can be read without colours.
        line.append("█" * filled, style="green").append("░" * (_BAR_CELLS - filled), style="dim").append(" ")
    line.append(f"{progress.fraction:4.0%}")
    if progress.remaining_seconds is not None and width >= _FOR_REMAINING:
        line.append(f"  {duration(progress.remaining_seconds)} left", style="dim")
    return line
