"""Ports and life: one process, one event loop, several servers, a clean end on SIGINT or SIGTERM."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from sandbox.http import Receive, Scope, Send

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

GRACE_SECONDS = 1.0


class SandboxCycle(RequestResponseCycle):
    """One answer. uvicorn lower-cases header names; clients that look them up case-sensitively need them as the vendors
    send them. Head and body leave in one write."""

    _head = b""

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self.response_started = True
            lines = [STATUS_LINE[message["status"]]]
            for name, value in message["headers"]:
                lines += (name, b": ", value, b"\r\n")
            if not self.keep_alive:
                lines.append(b"Connection: close\r\n")
            lines.append(b"\r\n")
            self._head = b"".join(lines)
            return
        body = b"" if self.scope["method"] == "HEAD" else message["body"]
        self.transport.write(self._head + body)
        self._head = b""
        if not message.get("more_body"):
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()


class SandboxProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with answers of our own, and the transport in the scope, to tear connections."""

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        url = httptools.parse_url(self.url)
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        self.scope["raw_path"] = url.path
        self.scope["path"] = url.path.decode("latin-1")
        self.scope["query_string"] = url.query or b""
        self.scope["extensions"] = {"sandbox.transport": {"transport": self.transport}}
        earlier = self.cycle
        self.cycle = SandboxCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if earlier is None or earlier.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            # A pipelined request waits for the answer before it.
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))


class Servers:
    """Several ASGI applications, each on its own loopback port, in one event loop."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._states: list[ServerState] = []

    async def start(self, app: Asgi, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        # The header set is the application's business, logging the caller's.
        config = Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=120,
        )
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SandboxProtocol(config, state, {}, loop), sock=listener, backlog=2048, ssl=tls
        )
        self._servers.append(server)
        self._states.append(state)

    async def stop(self) -> None:
        """Take no new connection, let answers under way finish for a moment, then cut what is left."""
        for server in self._servers:
            server.close()
        for state in self._states:
            for connection in list(state.connections):
                connection.shutdown()
        tasks = {task for state in self._states for task in state.tasks}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
            for state in self._states:
                for connection in list(state.connections):
                    connection.transport.abort()
            if late:
                await asyncio.wait(late, timeout=GRACE_SECONDS)


def listen(port: int) -> socket.socket:
    """A loopback socket on `port`, or on a free one for 0; OSError if it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.setblocking(False)
    return listener


class OtherServer(Protocol):
    """A server that does not speak HTTP."""

    async def start(self, listener: socket.socket) -> None: ...

    async def stop(self) -> None: ...


async def serve(
    apps: Sequence[tuple[Asgi, socket.socket, ssl.SSLContext | None]],
    other: tuple[OtherServer, socket.socket],
    ready: Callable[[], None],
) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called once every port answers."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    servers = Servers()
    for app, listener, tls in apps:
        await servers.start(app, listener, tls)
    await other[0].start(other[1])
    ready()
    await stopping.wait()
    await servers.stop()
    await other[0].stop()
