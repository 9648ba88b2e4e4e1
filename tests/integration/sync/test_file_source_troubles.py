"""What befalls single files: half a last row, no right to read one, one that vanishes, one with a foreign name."""

import os
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import orjson
import pytest
from redis import Redis
from structlog.testing import capture_logs

from config.egress import EgressConfig
from connectors.errors import AccessDenied
from store.files import Content, ReadFile
from sync.events.event import Understanding
from sync.events.payload import keep
from sync.files.folder import REST_SECONDS, REST_TIMES
from sync.files.reader import TRIES
from tests.integration.sync.log_folder import FIRST, LogFolder, log_folders, rows

REST_MS = REST_SECONDS * 1_000


@pytest.fixture
def folder(redis: Redis, tmp_path: Path) -> Iterator[LogFolder]:
    yield from log_folders(redis, tmp_path / "home")


# A last row without a line break


@pytest.mark.parametrize("quote", [None, '"'])
def test_half_a_row_of_an_upload_that_stalls_is_no_event(folder: LogFolder, quote: str | None) -> None:
    folder.use(settled_seconds=60, quote=quote)
    whole = rows(1, 2, 345)
    # Given an upload that stands still within a row for longer than files need to be whole
    folder.put("logs_1.txt", whole[: whole.index("45\tclick")])
    folder.read()
    folder.files.at_ms += 60_000
    # Then the rows before it flow
    assert folder.read() == ["1", "2"]
    # When it stalls on, not for long enough, whoever looks, then goes on
    folder.files.at_ms += REST_MS - 60_001
    folder.restart()
    assert folder.read() == []
    folder.put("logs_1.txt", whole, mtime=1_776_000_600)
    folder.read()
    folder.files.at_ms += 60_000
    # Then no half of it was ever read
    assert folder.read() == ["1", "2", "345"]


@pytest.mark.parametrize("settled_seconds", [0, 120])
def test_a_last_row_without_a_line_break_is_read_when_the_file_stays_as_it_is(
    folder: LogFolder, settled_seconds: int
) -> None:
    folder.use(settled_seconds=settled_seconds, afterwards="delete")
    rest_ms = max(REST_MS, REST_TIMES * settled_seconds * 1_000)
    folder.put("logs_1.txt", rows(*range(20_000), "last").removesuffix("\n"))
    folder.read()
    folder.files.at_ms += settled_seconds * 1_000
    folder.read()
    assert len(folder.events) == 20_000
    opened = folder.server.operations.count("open")
    # When the time has almost come, the file is neither opened nor removed, and it is said when to look
    folder.files.at_ms += rest_ms - settled_seconds * 1_000 - 10
    page = folder.fetch()
    assert (page.records, page.more, page.wait) == ([], False, 0.01)
    assert folder.server.operations.count("open") == opened
    # When it has come, by another process
    folder.files.at_ms += 10
    folder.restart()
    reads = folder.server.operations.count("read")
    assert folder.read() == ["last"]
    # Then no more than the last row and a little before it was read
    assert folder.server.operations.count("read") - reads <= 3
    # And the file is one like any other
    folder.tidy()
    assert folder.names() == []
    assert folder.missed == []


def test_files_that_have_stood_for_long_by_the_clock_of_their_server_are_read_whole(folder: LogFolder) -> None:
    # Given files without a last line break of which the newest one was written last, long after the others
    for number in range(3):
        folder.put(f"logs_{number}.txt", rows(number).removesuffix("\n"), mtime=1_776_000_000 + number)
    folder.put("logs_3.txt", rows(3).removesuffix("\n"), mtime=1_776_000_002 + REST_SECONDS)
    # Then only that one's last row is left for later
    assert folder.read() == ["0", "1", "2"]
    folder.files.at_ms += REST_MS
    assert folder.read() == ["3"]


def test_a_quote_that_is_open_at_the_end_may_be_closed_later(folder: LogFolder) -> None:
    folder.use(quote='"', settled_seconds=0)
    whole = FIRST + '1\tclick\t"c\nc"\t2026\n'
    folder.put("logs_1.txt", whole[: whole.index('c"')])
    assert folder.read() == []
    folder.put("logs_1.txt", whole, mtime=1_776_000_001)
    assert folder.read() == ["1"]
    # And one that is never closed is a flaw in the end
    folder.put("logs_2.txt", whole[: whole.index('c"')])
    assert folder.read() == []
    folder.files.at_ms += REST_MS
    assert folder.read() == ["logs_2.txt line 2"]


# Files that may not be read, and files that are gone


