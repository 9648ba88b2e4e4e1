"""Says on a terminal how far a long command has come; elsewhere nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.output import console


@contextmanager
def progress(doing: str) -> Iterator[Callable[[int, int], object]]:
    """Retrying: 12,500 of 100,000"""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda done, total: None
        return
    with screen.status(doing) as line:
        yield lambda done, total: line.update(f"{doing}: {done:,} of {total:,}")
