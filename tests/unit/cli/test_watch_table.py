"""What is watched live fits the terminal: what matters least goes first, and nothing is cut."""

from typing import Any

import pytest
from rich.console import Console

from cli.watch_table import watch_table
from control.status.engine import EngineCalls
from control.status.presence import judge
from control.status.progress import Progress
from control.status.reading import Reading
from control.status.stream import StreamStatus
from control.status.workflow import WorkflowStatus
from store.lifecycle import State

COUNTS = dict.fromkeys(("read", "filtered", "written", "unchanged", "again", "refused", "parked"), 12)


def stream(name: str, parked: int) -> StreamStatus:
    found: dict[str, Any] = {
        "mapped": True,
        "waiting": 12_345,
        "leased": 0,
        "delayed": 0,
        "parked": parked,
        "dead": 0,
        "oldest_seconds": 63.0,
        "totals": COUNTS,
        "rates": {what: 1234.0 for what in COUNTS},
        "reading": Reading("full", again=True, progress=Progress(500, 1000, 380, 4000.0)),
        "hold": None,
        "replay": None,
    }
    return StreamStatus(stream=name, **found)


def status(parked: int) -> WorkflowStatus:
    streams = (stream("contact", 0), stream("new_invoiceline", parked))
    return WorkflowStatus(
        workflow="ingress",
        instance="test",
        at_ms=1_800_000_000_000,
        state=State.RUNNING,
        generation=1,
        since_ms=1_799_999_000_000,
        by="ann",
        why="",
        active_revision=1,
        newest_revision=1,
        troubles=(),
        streams=streams,
        pending_replays={},
        engine=EngineCalls(0, 0),
        presence=judge("ingress", [], 0.0, 5.0),
    )


def drawn(width: int, parked: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(watch_table([status(parked)], width))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("parked", [0, 7])
@pytest.mark.parametrize("width", [200, 120, 100, 80, 72])
def test_each_workflow_and_stream_has_one_whole_line_on_a_terminal_of_any_width(width: int, parked: int) -> None:
    lines = drawn(width, parked)
    assert len(lines) == 4  # nothing is wrapped
    assert not any("…" in line for line in lines)
    assert all("38%" in line for line in lines[1:])


def test_what_matters_least_goes_first_and_what_is_parked_stays() -> None:
    assert drawn(200, 0)[0].split() == [
        *("WORKFLOW", "STATE", "SINCE", "BACKLOG", "PARKED", "OLDEST"),
        *("READ/S", "WRITTEN/S", "SET", "ASIDE", "PROGRESS"),
    ]
    assert "█" in drawn(200, 0)[1] and "█" not in drawn(110, 0)[1]
    assert "PARKED" not in drawn(66, 0)[0]
    assert "PARKED" in drawn(72, 7)[0]
