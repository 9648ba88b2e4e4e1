"""What is ours of the way that Celery talks to Redis."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from celery import Celery

from config.settings import Settings
from store.client import connect
from store.embedded import EmbeddedServer
from workers import transport
from workers.app import celery_settings

PASSWORD = "hunter@2"


@pytest.fixture
def home() -> Iterator[Path]:
    # A short path: it holds a Unix socket.
    with TemporaryDirectory(prefix="d365acs-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("user", ["", "default"])
def test_the_password_of_a_socket_opens_it_and_is_told_to_nobody(home: Path, user: str) -> None:
    with EmbeddedServer(home) as server:
        # Given a Redis that wants a password, behind a socket
        with connect(server.url) as redis:
            redis.config_set("requirepass", PASSWORD)
        url = server.url.replace("unix://", f"unix://{user}:hunter%402@")
        settings = Settings(home=home, redis_url=url)

        # When workers talk to it
        transport.use(settings.effective_redis_url)
        with Celery("test", set_as_current=False) as app:
            app.conf.update(celery_settings(settings))
            with app.connection_for_read() as connection, connection.SimpleQueue("control") as queue:
                queue.put({"said": "something"})
                assert queue.get(timeout=30).payload == {"said": "something"}

                # Then what they tell of the connection has no word of it
                told = f"{connection.info()} {connection.as_uri(include_password=True)} {app.conf.humanize()}"
        assert "hunter" not in told and str(home) in told
