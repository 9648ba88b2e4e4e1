"""Times as options take them."""

from __future__ import annotations

from typing import overload

import click


@overload
def moment(named: str, text: str, now_ms: int) -> int: ...
@overload
def moment(named: str, text: str | None, now_ms: int) -> int | None: ...
def moment(named: str, text: str | None, now_ms: int) -> int | None:
    """What was given as the option `named`, in ms since 1970; None if it was left out. Raises BadParameter."""
    from control.moments import moment_ms

    if text is None:
        return None
    try:
        return moment_ms(text, now_ms)
    except ValueError:
        raise click.BadParameter(
            f"{text} is no time; write 2026-11-20, 2026-11-21T12:00Z, or 2d for two days ago.", param_hint=named
        ) from None
