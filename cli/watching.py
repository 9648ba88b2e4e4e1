"""Looks at workflows again and again: lines for programs, a live table for people. Outages are waited out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from cli.context import Context
from cli.output import console, draw, warn, write

if TYPE_CHECKING:
    from control.status.workflow import WorkflowStatus

Look = Callable[[], "list[WorkflowStatus]"]


def watch_lines(context: Context, look: Look, interval: float, count: int | None) -> None:
    """A line for each workflow and look; an outage is said once."""
    from redis.exceptions import RedisError

    from control.opening import silence
    from control.status.data import as_data

    seen = 0
    silent = False
    while True:
        try:
            statuses = look()
        except RedisError as error:
            if not silent:  # said once an outage: the program that reads the lines sees that none come
                warn(silence(context.settings, error))
            silent = True
        else:
            write([as_data(status) for status in statuses], "jsonl")
            sys.stdout.flush()
            silent = False
        seen += 1
        if count is not None and seen >= count:
            return
        time.sleep(interval)


def watch_live(context: Context, look: Look, interval: float, count: int | None) -> None:
    from redis.exceptions import RedisError
    from rich.console import Group as Rows
    from rich.console import RenderableType
    from rich.live import Live
    from rich.text import Text

    from cli.watch_table import watch_table
    from cli.workflow_views import note_lines
    from control.opening import silence
    from control.status.notes import notes_of

    screen = console()
    shown: list[RenderableType] = []
    seen = 0
    with Live(console=screen, auto_refresh=False) if screen.is_terminal else nullcontext() as live:
        while True:
            try:
                statuses = look()
                used = [status for status in statuses if status.configured] or statuses
                shown = [watch_table(used, screen.width), *note_lines(notes_of(statuses))]
                trouble = []
            except RedisError as error:
                trouble = [Text(silence(context.settings, error), style="red")]
            if live:
                live.update(Rows(*shown, *trouble), refresh=True)
            else:
                draw(*shown, *trouble)
            seen += 1
            if count is not None and seen >= count:
                return
            time.sleep(interval)
