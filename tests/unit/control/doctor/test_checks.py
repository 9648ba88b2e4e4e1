"""Each check turns what it sees into a colour, a finding and a remedy."""

from pathlib import Path

import pytest

from control.doctor.checks import Colour, file_check
from control.doctor.redis import memory_check, persistence_check, policy_check, version_check


@pytest.mark.parametrize(
    ("version", "colour"), [("6.0.16", Colour.RED), ("6.2.0", Colour.GREEN), ("7.0.15", Colour.GREEN)]
)
def test_redis_must_be_new_enough(version: str, colour: Colour) -> None:
    assert version_check({"redis_version": version}).colour is colour


def test_valkey_is_shown_by_its_own_name() -> None:
    assert version_check({"redis_version": "7.2.4", "valkey_version": "9.1.2"}).finding == "Valkey 9.1.2."


def test_a_server_that_forgets_is_red() -> None:
    # Given a server without an append-only file, one whose disk is full, one that evicts
    for check in (
        persistence_check({"aof_enabled": 0}),
        persistence_check({"aof_enabled": 1, "aof_last_write_status": "err"}),
        policy_check({"maxmemory_policy": "allkeys-lru"}),
    ):
        # Then each is red and names a remedy
        assert check.colour is Colour.RED
        assert check.remedy
    # And a server that keeps everything is green
    assert persistence_check({"aof_enabled": 1, "aof_last_write_status": "ok"}).colour is Colour.GREEN
    assert policy_check({"maxmemory_policy": "noeviction"}).colour is Colour.GREEN


def test_memory_that_runs_short_is_yellow() -> None:
    assert memory_check({"used_memory": 90, "maxmemory": 100}).colour is Colour.YELLOW
    assert memory_check({"used_memory": 90, "maxmemory": 0, "total_system_memory": 1000}).colour is Colour.GREEN


def test_a_secret_file_that_others_can_read_is_yellow_with_the_command_that_helps(tmp_path: Path) -> None:
    # Given a file that everybody can read
    file = tmp_path / "secret"
    file.write_text("x")
    file.chmod(0o644)
    check = file_check("Campaign secret", file)
    assert (check.colour, check.remedy) == (Colour.YELLOW, f"Run: chmod 600 {file}")
    # When that is done, all is well
    file.chmod(0o600)
    assert file_check("Campaign secret", file).colour is Colour.GREEN
    # And a file that is not there is red
    assert file_check("Campaign secret", tmp_path / "none").colour is Colour.RED
