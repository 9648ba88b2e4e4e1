"""Certificates of what is no system of the vendors: Redis, for our own questions and for Celery, and the webhook."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from config.settings import Settings
from connectors.webhook import NotTaken, post
from store.client import connect
from tests.integration.connectors.odd_server import OddServer, Reply
from tests.integration.connectors.wires import certificate, tls
from workers.app import celery_settings


@pytest.fixture
def vouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return certificate(tmp_path, "127.0.0.1")


@pytest.fixture
def safe(vouched: Path) -> Iterator[OddServer]:
    """Speaks TLS, and takes messages."""
    with OddServer(tls(vouched)) as server:
        server.script = lambda call: Reply(200)
        yield server


def failures(server: OddServer, tail: str) -> list[str]:
    """What it means to log in to this server as if it were a Redis: for our own client, and for Celery."""
    address = server.origin.replace("https://", "rediss://:planted-password@")
    settings = Settings(redis_url=f"{address}/0{tail}")
    app = Celery(set_as_current=False)
    app.conf.update(celery_settings(settings))
    with connect(settings.effective_redis_url) as client, pytest.raises(Exception) as ours:
        client.ping()
    with app.connection() as connection, pytest.raises(Exception) as celerys:
        connection.default_channel.client.ping()
    # Nor does what Flower shows of a worker's settings hold the password
    assert "planted-password" not in str(app.conf.table(with_defaults=True, censored=True))
    return [str(ours.value), str(celerys.value)]


def test_a_redis_whose_certificate_nobody_vouches_for_is_told_no_password(safe: OddServer) -> None:
    for failure in failures(safe, ""):
        assert "certificate verify failed" in failure
        assert "planted-password" not in failure


def test_the_address_of_redis_names_the_authority_to_trust(safe: OddServer, vouched: Path) -> None:
    # The server is no Redis: what is left to fail lies behind the certificate
    for failure in failures(safe, f"?ssl_ca_certs={vouched}"):
        assert "certificate" not in failure


def test_a_webhook_is_told_nothing_unless_somebody_vouches_for_it(
    safe: OddServer, vouched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotTaken, match=r"does not answer \(SSLError\)"):
        post(f"{safe.origin}/secret-part", b"{}", "1", None, 0)
    assert safe.calls == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(vouched))
    post(f"{safe.origin}/secret-part", b"{}", "1", None, 0)
    assert [call.path for call in safe.calls] == ["/secret-part"]
