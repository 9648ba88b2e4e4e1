"""A real SFTP server in front of the folder, which fails when it is told to."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import asyncssh
from asyncssh.sftp import SFTPAttrs, SFTPName

from sandbox.events.folder import Folder
from sandbox.events.sftp_keys import USER, SftpKeys
from sandbox.faults import FaultSource
from sandbox.journal import Calls
from sandbox.switches import Switches

T = TypeVar("T")

SYSTEM = "sftp"


class SftpServer:
    """One user, one key, SFTP and nothing else."""

    def __init__(self, folder: Folder, keys: SftpKeys, faults: FaultSource, calls: Calls, switches: Switches) -> None:
        self.folder = folder
        self.keys = keys
        self.faults = faults
        self.calls = calls
        self.switches = switches
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        asyncssh.set_log_level("CRITICAL")

    async def start(self, listener: socket.socket) -> None:
        self._acceptor = await asyncssh.listen(
            sock=listener,
            backlog=128,
            config=[],
            server_factory=lambda: _Login(self),
            server_host_keys=[asyncssh.import_private_key(self._host_key())],
            sftp_factory=lambda channel: _Session(channel, self),
            allow_scp=False,
            agent_forwarding=False,
        )

    def use(self, switches: Switches) -> None:
        """Take new switches; a changed host key is shown to whoever connects from now on."""
        self.switches = switches
        if self._acceptor is not None:
            self._acceptor.update(server_host_keys=[asyncssh.import_private_key(self._host_key())])

    def _host_key(self) -> str:
        return self.keys.host if self.switches.sftp_host_key == "first" else self.keys.other_host

    async def stop(self) -> None:
        """Take nobody in any more, and cut whoever is connected."""
        if self._acceptor is not None:
            self._acceptor.close()
        for connection in list(self._connections):
            connection.abort()
        self.folder.close()

    def joined(self, connection: asyncssh.SSHServerConnection) -> None:
        self._connections.add(connection)

    def left(self, connection: asyncssh.SSHServerConnection) -> None:
        self._connections.discard(connection)


class _Login(asyncssh.SSHServer):
    """One connection from its begin to its end, and whether it is let in."""

    def __init__(self, server: SftpServer) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._server.joined(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._server.left(self._connection)

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        server = self._server
        known = asyncssh.import_public_key(server.keys.user_public)
        if username != USER or key != known or server.switches.sftp_authentication == "refused":
            return False
        server.calls.begin(SYSTEM, "login")
        fault, latency = server.faults.draw()
        if latency:
            await asyncio.sleep(latency)
        server.calls.end(SYSTEM, fault or "ok")
        if fault in ("reset", "timeout_before") and self._connection is not None:
            if fault == "timeout_before":
                await asyncio.sleep(server.faults.plan.hold_seconds)
            self._connection.abort()
        return fault not in ("expired_token", "reset", "timeout_before")


class _Session(asyncssh.SFTPServer):
    """The folder as one client sees it. Each operation draws once, as each request to the other servers does."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", server: SftpServer) -> None:
        super().__init__(channel, chroot=str(server.folder.root).encode())
        self._server = server
        self._sent = 0
        self._free_at = 0.0

    async def _meet(self, name: str, act: Callable[[], T]) -> T:
        """The operation with whatever befalls it. Raises SFTPError, OSError."""
        server = self._server
        server.folder.settle()
        server.calls.begin(SYSTEM, name)
        outcome = "torn"
        try:
            fault, latency = server.faults.draw()
            if latency:
                await asyncio.sleep(latency)
            outcome = fault or outcome
            if fault == "500":
                raise asyncssh.SFTPFailure("The operation failed.")
            if fault == "expired_token":
                raise asyncssh.SFTPPermissionDenied("Permission denied")
            if fault in ("reset", "timeout_before"):
                await self._tear(fault)
            found = act()
            if fault in ("reset_after", "timeout_after"):
                await self._tear(fault)
            outcome = "ok"
            return found
        finally:
            server.calls.end(SYSTEM, outcome)

    async def _tear(self, fault: str) -> None:
        if fault.startswith("timeout"):
            await asyncio.sleep(self._server.faults.plan.hold_seconds)
        self.connection.abort()
        raise asyncssh.SFTPConnectionLost("The connection is gone.")

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        return await self._meet("open", lambda: super(_Session, self).open(path, pflags, attrs))

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        found: Any = await self._meet("read", lambda: super(_Session, self).read(file_obj, offset, size))
        switches = self._server.switches
        limit = switches.sftp_drop_after_bytes
        self._sent += len(found)
        if limit is not None and self._sent > limit:
            await self._tear("reset")
        if switches.sftp_bytes_per_second is not None:
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at, now) + len(found) / switches.sftp_bytes_per_second
            await asyncio.sleep(self._free_at - now)
        return bytes(found)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        full_at = self._server.switches.sftp_full_at_byte
        if full_at is not None and offset <= full_at < offset + len(data):
            raise asyncssh.SFTPFailure("Disk quota exceeded")
        written: Any = super().write(file_obj, offset, data)
        return int(written)

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        place = self.map_path(path)
        found = await self._meet("list", lambda: [(entry.name, entry.stat()) for entry in os.scandir(place)])
        for name, facts in ((b".", os.stat(place)), (b"..", os.stat(place)), *found):
            yield SFTPName(name, attrs=SFTPAttrs.from_local(facts))

    async def stat(self, path: bytes) -> Any:
        return await self._meet("stat", lambda: super(_Session, self).stat(path))

    async def lstat(self, path: bytes) -> Any:
        return await self._meet("stat", lambda: super(_Session, self).lstat(path))

    async def remove(self, path: bytes) -> None:
        await self._meet("remove", lambda: super(_Session, self).remove(path))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._meet("rename", lambda: super(_Session, self).rename(oldpath, newpath))

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._meet("rename", lambda: super(_Session, self).posix_rename(oldpath, newpath))

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        await self._meet("mkdir", lambda: super(_Session, self).mkdir(path, attrs))
