"""Dead letters as plain data for programs: times in ISO 8601 (UTC)."""

from collections.abc import Iterable
from typing import Any

from control.dead_letters.causes import Cause
from control.dead_letters.looking import Opened
from control.dead_letters.selection import Letter
from control.words import iso


def causes_data(found: Iterable[Cause]) -> list[dict[str, Any]]:
    return [
        {
            "workflow": one.workflow,
            "stream": one.stream,
            "cause": one.kind,
            "count": one.count,
            "newest": {
                "at": iso(one.newest.dead_ms),
                "id": one.newest.id,
                "place": one.newest.reason.place or None,
                "why": one.newest.reason.sentence,
            },
            "remedy": one.remedy.sentence,
            "command": one.remedy.command,
        }
        for one in found
    ]


def letter_data(letter: Letter) -> dict[str, Any]:
    return {
        "workflow": letter.workflow,
        "stream": letter.stream,
        "id": letter.id,
        "cause": letter.kind,
        "why": letter.reason.sentence,
        "system": letter.reason.system or None,
        "place": letter.reason.place or None,
        "attempts": letter.attempts,
        "set_aside": iso(letter.dead_ms),
    }


def opened_data(opened: Opened) -> dict[str, Any]:
    content = opened.content
    return {
        **letter_data(opened.letter),
        "version": opened.version,
        "queued": iso(opened.queued_ms),
        "content": content.what if content else None,
        "revealed": content.revealed if content else False,
        "values": dict(content.values) if content else None,
        "remedy": opened.remedy.sentence,
        "command": opened.remedy.command,
    }
