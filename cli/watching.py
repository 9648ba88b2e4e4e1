"""Looks again and again: lines for programs, a live table for people. Outages are waited out.

`workflow watch` lives by it, and so does every command with `watch_options`:

    @watch_options
    def ls(context: Context, output: str, watch: Watch | None) -> None:
        def look() -> Answer: ...
        answered(context, look, as_parts, as_data, output, watch)
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.commands import option
from cli.context import Context
from cli.output import console, draw, say, warn, write

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Seconds between two looks where nothing else is said.
EVERY_SECONDS = 2.0

Answer = TypeVar("Answer")
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Watch:
    """How often is looked, in seconds; and how many times, None: until Ctrl-C."""

    interval: float
    count: int | None = None


def watch_options(function: Function) -> Function:
    """--watch, --interval and --count; the command is given `watch`: None unless it is to look again and again."""

    @functools.wraps(function)
    def packed(*args: Any, watch: bool, interval: float | None, count: int | None, **more: Any) -> Any:
        if not watch and (interval, count) != (None, None):
            raise click.UsageError("--interval and --count are about looking again and again: add --watch.")
        found = Watch(EVERY_SECONDS if interval is None else interval, count) if watch else None
        return function(*args, watch=found, **more)

    for add in (
        option("--count", type=click.IntRange(min=1), metavar="N", help="Of --watch: look so often, then end."),
        option(
            "--interval",
            type=click.FloatRange(min=0.1),
            metavar="SECONDS",
            help=f"Of --watch: how often to look. Default: {EVERY_SECONDS:g}.",
        ),
        option("--watch", is_flag=True, help="Look again and again, until Ctrl-C; for programs with -o jsonl."),
    ):
        packed = add(packed)
    return packed  # type: ignore[return-value]  # it takes what the options give


def answered(
    context: Context,
    look: Callable[[], Answer],
    as_parts: Callable[[Answer], Sequence[RenderableType]],
    as_data: Callable[[Answer], Any],
    output: str,
    watch: Watch | None,
    nothing: str = "",
) -> None:
    """The answer as people or programs want it, once, or again and again as `watched` does.

    `nothing`: what people are told in place of an empty answer.
    """

    def shown(answer: Answer) -> Sequence[RenderableType]:
        return as_parts(answer) if answer or not nothing else [nothing]

    if watch:
        watched(context, look, shown, as_data, output, watch)
        return
    answer = look()
    if output != "table":
        write(as_data(answer), output)
    elif nothing and not answer:
        say(nothing)
    else:
        draw(*as_parts(answer))


def watched(
    context: Context,
    look: Callable[[], Answer],
    as_parts: Callable[[Answer], Sequence[RenderableType]],
    as_data: Callable[[Answer], Any],
    output: str,
    watch: Watch,
) -> None:
    """Until it has looked so often, or Ctrl-C. `as_parts`: what people see; `as_data`: what programs read, a line for
    each item of a list. Raises UsageError for formats that have no end, and what `look` raises at first."""
    if output not in ("table", "jsonl"):
        raise click.UsageError("With --watch the answer has no end: take -o table or -o jsonl.")
    look()  # a wrong name or a missing server is an error at once; later on an outage is waited out
    try:
        if output == "jsonl":
            _lines(context, look, as_data, watch)
        else:
            _live(context, look, as_parts, watch)
    except KeyboardInterrupt:
        return


def _lines(context: Context, look: Callable[[], Answer], as_data: Callable[[Answer], Any], watch: Watch) -> None:
    """An outage is said once."""
    from redis.exceptions import RedisError

    from control.opening import silence

    seen = 0
    silent = False
    while True:
        try:
            answer = look()
        except RedisError as error:
            if not silent:  # said once an outage: the program that reads the lines sees that none come
                warn(silence(context.settings, error))
            silent = True
        else:
            write(as_data(answer), "jsonl")
            sys.stdout.flush()
            silent = False
        seen += 1
        if watch.count is not None and seen >= watch.count:
            return
        time.sleep(watch.interval)


def _live(
    context: Context,
    look: Callable[[], Answer],
    as_parts: Callable[[Answer], Sequence[RenderableType]],
    watch: Watch,
) -> None:
    from redis.exceptions import RedisError
    from rich.console import Group as Rows
    from rich.live import Live
    from rich.text import Text

    from control.opening import silence

    screen = console()
    shown: Sequence[RenderableType] = []
    seen = 0
    with Live(console=screen, auto_refresh=False) if screen.is_terminal else nullcontext() as live:
        while True:
            try:
                shown = as_parts(look())
                trouble = []
            except RedisError as error:
                trouble = [Text(silence(context.settings, error), style="red")]
            if live:
                live.update(Rows(*shown, *trouble), refresh=True)
            else:
                draw(*shown, *trouble)
            seen += 1
            if watch.count is not None and seen >= watch.count:
                return
            time.sleep(watch.interval)
