"""Files of events on a real SFTP server: each once, in order, when it is whole, whatever stands in it."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from structlog.testing import capture_logs

from connectors.errors import TryAgain
from store.files import KEPT_MS
from sync.egress import file_columns
from sync.files import reader as file_reader
from sync.files import source as file_source
from sync.files.folder import REST_SECONDS
from sync.files.reader import TRIES
from sync.files.source import FileSource
from sync.pages import RawRecord
from tests.integration.sync.log_folder import FIRST, LogFolder, log_folders, rows, shown


@pytest.fixture
def folder(redis: Redis, tmp_path: Path) -> Iterator[LogFolder]:
    yield from log_folders(redis, tmp_path / "home")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_reader, "PAGE_ROWS", 3)


# Which files


def test_files_are_read_once_each_in_the_order_of_their_names(folder: LogFolder) -> None:
    # Given files that were not written in the order of their names, one of them packed, and a few others
    folder.put("logs_2.txt", rows(3, 4), mtime=1_776_000_000)
    folder.put("logs_1.txt", rows(1, 2), mtime=1_776_000_009)
    folder.put("logs_3.txt.gz", rows(5), mtime=1_776_000_001)
    folder.put("other.csv", rows("csv"))
    folder.put("logs_4.txt.part", rows("part"))
    folder.put("logs_4.txt.TMP", rows("tmp"))
    folder.put(".logs_4.txt", rows("hidden"))
    # When all is read
    assert folder.read() == ["1", "2", "3", "4", "5"]
    # Then each event has its columns
    value: dict[str, object] = {"id": "1", "type": "click", "externalId": "c1", "eventDate": "2026-11-01"}
    assert folder.events[0] == RawRecord(value, file="logs_1.txt", line=2)
    # And nothing is read again, by another process either
    assert folder.read() == []
    folder.restart()
    assert folder.read() == []
    # But what is new is
    folder.put("logs_0.txt", rows(6))
    assert folder.read() == ["6"]


def test_files_are_read_in_the_order_of_their_times_if_that_is_wanted(folder: LogFolder) -> None:
    folder.use(order="time", settled_seconds=0)
    folder.put("b.txt", rows(2), mtime=1_776_000_002)
    folder.put("a.txt", rows(3), mtime=1_776_000_003)
    folder.put("c.txt", rows(1), mtime=1_776_000_001)
    assert folder.read() == ["1", "2", "3"]


def test_a_file_is_left_until_it_stays_the_same_by_the_clock_of_the_store(folder: LogFolder) -> None:
    folder.use(settled_seconds=60)
    # Given a file that is being uploaded, with whatever time the server gives it
    folder.put("logs_1.txt", rows(1), mtime=1)
    assert folder.read() == []
    # When it grows within the minute
    folder.files.at_ms += 59_000
    folder.put("logs_1.txt", rows(1, 2), mtime=2)
    assert folder.read() == []
    # Then the minute begins anew, and it is said when to look again
    folder.files.at_ms += 50_000
    assert folder.fetch().wait == pytest.approx(10)
    # And only after it has stayed the same that long it is read, by whichever process
    folder.files.at_ms += 9_999
    folder.restart()
    assert folder.read() == []
    folder.files.at_ms += 1
    folder.restart()
    assert folder.read() == ["1", "2"]


def test_a_file_that_does_not_settle_holds_up_no_other(folder: LogFolder) -> None:
    folder.use(settled_seconds=60)
    folder.put("logs_1.txt", rows(1))
    folder.put("logs_2.txt", rows(2))
    folder.read()
    folder.files.at_ms += 60_000
    folder.put("logs_1.txt", rows(1, 1))
    assert folder.read() == ["2"]


@pytest.mark.parametrize("content", [rows(1, 2, 3), rows(7, 8)])
def test_a_file_that_grows_or_is_replaced_is_read_again_as_a_whole(folder: LogFolder, content: str) -> None:
    folder.put("logs_1.txt", rows(1, 2), mtime=1_776_000_000)
    folder.read()
    folder.put("logs_1.txt", content, mtime=1_776_000_000 + len(content) % 3)
    assert len(folder.read()) == content.count("\n") - 1
    assert folder.read() == []


def test_the_same_content_under_another_name_is_noticed_and_passed_over(folder: LogFolder) -> None:
    # Given a file that was read, longer than what is compared at first
    content = rows(*range(10_000))
    folder.put("logs_1.txt", content)
    assert len(folder.read()) == 10_000
    # When the same content comes as a copy, packed, and once more under its own name
    folder.put("logs_2.txt", content)
    folder.put("logs_3.txt.gz", content)
    folder.put("logs_1.txt", content, mtime=1_776_000_099)
    with capture_logs() as logs:
        assert folder.read() == []
    # Then that is said
    passed = {(log["file"], log["read_as"]) for log in logs if log["action"] == "file_passed_over"}
    assert {file for file, _ in passed} == {"logs_1.txt", "logs_2.txt", "logs_3.txt.gz"}
    # And none of them is looked into again
    opened = folder.server.operations.count("open")
    assert folder.read() == []
    assert folder.server.operations.count("open") == opened
    # But a content that differs in its last byte, or goes on, is another one
    folder.put("logs_4.txt", content[:-2] + "2\n")
    folder.put("logs_5.txt", content + "x\tclick\tc\t2026-11-01\n")
    assert len(folder.read()) == 20_001


def test_of_two_new_files_with_the_same_content_one_is_read(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(1, 2))
    folder.put("logs_2.txt", rows(1, 2))
    assert folder.read() == ["1", "2"]


def test_a_file_is_known_as_long_as_it_is_there_and_some_time_longer(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(1))
    folder.read()
    # However long it stays
    folder.files.at_ms += 10 * KEPT_MS
    assert folder.read() == []
    # Gone for a while and back again, it is still known, by its content, too
    folder.path("logs_1.txt").unlink()
    folder.read()
    folder.files.at_ms += KEPT_MS - 1
    folder.read()
    folder.put("logs_1.txt", rows(1), mtime=1_776_555_555)
    assert folder.read() == []
    # Gone for long, it is forgotten
    folder.path("logs_1.txt").unlink()
    folder.read()
    folder.files.at_ms += KEPT_MS
    folder.read()
    folder.put("logs_1.txt", rows(1))
    assert folder.read() == ["1"]


# What stands in them


@pytest.mark.parametrize("content", ["", "\n", FIRST, FIRST.strip(), "\r\n\r\n"])
@pytest.mark.parametrize("name", ["logs_1.txt", "logs_1.txt.gz"])
def test_a_file_without_events_is_read_like_any_other(folder: LogFolder, name: str, content: str) -> None:
    folder.put(name, content)
    folder.put("logs_2.txt", FIRST)
    with capture_logs() as logs:
        assert folder.read() == []
        folder.files.at_ms += REST_SECONDS * 1_000
        assert folder.read() == []
    # Then nobody takes two of them for the same
    assert [log["action"] for log in logs if log["action"] != "file_held"] == ["file_read", "file_read"]
    assert folder.read() == []


def test_an_empty_packed_file_has_no_events(folder: LogFolder) -> None:
    folder.put("logs_1.txt.gz", b"")
    assert folder.read() == []


def test_a_line_of_ten_megabytes_is_a_flaw_and_the_lines_around_it_are_read(folder: LogFolder) -> None:
    huge = "x" * 10_000_000
    for name in ("logs_1.txt", "logs_2.txt.gz"):
        folder.put(name, rows(1) + f"{huge}{name}\n" + "3\tclick\tc\t2026-11-01\n")
    assert folder.read() == ["1", "logs_1.txt line 3", "3", "1", "logs_2.txt.gz line 3", "3"]
    flaw = folder.events[1]
    assert flaw._replace(where="") == RawRecord(
        None, "", "The row is longer than 1 MB.", "x" * 1_000, flaw.file, flaw.line
    )


def test_a_row_within_quotes_may_go_on_beyond_what_is_read_at_once(folder: LogFolder, small_pages: None) -> None:
    folder.use(quote='"', settled_seconds=0)
    # Given rows with line breaks in them, longer than what the server gives at once
    text = ("y" * 700 + "\n") * 100
    folder.put("logs_1.txt", FIRST + "".join(f'{n}\tclick\t"{text}"\t2026\n' for n in range(10)))
    assert folder.read() == [str(n) for n in range(10)]
    assert all(event.value and event.value["externalId"] == text for event in folder.events)


def test_a_file_without_a_needed_column_is_set_aside_by_name_and_blocks_nothing(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(1).replace("externalId", "profile"))
    folder.put("logs_2.txt", rows(2))
    assert folder.read() == ["logs_1.txt", "2"]
    flaw = folder.events[0].flaw
    assert flaw.startswith("The file logs_1.txt has no column externalId; name the right one in egress.files.fields")
    # Then it is not looked into again
    assert folder.read() == []
    # Until the settings say where the contact stands
    folder.use(settled_seconds=0, fields={"contact": "profile"})
    assert folder.read() == ["1"]
    # Or another version comes
    folder.put("logs_1.txt", rows(3).replace("externalId", "profile"), mtime=1_776_000_001)
    assert folder.read() == ["3"]


# Packed files that are not whole


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_packed_file_is_a_trouble_then_set_aside_and_gives_no_event(folder: LogFolder, damage: str) -> None:
    # Given a packed file that is damaged far behind its first rows, and a good one behind it
    packed = gzip.compress(rows(*(os.urandom(8).hex() for _ in range(1_000))).encode())
    damaged = packed[:-5] if damage == "cut" else packed[:-9] + bytes([packed[-9] ^ 255]) + packed[-8:]
    folder.put("logs_1.txt.gz", damaged)
    folder.put("logs_2.txt", rows(2))
    # When it is tried, by one process after the other
    for _ in range(TRIES - 1):
        with pytest.raises(TryAgain, match=r"The file logs_1\.txt\.gz cannot be unpacked"):
            folder.fetch()
        folder.restart()
    # Then it is set aside, and the next one is read
    assert folder.read() == ["logs_1.txt.gz", "2"]
    assert "upload it again" in folder.events[0].flaw
    assert folder.read() == []
    # And when it was uploaded again it is read whole
    folder.put("logs_1.txt.gz", packed, mtime=1_776_000_001)
    assert len(folder.read()) == 1_000


def test_what_was_read_before_a_trouble_is_not_lost_to_it(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(1))
    folder.put("logs_2.txt.gz", b"nonsense")
    page = folder.fetch()
    assert [event.value and event.value["id"] for event in page.records] == ["1"]
    assert page.more
    folder.store(page)
    with pytest.raises(TryAgain):
        folder.fetch()


# Pages and positions


@pytest.mark.parametrize("name", ["logs_1.txt", "logs_1.txt.gz"])
@pytest.mark.parametrize("quote", [None, '"'])
def test_another_process_goes_on_at_any_page_without_a_row_lost_or_doubled(
    folder: LogFolder, small_pages: None, name: str, quote: str | None
) -> None:
    folder.use(quote=quote, settled_seconds=0)
    # Given rows of many lengths, flaws among them, beyond what is digested at once
    lines = [f"{n}\t{'t' * (n * 37 % 5_000)}\tc\t2026" + ("\tx" if n % 11 == 0 else "") for n in range(60)]
    folder.put(name, "\ufeff" + FIRST + "\r\n".join(lines))
    # When each page is made by another process
    for _ in range(2):
        while (page := folder.fetch()).more:
            assert len(page.records) <= 100
            folder.store(page)
            folder.restart()
        folder.files.at_ms += REST_SECONDS * 1_000
    # Then all rows came once, in order, with their own line numbers
    expected = [f"{name} line {n + 2}" if n % 11 == 0 else str(n) for n in range(60)]
    assert [shown(event) for event in folder.events] == expected
    # And the content is remembered as if one had read it
    folder.put("logs_2.txt", "\ufeff" + FIRST + "\r\n".join(lines))
    assert folder.read() == []


def test_a_page_has_about_a_thousand_rows_and_a_file_stays_open_between_pages(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(*range(5_500)))
    assert len(folder.read()) == 5_500
    assert folder.server.operations.count("open") == 1
    folder.put("logs_2.txt", rows(*range(5_500, 9_500)))
    folder.store(folder.fetch())
    page = folder.fetch()
    assert 1_000 <= len(page.records) < 2_000 and page.more
    # A page that was made and not stored is asked for again without reading anew
    reads = folder.server.operations.count("read")
    assert folder.fetch() == page
    assert folder.server.operations.count("read") == reads


def test_processes_that_take_turns_read_no_page_twice(folder: LogFolder, small_pages: None) -> None:
    # Given two processes, of which one has read a packed file's beginning
    other = FileSource(folder.sftp, folder.settings, file_columns(folder.settings), folder.files)
    names = ["logs_1.txt.gz", "logs_2.txt", "logs_3.txt"]
    for number, name in enumerate(names):
        folder.put(name, rows(*(f"{number}-{row}-{os.urandom(3_000).hex()}" for row in range(60))))
    opened: list[str] = []
    folder.server.before = lambda name, path: opened.append(path) if name == "open" else None
    # When they take turns with every page, and come to the end of all files
    mine = True
    while (page := (folder.source if mine else other).fetch(folder.position, 5)).more:
        folder.store(page)
        mine = not mine
    # Then every row came once
    assert len(folder.events) == 180
    assert len({str(event.value and event.value["id"]) for event in folder.events}) == 180
    # And the packed file was opened once to be checked and once by each to be read: what the other has read is skipped
    assert opened.count("logs/logs_1.txt.gz") == 3
    other.close()


def test_a_page_has_about_a_megabyte_where_rows_are_long(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(*("x" * 100_000 for _ in range(30))))
    page = folder.fetch()
    assert 5 <= len(page.records) <= 12
    folder.store(page)
    assert len(folder.read()) == 30 - len(page.records)


def test_many_small_files_share_a_page_and_one_look_at_the_folder(
    folder: LogFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_source, "PAGE_FILES", 8)
    for number in range(20):
        folder.put(f"logs_{number:02}.txt", rows(number))
    page = folder.fetch()
    assert [event.value and event.value["id"] for event in page.records] == [str(number) for number in range(8)]
    assert folder.server.operations.count("list") == 1
    folder.store(page)
    assert folder.read() == [str(number) for number in range(8, 20)]


def test_a_page_is_given_away_in_time_however_slow_a_file_is(
    folder: LogFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given so little time for a page that not even one chunk fits
    monkeypatch.setattr(file_source, "PAGE_SECONDS", 0.0)
    content = rows(*range(20_000))
    folder.put("logs_1.txt", content)
    folder.put("logs_2.txt.gz", content[:-1])
    folder.put("logs_3.txt", content)
    # Then page after page the reading comes to its end all the same: files are checked, skipped and read step by step
    assert len(folder.read()) == 40_000


# Files that change or go while they are read


def test_a_file_that_changes_while_it_is_read_is_read_anew(folder: LogFolder, small_pages: None) -> None:
    folder.put("logs_1.txt", rows(1, 2, 3, 4, 5))
    page = folder.fetch()
    assert len(page.records) >= 3
    # When it is replaced between two pages, and another process reads on
    folder.put("logs_1.txt", rows(6, 7), mtime=1_776_000_005)
    folder.restart()
    folder.store(page)
    assert folder.read() == ["6", "7"]
    assert folder.missed == []


def test_a_file_that_is_overwritten_under_the_reader_is_noticed(folder: LogFolder) -> None:
    content = rows(*range(200_000))
    folder.put("logs_1.txt", content)
    page = folder.fetch()
    folder.store(page)
    with open(folder.path("logs_1.txt"), "r+b") as file:
        file.truncate(len(content) // 2)
    folder.read()
    # Then the half that is there was read anew from its beginning
    assert [event.value["id"] for event in folder.events if event.value].count("0") == 2


def test_a_file_that_is_overwritten_with_as_many_bytes_is_noticed_too(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(*range(10_000, 90_000)))
    folder.store(folder.fetch())
    with open(folder.path("logs_1.txt"), "r+b") as file:
        file.write(rows(*range(10_000, 90_000)).encode())
    with capture_logs() as logs:
        folder.read()
    assert [log["action"] for log in logs] == ["file_changed", "file_read"]
    ids = [event.value["id"] for event in folder.events if event.value]
    assert ids[-80_000:] == [str(number) for number in range(10_000, 90_000)]


def test_a_file_that_is_removed_while_it_is_read_is_missed_by_name(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(*range(3_000)))
    page = folder.fetch()
    folder.store(page)
    folder.path("logs_1.txt").unlink()
    folder.restart()
    folder.put("logs_2.txt", rows("next"))
    assert folder.read() == ["next"]
    (missed,) = folder.missed
    assert missed.startswith(
        "The file logs_1.txt was removed before it was read to its end: what stood behind its line"
    )
