"""Rows of Campaign's opt-out export, each file once: what they say of profiles, strictly; nothing is guessed.

a value of a flag or a time that is not understood   not told: nothing is written because of it, and it is shown; where
                                                     it is a flag's, the profile itself is looked up
a row that names no contact, or is no row            set aside with its place
two rows of one profile                              flag by flag the later one by its own time; else opted out
a file without a column that is needed               set aside as a whole
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

from config.consent_flags import FlagPair
from config.optinout import ConsentFiles, OptinoutConfig
from connectors.sftp import Sftp
from store.files import Files
from sync.consent.merging import merged
from sync.consent.page import ConsentPage, Told
from sync.consent.rule import NEVER_MS, Seen
from sync.consent.states import ProfileState
from sync.consent.unusable import unusable
from sync.files.rows import EXCERPT, Columns
from sync.files.source import FileSource
from sync.guid import guid_of
from sync.moments import NoMoment, moment
from sync.pages import RawRecord

#: Where the settings of these files stand in the configuration.
SECTION = "optinout.files"


def consent_columns(config: OptinoutConfig) -> Columns:
    """The columns of a file that are read: the contact's and each paired flag's must be there."""
    assert config.files is not None
    columns = config.files.columns
    needed = {"columns.contact": columns.contact}
    needed |= {f"columns.flags.{pair.campaign}": columns.of(pair.campaign) for pair in config.flags}
    named = dict(needed)
    if columns.modified is not None:
        named["columns.modified"] = columns.modified
    for pair in config.flags:
        for number, column in enumerate(config.time_columns(pair.campaign)):
            named[f"columns.times.{pair.campaign}{'.2' * number}"] = column
    return Columns(SECTION, named, tuple(needed))


@dataclass
class _Doubts:
    """What was not understood on a page: by file and column, on which line first, and how often."""

    flags: set[str]  #: columns of flags; any other one holds times
    found: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def note(self, row: RawRecord, column: str) -> None:
        first, times = self.found.get((row.file, column), (row.line, 0))
        self.found[row.file, column] = first, times + 1

    def sentences(self) -> list[str]:
        return [
            f"The file {file} has {times:,} {'values' if times > 1 else 'value'} of {column}, first on its line "
            f"{first:,}, that {'were' if times > 1 else 'was'} not understood: {self._comes_to(column)}; check "
            f"{SECTION}."
            for (file, column), (first, times) in self.found.items()
        ]

    def _comes_to(self, column: str) -> str:
        if column in self.flags:
            return "nothing is changed by that, and what the profile itself says is looked up in Campaign"
        return "the time is taken for not told, and in doubt opted out stands"


class ExportFiles:
    """A `ConsentPart`."""

    is_file = True

    def __init__(self, sftp: Sftp, config: OptinoutConfig, files: Files, place: str, now_ms: Callable[[], int]) -> None:
        assert config.files is not None
        self.place = place
        self._source = FileSource(sftp, config.files, consent_columns(config), files)
        self._rows = ConsentRows(config)
        self._now_ms = now_ms

    def beginning(self, since_ms: int | None) -> str:
        return self._source.beginning(since_ms)

    def fetch(self, position: str, timeout: float, most: int | None = None) -> ConsentPage:
        page = self._source.fetch(position, timeout)
        told, doubts = self._rows.told(page.records, self._now_ms())
        notice = " ".join([*([page.missed] if page.missed else []), *doubts])
        idle = not page.records and page.behind == position
        return ConsentPage(told, page.behind, page.more, page.wait, notice=notice, idle=idle)


class ConsentRows:
    """What rows say, by one configuration."""

    def __init__(self, config: OptinoutConfig) -> None:
        assert config.files is not None
        self._config = config
        self._files: ConsentFiles = config.files
        self._tokens = {token.casefold(): False for token in config.files.false_values}
        self._tokens |= {token.casefold(): True for token in config.files.true_values}

    def told(self, rows: list[RawRecord], read_ms: int) -> tuple[list[Told], list[str]]:
        """What a page's rows say of each contact, once, and what was not understood: a sentence each."""
        doubts = _Doubts({self._files.columns.of(pair.campaign) for pair in self._config.flags})
        found: dict[str, Told] = {}
        for row in rows:
            one = self._told(row, read_ms, doubts)
            known = found.get(one.id)
            if known and isinstance(known.state, ProfileState) and isinstance(one.state, ProfileState):
                one = Told(one.id, merged(self._config, known.state, one.state))
            found[one.id] = one
        return list(found.values()), doubts.sentences()

    def _told(self, row: RawRecord, read_ms: int, doubts: _Doubts) -> Told:
        if row.value is None:
            return unusable(row.where, row.flaw, row.excerpt)
        cells: Mapping[str, str] = {name: str(cell).strip() for name, cell in row.value.items()}
        column = self._files.columns.contact
        contact = guid_of(cells[column])
        if not contact:
            flaw = "is not the id of a contact" if cells[column] else "is empty"
            text = orjson.dumps(row.value).decode()
            digest = blake2b(text.encode(), digest_size=4).hexdigest()
            return unusable(f"{row.file} line {row.line} ({digest})", f"The row's {column} {flaw}.", text[:EXCERPT])
        modified_ms = self._moment(row, cells, self._files.columns.modified, doubts)
        flags = {
            pair.campaign: self._seen(row, cells, pair, modified_ms, read_ms, doubts) for pair in self._config.flags
        }
        return Told(contact, ProfileState(flags, modified_ms, read_ms))

    def _seen(
        self,
        row: RawRecord,
        cells: Mapping[str, str],
        pair: FlagPair,
        modified_ms: int | None,
        read_ms: int,
        doubts: _Doubts,
    ) -> Seen:
        column = self._files.columns.of(pair.campaign)
        opted_out = self._tokens.get(cells[column].casefold())
        if opted_out is None:
            doubts.note(row, column)
        columns = self._config.time_columns(pair.campaign)
        if not columns and not self._config.times.fields_of(pair.campaign):
            push = {"seen": read_ms, "modified": modified_ms, "none": None}
            return Seen(opted_out, push[self._config.times.push])
        times = [self._moment(row, cells, name, doubts) for name in columns]
        known = [time_ms for time_ms in times if time_ms is not None]
        if known:
            return Seen(opted_out, max(known))
        blank = [cells[name] == "" for name in columns if name in cells]
        # A time that is left blank says of a flag that is not set that it never was.
        return Seen(opted_out, NEVER_MS if blank and all(blank) and opted_out is False else None)

    def _moment(self, row: RawRecord, cells: Mapping[str, str], column: str | None, doubts: _Doubts) -> int | None:
        text = cells.get(column, "") if column is not None else ""
        if column is None or not text:
            return None
        try:
            return int(moment(text, self._files.date_formats).timestamp() * 1000)
        except NoMoment:
            doubts.note(row, column)
            return None
