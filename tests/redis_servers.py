"""Real servers for tests: the embedded Valkey, and Debian's redis-server where it is installed.

What the store promises is tested on both. Everything above it is tested on one of them, half of the tests on each;
BOTH_SERVERS=1 runs all of them on both.
"""

import os
import shutil
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from store.client import connect
from store.embedded import EmbeddedServer

SERVERS = ["embedded", "redis-server"]

#: Where every test runs on both.
_STORE = Path(__file__).parent / "integration" / "store"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("BOTH_SERVERS"):
        return
    left_out = [item for item in items if _is_left_out(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def _is_left_out(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec") or _STORE in item.path.parents:
        return False
    server = item.callspec.params.get("redis_url")
    return isinstance(server, str) and server != _server_for(item.nodeid.replace(server, ""))


def _server_for(test: str) -> str:
    """The same in every process that runs tests."""
    if os.environ.get("CI") != "true" and shutil.which("redis-server") is None:
        return SERVERS[0]
    return SERVERS[zlib.crc32(test.encode()) % len(SERVERS)]


@pytest.fixture(scope="session", params=SERVERS)
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """One real server for the whole run; every test begins with it empty (see `redis`)."""
    # A short path of its own: Unix sockets have a length limit that pytest's own folders come close to.
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder:
        if request.param == "embedded":
            with EmbeddedServer(Path(folder)) as server:
                yield server.url
        else:
            yield from _system_server(Path(folder))


def _system_server(folder: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("redis-server is not installed, and CI runs every test")
        pytest.skip("redis-server is not installed; the suite ran against the embedded server")
    url = f"unix://{folder}/redis.sock"
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        give_up = time.monotonic() + 30
        while not Path(folder, "redis.sock").exists():
            assert time.monotonic() < give_up and process.poll() is None, "redis-server did not start"
            time.sleep(0.01)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect(redis_url) as client:
        client.flushdb()
        yield client
