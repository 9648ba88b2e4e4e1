"""How a workflow's status is shown: as plain data for programs, as tables and sentences for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.output import ago, counted, duration, iso, number, rate, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from control.status import Progress, StreamStatus, WorkflowStatus

_STYLES = {"RUNNING": "green", "STARTING": "cyan", "FAILED": "bold red", "STOPPED": "dim"}

#: Columns of a terminal from which on the less important columns of a table are shown.
WIDE, MEDIUM = 96, 66

#: The same for `watch`, which shows more: the progress bar; age and reading; since when; the remaining time.
_FOR_BAR, _FOR_READING, _FOR_SINCE, _FOR_REMAINING = 108, 92, 74, 62

_BAR_CELLS = 16


def as_data(status: WorkflowStatus) -> dict[str, Any]:
    """Everything that is known; times in ISO 8601 (UTC), ages in seconds."""
    return {
        "workflow": status.workflow,
        "instance": status.instance,
        "state": status.state.value,
        "since": iso(status.since_ms),
        "by": status.by,
        "why": status.why,
        "generation": status.generation,
        "revision": {
            "active": status.active_revision,
            "newest": status.newest_revision or None,
            "unapplied": status.unapplied,
        },
        "backlog": status.backlog,
        "oldest_seconds": _round(status.oldest_seconds),
        "failed": status.dead,
        "read_per_second": _round(status.rate("read")),
        "written_per_second": _round(status.rate("written")),
        "progress": _progress_data(status.progress),
        "troubles": [
            {
                "where": trouble.where,
                "since": iso(trouble.since_ms),
                "times": trouble.times,
                "next_try": iso(trouble.until_ms),
                "sentence": trouble.sentence,
            }
            for trouble in status.troubles
        ],
        "workers": {
            "alive": status.presence.workers,
            "slots": status.presence.slots,
            "beats": status.presence.beats,
            "answer": status.presence.answers,
            "unserved_queues": list(status.presence.unserved),
            "last_tick_seconds": _round(status.presence.ticked_seconds),
        },
        "streams": [_stream_data(stream) for stream in status.streams],
        "notes": notes(status),
    }


def _stream_data(stream: StreamStatus) -> dict[str, Any]:
    return {
        "stream": stream.stream,
        "mapped": stream.mapped,
        "waiting": stream.waiting,
        "leased": stream.leased,
        "delayed": stream.delayed,
        "failed": stream.dead,
        "oldest_seconds": _round(stream.oldest_seconds),
        "totals": stream.totals,
        "per_second": {what: round(value, 1) for what, value in stream.rates.items()},
        "phase": stream.phase,
        "progress": _progress_data(stream.progress),
        "token_age_seconds": _round(stream.token_age_seconds),
    }


def _progress_data(progress: Progress | None) -> dict[str, Any] | None:
    if progress is None:
        return None
    return {
        "read": progress.read,
        "done": progress.done,
        "expected": progress.expected,
        "fraction": None if progress.fraction is None else round(progress.fraction, 4),
        "remaining_seconds": _round(progress.remaining_seconds),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def notes(status: WorkflowStatus) -> list[str]:
    """What an operator should know beyond the numbers, the most pressing first. One sentence each."""
    name, found = status.workflow, []
    if status.state == "FAILED":
        found.append(f"{name} failed: {_sentence(status.why)}")
    if status.absence:
        found.append(f"{name}: {status.absence}")
    for trouble in status.troubles:
        if status.is_on:
            since = duration(max(0, status.at_ms - trouble.since_ms) / 1000)
            tried = f", tried {trouble.times:,} times" if trouble.times > 1 else ""
            found.append(f"{name} waits at {trouble.where} for {since}{tried}: {_sentence(trouble.sentence)}")
    if status.unapplied:
        found.append(unapplied_note(status))
    if not status.newest_revision:
        found.append(f"{name} has no configuration yet; save one with: d365acs config apply FILE")
    if status.dead:
        were = "record was" if status.dead == 1 else "records were"
        found.append(f"{name}: {status.dead:,} {were} refused and set aside; the others go on.")
    return found


def note_lines(found: list[str]) -> list[RenderableType]:
    """The notes as they stand under a table, after an empty line."""
    from rich.text import Text

    return ["", *(Text(note, style="yellow") for note in found)] if found else []


def unapplied_note(status: WorkflowStatus) -> str:
    """The warning from the moment of an edit until the next stop and start."""
    return (
        f"{status.workflow}: saved changes are not running yet (revision {status.active_revision} runs, "
        f"{status.newest_revision} is saved); stop and start it to apply them."
    )


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}." if text else "no reason was given."


def state_text(state: str) -> Text:
    from rich.text import Text

    return Text(state, style=_STYLES.get(state, ""))


def list_table(statuses: list[WorkflowStatus]) -> Table:
    columns = [
        ("WORKFLOW", "left"),
        ("STATE", "left"),
        ("SINCE", "left"),
        ("BACKLOG", "right"),
        ("OLDEST", "right"),
        ("FAILED", "right"),
    ]
    return table(columns, [_list_row(status) for status in statuses])


def _list_row(status: WorkflowStatus) -> list[RenderableType]:
    return [
        status.workflow,
        state_text(status.state),
        ago(status.since_ms, status.at_ms),
        number(status.backlog),
        duration(status.oldest_seconds),
        number(status.dead),
    ]


def facts_table(status: WorkflowStatus) -> Table:
    """The workflow itself, a line for each fact."""
    presence = status.presence
    facts: list[tuple[str, RenderableType]] = [
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
    ]
    drawn = table([("", "left"), ("", "left")], facts)
    drawn.show_header = False
    drawn.columns[0].style = "dim"
    drawn.columns[0].no_wrap = True
    return drawn


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
    columns = [("STREAM", "left"), ("BACKLOG", "right"), ("OLDEST", "right"), ("FAILED", "right")]
    if width >= MEDIUM:
        columns += [("READ", "right"), ("WRITTEN", "right"), ("UNCHANGED", "right")]
    if width >= WIDE:
        columns += [("READS", "left"), ("TOKEN", "right")]
    rows: list[list[RenderableType]] = []
    for stream in status.streams:
        row: list[RenderableType] = [
            stream.stream if stream.mapped else f"{stream.stream} (not mapped)",
            number(stream.backlog),
            duration(stream.oldest_seconds),
            number(stream.dead),
        ]
        if width >= MEDIUM:
            row += [number(stream.totals[what]) for what in ("read", "written", "unchanged")]
        if width >= WIDE:
            row += [_phase(stream), duration(stream.token_age_seconds)]
        rows.append(row)
    return table(columns, rows)


def _phase(stream: StreamStatus) -> str:
    return {None: "nothing yet", "full": "everything", "changes": "changes"}[stream.phase]


def watch_table(statuses: list[WorkflowStatus], width: int) -> Table:
    """What `watch` shows anew each second: a line for each workflow, and for its streams if there are several."""
    shown = {
        "SINCE": width >= _FOR_SINCE,
        "OLDEST": width >= _FOR_READING,
        "READ/S": width >= _FOR_READING,
        "PROGRESS": any(status.progress for status in statuses),
    }
    lines = []
    for status in statuses:
        lines.append(_workflow_line(status, width))
        if len(status.streams) > 1:
            lines += [_stream_line(stream, width) for stream in status.streams]
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
        "OLDEST": duration(status.oldest_seconds),
        "READ/S": rate(status.rate("read")),
        "WRITTEN/S": rate(status.rate("written")),
        "FAILED": number(status.dead),
        "PROGRESS": progress_text(status.progress, width),
    }


def _stream_line(stream: StreamStatus, width: int) -> dict[str, RenderableType]:
    return {
        "WORKFLOW": f"  {stream.stream}",
        "STATE": "",
        "SINCE": "",
        "BACKLOG": number(stream.backlog),
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
