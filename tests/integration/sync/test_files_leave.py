"""What becomes of a file of events that was read: it stays until that is safe, then leaves once, and others with it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from connectors.errors import TryAgain
from store.client import SURE_MS
from tests.integration.sync.log_folder import LogFolder, log_folders, rows


@pytest.fixture
def folder(redis: Redis, tmp_path: Path) -> Iterator[LogFolder]:
    yield from log_folders(redis, tmp_path / "home")


@pytest.mark.parametrize("afterwards", ["archive", "delete"])
def test_a_file_stays_until_its_end_was_stored_for_some_seconds(folder: LogFolder, afterwards: str) -> None:
    folder.use(afterwards=afterwards, archive_folder="done/logs", settled_seconds=0)
    folder.put("logs_1.txt", rows(1))
    # When its last page was made, and the one behind it was asked for, however often, while that is being stored
    page = folder.fetch()
    ahead = folder.source.fetch(page.behind, 5)
    folder.files.at_ms += 10 * SURE_MS
    folder.source.fetch(page.behind, 5)
    # Then it is still there, since the page may yet be lost
    assert folder.names() == ["logs_1.txt"]
    folder.restart()
    page = folder.fetch()
    assert len(page.records) == 1
    # When all was stored, the last seconds of which Redis may lose in a crash
    folder.store(page)
    ahead = folder.source.fetch(page.behind, 5)
    folder.store(ahead)
    page = folder.fetch()
    folder.store(page)
    folder.files.at_ms += SURE_MS - 1
    page = folder.fetch()
    # Then it is still there, and it is said when to look again
    assert folder.names() == ["logs_1.txt"]
    assert not page.more and page.wait == 0.001
    # And is gone as soon as those seconds are over, by whichever process
    folder.files.at_ms += 1
    folder.restart()
    folder.fetch()
    assert folder.names() == []
    assert afterwards == "delete" or folder.names("done/logs") == ["logs_1.txt"]
    # And nothing is missed
    folder.tidy()
    assert folder.missed == []


@pytest.mark.parametrize("afterwards", ["archive", "delete"])
def test_what_redis_loses_in_a_crash_is_read_again(folder: LogFolder, redis: Redis, afterwards: str) -> None:
    # Given a file that was read and stored
    folder.use(afterwards=afterwards, archive_folder="done", settled_seconds=0)
    folder.put("logs_1.txt", rows(1, 2))
    before, known = folder.position, redis.hgetall(folder.files._read)
    assert folder.read() == ["1", "2"]
    folder.files.at_ms += SURE_MS - 1
    assert folder.read() == []
    # When Redis comes back without its last seconds
    assert known == {}
    redis.flushdb()
    folder.position = before
    # Then the file is there and is read again, by the process that has read it as well
    assert folder.read() == ["1", "2"]
    folder.tidy()
    assert folder.names() == []


def test_a_file_that_was_kept_stays_when_others_are_to_leave(folder: LogFolder) -> None:
    folder.put("logs_1.txt", rows(1))
    folder.read()
    folder.use(afterwards="delete", settled_seconds=0)
    folder.put("logs_2.txt", rows(2))
    folder.read()
    folder.tidy()
    assert folder.names() == ["logs_1.txt"]


def test_archived_files_do_not_overwrite_each_other_and_are_found_by_the_pattern(folder: LogFolder) -> None:
    folder.use(afterwards="archive", archive_folder="done", settled_seconds=0)
    for number in range(3):
        folder.put("logs_1.txt.gz", rows(number), mtime=1_776_000_000 + number)
        folder.read()
        folder.tidy()
    assert folder.names("done") == ["logs_1.2.txt.gz", "logs_1.3.txt.gz", "logs_1.txt.gz"]


@pytest.mark.parametrize("afterwards", ["archive", "delete"])
def test_a_file_that_came_again_is_neither_moved_nor_removed_before_it_was_read(
    folder: LogFolder, afterwards: str
) -> None:
    folder.use(afterwards=afterwards, archive_folder="done", settled_seconds=0)
    folder.put("logs_1.txt", rows(1))
    # Given a file that was read, and whose time has come to go
    folder.read()
    folder.files.at_ms += SURE_MS
    # When another one of its name is there by then
    folder.put("logs_1.txt", rows(2, 3))
    assert folder.read() == ["2", "3"]
    assert folder.names() == ["logs_1.txt"]
    # Then that one leaves when it was read, too
    folder.tidy()
    assert folder.names() == []


@pytest.mark.parametrize("afterwards", ["archive", "delete"])
def test_a_file_that_comes_in_the_moment_in_which_it_is_to_leave_is_read(folder: LogFolder, afterwards: str) -> None:
    folder.use(afterwards=afterwards, archive_folder="done", settled_seconds=0)
    folder.put("logs_1.txt", rows(1))
    folder.read()

    def replace(name: str, path: str) -> None:
        if name == "stat" and path == "logs/logs_1.txt":
            folder.server.before = lambda name, path: None
            folder.put("logs_1.txt", rows(2, 3))

    # When another one of its name comes between the look at the folder and the move
    folder.server.before = replace
    folder.tidy()
    # Then it is read
    assert folder.names() == ["logs_1.txt"]
    assert folder.read() == ["2", "3"]


def test_a_file_that_was_set_aside_stays_where_it_is(folder: LogFolder) -> None:
    folder.use(afterwards="delete", settled_seconds=0)
    folder.put("logs_1.txt", "no columns\n")
    assert folder.read() == ["logs_1.txt"]
    folder.tidy()
    assert folder.names() == ["logs_1.txt"]


def test_a_move_whose_answer_was_lost_is_not_made_twice(folder: LogFolder) -> None:
    folder.use(afterwards="archive", archive_folder="done", settled_seconds=0)
    folder.put("logs_1.txt", rows(1))

    def cut(name: str, path: str) -> None:
        if name == "rename":
            os.rename(folder.path("logs_1.txt"), folder.server.home / "done" / "logs_1.txt")
            raise ConnectionError

    assert folder.read() == ["1"]
    folder.server.before = cut
    with pytest.raises(TryAgain):
        folder.tidy()
    folder.server.before = lambda name, path: None
    folder.tidy()
    assert (folder.names(), folder.names("done")) == ([], ["logs_1.txt"])
