"""What is wrong with a workflow that people should be told of: one sentence each, names and counts, never values."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from config.alerts import AlertEvent, Alerts
from config.document import WorkflowDocument
from connectors.journal import RETENTION_SECONDS
from store.lifecycle import Life, State
from store.store import WorkflowStore
from store.trouble import BESIDE
from sync import schemas
from sync.consent import fitting
from sync.consent.parts import DYNAMICS
from sync.consent.position import ConsentPosition
from sync.objective import arrivals, objectives_of
from sync.tables.position import Position
from sync.token_life import DAY, HALF, token_days
from sync.workflows import workflow_named


class Condition(NamedTuple):
    event: AlertEvent
    sentence: str


def conditions(store: WorkflowStore, document: WorkflowDocument, alerts: Alerts, now_ms: int) -> list[Condition]:
    """All that hold now and are to be told, each event at most once.

    `document`: the configuration that runs, or else the one that is saved.
    """
    life = store.lifecycle.read()
    found: dict[AlertEvent, Callable[[], str | None]] = {
        "failed": lambda: _failed(store, life),
        "stalled": lambda: _stalled(store, life, alerts, now_ms),
        "objective": lambda: _objective(store, document, now_ms),
        "dead_letters": lambda: _dead_letters(store, alerts),
        "token": lambda: next(_ages(store, life, document, now_ms), None),
    }
    said = ((event, found[event]()) for event in dict.fromkeys(alerts.events))
    return [Condition(event, sentence) for event, sentence in said if sentence]


def _failed(store: WorkflowStore, life: Life) -> str | None:
    if life.state is not State.FAILED:
        return None
    return f"{store.name} has failed: {_ended(life.why or 'no reason was given')}"


def _stalled(store: WorkflowStore, life: Life, alerts: Alerts, now_ms: int) -> str | None:
    """The longest of what it waits for; None while it gets on."""
    if life.state not in (State.STARTING, State.RUNNING):
        return None
    waits: list[tuple[int, str]] = []
    for trouble in store.troubles.all():
        if trouble.where not in BESIDE and not trouble.is_none:
            waits.append((trouble.since_ms, f"at {trouble.where}: {trouble.sentence}"))
    for stream, hold in store.holds.all(life.generation).items():
        waits.append((hold.at_ms, f"with {stream} held: {hold.sentence}"))
    if life.state is State.STARTING and life.since_ms is not None:
        waits.append((life.since_ms, "to start"))
    else:
        waits += _unwritten(store, life, now_ms - 1000 * alerts.stalled_seconds)
    since_ms, what = min(waits, default=(now_ms, ""))
    if now_ms - since_ms < 1000 * alerts.stalled_seconds:
        return None
    return f"{store.name} has waited for {_span(now_ms - since_ms)} {_ended(what)}"


def _unwritten(store: WorkflowStore, life: Life, before_ms: int) -> Iterator[tuple[int, str]]:
    """Streams of which records could have been written since before this time, and none has been settled since then."""
    for stream in store.lifecycle.streams():
        queued_ms = store.queue(stream).backlog().lanes_ms
        if queued_ms is None:
            continue
        # A record is as old as when it was read: it may have been set aside or parked meanwhile, or the workflow off.
        ready_ms = max(queued_ms, life.since_ms or 0, store.returned_ms(stream))
        if ready_ms <= before_ms and not store.settled_since(stream, before_ms):
            yield ready_ms, f"for anybody to write {stream}"


def _objective(store: WorkflowStore, document: WorkflowDocument, now_ms: int) -> str | None:
    objectives = objectives_of(document)
    if objectives is None:
        return None
    hour = arrivals(store, store.lifecycle.streams(), objectives, now_ms)
    if not hour.is_missed(objectives):
        return None
    late = hour.measured - hour.within
    return (
        f"{store.name}: {late:,} of {hour.measured:,} changes of the last hour took longer than "
        f"{objectives.freshness_seconds:,} s; the objective is {objectives.share * 100:g} % within that time."
    )


def _dead_letters(store: WorkflowStore, alerts: Alerts) -> str | None:
    dead = sum(store.queue(stream).backlog().dead for stream in store.lifecycle.streams())
    if dead <= alerts.dead_letters_above:
        return None
    borne = f", more than {alerts.dead_letters_above:,}" if alerts.dead_letters_above else ""
    # The number would change with every record: what is told is that there are too many.
    return f"{store.name} has set aside {dead:,} {'record' if dead == 1 else 'records'}{borne}."


def _ages(store: WorkflowStore, life: Life, document: WorkflowDocument, now_ms: int) -> Iterator[str]:
    """What dies unless it is read: change tokens, and events in the journal. Streams that are configured alone."""
    for stream in workflow_named(store.name).stream_names(document):
        cursor = store.cursor(stream)
        if not cursor.number:
            continue
        if document.ingress is not None:
            days, token_ms = token_days(store, life, schemas.load), Position.load(cursor.value).token_ms
            what, keeper = f"The change token of {stream}", "Dynamics keeps it"
        elif document.optinout is not None:
            part = ConsentPosition.load(cursor.value).parts.get(DYNAMICS)
            token_ms = Position.load(part.next).token_ms if part else None
            days = token_days(store, life, fitting.load)
            what, keeper = "The change token of contact, for consent,", "Dynamics keeps it"
        elif document.egress is not None and document.egress.source == "journal":
            days, token_ms = RETENTION_SECONDS / DAY, cursor.at_ms
            what, keeper = "What was last read of the journal", "the journal keeps events"
        else:
            continue
        age_ms = 0 if token_ms is None else now_ms - token_ms
        if age_ms >= HALF * days * DAY * 1000:
            life_words = f"{keeper} for {days:g} days"
            yield f"{what} is {_span(age_ms)} old, and {life_words}: see that {store.name} runs and reads."


def _span(ms: int) -> str:
    """5 min, 2 h, 4 d: as long as it is said once, the hour is enough."""
    seconds = ms // 1000
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _ended(sentence: str) -> str:
    return f"{sentence.rstrip('.')}."
