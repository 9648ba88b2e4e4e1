"""What a crash leaves behind of a load that never came to one holds personal data, and is taken away."""

import pytest

from connectors.errors import Unreachable
from connectors.sftp import Sftp
from sync.loading import timing
from tests.integration.sync.loading_stage import IMPORTS, LoadStage

OLD, YOUNG = "20200101T000000_000001", "29990101T000000_000001"


@pytest.fixture
def left(loading: LoadStage) -> set[str]:
    """What must stay; beside it lies what must go."""
    stays = {
        f"{IMPORTS}/.profile_production_{YOUNG}.csv.part",  # somebody may be at it
        f"{IMPORTS}/.profile_stage_{OLD}.csv.part",  # another instance's
        f"{IMPORTS}/profile_production_{OLD}.csv",  # Campaign may have been told of it
        f"{IMPORTS}/.profile_of_mine.csv.part",
    }
    goes = {f"{IMPORTS}/.profile_production_{OLD}.csv.part", f"{IMPORTS}/.profile_production_{OLD}.given-up"}
    for path in stays | goes:
        loading.put_file(path, "x")
    return stays


def test_what_nobody_knows_any_more_goes_without_another_load(loading: LoadStage, left: set[str]) -> None:
    # When records are written singly
    loading.configure(threshold=10_000)
    loading.start()
    loading.read()
    loading.write()
    # Then what a crash has left is gone, and nothing else is
    assert loading.files().keys() == left


def test_the_load_that_is_under_way_keeps_its_file(loading: LoadStage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a load whose file is not in its place yet, however old it is
    monkeypatch.setattr(timing, "SURE_MS", 3_600_000)
    monkeypatch.setattr(timing, "LEFT_MS", -1)
    loading.start()
    loading.read()
    load = loading.write_until_loaded()
    # When it is time to tidy
    monkeypatch.setattr(timing, "TIDY_EVERY_MS", 0)
    loading.write()
    # Then it is there, and imported
    assert loading.files().keys() == {f"{IMPORTS}/.{load.name}.csv.part"}
    monkeypatch.setattr(timing, "SURE_MS", 0)
    loading.write_until_done()
    assert loading.in_files() == load.count


def test_a_server_that_is_away_is_not_asked_in_every_slice(loading: LoadStage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def away(self: Sftp, folder: str, timeout: float) -> None:
        asked.append(folder)
        raise Unreachable("sftp", "it is away")

    loading.configure(threshold=10_000)
    loading.start()
    loading.read()
    monkeypatch.setattr(Sftp, "file", away)
    # When records are written in two slices
    loading.write()
    late = loading.create(1)[0]
    loading.read()
    loading.write()
    # Then they are written, and it was asked once
    assert late in loading.names() and asked == [IMPORTS]
