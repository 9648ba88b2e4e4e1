"""What `workflow watch` and the demonstration show anew each second: a line a workflow, and its streams under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.output import console, fits, table
from cli.workflow_views import note_lines, state_text
from control.words import ago, duration, number, rate

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from cli.output import Cell
    from control.status.progress import Progress
    from control.status.stream import StreamStatus
    from control.status.workflow import WorkflowStatus

#: What a narrow terminal does without, the first first. Records that are parked are shown wherever there are any.
_SPARED = ("BAR", "READ/S", "OLDEST", "SINCE", "REMAINING", "PARKED", "WRITTEN/S")

_LEFT = ("WORKFLOW", "STATE", "SINCE", "PROGRESS")

_BAR_CELLS = 16


def watch_parts(statuses: list[WorkflowStatus]) -> list[RenderableType]:
    """Those that are configured, or all if none is; with what an operator should know under them."""
    from control.status.notes import notes_of

    used = [status for status in statuses if status.configured] or statuses
    return [watch_table(used, console().width), *note_lines(notes_of(statuses))]


def watch_table(statuses: list[WorkflowStatus], width: int) -> Table:
    """The workflows, under each its streams if there are several; fewer columns where `width` characters want it."""
    always = {"PARKED"} if any(status.parked for status in statuses) else set()
    never = set() if any(status.progress for status in statuses) else {"PROGRESS"}
    for spared in range(len(_SPARED) + 1):
        without = never | (set(_SPARED[:spared]) - always)
        lines = [line for status in statuses for line in _lines(status, without)]
        columns = [name for name in lines[0] if name not in without]
        rows = [[line[name] for name in columns] for line in lines]
        if fits(columns, rows, width):
            break
    return table([(name, "left" if name in _LEFT else "right") for name in columns], rows)


def _lines(status: WorkflowStatus, without: set[str]) -> list[dict[str, Cell]]:
    streams = status.streams if len(status.streams) > 1 else ()
    return [_workflow(status, without), *(_stream(stream, status.is_on, without) for stream in streams)]


def _workflow(status: WorkflowStatus, without: set[str]) -> dict[str, Cell]:
    return {
        "WORKFLOW": status.workflow,
        "STATE": state_text(status.state),
        "SINCE": ago(status.since_ms, status.at_ms),
        "BACKLOG": number(status.backlog),
        "PARKED": number(status.parked),
        "OLDEST": duration(status.oldest_seconds),
        "READ/S": rate(status.rate("read")),
        "WRITTEN/S": rate(status.rate("written")),
        "SET ASIDE": number(status.dead),
        "PROGRESS": progress_text(status.progress, without),
    }


def _stream(stream: StreamStatus, is_on: bool, without: set[str]) -> dict[str, Cell]:
    return {
        "WORKFLOW": f"  {stream.stream}",
        "STATE": _doing(stream) if is_on else "",
        "SINCE": "",
        "BACKLOG": number(stream.backlog),
        "PARKED": number(stream.parked),
        "OLDEST": duration(stream.oldest_seconds),
        "READ/S": rate(stream.rates["read"]),
        "WRITTEN/S": rate(stream.rates["written"]),
        "SET ASIDE": number(stream.dead),
        "PROGRESS": progress_text(stream.reading.progress, without),
    }


def _doing(stream: StreamStatus) -> Text:
    from rich.text import Text

    if stream.hold:
        return Text("held", style="bold red")
    comparing = stream.reading.comparing
    return Text("compares" if comparing and comparing.begun else "")


def progress_text(progress: Progress | None, without: set[str]) -> Text:
    """██████░░░░░░░░░░  38%  3 min left"""
    from rich.text import Text

    if progress is None:
        return Text("")
    if progress.fraction is None:
        return Text(f"{progress.done:,} done")
    line = Text()
    if "BAR" not in without:
        filled = int(progress.fraction * _BAR_CELLS)
        # Two signs, so that the bar can be read without colours.
        line.append("█" * filled, style="green").append("░" * (_BAR_CELLS - filled), style="dim").append(" ")
    line.append(f"{progress.fraction:4.0%}")
    if progress.remaining_seconds is not None and "REMAINING" not in without:
        line.append(f"  {duration(progress.remaining_seconds)} left", style="dim")
    return line
