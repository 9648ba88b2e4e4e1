"""How an explanation is shown to people: the verdict first, then step by step how it came about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from cli.output import facts, table
from control.explain.words import confirmed_words, since_words
from control.words import ago, counted, exact

if TYPE_CHECKING:
    from rich.console import RenderableType

    from control.explain.explanation import Explanation, Happened, Held, Part, Standing
    from store.whereabouts import Whereabouts


def explained(found: Explanation) -> list[RenderableType]:
    from rich.text import Text

    parts: list[RenderableType] = [Text(f"Record {found.id}", style="bold"), *found.named]
    for part in found.parts:
        parts += ["", *_part(part, found.now_ms)]
    if found.notes:
        parts += ["", *found.notes]
    return parts


def _part(part: Part, now_ms: int) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text(f"{part.workflow}, {part.stream}", style="bold")
    yield Text(part.verdict)
    if part.awaited:
        yield Text(part.awaited.sentence)
    yield ""
    yield facts([*_facts(part, now_ms)])
    if part.clauses:
        joined = "all of these must hold" if part.every else "one of these must hold"
        yield ""
        yield Text(f"Filter: {joined}", style="bold")
        columns = [("CONDITION", "left"), ("VALUE", "left"), ("HOLDS", "left")]
        yield table(columns, [(one.condition, _value(one.value), "yes" if one.holds else "no") for one in part.clauses])
    if part.lines:
        yield ""
        yield Text("Mapping", style="bold")
        columns = [("FROM", "left"), ("VALUE", "left"), ("TO", "left"), ("WRITTEN", "left"), ("NOTES", "left")]
        yield table(
            columns,
            [
                (
                    f"{line.source} ({line.source_type})",
                    _value(line.value),
                    f"{line.target} ({line.target_type})",
                    "-" if line.misfit else _value(line.result),
                    line.misfit or ", ".join(line.notes) or "-",
                )
                for line in part.lines
            ],
        )
    if part.links:
        yield ""
        yield Text("Links", style="bold")
        columns = [("FROM", "left"), ("TO", "left"), ("LEADS TO", "left"), ("REQUIRED", "left"), ("WHICH IS", "left")]
        yield table(
            columns,
            [
                (
                    link.source,
                    link.target,
                    f"{link.table} {link.parent}" if link.parent else "-",
                    "yes" if link.required else "no",
                    link.stands,
                )
                for link in part.links
            ],
        )
    if part.held and part.held.differences:
        yield ""
        yield Text("What Campaign holds otherwise", style="bold")
        columns = [("FIELD", "left"), ("CAMPAIGN", "left"), ("MAPPED", "left"), ("NOTES", "left")]
        yield table(
            columns,
            [
                (one.field, _value(one.campaign), _value(one.mapped), "-" if one.updates else "changes are not written")
                for one in part.held.differences
            ],
        )
    if part.event and part.event.values:
        yield ""
        yield Text("Event", style="bold")
        yield table([("NAME", "left"), ("VALUE", "left")], [(k, _value(v)) for k, v in part.event.values.items()])
    if part.standing.past:
        yield ""
        yield Text("Lately", style="bold")
        columns = [("WHEN", "left"), ("WHAT BECAME OF IT", "left")]
        yield table(columns, _lately(part.standing.past))
    if part.troubles:
        yield ""
        yield from (Text(sentence, style="yellow") for sentence in part.troubles)
    if part.next:
        yield ""
        yield from part.next


def _lately(past: Iterable[Happened]) -> Iterator[tuple[str, str]]:
    """What became of it, the newest first; the same again and again is one line."""
    for told, ones in groupby(past, _outcome):
        first, *others = ones
        since = f" ({len(others) + 1} times since {exact(others[-1].at_ms)})" if others else ""
        after = f", at attempt {first.attempts}" if first.attempts > 1 else ""
        yield exact(first.at_ms), f"{told}{after}{since}"


def _outcome(one: Happened) -> str:
    """Set aside: refused (500); retried by ann: 2 dead letters (unmappable)."""
    failed = f": {one.cause}{f' ({one.status})' if one.status else ''}" if one.cause else ""
    if one.ending.name == "AGAIN":
        return f"not yet, an attempt failed{failed}" if failed else "not yet: it was too early"
    by = f" by {one.by}: {one.why}" if one.by else ""
    return f"{_ENDINGS[one.ending.name]}{failed}{by}"


def _facts(part: Part, now_ms: int) -> Iterator[tuple[str, RenderableType]]:
    kept = part.standing
    yield "Workflow", f"{part.state}, explained under revision {part.revision}"
    yield "Queue", _waiting(kept.waits, kept.retried) if kept.waits else "it does not wait"
    if kept.set_aside:
        letter = kept.set_aside
        tries = counted(letter.attempts, "attempt")
        yield "Set aside", f"{exact(letter.dead_ms)}, after {tries} ({letter.reason.kind}): {letter.reason.sentence}"
    if part.event is None:
        yield "Ledger", _ledger(kept, now_ms)
    if part.source:
        since = f", changed {part.source.modified}" if part.source.modified else ""
        yield "Dynamics", f"it is there{since}" if part.source.there else "it is not there"
    if part.held:
        yield "Campaign", _held(part.held)
    if part.event:
        there = {True: "shows its activity", False: "does not have its activity", None: "could not be asked"}
        yield "Dynamics", there[part.event.activity]
        if part.event.kind:
            yield "Kind", part.event.kind


def _waiting(waits: Whereabouts, retried: Happened | None) -> str:
    lane = "live changes" if waits.lane.name == "LIVE" else "replays and full reads"
    tries = f", {counted(waits.attempts, 'failed attempt')}" if waits.attempts else ""
    since = since_words(waits.loaded_ms or waits.queued_ms, retried)
    # In a file no turn comes: all of it is imported together.
    among = "" if waits.place.value == "loaded" else f", among {lane}"
    return f"{_PLACES[waits.place.value]} {since}{among}{tries}"


_PLACES = {
    "lane": "it waits for its turn",
    "leased": "a writer holds it",
    "loaded": "it is in a file for Campaign's import",
    "delayed": "it waits to be tried again",
    "parked": "it is parked",
}

_ENDINGS = {
    "CREATED": "created",
    "UPDATED": "updated",
    "DELETED": "deleted",
    "UNCHANGED": "nothing sent: the target held it already",
    "FILTERED": "nothing sent: it does not travel, or there was nothing to delete",
    "PARKED": "parked: it waits for another record",
    "REFUSED": "set aside",
    "RETRIED": "retried",
    "DROPPED": "given up",
}

_LEDGER = {
    "PRESENT": "Campaign was confirmed to hold it",
    "DELETED": "Campaign was confirmed not to hold it any more",
    "LEAVING": "its deletion was sent, and not confirmed yet",
    "COMING": "it was sent, and not confirmed yet",
}


def _ledger(kept: Standing, now_ms: int) -> str:
    if kept.entry is None:
        return "nothing was ever sent"
    when = f", {ago(kept.confirmed_ms, now_ms)}" if kept.confirmed_ms is not None else ""
    return f"{_LEDGER[kept.entry.standing.name]}{confirmed_words(kept)}{when}"


def _held(held: Held) -> str:
    if held.count == 0:
        return f"no {held.resource} has its key"
    if held.count > 1:
        return f"{held.count} records of {held.resource} have its key; merge them"
    since = f", changed {held.modified}" if held.modified else ""
    return f"a {held.resource} has its key{since}"


def _value(value: object) -> str:
    if value is None or value == "":
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
