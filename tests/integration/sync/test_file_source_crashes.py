"""Processes that die, pages that are not stored and connections that break: every row of every file is stored once."""

import random
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from redis import Redis

from connectors.errors import TryAgain
from sync.files import open_file as file_open
from sync.files import reader as file_reader
from sync.files import source as file_source
from tests.integration.sync.log_folder import FIRST, LogFolder, log_folders, shown


@pytest.fixture
def folder(redis: Redis, tmp_path: Path) -> Iterator[LogFolder]:
    yield from log_folders(redis, tmp_path / "home")


def made_up(chance: random.Random, file: int) -> tuple[str, str, list[str]]:
    """Name and content of a file with rows of all lengths, a broken one now and then, and what is to come of it."""
    name = f"logs_{file:02}.txt" + chance.choice(["", ".gz"])
    text, expected = FIRST, list[str]()
    for row in range(chance.choice([0, 1, 40, 150])):
        filling = chance.randbytes(chance.choice([1, 30, 3_000])).hex()
        if chance.random() < 0.05:
            text += f"{filling}\n"
            expected.append(f"{name} line {row + 2}")
        else:
            text += f"{file}-{row}\tclick\t{filling}\t2026\n"
            expected.append(f"{file}-{row}")
    return name, text, expected


@pytest.mark.parametrize("seed", range(12))
def test_every_row_is_stored_once_whatever_breaks(
    folder: LogFolder, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # Given files that are removed once they are read, and pages of a few rows
    chance = random.Random(seed)
    monkeypatch.setattr(file_reader, "PAGE_ROWS", 7)
    monkeypatch.setattr(file_open, "_LOOK_AGAIN", 50_000)
    folder.use(afterwards="delete", settled_seconds=0)
    failing = random.Random(-seed)

    def fail_now_and_then(name: str, path: str) -> None:
        if failing.random() < 0.1:
            raise asyncssh.SFTPFailure("now and then")

    folder.server.before = fail_now_and_then
    to_come: list[str] = []
    files = 0
    # When processes die, calls fail and connections break at any moment, until nothing is left to read
    for _ in range(5_000):
        if files < 6 and chance.random() < 0.2:
            name, text, expected = made_up(chance, files)
            folder.put(name, text, mtime=1_776_000_000 + files)
            to_come += expected
            files += 1
        monkeypatch.setattr(file_source, "PAGE_SECONDS", chance.choice([0.0, 3.0]))
        try:
            page = folder.fetch()
            if page.more and chance.random() < 0.5:
                folder.source.fetch(page.behind, 5)
        except TryAgain:
            continue
        if chance.random() < 0.1:
            folder.restart()
            continue
        folder.store(page)
        if chance.random() < 0.05:
            folder.server.cut()
        if chance.random() < 0.1:
            folder.restart()
        if files == 6 and not page.more:
            if not folder.names():
                break
            folder.files.at_ms += 2_000
    folder.server.before = lambda name, path: None
    # Then every row was stored once, those of each file in their order, and no file is left
    found = [shown(event) for event in folder.events]
    assert sorted(found) == sorted(to_come)
    assert folder.names() == []
