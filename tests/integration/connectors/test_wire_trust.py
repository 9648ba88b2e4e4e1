"""Certificates and proxies: both wires take them from the environment alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.errors import Unreachable
from connectors.wire_curl import CurlWire
from tests.integration.connectors.odd_server import OddServer, Reply
from tests.integration.connectors.wires import KINDS, Kind, Tunnel, ask, certificate, tls

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def vouched(tmp_path: Path) -> Path:
    return certificate(tmp_path, "127.0.0.1")


@pytest.fixture
def safe(vouched: Path) -> Iterator[OddServer]:
    with OddServer(tls(vouched)) as server:
        server.script = lambda call: Reply(body=b"ok")
        yield server


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment_is_trusted(
    kind: Kind, safe: OddServer, vouched: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(vouched))
    wire = kind("campaign", safe.origin, 1)
    for _ in range(2):
        assert ask(wire, f"{safe.origin}/x").body == b"ok"
    wire.close()
    assert [call.connection for call in safe.calls] == [1, 1]


@pytest.mark.parametrize("variable", ["", "SSL_CERT_FILE"])
def test_a_certificate_that_no_bundle_vouches_for_is_refused(
    kind: Kind, safe: OddServer, vouched: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    if variable:  # heeded by neither
        monkeypatch.setenv(variable, str(vouched))
    wire = kind("campaign", safe.origin, 1)
    with pytest.raises(Unreachable, match=r"certificate is not trusted \(.*self.signed.*connections\.campaign\.url"):
        ask(wire, f"{safe.origin}/secret-key", headers={"Authorization": "Bearer x"})
    wire.close()
    assert safe.calls == []


def test_a_certificate_of_another_host_is_refused(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = certificate(tmp_path, "elsewhere.test")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    with OddServer(tls(other)) as server:
        wire = kind("campaign", server.origin, 1)
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            ask(wire, f"{server.origin}/x")
        wire.close()
        assert server.calls == []


def test_a_bundle_that_is_not_there_is_told(kind: Kind, safe: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    wire = kind("campaign", safe.origin, 1)
    with pytest.raises(Unreachable):
        ask(wire, f"{safe.origin}/x")
    wire.close()
    assert safe.calls == []


def test_a_server_that_does_not_speak_tls_is_told(kind: Kind, server: OddServer) -> None:
    server.script = lambda call: Reply(raw=b"HTTP/1.1 400 Bad\r\n\r\n", hang_up=True)
    origin = server.origin.replace("http:", "https:")
    wire = kind("campaign", origin, 1)
    with pytest.raises(Unreachable, match=r"no connection|timed out|the connection failed"):
        ask(wire, f"{origin}/x", seconds=1)
    wire.close()


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_https_goes_through_the_proxy_of_the_environment(
    kind: Kind, safe: OddServer, vouched: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    # Given a proxy that wants a name and a password
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(vouched))
    with Tunnel() as proxy:
        name = "me:p%40ss@" if scheme else ""
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}{name}{proxy.address}")
        # When two requests go, with a header that is a secret
        wire = kind("campaign", safe.origin, 1)
        answers = [ask(wire, f"{safe.origin}/x", headers={"Authorization": "Bearer secret"}) for _ in range(2)]
        wire.close()
    # Then one tunnel served both, whose maker saw nothing of them, and whose answer is not theirs
    [head] = proxy.asked
    assert head.startswith(f"CONNECT {safe.origin.removeprefix('https://')} HTTP/1.")
    assert "secret" not in head
    assert ("Proxy-Authorization: Basic bWU6cEBzcw==" in head) == bool(name)
    assert [(answer.body, "X-Of" in answer.headers) for answer in answers] == [(b"ok", False)] * 2
    assert all("proxy-authorization" not in call.headers for call in safe.calls)


@pytest.mark.parametrize("excepted", ["127.0.0.1", "*", "elsewhere.test,127.0.0.0/8"])
def test_a_host_that_is_excepted_is_reached_without_the_proxy(
    kind: Kind, safe: OddServer, vouched: Path, monkeypatch: pytest.MonkeyPatch, excepted: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(vouched))
    with Tunnel() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", excepted)
        wire = kind("campaign", safe.origin, 1)
        assert ask(wire, f"{safe.origin}/x").body == b"ok"
        wire.close()
    assert proxy.asked == []


def test_a_proxy_that_refuses_is_no_connection(kind: Kind, safe: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with Tunnel(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        wire = kind("campaign", safe.origin, 1)
        with pytest.raises(Unreachable, match="no connection to the server"):
            ask(wire, f"{safe.origin}/x")
        wire.close()
    assert len(proxy.asked) == 1
    assert safe.calls == []


def test_a_server_that_hangs_up_behind_a_proxy_gave_no_answer(
    kind: Kind, safe: OddServer, vouched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(vouched))
    safe.script = lambda call: Reply(raw=b"", hang_up=True)
    with Tunnel() as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        wire = kind("campaign", safe.origin, 1)
        # urllib3 lays it at the proxy's door
        told = "the connection failed or was closed" if kind is CurlWire else "no connection to the server"
        with pytest.raises(Unreachable, match=told):
            ask(wire, f"{safe.origin}/x", method="POST", body=b"{}")
        wire.close()
    assert len(safe.calls) == 1


@pytest.mark.parametrize("excepted", ["", "mc.example.test.", "elsewhere.test"])
def test_http_goes_through_the_proxy_unless_requests_excepts_the_host(
    kind: Kind, server: OddServer, monkeypatch: pytest.MonkeyPatch, excepted: str
) -> None:
    monkeypatch.setenv("http_proxy", server.origin)
    monkeypatch.setenv("no_proxy", excepted)
    server.script = lambda call: Reply(204)
    wire = kind("campaign", "http://mc.example.test", 1)
    ask(wire, "http://mc.example.test/acme/x")
    wire.close()
    assert [call.path for call in server.calls] == ["http://mc.example.test/acme/x"]
