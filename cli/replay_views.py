"""How replays are shown to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.output import facts, table
from control.replays.naming import words
from control.words import ago, counted, duration, number, rate

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from control.replays import Listed


def replays_table(found: Sequence[Listed], now_ms: int) -> Table:
    """One line a replay."""
    columns = [
        ("REPLAY", "left"),
        ("STATE", "left"),
        ("LEFT", "right"),
        ("OF", "left"),
        ("ASKED", "left"),
        ("BEGAN", "left"),
        ("BY", "left"),
        ("WHY", "left"),
    ]
    rows = [
        (
            one.name,
            one.words,
            duration(one.remaining_seconds),
            words(one.replay.only) or "all",
            ago(one.replay.asked_ms, now_ms),
            ago(one.replay.began_ms, now_ms),
            one.replay.by,
            one.replay.why or "-",
        )
        for one in found
    ]
    return table(columns, rows)


def replay_facts(one: Listed, now_ms: int) -> Table:
    """One of them, a line for each fact."""
    replay = one.replay
    told: list[tuple[str, RenderableType]] = [
        ("Replay", f"{one.name} ({one.workflow})" if one.name != one.workflow else one.name),
        ("State", one.words),
        ("Of", words(replay.only) or "all"),
    ]
    if replay.paused_ms is not None:
        told.append(("Paused", ago(replay.paused_ms, now_ms)))
    if one.queued is not None:
        told.append(("To be written", f"{number(one.queued)} of {number(one.read or 0)} read"))
    if replay.ids is not None:
        told.append(("Not in Dynamics", counted(one.missing, "id")))
    if one.per_second is not None:
        pace = f"{rate(one.per_second)} a second"
        left = f", about {duration(one.remaining_seconds)} left" if one.remaining_seconds is not None else ""
        told.append(("Written", f"{number(one.waiting)} to go, {pace}{left}"))
    told += [
        ("Asked", f"{ago(replay.asked_ms, now_ms)} by {replay.by}"),
        ("Why", replay.why or "-"),
        ("Began", ago(replay.began_ms, now_ms)),
    ]
    if replay.ended_ms is not None:
        told.append(("Ended", ago(replay.ended_ms, now_ms)))
    return facts(told)