def test_a_file_that_may_not_be_read_is_tried_some_times_then_set_aside_and_blocks_no_other(folder: LogFolder) -> None:
    for number in range(1, 4):
        folder.put(f"logs_{number}.txt", rows(number))

    def deny(name: str, path: str) -> None:
        if name == "open" and path == "logs/logs_2.txt":
            raise asyncssh.SFTPPermissionDenied("no")

    # When one of three files may not be read
    folder.server.before = deny
    found = folder.read()
    # Then the others are
    assert found == ["1", "3"]
    # When that lasts, it is set aside by name
    for _ in range(TRIES):
        found += folder.read()
    assert found == ["1", "3", "logs_2.txt"]
    assert "logs_2.txt may not be read" in folder.events[-1].flaw
    # And another version is read as soon as it may be
    folder.put("logs_2.txt", rows(2), mtime=1_776_000_001)
    assert folder.read() == []
    folder.server.before = lambda name, path: None
    assert folder.read() == ["2"]


def test_a_folder_that_may_not_be_listed_stops_the_workflow(folder: LogFolder) -> None:
    def deny(name: str, path: str) -> None:
        if name == "list":
            raise asyncssh.SFTPPermissionDenied("no")

    folder.server.before = deny
    with pytest.raises(AccessDenied, match="listing logs"):
        folder.read()


def test_a_file_that_is_gone_before_it_was_opened_is_missed_by_name(folder: LogFolder) -> None:
    # Given two files of which one is removed right after the look at the folder
    folder.put("logs_1.txt", rows(1))
    folder.put("logs_2.txt", rows(2))

    def remove(name: str, path: str) -> None:
        if name == "open" and path == "logs/logs_1.txt":
            folder.path("logs_2.txt").unlink()

    folder.server.before = remove
    assert folder.read() == ["1"]
    # Then that is said, once
    assert folder.missed == ["The file logs_2.txt was removed before it was read."]
    assert folder.read() == [] and len(folder.missed) == 1


def test_a_file_that_was_whole_and_is_gone_with_the_next_look_is_missed_by_name(folder: LogFolder) -> None:
    folder.use(settled_seconds=60)
    # Given files that were looked at: one that is removed when it has settled, one before that, one that is renamed
    for number, name in enumerate(("logs_1.txt", "logs_3.txt")):
        folder.put(name, rows(number), mtime=1_776_000_000 + number)
    folder.read()
    folder.files.at_ms += 30_000
    folder.put("logs_2.txt", rows(2))
    folder.read()
    folder.files.at_ms += 45_000
    folder.path("logs_1.txt").unlink()
    folder.path("logs_2.txt").unlink()
    folder.path("logs_3.txt").rename(folder.path("logs_4.txt"))
    # When the page that says so is made twice
    folder.fetch()
    folder.read()
    # Then the first one is missed, once
    assert folder.missed == ["The file logs_1.txt was removed before it was read."]


# Many files, and odd ones


def test_a_name_that_is_not_utf_8_blocks_no_other_file(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(1))
    with open(os.fsencode(folder.server.home / "logs") + b"/\xdcbersicht.txt", "wb"):
        pass
    with capture_logs() as logs:
        assert folder.read() == ["1"]
        assert folder.read() == []
    assert [log["file"] for log in logs if log["action"] == "file_name_unreadable"] == ["\\xdcbersicht.txt"]


def test_unreadable_rows_at_one_line_of_two_versions_are_two_dead_letters(folder: LogFolder) -> None:
    rules = Understanding(EgressConfig.model_validate({"source": "files"}), "files")
    # Given a daily file under one name with an unreadable row at its second line, and one that is set aside
    ids = []
    for day, flawed in enumerate((FIRST + "monday\n", FIRST + "tuesday\n", "monday\n", "tuesday\n")):
        folder.put("logs_1.txt", flawed, mtime=1_776_000_000 + day)
        folder.read()
        ids.append(keep(folder.events[-1], "files", rules, None).record_id)
    # Then each is told from the others
    assert len(folder.events) == len(set(ids)) == 4
    # And the same one in a version that has grown is told as the same
    folder.put("logs_1.txt", FIRST + "monday\n" + rows(1).removeprefix(FIRST), mtime=1_776_000_009)
    folder.read()
    assert keep(folder.events[-2], "files", rules, None).record_id == ids[0]


def test_what_is_known_of_thousands_of_files_is_fetched_once_not_for_each_file(
    folder: LogFolder, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given 2,000 files that were read before, all as long as those that come
    length = len(rows("0000"))
    known = ReadFile(1, 1, folder.files.at_ms, Content(length, "d" * 32, "b" * 32))
    redis.hset(folder.files._read, mapping={f"old_{number}.txt": orjson.dumps(known) for number in range(2_000)})
    for number in range(120):
        folder.put(f"logs_{number:03}.txt", rows(f"{number:04}"))
    fetched: list[dict[str, ReadFile]] = []
    read = folder.files.read

    def counted() -> dict[str, ReadFile]:
        fetched.append(read())
        return fetched[-1]

    monkeypatch.setattr(folder.files, "read", counted)
    # When 120 files are read, and the folder is looked at again and again
    assert len(folder.read()) == 120
    for _ in range(5):
        folder.read()
    # Then all that was known was fetched once
    assert len(fetched) <= 2
