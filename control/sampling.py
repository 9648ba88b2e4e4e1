"""A look at some events of the source, with the rules as they are configured: whether those would appear.

It reads one page of the journal, or the head of the newest file. What it says names parts and columns, never values.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from config.egress import EgressConfig, EventOrigin
from config.model import Place
from connectors.errors import NotFound
from connectors.journal import Journal
from connectors.sftp import RemoteFile, Sftp
from control.mappings.judging import Misfit
from control.words import counted
from store.files import FileVersion
from sync.egress import NEEDED, file_columns
from sync.events.event import Event, Understanding
from sync.files.content import NotWhole, Unpacked
from sync.files.folder import UNFINISHED
from sync.files.open_file import is_packed
from sync.files.rows import Rows, Unusable, columns_of
from sync.mapping.mapper import Unmappable
from sync.systems import Systems

#: So many events are looked at.
EVENTS = 100

#: Bytes of a file that are looked at, unpacked.
HEAD = 262_144

#: So many columns of a file are named.
COLUMNS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What a look at the source has shown."""

    seen: str  #: what was looked at, and how many of it fit: the beginning of a sentence
    errors: tuple[Misfit, ...] = ()  #: most events would be set aside
    warnings: tuple[Misfit, ...] = ()  #: some would


@dataclass(frozen=True, slots=True)
class _Flaw:
    """Why an event would be set aside."""

    place: Place  #: what to correct
    words: str  #: "has no data.externalId", said of several: "have no data.externalId"
    correct: str


def sample(config: EgressConfig, systems: Systems, timeout: float) -> Sample:
    """Raises TryAgain, Stop."""
    if config.source == "journal":
        assert systems.journal is not None
        return _journal_sample(config, systems.journal, timeout)
    assert systems.sftp is not None
    return _file_sample(config, systems.sftp, timeout)


def _journal_sample(config: EgressConfig, journal: Journal, timeout: float) -> Sample:
    events = [event.value for event in journal.first(timeout, limit=EVENTS).events]
    if not events:
        return Sample("the journal has no event to look at yet: whether the paths are right is seen with the first")
    rules, now = Understanding(config, "journal"), datetime.now(UTC)
    flaws: list[_Flaw | None] = []
    appear = 0
    for value in events:
        flaw: _Flaw | None
        if isinstance(value, dict):
            flaw, appears = _judged(config, "journal", rules, value, now)
        else:
            at: Place = ("connections", "journal", "url")
            flaw, appears = _Flaw(at, "cannot be read", "they are no JSON objects; is that the right journal"), False
        flaws.append(flaw)
        appear += appears
    return _told("the journal", flaws, appear)


def _file_sample(config: EgressConfig, sftp: Sftp, timeout: float) -> Sample:
    settings = config.files
    found = [file for file in sftp.files(settings.folder, timeout) if _is_wanted(file.name, settings.pattern)]
    if not found:
        return Sample(
            f"the folder {settings.folder} has no file like {settings.pattern} to look at yet: whether the columns are "
            "right is seen with the first"
        )
    newest = max(found, key=lambda file: (file.mtime, file.name))
    which = f"the newest file, {newest.name},"
    try:
        lines = _head(sftp, f"{settings.folder.rstrip('/')}/{newest.name}", newest, timeout)
    except (NotFound, NotWhole):
        return Sample(f"{which} could not be looked at: it is still on its way, or it was moved")
    start = next((number for number, line in enumerate(lines) if line.strip()), None)
    if start is None:
        return Sample(f"{which} is empty")
    try:
        # None of the columns is insisted on here, so that all that are missing are told at once.
        columns = columns_of(lines[start], settings, file_columns(settings)._replace(needed=()))
    except Unusable as unusable:
        return Sample(which, (Misfit(("egress", "files"), f"{_capital(which)} {unusable}."),))
    if missing := tuple(_missing(config, which, columns)):
        return Sample(which, missing)
    rows = Rows(newest.name, columns, settings, "egress.files")
    records = rows.read(lines[start + 1 :], start + 1, final=False).records[:EVENTS]
    if not records:
        return Sample(f"{which} has the columns that are needed, and no line behind them")
    rules, now = Understanding(config, "files"), datetime.now(UTC)
    flaws: list[_Flaw | None] = []
    appear = 0
    for record in records:
        flaw: _Flaw | None
        if record.value is None:
            flaw, appears = _Flaw(("egress", "files"), "cannot be read", record.flaw.rstrip(".")), False
        else:
            flaw, appears = _judged(config, "files", rules, record.value, now)
        flaws.append(flaw)
        appear += appears
    return _told(which, flaws, appear)


