"""Replays as programs read them."""

from collections.abc import Sequence
from typing import Any

from control.replays.asked import Asked
from control.replays.listing import Listed
from control.words import iso


def asked_data(asked: Asked) -> dict[str, Any]:
    """A request as it was put."""
    return {
        "workflow": asked.workflow,
        "table": asked.name if asked.name != asked.workflow else None,
        "of": asked.window or None,
        "new": asked.new,
        "began": asked.began,
        "message": asked.sentence,
        "warnings": list(asked.warnings),
    }


def replays_data(found: Sequence[Listed]) -> list[dict[str, Any]]:
    return [replay_data(one) for one in found]


def replay_data(one: Listed) -> dict[str, Any]:
    replay = one.replay
    return {
        "workflow": one.workflow,
        "table": one.name if one.name != one.workflow else None,
        "state": one.stage.value,
        "since": iso(replay.since_ms),
        "until": iso(replay.until_ms),
        "where": list(replay.where),
        "ids": replay.ids.count if replay.ids else None,
        "rate": replay.rate,
        "read": one.read,
        "expected": one.expected,
        "queued": one.queued,
        "missing": one.missing,
        "waiting": one.waiting,
        "per_second": one.per_second,
        "remaining_seconds": one.remaining_seconds,
        "asked": iso(replay.asked_ms),
        "began": iso(replay.began_ms),
        "paused": iso(replay.paused_ms),
        "all_read": iso(replay.over_ms),
        "ended": iso(replay.ended_ms),
        "by": replay.by,
        "why": replay.why,
    }
