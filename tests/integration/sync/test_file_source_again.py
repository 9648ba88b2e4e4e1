"""Files that are read once more: none is left out, whatever becomes of pages; those put back are found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from store.files import PUT_BACK_MS
from sync.files import reader as file_reader
from tests.integration.sync.log_folder import LogFolder, log_folders, rows, shown


@pytest.fixture
def folder(redis: Redis, tmp_path: Path) -> Iterator[LogFolder]:
    yield from log_folders(redis, tmp_path / "home")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_reader, "PAGE_ROWS", 3)


def test_files_are_read_again_from_a_time_on_in_order_and_nothing_is_forgotten_or_moved(
    folder: LogFolder, small_pages: None
) -> None:
    # Given files that were read, of which some were moved, and one that was not read yet
    folder.use(afterwards="archive", archive_folder="done", settled_seconds=0)
    for number in range(4):
        folder.put(f"logs_{number}.txt", rows(*range(number * 10, number * 10 + 5)), mtime=1_776_000_000 + number)
    folder.read()
    folder.tidy()
    folder.use(settled_seconds=0, archive_folder="done")
    folder.put("logs_4.txt.gz", rows(40), mtime=1_776_000_004)
    folder.put("bad_5.txt", "no columns\n", mtime=1_776_000_005)
    folder.read()
    folder.files.at_ms += 1
    # When they are to be read again from the second one's time on, and a new one is read in the meantime
    again = folder.source.beginning(1_776_000_001_000)
    folder.files.at_ms += 1
    folder.put("logs_6.txt", rows(60), mtime=1_776_000_006)
    assert folder.read() == ["60"]
    folder.put("logs_7.txt", rows(70), mtime=1_776_000_007)
    live, folder.position = folder.position, again
    expected = [str(number * 10 + n) for number in (1, 2, 3) for n in range(5)] + ["40"]
    found: list[str] = []
    while (page := folder.fetch()).more:
        found += [str(event.value["id"]) for event in page.records if event.value]
        folder.position = page.behind
        folder.restart()
    # Then those that were read before come again, in the order of their names
    assert found == expected
    assert page.wait > 0
    assert folder.names("done") == [f"logs_{number}.txt" for number in range(4)]
    # And what is new is left to the reading that remembers
    folder.position = live
    assert folder.read() == ["70"]


def test_a_file_that_is_archived_while_it_is_read_again_is_found_there(folder: LogFolder, small_pages: None) -> None:
    folder.use(archive_folder="done", settled_seconds=0)
    folder.put("logs_1.txt", rows(*range(8)))
    folder.read()
    folder.events.clear()
    folder.position = folder.source.beginning(0)
    folder.store(folder.fetch())
    assert 0 < len(folder.events) < 8
    folder.restart()
    folder.put("done/x", "")
    folder.path("logs_1.txt").rename(folder.server.home / "done" / "logs_1.txt")
    folder.read()
    assert [event.value and event.value["id"] for event in folder.events] == [str(n) for n in range(8)]
    assert folder.missed == []


def test_a_page_that_was_read_ahead_and_not_used_leaves_no_file_out(
    folder: LogFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given twenty files that were read, and that are read once more
    monkeypatch.setattr(file_reader, "PAGE_ROWS", 3)
    expected = [str(number) for number in range(10, 30)]
    for number in expected:
        folder.put(f"logs_{number}.txt", rows(number))
    assert folder.read() == expected
    live, found = folder.position, list[str]()
    page = folder.source.fetch(folder.source.beginning(0), 5)
    while page.more:
        found += map(shown, page.records)
        # When the page behind each is made, and thrown away because new events are due
        folder.source.fetch(page.behind, 5)
        assert folder.source.fetch(live, 5).records == []
        page = folder.source.fetch(page.behind, 5)
    # Then every file was read once, in order
    assert found + list(map(shown, page.records)) == expected


def test_new_files_of_pages_that_are_not_used_are_read(folder: LogFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_reader, "PAGE_ROWS", 3)
    for number in range(10, 30):
        folder.put(f"logs_{number}.txt", rows(number))
    # When pages are read ahead and made anew, by one process
    while (page := folder.fetch()).more:
        folder.source.fetch(page.behind, 5)
        page = folder.fetch()
        folder.store(page)
    assert [shown(event) for event in folder.events] == [str(number) for number in range(10, 30)]


@pytest.mark.parametrize("name", ["logs_1.txt", "logs_7.txt", "logs_1.txt.gz"])
@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("read_first", [False, True])
def test_a_file_that_was_put_back_is_read_once_more(folder: LogFolder, name: str, end: str, read_first: bool) -> None:
    # Given a file that was read and removed
    folder.use(afterwards="delete", settled_seconds=0)
    content = rows(1, 2).removesuffix("\n") + end
    folder.put("logs_1.txt", content)
    folder.read()
    folder.files.at_ms += 600_000
    assert "2" in {*folder.read(), *map(shown, folder.events)}
    folder.tidy()
    assert folder.names() == []
    # When it is put back, by a copy or under another name, and another one comes
    folder.files.at_ms += 60_000
    folder.put(name, content, mtime=1_776_000_500)
    folder.put("logs_2.txt", rows(3, 4).removesuffix("\n") + end, mtime=1_776_000_500)
    if read_first:
        assert "1" not in folder.read()
        folder.tidy()
    # Then a reading of all once more brings it, and leaves the new one to the reading of what is new
    found = folder.read_again()
    assert [id_ for id_ in found if id_ in ("1", "2")] == ["1", "2"]
    assert read_first or found == ["1", "2"]
    # And it leaves its folder, once it is no longer needed there
    folder.read()
    folder.files.at_ms += 600_000
    folder.read()
    folder.tidy()
    assert folder.names() == [name]
    folder.files.at_ms += PUT_BACK_MS
    folder.read()
    folder.tidy()
    assert folder.names() == []


def test_a_file_that_is_passed_over_after_the_reading_began_is_read_in_it(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(1, 2))
    folder.read()
    folder.path("logs_1.txt").unlink()
    folder.read()
    # Given a file that was put back, and a reading of all once more that has begun
    folder.put("logs_1.txt", rows(1, 2), mtime=1_776_000_500)
    again = folder.source.beginning(0)
    # When the reading of what is new comes by first, a little later
    folder.files.at_ms += 1_000
    assert folder.read() == []
    # Then it is read all the same
    assert [shown(event) for event in folder.source.fetch(again, 5).records] == ["1", "2"]


def test_a_file_that_came_back_as_it_was_is_not_removed_at_once(folder: LogFolder) -> None:
    # Given a file that was read and is about to leave, when somebody takes it away and puts it back, times kept
    folder.use(afterwards="delete", settled_seconds=0)
    folder.put("logs_1.txt", rows(1))
    folder.read()
    folder.path("logs_1.txt").unlink()
    folder.read()
    folder.put("logs_1.txt", rows(1))
    folder.tidy()
    # Then it stays for the time that such files stay
    assert folder.names() == ["logs_1.txt"]
    assert folder.read_again() == ["1"]
    folder.files.at_ms += PUT_BACK_MS
    folder.read()
    assert folder.names() == []
