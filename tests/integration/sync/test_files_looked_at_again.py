"""A file that was set aside as a whole is read again when somebody asks for it, though nothing has changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from store.files import FileVersion
from tests.integration.sync.log_folder import LogFolder, log_folders, rows


@pytest.fixture
def folder(redis: Redis, tmp_path: Path) -> Iterator[LogFolder]:
    yield from log_folders(redis, tmp_path / "home")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_that_was_set_aside_is_read_again_when_that_is_asked_for(folder: LogFolder, restarted: bool) -> None:
    # Given a file that could not be read, and one that was read
    good = rows(1)
    folder.put("logs_1.txt", good.replace("externalId", "externalXY"))
    folder.put("logs_2.txt", rows(2))
    assert folder.read() == ["logs_1.txt", "2"]
    folder.tidy()
    known = folder.files.read()["logs_1.txt"]
    version = FileVersion("logs_1.txt", known.size, known.mtime)

    def ask() -> list[str]:
        folder.files.look_again(version)
        if restarted:
            folder.restart()
        folder.files.at_ms += 15_000
        found = folder.read()
        folder.tidy()
        return found

    # When it is asked for, Then it alone is read again, once
    assert (ask(), folder.read()) == (["logs_1.txt"], [])
    # When it was mended so that its name, size and time are the same, Then what stands in it is read, once
    folder.put("logs_1.txt", good)
    assert (ask(), folder.read()) == (["1"], [])
    # And nothing of it is left to be told
    assert not folder.files.read()["logs_1.txt"].aside and folder.files.looks() == {}
