"""A small SFTP server of another make than the client, in a thread of the test, that fails when it is told to."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh

from config.sftp_connection import SftpConnection
from connectors.sftp_keys import fingerprint

USER = "d365acs"


class OddSftp:
    """Serves a folder on loopback. `before` is called with the name and the path of each operation, and may raise."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_keys = [asyncssh.generate_private_key("ssh-ed25519")]
        self.accepts = [self.user_key]
        self.operations: list[str] = []
        self.before: Callable[[str, str], None] = lambda name, path: None
        self.most = 1 << 20  #: bytes that one answer holds at most
        self.silent = False  #: whether nothing is answered any more
        self.port = 0
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._acceptor: asyncssh.SSHAcceptor | None = None

    def __enter__(self) -> "OddSftp":
        asyncssh.set_log_level("CRITICAL")
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self._call(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        """Serves on, on the port that it had."""

        async def listen() -> None:
            self._acceptor = await asyncssh.listen(
                "127.0.0.1",
                self.port,
                config=[],
                server_host_keys=self.host_keys,
                server_factory=lambda: _Login(self),
                sftp_factory=lambda channel: _Session(channel, self),
            )
            self.port = self._acceptor.get_port()

        self._call(listen())

    def stop(self) -> None:
        """Takes nobody in any more, and cuts whoever is connected."""

        async def end() -> None:
            if self._acceptor is not None:
                self._acceptor.close()
                await self._acceptor.wait_closed()
            for connection in list(self._connections):
                connection.abort()

        self.silent = False
        self._call(end())

    def cut(self) -> None:
        """Cuts whoever is connected."""

        async def end() -> None:
            for connection in list(self._connections):
                connection.abort()

        self._call(end())

    def connection(self, **given: Any) -> SftpConnection:
        """How to reach it, with its key pinned; the private key stands in a file."""
        path = self.home.parent / "sftp_key"
        self.user_key.write_private_key(path)
        pinned = " ".join(self.host_keys[0].export_public_key().decode().split()[:2])
        fields = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "private_key": f"${{file:{path}}}",
            "host_key": pinned,
            **given,
        }
        return SftpConnection(**fields)

    def host_fingerprint(self, index: int = 0) -> str:
        return fingerprint(self.host_keys[index].public_data)

    def _call(self, doing: Any) -> None:
        asyncio.run_coroutine_threadsafe(doing, self._loop).result(30)


class _Login(asyncssh.SSHServer):
    def __init__(self, server: OddSftp) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._server._connections.add(conn)
        self._server.operations.append("connect")

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._connections.discard(self._connection)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        accepted = [one.public_data for one in self._server.accepts]
        return username == USER and key.public_data in accepted


class _Session(asyncssh.SFTPServer):
    def __init__(self, channel: Any, server: OddSftp) -> None:
        super().__init__(channel, chroot=str(server.home).encode())
        self._server = server

    async def _begin(self, name: str, path: bytes) -> None:
        self._server.operations.append(name)
        while self._server.silent:
            await asyncio.sleep(0.01)
        self._server.before(name, path.decode().lstrip("/"))

    async def open(self, path: bytes, pflags: int, attrs: Any) -> object:
        await self._begin("open", path)
        return super().open(path, pflags, attrs)

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        await self._begin("read", b"")
        found: Any = super().read(file_obj, offset, min(size, self._server.most))
        return bytes(found)

    async def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        await self._begin("write", b"")
        written: Any = super().write(file_obj, offset, data)
        return int(written)

    async def fstat(self, file_obj: Any) -> Any:
        await self._begin("fstat", b"")
        return super().fstat(file_obj)

    async def close(self, file_obj: Any) -> None:
        super().close(file_obj)
        await self._begin("close", b"")

    async def scandir(self, path: bytes) -> Any:
        await self._begin("list", path)
        async for entry in super().scandir(path):
            yield entry

    async def stat(self, path: bytes) -> Any:
        await self._begin("stat", path)
        return super().stat(path)

    async def remove(self, path: bytes) -> None:
        await self._begin("remove", path)
        super().remove(path)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._begin("posix_rename", oldpath)
        super().posix_rename(oldpath, newpath)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._begin("rename", oldpath)
        super().rename(oldpath, newpath)
