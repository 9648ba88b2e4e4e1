"""What a crash leaves behind of a load that never came to one holds personal data, and is taken away."""

import json

import pytest
from structlog.testing import capture_logs

from connectors.errors import AccessDenied, NotFound, Unreachable
from connectors.sftp import RemoteFile, Sftp
from control.loads import abandon
from sync.loading import timing
from sync.loading.tidying import tidy
from tests.integration.sync.loading_stage import IMPORTS, LoadStage

OLD, YOUNG = "20200101T000000_000001", "29990101T000000_000001"
MINUTE_MS = 60_000


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


def test_a_load_of_another_table_that_is_mapped_to_the_same_resource_keeps_its_file(
    loading: LoadStage, left: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a table that leaves its files in the same folder; one of them becomes a load while the folder is listed
    other = f"profile_production_{OLD[:-1]}7"
    part = f"{IMPORTS}/.{other}.csv.part"
    loading.put_file(part, "x")
    loading.workflow.lifecycle.add_streams(["lead"])
    files = Sftp.files

    def listed(self: Sftp, folder: str, timeout: float) -> list[RemoteFile]:
        found = files(self, folder, timeout)
        known = json.dumps({"batches": [], "facts": {}})
        key = loading.workflow.keys.stream("lead").load
        loading.redis.hset(key, mapping={"name": other, "known": known, "count": 1})
        return found

    monkeypatch.setattr(Sftp, "files", listed)
    # When contacts are tidied, Then it is there, and what nobody knows is gone
    take_away(loading)
    assert loading.files().keys() == left | {part}


def test_a_file_that_cannot_be_taken_away_keeps_no_other_one_there(
    loading: LoadStage, left: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a file that the server does not let go, and one that is gone already
    loading.put_file(f"{IMPORTS}/.profile_production_{OLD[:-1]}2.csv.part", "x")
    asked: list[str] = []
    remove = Sftp.remove

    def refused(self: Sftp, path: str, timeout: float) -> None:
        asked.append(path)
        if len(asked) == 1:
            raise AccessDenied("sftp", "it is not allowed; allow it there")
        remove(self, path, timeout)
        if len(asked) == 2:
            raise NotFound("sftp", "it is not there")

    monkeypatch.setattr(Sftp, "remove", refused)
    # When they are tidied
    with capture_logs() as logs:
        take_away(loading)
    # Then the others are gone, and the one that is not is told of
    assert len(asked) == 3 and loading.files().keys() == left | {asked[0]}
    told = [(line["log_level"], line["action"]) for line in logs]
    assert told == [("warning", "load_tidy_refused"), ("info", "load_tidied")]
    assert f".{logs[0]['file']}." in asked[0] and logs[0]["why"] == "it is not allowed; allow it there"


@pytest.mark.parametrize(("minutes", "is_looked_for"), [(9, False), (10, True)])
def test_it_is_looked_for_every_ten_minutes(
    loading: LoadStage, left: set[str], minutes: int, is_looked_for: bool
) -> None:
    # Given that somebody has looked so many minutes ago
    lay = loading.files().keys()
    loading.configure(threshold=10_000)
    loading.start()
    loading.read()
    loading.loads.note_tidied(loading.workflow.now_ms() - minutes * MINUTE_MS)
    # When records are written
    loading.write()
    # Then it is looked for if that is long enough
    assert loading.files().keys() == (left if is_looked_for else lay)


def take_away(loading: LoadStage) -> None:
    """What is left of imports of contacts."""
    settings = loading.connections().sftp
    assert settings is not None
    sftp = Sftp(settings)
    try:
        tidy(loading.workflow, "contact", "profile", IMPORTS, sftp)
    finally:
        sftp.close()


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


def test_a_file_that_comes_into_its_place_after_it_was_given_up_is_taken_back(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a load whose file is about to come into its place
    loading.make_load(30)
    monkeypatch.setattr(timing, "SURE_MS", 0)
    move = Sftp.move

    def move_late(self: Sftp, path: str, to: str, timeout: float) -> None:
        # When its writer sleeps right there, until an operator has stopped the workflow and given the import up
        monkeypatch.setattr(Sftp, "move", move)
        loading.redis.delete(loading.workflow.queue("contact").keys.writing(0))
        loading.stop()
        abandon(loading.runtime.store, "contact", "a test")
        move(self, path, to, timeout)

    monkeypatch.setattr(Sftp, "move", move_late)
    loading.write()
    # Then Campaign finds none
    assert loading.loads.read() is None
    assert loading.files() == {}
