"""How a record stands, in words: it waits, was set aside, given up, or confirmed, and since when."""

from control.explain.explanation import Happened, Standing
from control.words import counted, exact
from store.outcome_log import Ending
from store.records import SetAside
from store.whereabouts import Place, Whereabouts


def given_up_words(kept: Standing) -> str:
    """That its dead letter was dropped, if that was the last that became of it; else empty."""
    if not kept.past or kept.past[0].ending is not Ending.DROPPED:
        return ""
    last = kept.past[0]
    return f"It was given up on {exact(last.at_ms)}{f' by {last.by}' if last.by else ''}"


def set_aside_words(letter: SetAside) -> str:
    reason = letter.reason
    return f"It was set aside on {exact(letter.dead_ms)} ({reason.kind}): {reason.sentence.rstrip('.')}"


def confirmed_words(kept: Standing) -> str:
    """When that was, to be added to what was confirmed: as far as it is kept."""
    if (at_ms := kept.confirmed_ms) is not None:
        return f", last on {exact(at_ms)}"
    if kept.entry is None or not kept.entry.was_confirmed:
        return ""
    # A newer version takes the place of one that waits already, and its time.
    return f", which was read on {exact(kept.entry.read_at * 1000)} or later"


def since_words(queued_ms: int, retried: Happened | None) -> str:
    """since 2026-11-22 12:03:52 UTC, retried on 2026-11-22 12:05:56 UTC by ann."""
    by = f" by {retried.by}" if retried and retried.by else ""
    return f"since {exact(queued_ms)}{f', retried on {exact(retried.at_ms)}{by}' if retried else ''}"


def waits_words(waits: Whereabouts, retried: Happened | None = None, first: str = "") -> str:
    """`retried`: by which it waits again; it is as old as it was. `first`: what it comes after."""
    since = since_words(waits.queued_ms, retried)
    match waits.place:
        case Place.PARKED:
            whom = f"the {waits.parent.stream} {waits.parent.id}" if waits.parent else "another record"
            return f"It is parked {since}: it waits for {whom}"
        case Place.LEASED:
            return f"It is in a writer's hands, queued {since}"
        case Place.LOADED:
            which = "that Campaign imports" if waits.placed_ms else "that is not in its place yet"
            return f"It waits in a file {which}, since {exact(waits.loaded_ms or waits.queued_ms)}"
        case Place.DELAYED:
            when = f"at {exact(waits.until_ms)}" if waits.until_ms else "in a while"
            if not waits.attempts:
                # Outages are no fault of the record, so that they do not count as its attempts.
                why = first or "the system was away, or it was too early"
                return f"It waits {since}, and is tried again {when}: {why}"
            failed = f"after {counted(waits.attempts, 'attempt')} that failed"
            return f"It waits {since}, {failed}, and is tried again {when}"
    return f"It waits on the queue {since}"