def _is_wanted(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and not name.startswith(".") and not name.lower().endswith(UNFINISHED)


def _head(sftp: Sftp, path: str, file: RemoteFile, timeout: float) -> list[bytes]:
    """The first whole lines. Raises NotFound, NotWhole, TryAgain, Stop."""
    reading = sftp.open(path, 0, timeout)
    try:
        read: Callable[[], bytes] = lambda: reading.read(timeout)  # noqa: E731
        if is_packed(FileVersion(*file)):
            read = Unpacked(read).read
        found = b""
        while len(found) < HEAD:
            more = read()
            if not more:
                return found.split(b"\n")
            found += more
    finally:
        reading.close()
    return found.split(b"\n")[:-1]


def _missing(config: EgressConfig, which: str, columns: Sequence[str]) -> Iterator[Misfit]:
    named = config.files.fields.model_dump()
    if not any(column in columns for column in named.values()):
        # The first line may hold values: it is not shown.
        yield Misfit(
            ("egress", "files"),
            f"{_capital(which)} does not begin with a line of the columns that egress.files.fields names: check "
            "egress.files.delimiter and quote, or let Campaign export the names of the columns.",
        )
        return
    there = [f"{column[:40]}" for column in columns[:COLUMNS_SHOWN]]
    more = f" and {len(columns) - len(there)} more" if len(columns) > len(there) else ""
    for needed in NEEDED:
        key = needed.removeprefix("fields.")
        if named[key] not in columns:
            yield Misfit(
                ("egress", "files", "fields", key),
                f"{_capital(which)} has no column {named[key]}; it has: {', '.join(there)}{more}; correct "
                f"egress.files.{needed}.",
            )


def _judged(
    config: EgressConfig, origin: EventOrigin, rules: Understanding, value: Mapping[str, object], now: datetime
) -> tuple[_Flaw | None, bool]:
    """Why it would be set aside, and whether it would appear."""
    try:
        return None, isinstance(rules.understand(value, now), Event)
    except Unmappable as wrong:
        return _flaw(config, origin, wrong), False


def _flaw(config: EgressConfig, origin: EventOrigin, wrong: Unmappable) -> _Flaw:
    fields = config.fields(origin)
    key = next((name for name in type(fields).model_fields if getattr(fields, name) == wrong.field), "")
    place: Place = ("egress", origin, "fields", key) if key else ("egress", origin)
    if wrong.sentence == f"The event has no {wrong.field}.":
        correct = f"correct {'.'.join(map(str, place))}"
        if key == "contact":
            correct += ", or say egress.without_contact: ignore if these are of profiles that are not from Dynamics"
        return _Flaw(place, f"have no {wrong.field}", correct)
    for part in ("types", "statuses", "future_limit_seconds"):
        if f"egress.{part}" in wrong.sentence:
            place = ("egress", part)
    return _Flaw(place, "do not fit", wrong.sentence.rstrip("."))


def _told(of: str, flaws: Sequence[_Flaw | None], appear: int) -> Sample:
    total = len(flaws)
    errors: list[Misfit] = []
    warnings: list[Misfit] = []
    for flaw, count in Counter(flaw for flaw in flaws if flaw).most_common():
        noun = "event" if total == 1 else "events"
        words = flaw.words.replace("have ", "has ", 1).replace("do not", "does not", 1) if count == 1 else flaw.words
        misfit = Misfit(flaw.place, f"{count:,} of {total:,} {noun} of {of} {words}: {flaw.correct}.")
        (errors if 2 * count > total else warnings).append(misfit)
    wrong = sum(flaw is not None for flaw in flaws)
    if not errors and 2 * wrong > total:
        # Each for another reason, but most of them.
        errors, warnings = warnings, []
    left_out = f", of which {total - wrong - appear:,} would be left out" if total - wrong > appear else ""
    seen = f"{total - wrong:,} of {counted(total, 'event')} of {of} fit{left_out}"
    return Sample(seen, tuple(errors), tuple(warnings))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
