"""Real servers for tests: the embedded Valkey, and Debian's redis-server where it is installed."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from store.client import connect
from store.embedded import EmbeddedServer


@pytest.fixture(scope="session", params=["embedded", "redis-server"])
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
