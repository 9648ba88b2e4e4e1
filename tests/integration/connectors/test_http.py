"""The HTTP seam against a server that misbehaves in every way we know of."""

from __future__ import annotations

import email.utils
import gzip
import threading
import time
from contextlib import suppress

import pytest

from connectors.errors import (
    CredentialsRefused,
    ForeignLink,
    Malformed,
    Refused,
    Throttled,
    TryAgain,
    Unavailable,
    Unreachable,
)
from connectors.http import Http, NoThrottle
from tests.integration.connectors.conftest import Pass, Pauses
from tests.integration.connectors.odd_server import Call, OddServer, Reply


def test_a_request_carries_body_token_and_headers(server: OddServer, http: Http) -> None:
    server.replies = [Reply(201, json={"PKey": "@1"})]
    answer = http.request("POST", "profile", about="profile", timeout=5, json={"firstName": "Zoë"})
    assert (answer.status, answer.object()) == (201, {"PKey": "@1"})
    [call] = server.calls
    assert (call.method, call.path, call.body) == ("POST", "/root/profile", '{"firstName":"Zoë"}'.encode())
    assert call.headers["authorization"] == "Bearer token-1"
    assert call.headers["x-test"] == "1"
    assert call.headers["content-length"] == str(len(call.body))


def test_a_process_that_slept_during_a_request_does_not_blame_the_target(
    server: OddServer, http: Http, throttle: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that is stopped for an hour while its request is under way
    clock, slept = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock() + slept[0])

    def answer(call: Call) -> Reply:
        slept[0] = 3600.0
        return Reply(json={})

    server.script = answer
    # When it goes on
    with suppress(TryAgain):
        http.request("GET", "x", about="x", timeout=5)
    # Then the request took no longer than it was allowed to
    assert [seconds <= 5 for seconds in throttle.seconds] == [True]


def test_connections_are_kept_and_cookies_are_not(server: OddServer, http: Http) -> None:
    server.script = lambda call: Reply(json={}, headers={"Set-Cookie": "ARRAffinity=abc; path=/"})
    for _ in range(3):
        http.request("GET", "x", about="x", timeout=5)
    assert {call.connection for call in server.calls} == {1}
    assert all("cookie" not in call.headers for call in server.calls)


