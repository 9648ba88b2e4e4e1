"""An explanation as plain data for programs; times are ISO 8601 in UTC."""

from dataclasses import asdict
from typing import Any

from control.explain.explanation import Explanation, Happened, Part, Standing
from control.words import iso
from store.ledger import Entry
from store.records import SetAside
from store.whereabouts import Whereabouts


def as_data(found: Explanation) -> dict[str, Any]:
    return {
        "id": found.id,
        "given": found.given,
        "named": list(found.named),
        "revealed": found.revealed,
        "parts": [part_data(part) for part in found.parts],
        "notes": list(found.notes),
    }


def part_data(part: Part) -> dict[str, Any]:
    return {
        "workflow": part.workflow,
        "stream": part.stream,
        "id": part.id,
        "state": part.state,
        "revision": part.revision,
        "verdict": part.verdict,
        "action": part.action,
        **_kept(part.standing),
        "dynamics": asdict(part.source) if part.source else None,
        "filter": {
            "joined": "all" if part.every else "any",
            "conditions": [asdict(one) for one in part.clauses],
        }
        if part.clauses
        else None,
        "fields": [asdict(one) for one in part.lines],
        "links": [asdict(one) for one in part.links],
        "campaign": asdict(part.held) if part.held else None,
        "event": asdict(part.event) if part.event else None,
        "awaited": asdict(part.awaited) if part.awaited else None,
        "troubles": list(part.troubles),
        "next": list(part.next),
    }


def _kept(kept: Standing) -> dict[str, Any]:
    return {
        "waiting": _waiting(kept.waits, kept.retried) if kept.waits else None,
        "set_aside": _letter(kept.set_aside) if kept.set_aside else None,
        "ledger": _entry(kept.entry, kept.confirmed_ms) if kept.entry else None,
        "replayed": kept.repeats,
        "lately": [_happened(one) for one in kept.past],
    }


def _happened(one: Happened) -> dict[str, Any]:
    return {
        "at": iso(one.at_ms),
        "outcome": one.ending.name.lower(),
        "cause": one.cause or None,
        "status": one.status or None,
        "attempts": one.attempts,
        "by": one.by or None,
        "why": one.why or None,
    }


def _waiting(waits: Whereabouts, retried: Happened | None) -> dict[str, Any]:
    return {
        "where": waits.place.value,
        "lane": "live" if waits.lane.name == "LIVE" else "replay",
        "version": waits.version,
        "since": iso(waits.queued_ms),
        "retried": iso(retried.at_ms) if retried else None,
        "attempts": waits.attempts,
        "until": iso(waits.until_ms),
        "parent": {"stream": waits.parent.stream, "id": waits.parent.id} if waits.parent else None,
    }


def _letter(letter: SetAside) -> dict[str, Any]:
    reason = letter.reason
    return {
        "at": iso(letter.dead_ms),
        "cause": reason.kind,
        "why": reason.sentence,
        "system": reason.system or None,
        "place": reason.place or None,
        "attempts": letter.attempts,
    }


def _entry(entry: Entry, confirmed_ms: int | None) -> dict[str, Any]:
    """`read`: then, or later, since a newer version takes the time of one that waits."""
    return {
        "standing": entry.standing.name.lower(),
        "version": entry.version,
        "confirmed": iso(confirmed_ms),
        "read": iso(entry.read_at * 1000) if entry.was_confirmed else None,
    }
