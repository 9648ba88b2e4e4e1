"""A TCP proxy that can swallow everything, as a firewall does that has forgotten its connections."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class BlackHole:
    """Leads from a loopback port to a Unix socket. While it swallows, nothing passes in either direction, no connection
    is refused or closed; and what was open then stays dead for ever."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._swallows = False
        self._open: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="black hole")
        self._thread.start()
        self._server = self._in_loop(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        self.swallowed = 0  #: bytes

    def swallow(self) -> None:
        self._swallows = True

    def flow(self) -> None:
        """New connections work again."""
        self._swallows = False

    def close(self) -> None:
        self._in_loop(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _in_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError):
                await self._lead(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._socket))
        dead = asyncio.Event()
        if self._swallows:
            dead.set()
        try:
            ways = [self._pass(reader, inner_writer, dead), self._pass(inner_reader, writer, dead)]
            await asyncio.wait([asyncio.ensure_future(way) for way in ways], return_when=asyncio.FIRST_COMPLETED)
        finally:
            inner_writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dead: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if self._swallows:
                dead.set()
            if dead.is_set():
                self.swallowed += len(data)
                continue
            writer.write(data)
            await writer.drain()
