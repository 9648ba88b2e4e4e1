"""What the wire of the records promises beyond the other one."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from connectors.errors import Unreachable
from connectors.uptime import uptime
from connectors.wire_curl import CurlWire
from tests.integration.connectors.odd_server import Call, OddServer, Reply
from tests.integration.connectors.wires import ask


@pytest.fixture
def wire(server: OddServer) -> Iterator[CurlWire]:
    wire = CurlWire("campaign", server.origin, pool_size=2)
    yield wire
    wire.close()


def test_interim_answers_are_not_the_answer(server: OddServer, wire: CurlWire) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <early>\r\n\r\n"
    server.replies = [Reply(raw=interim + b"HTTP/1.1 201 Created\r\nX-Key: 1\r\nContent-Length: 2\r\n\r\nok")]
    answer = ask(wire, f"{server.origin}/x", method="POST", body=b"{}")
    assert (answer.status, answer.body, answer.headers["X-Key"], "Link" in answer.headers) == (201, b"ok", "1", False)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Key: 1\r\n", id="head cut at a line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Ke", id="head cut in a line"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nX-Key: 1\r\n\r\n", id="nothing but an interim one"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nxxx", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", id="odd length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", id="two lengths"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"a" * 60_000 + b"\r\n") * 20 + b"\r\n", id="megabytes of head"
        ),
    ],
)
def test_a_head_that_is_none_makes_no_answer(server: OddServer, wire: CurlWire, raw: bytes) -> None:
    server.replies = [Reply(raw=raw, hang_up=True), Reply(204)]
    with pytest.raises(Unreachable):
        ask(wire, f"{server.origin}/x")
    assert ask(wire, f"{server.origin}/x").status == 204


def test_a_proxy_cannot_be_named_by_what_requests_does_not_heed(
    server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a variable that libcurl alone would heed, if it were let
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    wire = CurlWire("campaign", server.origin, 1)
    server.script = lambda call: Reply(204)
    assert ask(wire, f"{server.origin}/x").status == 204
    wire.close()


def test_a_process_that_was_stopped_before_it_sent_sends_nothing_any_more(
    server: OddServer, wire: CurlWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an open connection, and a process that is stopped between its look at the clock and the request
    server.script = lambda call: Reply(204)
    assert ask(wire, f"{server.origin}/first").status == 204
    connection = wire._idle[-1]
    stopped = connection._ended

    def stop() -> bool:
        connection._deadline = uptime()
        return stopped()

    monkeypatch.setattr(type(connection), "_ended", lambda self: stop())
    # When it wakes after its deadline
    with pytest.raises(Unreachable, match="no time was left"):
        ask(wire, f"{server.origin}/second")
    # Then nothing was sent
    assert [call.path for call in server.calls] == ["/first"]


def test_a_machine_that_was_suspended_before_it_sent_sends_nothing_any_more(
    server: OddServer, wire: CurlWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an open connection, and a machine that is suspended right before a request: time.monotonic() stands still
    server.script = lambda call: Reply(204)
    assert ask(wire, f"{server.origin}/first").status == 204
    connection = wire._idle[-1]
    clock, slept, ended = time.clock_gettime, [0.0], connection._ended

    def suspend() -> bool:
        slept[0] = 3600
        return ended()

    monkeypatch.setattr(time, "clock_gettime", lambda which: clock(which) + slept[0])
    monkeypatch.setattr(type(connection), "_ended", lambda self: suspend())
    # When it wakes
    with pytest.raises(Unreachable, match="no time was left"):
        ask(wire, f"{server.origin}/second")
    # Then nothing was sent
    assert [call.path for call in server.calls] == ["/first"]


@pytest.mark.parametrize("scheme", ["dict", "ftp", "gopher"])
def test_nothing_but_http_is_spoken(server: OddServer, wire: CurlWire, scheme: str) -> None:
    with pytest.raises(Unreachable, match="no connection to the server"):
        ask(wire, f"{scheme}://{server.origin.removeprefix('http://')}/x", seconds=0.5)
    server.wait_for_closed_connections()
    assert server.calls == []


def test_characters_that_no_address_holds_are_sent_encoded(server: OddServer, wire: CurlWire) -> None:
    server.script = lambda call: Reply(204)
    ask(wire, f'{server.origin}/Zoë?x="< %3Ca>"#part')
    assert server.calls[0].path == "/Zo%C3%AB?x=%22%3C%20%3Ca%3E%22"


@pytest.mark.parametrize("character", ["\r", "\n", "\x00", "\t", "\x7f"])
def test_an_address_with_a_control_character_is_not_sent(server: OddServer, wire: CurlWire, character: str) -> None:
    with pytest.raises(Unreachable, match="cannot be written as HTTP"):
        ask(wire, f"{server.origin}/x{character}y")
    assert server.calls == []


def test_libcurl_adds_no_header_of_its_own(server: OddServer, wire: CurlWire) -> None:
    server.script = lambda call: Reply(204)
    ask(wire, f"{server.origin}/x", method="POST", body=b"{}")
    assert set(server.calls[0].headers) == {"host", "accept-encoding", "content-length"}


def test_a_body_that_drips_ends_with_the_time(wire: CurlWire) -> None:
    # Given a server that sends a byte now and then, each well within the time
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def drip() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(65_536)
                accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
                for _ in range(200):
                    try:
                        accepted.sendall(b"x")
                    except OSError:
                        return
                    ended.wait(0.02)

        thread = threading.Thread(target=drip)
        thread.start()
        # When the time is up, then the request ends
        with pytest.raises(Unreachable, match="timed out"):
            ask(wire, f"http://127.0.0.1:{listener.getsockname()[1]}/x", seconds=0.3)
        ended.set()
        thread.join(5)


def test_a_signal_ends_a_request_of_the_main_thread(server: OddServer, wire: CurlWire) -> None:
    class Interrupted(BaseException):
        pass

    heard = threading.Event()
    in_time: list[bool] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        heard.set()
        raise Interrupted

    def script(call: Call) -> Reply:
        os.kill(os.getpid(), signal.SIGUSR1)
        in_time.append(heard.wait(10))
        return Reply(204)

    # Given a handler that ends what runs, as Ctrl-C and a task's time limit do
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        # When its signal comes while the server keeps silent
        server.script = script
        with pytest.raises(Interrupted):
            ask(wire, f"{server.origin}/x", seconds=20)
    finally:
        signal.signal(signal.SIGUSR1, before)
    # Then it is heard at once, not with the answer
    server.wait_for_closed_connections()
    assert in_time == [True]
    # And the wire serves on
    server.script = lambda call: Reply(204)
    assert ask(wire, f"{server.origin}/x").status == 204


def test_a_request_under_way_ends_its_connection_when_the_wire_is_closed(server: OddServer, wire: CurlWire) -> None:
    # Given a wire that is closed while a request waits for its answer
    def script(call: Call) -> Reply:
        wire.close()
        return Reply(204)

    server.script = script
    # When the answer comes, it is whole, and then the connection goes
    assert ask(wire, f"{server.origin}/x").status == 204
    server.wait_for_closed_connections()


def test_the_last_connection_used_is_the_first_one_used_again(server: OddServer, wire: CurlWire) -> None:
    # Given two connections, of which one was used later
    both = threading.Barrier(2)

    def script(call: Call) -> Reply:
        if call.path == "/both":
            both.wait(5)
        return Reply(204)

    server.script = script
    thread = threading.Thread(target=ask, args=(wire, f"{server.origin}/both"))
    thread.start()
    ask(wire, f"{server.origin}/both")
    thread.join(5)
    # When single requests follow, then they keep to one of them
    for _ in range(3):
        ask(wire, f"{server.origin}/x")
    assert len({call.connection for call in server.calls if call.path == "/x"}) == 1
