"""Which files were read, and which are only looked at: what is remembered of them, and for how long."""

import pytest
from redis import Redis

from store.files import KEPT_MS, Content, Files, FileVersion, Looks, ReadFile
from store.keys import StreamKeys

NOW = 1_777_000_000_000
VERSION = FileVersion("logs_1.txt", 10, 1_776_000_000)
CONTENT = Content(10, "ab", "cd")


class ClockedFiles(Files):
    def now_ms(self) -> int:
        return NOW


@pytest.fixture
def files(redis: Redis, keys: StreamKeys) -> Files:
    return ClockedFiles(redis, keys)


def test_a_version_that_was_read_is_told_from_every_other_one(files: Files) -> None:
    assert files.read() == {}
    files.remember(VERSION, CONTENT)
    files.remember(VERSION, CONTENT)
    known = files.read()["logs_1.txt"]
    assert known == ReadFile(10, 1_776_000_000, NOW, CONTENT)
    assert known.is_of(VERSION)
    assert not known.is_of(FileVersion("logs_1.txt", 11, 1_776_000_000))
    assert not known.is_of(FileVersion("logs_1.txt", 10, 1_776_000_001))
    # The newest version takes the place of the one before
    other = FileVersion("logs_1.txt", 11, 1)
    files.remember(other, None, aside="settings", why="has no column id.")
    set_aside = ReadFile(11, 1, NOW, None, "settings", why="has no column id.", asides=(other,))
    assert files.read() == {"logs_1.txt": set_aside}
    # And that one was set aside is known when it is read at last, though not why any more
    files.remember(other, CONTENT)
    files.remember(VERSION, CONTENT)
    assert files.read() == {"logs_1.txt": ReadFile(10, 1_776_000_000, NOW, CONTENT, asides=(other,))}


def test_a_file_is_forgotten_only_when_it_was_gone_for_long_without_a_break(files: Files) -> None:
    files.remember(VERSION, CONTENT)
    files.note_gone(files.read(), {"logs_1.txt"}, NOW, leaves=False)
    assert files.read()["logs_1.txt"].gone_ms is None
    files.note_gone(files.read(), set(), NOW, leaves=False)
    files.note_gone(files.read(), set(), NOW + KEPT_MS - 1, leaves=False)
    assert files.read()["logs_1.txt"].gone_ms == NOW
    # It comes back, and goes once more
    files.note_gone(files.read(), {"logs_1.txt"}, NOW + KEPT_MS - 1, leaves=False)
    files.note_gone(files.read(), set(), NOW + KEPT_MS, leaves=False)
    files.note_gone(files.read(), set(), NOW + KEPT_MS * 2 - 1, leaves=False)
    assert files.read()["logs_1.txt"].content == CONTENT
    files.note_gone(files.read(), set(), NOW + KEPT_MS * 2, leaves=False)
    assert files.read() == {}


def since(looks: Looks) -> dict[str, int]:
    return {name: look.since_ms for name, look in looks.there.items()}


def test_a_look_tells_since_when_a_file_stays_the_same(files: Files) -> None:
    assert since(files.look([VERSION], NOW)) == {"logs_1.txt": NOW}
    assert since(files.look([VERSION], NOW + 5)) == {"logs_1.txt": NOW}
    grown = FileVersion("logs_1.txt", 11, 1_776_000_000)
    assert since(files.look([grown], NOW + 9)) == {"logs_1.txt": NOW + 9}
    # What is gone at one look is told, and is new when it comes back after it was forgotten
    looks = files.look([], NOW + 10)
    assert (since(looks), list(looks.gone)) == ({}, ["logs_1.txt"])
    files.forget_looks(list(looks.gone))
    assert since(files.look([grown], NOW + 11)) == {"logs_1.txt": NOW + 11}


def test_failures_are_counted_for_each_version_until_it_is_read_or_gone(files: Files) -> None:
    files.look([VERSION], NOW)
    assert [files.count_failure(VERSION) for _ in range(3)] == [1, 2, 3]
    # Neither does counting make it younger
    assert since(files.look([VERSION], NOW + 5)) == {"logs_1.txt": NOW}
    assert files.count_failure(FileVersion("logs_1.txt", 11, 0)) == 1
    files.remember(VERSION, None, "settings")
    assert files.count_failure(VERSION) == 1


def test_streams_share_nothing(files: Files, redis: Redis, keys: StreamKeys) -> None:
    files.remember(VERSION, CONTENT)
    files.look([VERSION], NOW)
    other = ClockedFiles(redis, keys.workflow.stream("other"))
    assert other.read() == {}
    assert since(other.look([VERSION], NOW + 1)) == {"logs_1.txt": NOW + 1}
