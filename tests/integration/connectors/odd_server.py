"""A real HTTP server on loopback that answers exactly what a test tells it, oddities included."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson


@dataclass(frozen=True)
class Call:
    """One request as it arrived; `path` with its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True)
class Reply:
    """`raw` replaces the whole answer; `reset` tears the connection, `hang_up` closes it after the answer."""

    status: int = 200
    json: Any = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    reset: bool = False
    hang_up: bool = False
    silence: bool = False

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        body = self.body if self.json is None else orjson.dumps(self.json)
        lines = [f"HTTP/1.1 {self.status} Odd", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


Script = Callable[[Call], Reply]


class OddServer:
    """Answers from `replies` in order, then from `script`; keeps all `calls`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.calls: list[Call] = []
        self.replies: list[Reply] = []
        self.script: Script = lambda call: Reply(404)
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    @property
    def origin(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        for open_socket in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):  # gone already
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for thread in self._threads:
            thread.join(5)

    def wait_for_closed_connections(self) -> None:
        """Until no connection is open on this side."""
        for thread in self._threads[1:]:
            thread.join(5)
            assert not thread.is_alive(), "a connection is still open"

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(accepted)
            thread = threading.Thread(target=self._serve, args=(accepted, len(self._sockets)), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket, number: int) -> None:
        try:
            if self._tls is not None:
                accepted = self._sockets[number - 1] = self._tls.wrap_socket(accepted, server_side=True)
            with accepted, accepted.makefile("rb") as stream:
                while (call := _read(stream, number)) is not None:
                    self.calls.append(call)
                    reply = self.replies.pop(0) if self.replies else self.script(call)
                    if reply.silence:
                        self._closing.wait(30)
                        return
                    if reply.reset:
                        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    accepted.sendall(reply.encoded())
                    if reply.hang_up:
                        return
        except OSError:
            return


def _read(stream: Any, connection: int) -> Call | None:
    first = stream.readline().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Call(first[0], first[1], headers, body, connection)
