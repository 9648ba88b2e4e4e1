"""Files of the opt-out export: whatever stands in them, a flag is told as a row has it or not at all, every row that
says nothing is set aside with its place, and no file keeps another one from being read."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from config.consent_sources import ConsentFiles
from config.optinout import OptinoutConfig
from connectors.errors import TryAgain
from connectors.sftp import Sftp
from store.keys import InstanceKeys
from sync.consent.export_files import ConsentRows, ExportFiles, consent_columns
from sync.consent.page import ConsentPage, Told, Unusable
from sync.consent.payload import UnusableRow, of_campaign, of_unusable, profile_of
from sync.consent.rule import NEVER_MS
from sync.consent.states import ProfileState
from sync.files.rows import EXCERPT, Rows, columns_of
from sync.pages import RawRecord
from tests.fuzz.answers import PLANTED
from tests.fuzz.budget import TIMES, examples
from tests.fuzz.test_files import CONTENTS, PIECES
from tests.integration.connectors.sftp_server import OddSftp
from tests.integration.sync.log_folder import ClockedFiles

#: Files are costly to make up: so many more of them may take so much longer, in seconds.
pytestmark = pytest.mark.timeout(120 * TIMES)

NAME = "optout_1.csv"
ANN, BOB = "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3302"
READ_MS = 1_793_400_000_000
#: The first moment that is taken for a time, and the first one that is not any more.
YEAR_2000_MS, YEAR_10000_MS = 946_684_800_000, 253_402_300_800_000

FLAGS = {"donotemail": "blackListEmail", "donotbulkemail": "blackList", "donotpush": "blackListPushnotification"}
NEEDED = ("externalId", *FLAGS.values())
COLUMNS = (*NEEDED, "lastModified", "blackListEmailLastModified", "blackListLastModified", "blackListAllLastModified")


def config_of(times: dict[str, str], **files: Any) -> OptinoutConfig:
    flags = [{"dynamics": column, "campaign": flag} for column, flag in FLAGS.items()]
    return OptinoutConfig.model_validate(
        {"direction": "bidirectional", "flags": flags, "times": times, "files": files | {"settled_seconds": 0}}
    )


def files_of(config: OptinoutConfig) -> ConsentFiles:
    assert config.files is not None
    return config.files


CONFIGS = st.builds(
    lambda push, newer, delimiter, quote, encoding, formats, words: config_of(
        {"push": push, "all_channels": newer},
        **{"delimiter": delimiter, "quote": quote, "encoding": encoding, "date_formats": formats, **words},
    ),
    st.sampled_from(["seen", "modified", "none"]),
    st.sampled_from(["newer", "blackListAllLastModified"]),
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from(['"', "'", None]),
    st.sampled_from(["utf-8", "latin-1", "windows-1252", "ascii", "shift_jis", "gb18030"]),
    st.sampled_from([[], ["%d/%m/%Y %H:%M"], ["%Y-%m-%dT%H:%M:%S%z", "%d.%m.%y %I:%M %p"]]),
    st.sampled_from([{}, {"true_values": ["0", "nein"], "false_values": ["1", "ja"]}]),
)

#: Of each column what it promises, and what nobody promised.
CONTACTS = [
    ANN, BOB, ANN, BOB, f"{{{ANN.upper()}}}", BOB.replace("-", ""), f" ({ANN}) ", "", "17", "{}", f"urn:uuid:{ANN}",
]  # fmt: skip
TOKENS = [
    "1", "0", "1", "0", "TRUE", "no", " yes ", "nein", "", "2", "10", "-0", "truefalse", "None", "\x1c1", "\u0661",
]  # fmt: skip
MOMENTS = [
    "2026-10-30 12:00:00.000Z", "", "2026-10-30", "1793361600000", "30/10/2026 12:00", "2026-10-30T12:00:00+05:30",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "10000-01-01", "9" * 13,
    "0" * 13, "1999-12-31 23:59:59", "9" * 400, "1793361600", "-1", "0", "1e400", "NaN", "inf", "2024-13-45",
    "2024-02-30", "2026-10-30T25:61:61Z", "30.10.68 11:59 pm", "2026-10-30T12:00:00+24:00",
    "2026-10-30T12:00:00+99:99", "2026-10-30T12:00:60Z", "23:59", "\u0662\u0660\u0662\u0666-10-30",
]  # fmt: skip


def cells_of(column: str) -> st.SearchStrategy[str]:
    promised = CONTACTS if column == "externalId" else TOKENS if column in NEEDED else MOMENTS
    odd = st.one_of(st.text(max_size=12), st.sampled_from([PLANTED, "=1+1", "\r", '"', "a" * 2000]))
    return st.integers(0, 15).flatmap(lambda n: st.sampled_from(promised) if n else odd)


class Export(NamedTuple):
    config: OptinoutConfig
    content: bytes


@st.composite
def exports(draw: st.DrawFn) -> Export:
    """A file with the columns that it needs, in any order and perhaps some more, and rows of any kind."""
    config = draw(CONFIGS)
    files = files_of(config)
    quote = files.quote
    optional = draw(st.lists(st.sampled_from([*COLUMNS[len(NEEDED) :], "more"]), unique=True))
    columns = draw(st.permutations([*NEEDED, *optional]))

    def quoted(cell: str) -> str:
        if quote is None or not draw(st.booleans()):
            return cell
        return f"{quote}{cell.replace(quote, quote * 2)}{quote}"

    lines = [files.delimiter.join(columns).encode()]
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 5)) == 0:
            lines.append(draw(PIECES))
            continue
        row = [quoted(draw(cells_of(column))) for column in columns]
        row = row[: draw(st.sampled_from([len(row)] * 8 + [len(row) - 1]))] + draw(st.sampled_from([[]] * 8 + [["x"]]))
        lines.append(files.delimiter.join(row).encode(files.encoding, "replace"))
    ends = draw(st.sampled_from([b"\n", b"\r\n"]))
    return Export(config, ends.join(lines) + draw(st.sampled_from([b"", ends])))


def records_of(export: Export) -> list[RawRecord]:
    """What the reader of files makes of it (see test_files.py)."""
    files = files_of(export.config)
    first, *lines = export.content.split(b"\n")
    columns = columns_of(first, files, consent_columns(export.config))
    return Rows(NAME, columns, files, "optinout.files").read(lines, 1, True).records


def digits(text: object) -> str:
    return re.sub("[^0-9a-f]", "", str(text).lower())


def is_told(told: Told) -> None:
    """It can be queued, and shows nothing that it must not; times are times."""
    if isinstance(told.state, Unusable):
        row = told.state
        assert row.flaw.endswith(".") and "\n" not in row.flaw and len(row.excerpt) <= EXCERPT
        assert PLANTED not in row.where + row.flaw
        with pytest.raises(UnusableRow) as raised:
            profile_of(of_unusable(*row[1:]))
        assert PLANTED not in str(raised.value)
        return
    assert isinstance(told.state, ProfileState)
    assert profile_of(of_campaign(told.state)) == told.state
    never = [seen for seen in told.state.flags.values() if seen.at_ms == NEVER_MS]
    assert all(seen.opted_out is False for seen in never)
    for at_ms in {told.state.modified_ms, *(seen.at_ms for seen in told.state.flags.values() if seen not in never)}:
        assert at_ms is None or YEAR_2000_MS <= at_ms < YEAR_10000_MS


@examples(100)
@given(exports())
def test_a_flag_is_told_as_a_row_has_it_or_not_at_all(export: Export) -> None:
    # When the rows of a file are taken for what they say
    config, rows = export.config, records_of(export)
    told, doubts = ConsentRows(config).told(rows, READ_MS)
    for one in told:
        is_told(one)
    # Then each contact is told of once, and of nobody whom no readable row names
    profiles = {one.id: one.state for one in told if isinstance(one.state, ProfileState)}
    read = [row.value for row in rows if row.value is not None]
    assert len({one.id for one in told}) == len(told)
    meanings = dict.fromkeys(map(str.casefold, files_of(config).false_values), False)
    meanings |= dict.fromkeys(map(str.casefold, files_of(config).true_values), True)
    for contact, state in profiles.items():
        theirs = [value for value in read if digits(value["externalId"]) == digits(contact)]
        assert theirs and state.flags.keys() == {*FLAGS.values()}
        for flag, seen in state.flags.items():
            # And each flag has a value that stands there, or none if none does
            there = {meanings.get(str(value[flag]).strip().casefold()) for value in theirs}
            assert seen.opted_out in there
            # And opted out stands, unless a time says otherwise
            if True in there and seen.opted_out is not True:
                assert seen.at_ms is not None or state.modified_ms is not None
    # And what cannot be read, or names no contact, is set aside row by row
    aside = {one.state.where for one in told if isinstance(one.state, Unusable)}
    assert {row.where for row in rows if row.value is None} <= aside
    named = [value for value in read if any(digits(value["externalId"]) == digits(contact) for contact in profiles)]
    assert len(aside) >= len(rows) - len(named)
    # And every value that is not understood is counted, and none is repeated
    counted: dict[str, int] = {}
    for sentence in doubts:
        assert PLANTED not in sentence and "\n" not in sentence
        [(times, column)] = re.findall(rf"^The file {NAME} has ([\d,]+) values? of (\w+), first", sentence)
        counted[column] = int(times.replace(",", ""))
    for column in FLAGS.values():
        odd = [value for value in read if str(value[column]).strip().casefold() not in meanings]
        assert counted.get(column, 0) >= len([value for value in odd if str(value["externalId"]).strip() in (ANN, BOB)])


class ExportFolder:
    """Files on a real SFTP server, and the source that reads them; whatever it tells is kept."""

    def __init__(self, redis: Redis, server: OddSftp) -> None:
        self._redis, self._server = redis, server
        self._files = ClockedFiles(redis, InstanceKeys("test").workflow("optinout").stream("consent"))
        self._sftp = Sftp(server.connection())
        self.pages: list[ConsentPage] = []

    def begin(self, config: OptinoutConfig, **files: bytes) -> None:
        """An empty store, and these files alone."""
        self._redis.flushdb()
        self._server.operations.clear()
        folder = self._server.home / files_of(config).folder
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_bytes(content)
        self._source = ExportFiles(self._sftp, config, self._files, "here", self._files.now_ms)
        self._position, self.pages = self._source.beginning(None), []

    def read(self) -> None:
        """Reads on until nothing has come for a quarter of an hour, again where it is told to be tried again."""
        quiet = 0
        for _ in range(60):
            # A last row without a line break is read when its file has stayed as it is for ten minutes.
            self._files.at_ms += 180_000
            try:
                page = self._source.fetch(self._position, 5)
            except TryAgain as error:
                assert PLANTED not in str(error)
                continue
            self.pages.append(page)
            self._position = page.behind
            quiet = 0 if page.told or page.more else quiet + 1
            if quiet == 5:
                return
        raise AssertionError("there is no end to it")

    def told(self) -> list[Told]:
        return [one for page in self.pages for one in page.told]

    def close(self) -> None:
        self._sftp.close()


@pytest.fixture
def folder(redis: Redis, tmp_path: Path) -> Iterator[ExportFolder]:
    (tmp_path / "home").mkdir()
    with OddSftp(tmp_path / "home") as server:
        found = ExportFolder(redis, server)
        yield found
        found.close()


@st.composite
def odd_files(draw: st.DrawFn) -> tuple[OptinoutConfig, str, bytes]:
    """An export, or anything else under its name; packed, perhaps torn or damaged."""
    config, content = draw(exports())
    if draw(st.booleans()):
        content = draw(st.sampled_from([b"", content[: draw(st.integers(0, len(content)))]])) + draw(CONTENTS)
    how = draw(st.sampled_from(["", "", "whole", "torn", "damaged", "bare"]))
    packed = bytearray(gzip.compress(content) if how not in ("", "bare") else content)
    if how == "torn":
        del packed[draw(st.integers(0, len(packed) - 1)) :]
    if how == "damaged":
        packed[draw(st.integers(0, len(packed) - 1))] ^= draw(st.integers(1, 255))
    return config, "optout_1__csv__gz" if how else "optout_1__csv", bytes(packed)


@examples(15)
@given(odd_files())
def test_no_export_keeps_the_next_one_from_being_read(
    folder: ExportFolder, odd: tuple[OptinoutConfig, str, bytes]
) -> None:
    # Given a file with anything in it, and a good one behind it, that opts out somebody whom no other one names
    config, name, content = odd
    files, carol = files_of(config), BOB[:-1] + "3"
    rows = [NEEDED, (carol, *[files.true_values[0]] * len(FLAGS))]
    folder.begin(config, **{name: content, "optout_2__csv": "\n".join(map(files.delimiter.join, rows)).encode()})
    # When both are read
    folder.read()
    # Then the good one says what it says
    [state] = [one.state for one in folder.told() if one.id == carol]
    assert isinstance(state, ProfileState) and {seen.opted_out for seen in state.flags.values()} == {True}
    # And of the other one there is nothing but what can be queued, and sentences without values
    for one in folder.told():
        is_told(one)
    for page in folder.pages:
        assert PLANTED not in page.notice and "\n" not in page.notice
