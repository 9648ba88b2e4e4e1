"""How decisions about consent are shown: in sentences to people, as data to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.output import facts, table
from control.consent.record import precise, row
from control.consent.words import SYSTEMS, answered_sentence, changed, channel, in_doubt, sentences, value
from control.words import ago, counted, exact

if TYPE_CHECKING:
    from rich.console import RenderableType

    from control.consent.explaining import Explanation, Waiting
    from control.consent.record import Amount
    from store.consent import Decision
    from sync.consent.memory import FlagMemory, Memory, Written
    from sync.consent.rule import Seen


def explained(found: Explanation) -> list[RenderableType]:
    """One contact, for people."""
    from rich.text import Text

    parts: list[RenderableType] = [Text(f"Contact {found.contact}", style="bold")]
    if not (found.decisions or found.waiting or found.set_aside):
        parts += ["", "Nothing was decided about it: both systems agreed, or it is older than what is kept."]
    for decision in found.decisions:
        parts += ["", Text(_headline(decision), style="bold")]
        parts += [Text(f"  {sentence}") for sentence in sentences(decision)]
    if found.seen is not None and found.seen.flags:
        parts += ["", Text("What was seen last", style="bold"), _seen_table(found, found.seen)]
    parts += ["", *(Text(sentence, style="yellow") for sentence in _pending(found))] if _pending(found) else []
    return parts


def _headline(decision: Decision) -> str:
    with_column = f", in Dynamics {decision.column}" if decision.column else ""
    return f"{exact(decision.decided_ms)}  {channel(decision.flag)}{with_column}"


def _seen_table(found: Explanation, seen: Memory) -> RenderableType:
    columns = [("FLAG", "left"), ("DYNAMICS", "left"), ("SINCE", "left"), ("CAMPAIGN", "left"), ("SINCE", "left")]
    return table(columns, [(flag, *_sides(one)) for flag, one in seen.flags.items()])


def _sides(one: FlagMemory) -> tuple[str, ...]:
    return tuple(cell for side in (one.dynamics, one.campaign) for cell in (value(side.opted_out), _since(side)))


def _since(seen: Seen) -> str:
    return changed(seen.at_ms, seen.after_ms)


def _pending(found: Explanation) -> list[str]:
    """What somebody sets back, what waits, and what was set aside."""
    told = [_answered(flag, one.written, found.now_ms) for flag, one in _written(found) if one.written]
    told += [_waits(found.waiting)] if found.waiting else []
    if letter := found.set_aside:
        tries = counted(letter.attempts, "attempt")
        told.append(
            f"A change was set aside on {exact(letter.dead_ms)} after {tries} ({letter.reason.kind}): "
            f"{letter.reason.sentence.rstrip('.')}."
        )
    return told


def _written(found: Explanation) -> list[tuple[str, FlagMemory]]:
    """Flags that somebody has set back again and again of late."""
    flags = found.seen.flags.items() if found.seen else ()
    return [(flag, one) for flag, one in flags if one.written and one.written.is_answered_at(found.now_ms)]


def _answered(flag: str, written: Written, now_ms: int) -> str:
    to = SYSTEMS[written.to.value]
    told = (
        f"{channel(flag)}: {value(written.opted_out)} was written to {to} {written.many} times for one and the same "
        f"change, last on {exact(written.last_ms)}, and set back there each time; have the program that does so leave "
        "the flag alone."
    )
    until_ms = written.held_until_ms(now_ms)
    return told if until_ms is None else f"{told} It is written once more on {exact(until_ms)}."


def _waits(waiting: Waiting) -> str:
    seen = f", read on {exact(waiting.seen_ms)}," if waiting.seen_ms is not None else ""
    made = f"A change in {SYSTEMS.get(waiting.source, waiting.source)}{seen}"
    if waiting.parked_ms is not None:
        return f"{made} waits since {exact(waiting.parked_ms)} for the contact, which Dynamics does not have."
    return f"{made} is on the queue; both systems are compared when its turn comes."


def as_data(found: Explanation) -> dict[str, Any]:
    """One contact, for programs."""
    letter, waiting = found.set_aside, found.waiting
    return {
        "contact": found.contact,
        "decisions": [{**row(decision), "sentences": sentences(decision)} for decision in found.decisions],
        "more": found.more,
        "last_seen": [
            {
                "flag": flag,
                "column": found.columns.get(flag),
                "dynamics": _side_data(one.dynamics),
                "campaign": _side_data(one.campaign),
            }
            for flag, one in (found.seen.flags.items() if found.seen else ())
        ],
        "waiting": {
            "source": waiting.source,
            "read": precise(waiting.seen_ms),
            "without_contact_since": precise(waiting.parked_ms),
        }
        if waiting
        else None,
        "set_aside": {
            "at": precise(letter.dead_ms),
            "attempts": letter.attempts,
            "kind": letter.reason.kind,
            "sentence": letter.reason.sentence,
        }
        if letter
        else None,
    }


def _side_data(seen: Seen) -> dict[str, Any]:
    return {"opted_out": seen.opted_out, "changed": precise(seen.at_ms), "at_the_latest": seen.after_ms is not None}


#: Decisions from which on it can be said what one takes.
_MANY = 1000

_ENDS = {
    "answer": "confirmed by the system that was written to",
    "reading": "found there later, the answer having been lost",
    "refused": "not written: refused, or changed meanwhile",
    "unknown": "not known: the answer was lost, and the value not found there",
}


def amount_parts(found: Amount, now_ms: int) -> list[RenderableType]:
    """What the record amounts to, for people."""
    from rich.text import Text

    stats = found.stats
    kept = counted(stats.kept, "decision")
    if stats.oldest_ms is not None:
        kept = f"{kept}, the oldest of {exact(stats.oldest_ms)}"
    still_open = counted(stats.open, "decision")
    if stats.open:
        still_open = f"{still_open} about {counted(stats.open_contacts, 'contact')}: to be written"
    parts: list[RenderableType] = [
        facts(
            [
                ("Kept", kept),
                ("Size", _size(found)),
                ("For", "-" if found.retention_days is None else counted(found.retention_days, "day")),
                ("Open", still_open),
                ("Ever decided", f"{stats.decided:,}"),
                ("Last decided", ago(stats.decided_ms, now_ms)),
                ("In doubt", f"{in_doubt(stats):,}"),
                *([("No key", _keyless(found))] if found.keyless else []),
            ]
        )
    ]
    if stats.rules:
        columns = [("RULE", "left"), ("DECISIONS", "right")]
        parts += ["", table(columns, [(rule, f"{many:,}") for rule, many in sorted(stats.rules.items())])]
    if any(stats.confirmed.values()):
        columns = [("END", "left"), ("DECISIONS", "right"), ("", "left")]
        rows = [(end, f"{many:,}", _ENDS[end]) for end, many in stats.confirmed.items()]
        parts += ["", table(columns, rows)]
    if found.answered:
        parts += ["", Text(answered_sentence(found.answered, now_ms), style="yellow")]
    return parts


def _keyless(found: Amount) -> str:
    return f"about {counted(found.keyless, 'profile')} of Campaign opted out, of whom nobody can say who they are"


def _size(found: Amount) -> str:
    if found.bytes is None:
        return "-"
    # Redis keeps them in blocks: what a few of them take says nothing of the many.
    each = f", {found.bytes / found.stats.kept:,.0f} each" if found.stats.kept >= _MANY else ""
    return f"{found.bytes:,} bytes{each}"


def amount_data(found: Amount) -> dict[str, Any]:
    """What the record amounts to, for programs."""
    stats = found.stats
    return {
        "kept": stats.kept,
        "oldest": precise(stats.oldest_ms),
        "bytes": found.bytes,
        "retention_days": found.retention_days,
        "open": stats.open,
        "open_contacts": stats.open_contacts,
        "decided": stats.decided,
        "last_decided": precise(stats.decided_ms),
        "in_doubt": in_doubt(stats),
        "set_back_again": found.answered.many if found.answered else 0,
        "without_key": found.keyless,
        "rules": dict(sorted(stats.rules.items())),
        "ends": stats.confirmed,
    }
