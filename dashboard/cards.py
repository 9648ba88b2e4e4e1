"""A workflow as its card shows it: everything in words already, so that the templates only place it."""

from collections.abc import Callable
from dataclasses import dataclass

from config.settings import Settings
from control.status.notes import notes, unapplied_note
from control.status.reading import Source
from control.status.samples import samples_of
from control.status.stream import StreamStatus
from control.status.telling import HELD, TITLES, facts_of, progress_words, reads
from control.status.tokens import Alarm, Token
from control.status.workflow import WorkflowStatus, status_of
from control.words import ago, duration, number, rate
from dashboard.chart import Chart, chart_of
from dashboard.moments import Moment, moment
from dashboard.tables import Cell, Table
from dashboard.ways import SET_ASIDE
from store.store import Store
from sync.workflows import NAMES


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: str
    mood: str = ""  #: warn or bad, where it is worth a colour
    fragment: str = ""  #: where the page of the workflow says more


@dataclass(frozen=True, slots=True)
class Bar:
    share: int | None  #: 0 to 100; None: how much there is to do is not known
    words: str


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    title: str
    state: str
    since: Moment | None  #: None: never started
    by: str
    why: str
    backlog: str
    chart: Chart
    figures: tuple[Figure, ...]
    bar: Bar | None
    warning: str  #: that saved changes are not running yet, beside the button that stops; empty if they are
    notes: tuple[str, ...]
    configured: bool
    may_start: bool
    may_stop: bool
    may_restart: bool  #: something waits for the next stop and start


def cards(store: Store, settings: Settings) -> list[Card]:
    return [card(store, status_of(store, settings, name)) for name in NAMES]


def card(store: Store, status: WorkflowStatus) -> Card:
    warning = unapplied_note(status) if status.unapplied else ""
    return Card(
        name=status.workflow,
        title=TITLES[status.workflow],
        state=status.state.value,
        since=moment(status.since_ms, status.at_ms) if status.since_ms else None,
        by=status.by,
        why="" if status.state == "FAILED" else status.why,  # it stands in the notes then
        backlog=number(status.backlog if status.configured else None),
        chart=chart_of(samples_of(store, status.workflow, status.at_ms), status.backlog, status.at_ms),
        figures=_figures(status) if status.configured else (),
        bar=_bar(status),
        warning=_on_card(warning, status.workflow),
        notes=tuple(_on_card(note, status.workflow) for note in notes(status) if note != warning),
        configured=status.configured,
        may_start=status.configured and not status.is_on,
        may_stop=status.is_on,
        may_restart=status.unapplied or (status.is_on and _awaits_restart(status)),
    )


def _awaits_restart(status: WorkflowStatus) -> bool:
    return bool(status.pending_replays) or any(stream.hold for stream in status.streams)


def _on_card(note: str, workflow: str) -> str:
    """It stands on the card of its workflow, and need not begin with its name."""
    rest = note.removeprefix(f"{workflow}: ")
    return rest[:1].upper() + rest[1:] if rest != note else note


def _figures(status: WorkflowStatus) -> tuple[Figure, ...]:
    token = status.oldest_token
    return (
        Figure("Oldest", duration(status.oldest_seconds)),
        Figure("Read/s", rate(status.rate("read"))),
        Figure("Written/s", rate(status.rate("written"))),
        Figure("Parked", number(status.parked)),
        Figure("Set aside", number(status.dead), *(("bad", SET_ASIDE) if status.dead else ())),
        _token(token) if token else Figure(*_freshness(status)),
    )


def _token(token: Token) -> Figure:
    return Figure("Token", duration(token.age_seconds), mood(token.alarm))


def mood(alarm: Alarm) -> str:
    return ("", "warn", "bad", "bad")[alarm]


def _freshness(status: WorkflowStatus) -> tuple[str, str]:
    """What stands in place of a token's age where there is none."""
    read = [stream.reading.read_ms for stream in status.streams if stream.reading.read_ms]
    label = status.kind.aged_column.capitalize()
    return label, ago(max(read, default=None), status.at_ms)


def _bar(status: WorkflowStatus) -> Bar | None:
    progress = status.progress
    if progress is None:
        return None
    share = None if progress.fraction is None else int(progress.fraction * 100)
    return Bar(share, progress_words(progress))


@dataclass(frozen=True, slots=True)
class Detail:
    """What the page of one workflow shows beside its card."""

    facts: tuple[tuple[str, str], ...]
    streams: Table
    sources: Table


def detail(status: WorkflowStatus, letters: Callable[[str], str]) -> Detail:
    """`letters`: the address of what was set aside of a stream."""
    columns = ("Stream", "Backlog", status.kind.parked_column.capitalize(), "Oldest", "Set aside", "Read", "Written",
               "Unchanged", "Filtered", status.kind.aged_column.capitalize(), "Reads")  # fmt: skip
    title = "Streams" if status.kind.window else "Tables"
    sources = [source for stream in status.streams for source in stream.reading.sources]
    return Detail(
        tuple(facts_of(status)),
        Table("streams", title, columns, tuple(_row(stream, status, letters) for stream in status.streams), "numbers"),
        Table("sources", "Sources", ("Source", "Last change", "Stands at"),
              tuple(_source(source, status.at_ms) for source in sources)),
    )  # fmt: skip


def _source(source: Source, now_ms: int) -> tuple[Cell, ...]:
    return Cell(source.name, is_head=True), Cell("", moment=moment(source.read_ms, now_ms)), Cell(source.stands)


def _name(stream: StreamStatus) -> str:
    return stream.stream if stream.mapped else f"{stream.stream} (not mapped)"


def _row(stream: StreamStatus, status: WorkflowStatus, letters: Callable[[str], str]) -> tuple[Cell, ...]:
    token, totals = stream.reading.token, stream.totals
    aged = Cell("", moment=moment(stream.reading.read_ms, status.at_ms))
    if status.kind.aged_column == "TOKEN":
        aged = Cell(duration(token.age_seconds), mood(token.alarm)) if token else Cell("-")
    what = reads(stream, status.is_on)
    return (
        Cell(_name(stream), is_head=True),
        Cell(number(stream.backlog)),
        Cell(number(stream.parked)),
        Cell(duration(stream.oldest_seconds)),
        Cell(number(stream.dead), "bad", href=letters(stream.stream)) if stream.dead else Cell(number(stream.dead)),
        *(Cell(number(totals[name])) for name in ("read", "written", "unchanged", "filtered")),
        aged,
        Cell(what, "bad" if what == HELD else ""),
    )