def test_a_netrc_entry_cannot_replace_our_token(
    server: OddServer, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", netrc)
    server.replies = [Reply(json={})]
    http = Http("campaign", server.origin, Pass(), NoThrottle(), {}, pool_size=1)
    http.request("GET", "x", about="x", timeout=5)
    http.close()
    assert server.calls[0].headers["authorization"] == "Bearer token-1"


def test_a_proxy_of_the_environment_is_used(server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.origin)
    server.replies = [Reply(json={})]
    http = Http("campaign", "http://mc.example.test/acme", Pass(), NoThrottle(), {}, pool_size=1)
    http.request("GET", "x", about="x", timeout=5)
    http.close()
    assert server.calls[0].path == "http://mc.example.test/acme/x"


def test_a_compressed_answer_is_read(server: OddServer, http: Http) -> None:
    server.replies = [Reply(body=gzip.compress(b'{"a":1}'), headers={"Content-Encoding": "gzip"})]
    assert http.request("GET", "x", about="x", timeout=5).object() == {"a": 1}


def test_half_an_emoji_does_not_make_a_page_unreadable(server: OddServer, http: Http) -> None:
    server.replies = [Reply(body=b'{"lastname":"Ann \\ud83d"}')]
    assert http.request("GET", "x", about="x", timeout=5).object() == {"lastname": "Ann ?"}


def test_a_401_renews_the_token_once_and_repeats_once(server: OddServer, http: Http) -> None:
    server.replies = [Reply(401), Reply(json={"ok": True})]
    assert http.request("POST", "x", about="x", timeout=5, json={"a": 1}).status == 200
    assert [call.headers["authorization"] for call in server.calls] == ["Bearer token-1", "Bearer token-2"]
    assert server.calls[0].body == server.calls[1].body


def test_a_second_401_means_the_credentials_are_refused(server: OddServer, http: Http) -> None:
    server.script = lambda call: Reply(401)
    with pytest.raises(CredentialsRefused, match=r"connections\.campaign"):
        http.request("GET", "x", about="x", timeout=5)
    assert len(server.calls) == 2


def test_a_running_workflow_bears_refused_tokens_for_a_while(
    server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a seam that bears refusals for two minutes, and a system that begins to refuse every token
    now = [1000.0]
    monkeypatch.setattr("connectors.http.time.monotonic", lambda: now[0])
    http = Http("campaign", server.origin, Pass(), NoThrottle(), {}, pool_size=1, refusal_patience=120)

    def ask() -> None:
        http.request("GET", "x", about="x", timeout=5)

    server.script = lambda call: Reply(401)
    # When it is asked again and again, it counts as an outage
    for _ in range(3):
        with pytest.raises(Unavailable):
            ask()
        now[0] += 50
    # Then the credentials are to blame
    with pytest.raises(CredentialsRefused, match="a fresh token was refused"):
        ask()
    # And one answer begins the count anew
    server.script = lambda call: Reply(json={})
    ask()
    server.script = lambda call: Reply(401)
    with pytest.raises(Unavailable):
        ask()
    http.close()


def test_the_end_of_every_request_is_told_with_its_status_and_never_with_its_key(
    server: OddServer, http: Http, throttle: Pauses
) -> None:
    server.replies = [Reply(201, json={}), Reply(503), Reply(401), Reply(200, json={}), Reply(reset=True)]
    for _ in range(3):
        http.request("PATCH", "contacts/ann@example.com", about="contacts", timeout=5, json={})
    with pytest.raises(Unreachable):
        http.request("PATCH", "contacts/ann@example.com", about="contacts", timeout=5, json={})
    assert throttle.ends == [("Campaign PATCH contacts", status) for status in (201, 503, 401, 200, None)]


def test_a_429_pauses_everybody_for_the_seconds_it_names(server: OddServer, http: Http, throttle: Pauses) -> None:
    server.replies = [Reply(429, headers={"Retry-After": "17"})]
    with pytest.raises(Throttled) as caught:
        http.request("GET", "x", about="x", timeout=5)
    assert caught.value.wait == 17
    assert throttle.told == [17]


def test_a_429_pauses_until_the_date_it_names_by_the_servers_own_clock(
    server: OddServer, http: Http, throttle: Pauses
) -> None:
    # Given a server whose clock is an hour ahead of ours
    now = time.time() + 3600
    headers = {"Date": email.utils.formatdate(now, usegmt=True), "Retry-After": email.utils.formatdate(now + 40)}
    server.replies = [Reply(429, headers=headers)]
    with pytest.raises(Throttled) as caught:
        http.request("GET", "x", about="x", timeout=5)
    assert caught.value.wait == 40
    assert throttle.told == [40]


def test_a_429_without_a_time_still_pauses_everybody(server: OddServer, http: Http, throttle: Pauses) -> None:
    server.replies = [Reply(429, headers={"Retry-After": "soon"})]
    with pytest.raises(Throttled) as caught:
        http.request("GET", "x", about="x", timeout=5)
    assert caught.value.wait is None
    assert throttle.told[0] > 0


def test_the_shared_throttle_is_asked_before_every_request_with_the_time_left(server: OddServer) -> None:
    asked: list[float] = []

    class Full(NoThrottle):
        def permit(self, timeout: float) -> None:
            asked.append(timeout)
            raise Throttled("campaign", "the throttle grants nothing in time")

    http = Http("campaign", server.origin, Pass(), Full(), {}, pool_size=1)
    with pytest.raises(Throttled):
        http.request("GET", "x", about="x", timeout=3)
    http.close()
    assert server.calls == []
    assert 2.5 < asked[0] <= 3


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/api",
        "http://127.0.0.1/api",  # another port
        "//elsewhere.example/api",
        "\\\\elsewhere.example\\api",
        "http://127.0.0.1:{port}@elsewhere.example/",
        "http://127.0.0.1:{port}\\@elsewhere.example/",
        "https://127.0.0.1:{port}/api",  # another scheme
        "file:///etc/passwd",
        "http://[broken/api",
        "http://127.0.0.1:nonsense/api",
    ],
)
def test_a_link_to_another_origin_is_not_followed(server: OddServer, http: Http, link: str) -> None:
    port = server.origin.rpartition(":")[2]
    with pytest.raises(ForeignLink, match="another host"):
        http.request("GET", link.replace("{port}", port), about="contacts", timeout=5)
    assert server.calls == []


@pytest.mark.parametrize("link", ["{origin}/api/next?$skiptoken=%3ca%22b", "/api/next?$skiptoken=%3ca%22b"])
def test_a_link_on_the_own_origin_is_followed_as_it_stands(server: OddServer, http: Http, link: str) -> None:
    server.replies = [Reply(json={})]
    http.request("GET", link.replace("{origin}", server.origin), about="contacts", timeout=5)
    assert server.calls[0].path.lower() == "/api/next?$skiptoken=%3ca%22b"


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("https://elsewhere.example/login", ForeignLink),
        ("//elsewhere.example/login", ForeignLink),
        ("http://[broken", ForeignLink),
        ("/root/elsewhere", Malformed),
        ("", Malformed),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_never_followed(
    server: OddServer, http: Http, location: str, error: type[Exception], status: int
) -> None:
    server.script = lambda call: Reply(status, headers={"Location": location})
    with pytest.raises(error):
        http.request("POST", "x", about="x", timeout=5, json={})
    assert len(server.calls) == 1


