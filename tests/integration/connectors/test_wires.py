"""What both wires promise, against a server that misbehaves."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.errors import Malformed, Unreachable
from connectors.wire import Wire
from tests.integration.connectors.odd_server import Call, OddServer, Reply
from tests.integration.connectors.test_http import NO_ANSWER, TORN
from tests.integration.connectors.wires import KINDS, Kind, ask


@pytest.fixture(params=KINDS)
def wire(request: pytest.FixtureRequest, server: OddServer) -> Iterator[Wire]:
    wire: Wire = request.param("campaign", server.origin, pool_size=2)
    yield wire
    wire.close()


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", None, None),
        ("DELETE", None, None),
        ("POST", None, "0"),
        ("POST", b"", "0"),
        ("PATCH", b"{}", "2"),
        ("PUT", None, "0"),
        ("POST", b"\x00\xff" * 700_000, "1400000"),
    ],
)
def test_a_request_is_sent_as_it_is_given(
    server: OddServer, wire: Wire, method: str, body: bytes | None, length: str | None
) -> None:
    # Given connections that carried a request of another kind
    server.script = lambda call: Reply(204)
    ask(wire, f"{server.origin}/first", method="POST", body=b"first")
    ask(wire, f"{server.origin}/second")
    # When one is sent whose headers hold what headers may hold
    headers = {"If-Match": "*", "X-Empty": "", "X-Name": "Zo\u00eb: a;b,c", "User-Agent": "d365acs"}
    url = f"{server.origin}/a/../b(key='x')?$filter=a%20eq%20'%C3%A9'"
    answer = ask(wire, url, method=method, headers=headers, body=body)
    # Then it arrives so, and nothing beside it
    call = server.calls[-1]
    assert (answer.status, answer.body) == (204, b"")
    assert (call.method, call.path) == (method, url.removeprefix(server.origin))
    assert call.body == (body or b"")
    assert call.headers.get("content-length") == length
    expected = {"host", "accept-encoding", "if-match", "x-empty", "x-name", "user-agent"}
    assert set(call.headers) - {"content-length"} == expected
    assert call.headers["accept-encoding"] == "identity"
    assert (call.headers["x-empty"], call.headers["x-name"]) == ("", "Zo\u00eb: a;b,c")


@pytest.mark.parametrize(
    ("name", "value"), [("X", "a\r\nX-Evil: b"), ("X", "a\nb"), ("X", "a\rb"), ("X\r\nX-Evil", "b"), ("X: a", "b")]
)
def test_a_header_that_would_be_two_is_not_sent(server: OddServer, wire: Wire, name: str, value: str) -> None:
    with pytest.raises(Unreachable) as caught:
        ask(wire, f"{server.origin}/x", headers={name: value})
    assert "Evil" not in caught.value.sentence
    assert server.calls == []


@pytest.mark.parametrize("tail", [" HTTP/1.1\r\nX-Evil: b\r\n\r\n", "\nX-Evil: b", "\tx"])
def test_an_address_that_would_be_more_is_not_sent_so(server: OddServer, wire: Wire, tail: str) -> None:
    server.script = lambda call: Reply(204)
    try:
        ask(wire, f"{server.origin}/x{tail}")
    except Unreachable:
        assert server.calls == []
    else:
        assert "x-evil" not in server.calls[0].headers


def test_headers_are_found_in_any_case_and_repeated_ones_are_joined(server: OddServer, wire: Wire) -> None:
    raw = (
        b'HTTP/1.1 200 OK\r\nlink: <a>; rel="next",\r\n  <b>; rel="page"\r\nLINK:<c>; rel="count"\r\n'
        b"X-Latin: Zo\xeb\r\nX-Empty:\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nLink: <trailer>\r\n\r\n"
    )
    server.replies = [Reply(raw=raw)]
    answer = ask(wire, f"{server.origin}/x")
    assert answer.headers["Link"] == '<a>; rel="next", <b>; rel="page", <c>; rel="count"'
    assert (answer.headers["x-LATIN"], answer.headers["X-Empty"]) == ("Zoë", "")
    assert answer.headers.get("X-None") is None
    assert answer.body == b"ok"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_asked_for_as_told_and_read(server: OddServer, wire: Wire, encoding: str) -> None:
    text = json.dumps([{"a": number} for number in range(50_000)]).encode()
    body = gzip.compress(text) if encoding == "gzip" else zlib.compress(text)
    server.replies = [Reply(body=body, headers={"Content-Encoding": encoding})]
    answer = ask(wire, f"{server.origin}/x", headers={"Accept-Encoding": "gzip, deflate"})
    assert answer.body == text
    assert server.calls[0].headers["accept-encoding"] == "gzip, deflate"


def test_answers_of_one_request_do_not_reach_the_next(server: OddServer, wire: Wire) -> None:
    server.replies = [Reply(400, body=b"x" * 300_000, headers={"X-First": "1", "Set-Cookie": "a=b"}), Reply(204)]
    first, second = ask(wire, f"{server.origin}/x"), ask(wire, f"{server.origin}/x")
    assert (first.status, first.body, first.headers["X-First"]) == (400, b"x" * 300_000, "1")
    assert (second.status, second.body, "X-First" in second.headers) == (204, b"", False)
    assert [call.connection for call in server.calls] == [1, 1]
    assert "cookie" not in server.calls[1].headers


def test_a_redirect_is_an_answer(server: OddServer, wire: Wire) -> None:
    server.script = lambda call: Reply(307, headers={"Location": "/elsewhere"})
    assert ask(wire, f"{server.origin}/x", method="POST", body=b"{}").status == 307
    assert [call.path for call in server.calls] == ["/x"]


def test_an_answer_to_head_has_no_body_whatever_its_length(server: OddServer, wire: Wire) -> None:
    server.script = lambda call: Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    assert ask(wire, f"{server.origin}/x", method="HEAD").body == b""
    server.script = lambda call: Reply(body=b"whole")
    assert ask(wire, f"{server.origin}/x").body == b"whole"
    assert [(call.method, call.connection) for call in server.calls] == [("HEAD", 1), ("GET", 1)]


@pytest.mark.parametrize("reply", TORN)
def test_a_torn_answer_is_malformed(server: OddServer, wire: Wire, reply: Reply) -> None:
    server.script = lambda call: reply
    with pytest.raises(Malformed, match="broke off before its end"):
        ask(wire, f"{server.origin}/secret-key", method="POST", body=b"{}")


@pytest.mark.parametrize("reply", NO_ANSWER)
def test_no_answer_is_unreachable_and_told_without_the_address(server: OddServer, wire: Wire, reply: Reply) -> None:
    server.script = lambda call: reply
    with pytest.raises(Unreachable, match=r"connection failed or was closed|not valid HTTP") as caught:
        ask(wire, f"{server.origin}/secret-key", method="POST", body=b"{}")
    assert "secret-key" not in caught.value.sentence
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert len(server.calls) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [None, b"{}", b"x" * 1_000_000], ids=["no body", "small", "large"])
@pytest.mark.parametrize("end", [Reply(reset=True), Reply(raw=b"", hang_up=True)], ids=["reset", "closed"])
def test_nothing_is_sent_twice_when_a_kept_connection_ends(
    server: OddServer, wire: Wire, method: str, body: bytes | None, end: Reply
) -> None:
    # Given a connection that served one request
    server.replies = [Reply(204), end]
    server.script = lambda call: Reply(204)
    ask(wire, f"{server.origin}/first")
    # When the server reads the next request and ends the connection without a byte
    with pytest.raises(Unreachable, match="the connection failed or was closed"):
        ask(wire, f"{server.origin}/second", method=method, body=body)
    # Then it got that request once, and the next one is served
    ask(wire, f"{server.origin}/third")
    assert [call.path for call in server.calls] == ["/first", "/second", "/third"]


def test_a_connection_that_the_server_closed_while_it_was_idle_costs_no_request(server: OddServer, wire: Wire) -> None:
    # Given a server that closes each connection after its answer, without saying so
    server.script = lambda call: Reply(204, hang_up=True)
    for _ in range(3):
        ask(wire, f"{server.origin}/x", method="POST", body=b"{}")
        server.wait_for_closed_connections()
    assert [call.connection for call in server.calls] == [1, 2, 3]


def test_as_many_requests_run_at_once_as_there_are_connections(server: OddServer, wire: Wire) -> None:
    # Given a server that answers nobody before two have asked
    both = threading.Barrier(2)

    def script(call: Call) -> Reply:
        both.wait(5)
        return Reply(body=call.path.encode())

    server.script = script
    # When six ask a wire of two connections
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda number: ask(wire, f"{server.origin}/{number}").body, range(6)))
    # Then each has its own answer, and no third connection was made
    assert answers == [f"/{number}".encode() for number in range(6)]
    assert {call.connection for call in server.calls} == {1, 2}


def test_the_connections_outlive_the_threads_that_made_them(server: OddServer, wire: Wire) -> None:
    server.script = lambda call: Reply(204)
    for _ in range(3):
        with ThreadPoolExecutor(1) as threads:
            threads.submit(ask, wire, f"{server.origin}/x").result()
    assert [call.connection for call in server.calls] == [1, 1, 1]


def test_a_wire_that_is_closed_keeps_no_connection(server: OddServer, wire: Wire) -> None:
    server.script = lambda call: Reply(204)
    ask(wire, f"{server.origin}/x")
    wire.close()
    server.wait_for_closed_connections()
    wire.close()


def test_a_silent_server_is_given_up(server: OddServer, wire: Wire) -> None:
    server.script = lambda call: Reply(silence=True)
    with pytest.raises(Unreachable, match="timed out"):
        ask(wire, f"{server.origin}/x", method="POST", body=b"{}", seconds=0.2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["refused", "unknown"])
def test_where_nothing_was_sent_that_is_told(kind: Kind, what: str) -> None:
    with OddServer() as gone:
        origin = gone.origin if what == "refused" else "http://nowhere.invalid"
    wire = kind("campaign", origin, 1)
    with pytest.raises(Unreachable, match="no connection to the server"):
        ask(wire, f"{origin}/x", method="POST", body=b"{}")
    wire.close()