TORN = [
    pytest.param(Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", hang_up=True), id="half a body"),
    pytest.param(Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", hang_up=True), id="chunks"),
    pytest.param(Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}), id="broken gzip"),
]
NO_ANSWER = [
    pytest.param(Reply(reset=True), id="reset"),
    pytest.param(Reply(raw=b"", hang_up=True), id="closed before any byte"),
    pytest.param(Reply(raw=b"HTTP/1.1 2", hang_up=True), id="half a status line"),
    pytest.param(Reply(raw=b"SSH-2.0-OpenSSH\r\n\r\n", hang_up=True), id="another protocol"),
    pytest.param(Reply(raw=b"HTTP/1.1 abc OK\r\n\r\n", hang_up=True), id="status in letters"),
    pytest.param(Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", hang_up=True), id="long line"),
    pytest.param(Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", hang_up=True), id="many headers"),
]


@pytest.mark.parametrize("reply", [*TORN, *NO_ANSWER])
def test_whatever_a_broken_connection_does_is_told_as_try_again_without_address_or_key(
    server: OddServer, http: Http, reply: Reply
) -> None:
    server.script = lambda call: reply
    with pytest.raises(TryAgain) as caught:
        http.request("POST", "profile/secret-key", about="profile", timeout=5, json={"email": "a@example.com"})
    assert "Campaign POST profile" in caught.value.sentence
    assert "secret-key" not in caught.value.sentence
    # And no cause hangs on it that would print the address
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("reply", TORN)
def test_a_torn_answer_is_malformed(server: OddServer, http: Http, reply: Reply) -> None:
    server.script = lambda call: reply
    with pytest.raises(Malformed):
        http.request("GET", "x", about="x", timeout=5)


def test_a_write_on_a_kept_connection_that_the_server_tore_is_not_repeated(server: OddServer, http: Http) -> None:
    # Given a connection that served one request
    server.replies = [Reply(json={}), Reply(reset=True)]
    http.request("GET", "x", about="x", timeout=5)
    # When the server resets it under the next request, without a byte
    with pytest.raises(Unreachable):
        http.request("POST", "x", about="x", timeout=5, json={})
    # Then nobody repeated the write behind our back
    assert [call.method for call in server.calls] == ["GET", "POST"]


def test_a_refused_connection_is_told() -> None:
    with OddServer() as gone:
        origin = gone.origin
    http = Http("campaign", origin, Pass(), NoThrottle(), {}, pool_size=1)
    with pytest.raises(Unreachable, match="no connection to the server"):
        http.request("POST", "x", about="x", timeout=5, json={})
    http.close()


def test_an_unknown_host_is_told() -> None:
    http = Http("dynamics", "http://nowhere.invalid", Pass(), NoThrottle(), {}, pool_size=1)
    with pytest.raises(Unreachable, match="no connection to the server"):
        http.request("POST", "x", about="x", timeout=5, json={})
    http.close()


def test_a_silent_server_is_given_up_within_the_timeout(server: OddServer, http: Http) -> None:
    server.script = lambda call: Reply(silence=True)
    began = time.monotonic()
    with pytest.raises(Unreachable, match="timed out"):
        http.request("POST", "x", about="x", timeout=0.3, json={})
    assert time.monotonic() - began < 1


def test_waiting_for_a_free_connection_counts_into_the_timeout(server: OddServer) -> None:
    # Given a pool of one connection, in use by a request that gets no answer
    arrived = threading.Event()

    def script(call: Call) -> Reply:
        arrived.set()
        return Reply(silence=True)

    server.script = script
    http = Http("campaign", server.origin, Pass(), NoThrottle(), {}, pool_size=1)

    def first() -> None:
        with pytest.raises(Unreachable):
            http.request("GET", "first", about="x", timeout=1.5)

    thread = threading.Thread(target=first)
    thread.start()
    assert arrived.wait(5)
    # When another thread wants one
    with pytest.raises(Unreachable, match="no connection became free"):
        http.request("POST", "second", about="x", timeout=0.2, json={})
    # Then it gave up in time and sent nothing
    thread.join(5)
    http.close()
    assert [call.path for call in server.calls] == ["/first"]


def test_a_timeout_of_nothing_sends_nothing(server: OddServer, http: Http) -> None:
    with pytest.raises(Unreachable):
        http.request("POST", "x", about="x", timeout=0, json={})
    assert server.calls == []


def test_a_value_that_json_cannot_hold_refuses_the_record(server: OddServer, http: Http) -> None:
    with pytest.raises(Refused) as caught:
        http.request("POST", "x", about="x", timeout=5, json={"lastName": "half \ud83d"})
    assert "half" not in caught.value.sentence
    assert server.calls == []
