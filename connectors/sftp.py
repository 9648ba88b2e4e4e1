"""The files that Campaign leaves on its SFTP server: listed, read, moved, removed; and those that are left for others.

One connection is kept for the process and made anew when it breaks.
"""

from __future__ import annotations

import errno
import posixpath
import stat
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import structlog

from config.sftp_connection import SftpConnection
from connectors.errors import (
    TITLES,
    AccessDenied,
    ConnectorError,
    FolderMissing,
    Malformed,
    NotFound,
    Unavailable,
    Unreachable,
)

# paramiko costs every command that imports it a sixth of a second: it is imported with the first connection.
if TYPE_CHECKING:
    import paramiko

    from connectors.sftp_login import Login
    from connectors.sftp_reading import ReadAhead
    from connectors.sftp_writing import RemoteWriting

log = structlog.get_logger()

#: Seconds that the server may take to close a file.
_CLOSING = 2.0

#: What the server has said, so that the connection is as good as before.
_ANSWERS = (NotFound, AccessDenied, Unavailable)

#: A file that is there for a moment, to see whether there may be one.
_PROBE = ".d365acs_try.part"

_T = TypeVar("_T")


class _BrokeOff(Unreachable):
    """The connection ended before there was an answer."""


class RemoteFile(NamedTuple):
    name: str  #: without the folder
    size: int  #: bytes
    mtime: int  #: when it was last written, seconds since 1970 by the server's clock


class Sftp:
    """One SFTP server. Shared by the threads of a process, one at a time; make it after the fork.

    Folders and paths count from the user's home, or from the root with a slash in front. `timeout` is how many seconds
    the server may be silent. Every call raises TryAgain, AccessDenied, and Stop where no connection can be made.
    """

    def __init__(self, connection: SftpConnection) -> None:
        #: Which server, and whose account: what is read there is read nowhere else.
        self.about = f"{connection.user}@{connection.host}:{connection.port}"
        self.connection = connection
        self._user = connection.user
        self._login: Login | None = None
        self._lock = threading.RLock()
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None
        #: Files to be closed with the next call. paramiko itself closes a file that nobody has any more whenever the
        #: garbage collector comes by, and then waits for ever for a lock that the same thread may hold.
        self.forgotten: deque[paramiko.SFTPFile] = deque()
        self._foreign: set[bytes] = set()

    def files(self, folder: str, timeout: float) -> list[RemoteFile]:
        """The files of a folder, in no particular order; folders, links and the like are left out, and so are files
        whose names are not UTF-8.

        Raises FolderMissing.
        """

        def listed(client: paramiko.SFTPClient) -> list[RemoteFile]:
            from connectors.sftp_listing import entries

            found = [(entry.name, entry.attributes) for entry in entries(client, folder) if _is_file(entry.attributes)]
            named = [(self._readable(name), attributes) for name, attributes in found]
            return [_remote_file(name, attributes) for name, attributes in named if name is not None]

        try:
            return self._repeatable(f"listing {folder}", timeout, listed)
        except NotFound:
            raise _no_folder(folder) from None

    def _readable(self, name: bytes) -> str | None:
        try:
            return name.decode()
        except UnicodeDecodeError:
            if name not in self._foreign:
                self._foreign.add(name)
                shown = name.decode(errors="backslashreplace")
                log.warning(
                    "Passed over a file whose name is not UTF-8; rename it if it is to be read.",
                    action="file_name_unreadable",
                    file=shown,
                )
            return None

    def file(self, path: str, timeout: float) -> RemoteFile | None:
        """What stands at a path now; None if nothing does."""
        try:
            found = self._repeatable(f"looking at {path}", timeout, lambda client: client.stat(path))
        except NotFound:
            return None
        return _remote_file(posixpath.basename(path), found)

    def open(self, path: str, offset: int, timeout: float) -> RemoteReading:
        """Opens a file for reading from an offset on. Raises NotFound."""
        from connectors.sftp_reading import ReadAhead

        def opened(client: paramiko.SFTPClient) -> RemoteReading:
            file = client.open(path, "rb")
            try:
                found = _remote_file(posixpath.basename(path), file.stat())
            except BaseException:
                self.forgotten.append(file)
                raise
            return RemoteReading(self, file, ReadAhead(client, file, offset, found.size), found, path)

        return self._repeatable(f"opening {path}", timeout, opened)

    def move(self, path: str, target: str, timeout: float) -> None:
        """Renames a file; nothing may stand at the target. Raises NotFound."""
        with self.calling(f"moving {path}", timeout) as client:
            client.rename(path, target)

    def remove(self, path: str, timeout: float) -> None:
        """Raises NotFound."""
        with self.calling(f"removing {path}", timeout) as client:
            client.remove(path)

    def write(self, path: str, content: bytes, timeout: float, within: float) -> None:
        """Writes a file whole, in place of the one that stands there: whoever reads it sees the one or the other.

        `within`: seconds for all of it, however busy the server is. Raises FolderMissing.
        """
        from connectors.sftp_writing import write_whole

        deadline = time.monotonic() + within
        try:
            self._repeatable(
                f"writing {path}",
                timeout,
                lambda client: write_whole(client, path, content, deadline, self.forgotten.append),
            )
        except NotFound:
            raise _no_folder(posixpath.dirname(path)) from None

    def create(self, path: str, timeout: float) -> RemoteWriting:
        """Opens an empty file in place of the one that stands there, to be written piece by piece: for names that
        nobody reads. Raises FolderMissing."""
        from connectors.sftp_writing import RemoteWriting

        try:
            file = self._repeatable(f"writing {path}", timeout, lambda client: client.open(path, "wb"))
        except NotFound:
            raise _no_folder(posixpath.dirname(path)) from None
        return RemoteWriting(self, file, path)

    def try_folder(self, folder: str, timeout: float) -> bool:
        """Whether a folder is there. Makes sure that files can be written to it, or else that it can be made: leaves an
        empty file for a moment, and takes it away."""
        there = folder
        while there not in ("", "/") and self.file(there, timeout) is None:
            there = posixpath.dirname(there)
        with self.calling(f"writing to {there or 'the home of its user'}", timeout) as client:
            path = posixpath.join(there, _PROBE)
            client.open(path, "wb").close()
            with suppress(FileNotFoundError):  # somebody else tries it just now
                client.remove(path)
        return there == folder

    def make_folder(self, folder: str, timeout: float) -> None:
        """Makes a folder, and those that lead to it, where they are not there."""
        folder = folder.rstrip("/")
        if not folder or self.file(folder, timeout) is not None:
            return
        self.make_folder(posixpath.dirname(folder), timeout)
        with self.calling(f"making the folder {folder}", timeout) as client:
            client.mkdir(folder)

    def close(self) -> None:
        """Ends the connection; the next call makes another."""
        with self._lock:
            transport, self._transport, self._client = self._transport, None, None
            if transport is not None:
                transport.close()

    @contextmanager
    def calling(
        self, about: str, timeout: float, client: paramiko.SFTPClient | None = None
    ) -> Iterator[paramiko.SFTPClient]:
        """The client for one call, or the given one, which may belong to a connection that has ended. What it raises is
        named by remedy, and a connection in doubt is given up."""
        with self._lock:
            client = client or self._connected(timeout)
            channel = client.get_channel()
            assert channel is not None
            channel.settimeout(timeout)
            self._close_forgotten()
            try:
                yield client
            except _failures() as error:
                named = self._named(error, f"{TITLES['sftp']}, {about}", channel.get_transport().is_active())
                if client is self._client and not isinstance(named, _ANSWERS):
                    self.close()
                raise named from None

    def _close_forgotten(self) -> None:
        while self.forgotten:
            # One whose connection has ended is closed already.
            with suppress(*_failures()):
                self.forgotten.popleft().close()

    def _repeatable(self, about: str, timeout: float, call: Callable[[paramiko.SFTPClient], _T]) -> _T:
        """A call that does no harm twice: servers end idle connections, and that shows only when one is used."""
        with self._lock:
            fresh = self._client is None
            try:
                with self.calling(about, timeout) as client:
                    return call(client)
            except _BrokeOff:
                if fresh:
                    raise
            with self.calling(about, timeout) as client:
                return call(client)

    def _connected(self, timeout: float) -> paramiko.SFTPClient:
        if self._client is None or self._transport is None or not self._transport.is_active():
            self.close()
            if self._login is None:
                from connectors.sftp_login import Login

                self._login = Login(self.connection)
            self._transport, self._client = self._login.session(timeout)
        return self._client

    def _named(self, error: Exception, about: str, connected: bool) -> ConnectorError:
        from paramiko.sftp import SFTPError

        # An answer that says no comes as an OSError, as a broken connection does.
        if connected and isinstance(error, OSError) and not isinstance(error, TimeoutError | ConnectionError):
            if error.errno == errno.ENOENT:
                return NotFound("sftp", f"{about}: it is not there")
            if error.errno == errno.EACCES:
                return AccessDenied(
                    "sftp", f"{about}: the server does not let the user {self._user} do that; allow it there"
                )
            if error.errno is None:
                return Unavailable("sftp", f"{about}: the server says that it failed; it will be tried again")
        if isinstance(error, TimeoutError):
            return Unreachable("sftp", f"{about}: the server was silent for too long; it will be tried again")
        if isinstance(error, SFTPError | UnicodeDecodeError):
            return Malformed("sftp", f"{about}: the answer is not valid SFTP; it will be tried again")
        return _BrokeOff("sftp", f"{about}: the connection broke off; it will be tried again")


class RemoteReading:
    """An open file, read in order and ahead. It ends with its connection: then it must be opened anew."""

    def __init__(self, sftp: Sftp, file: paramiko.SFTPFile, ahead: ReadAhead, found: RemoteFile, path: str) -> None:
        self.found = found  #: what it was when it was opened
        self._sftp = sftp
        self._file = file
        self._ahead = ahead
        self._about = f"reading {path}"
        self._forget = weakref.finalize(self, sftp.forgotten.append, file)
        self._forget.atexit = False

    def read(self, timeout: float) -> bytes:
        """The next bytes, 32 kB at most; nothing at the end that the file had when it was opened. What has arrived is
        given away even when the connection has ended since."""
        with self._sftp.calling(self._about, timeout, self._file.sftp):
            return self._ahead.read()

    def is_unchanged(self, timeout: float) -> bool:
        """Whether the file still has the size and time that it had when it was opened."""
        with self._sftp.calling(self._about, timeout, self._file.sftp):
            now = self._file.stat()
        return _remote_file(self.found.name, now) == self.found

    def close(self) -> None:
        """Never fails: a server closes by itself what belongs to an ended connection."""
        self._forget.detach()
        with suppress(ConnectorError), self._sftp.calling(self._about, _CLOSING, self._file.sftp):
            self._file.close()


def _failures() -> tuple[type[Exception], ...]:
    """What calls of paramiko fail with."""
    import paramiko
    from paramiko.sftp import SFTPError

    return OSError, EOFError, SFTPError, paramiko.SSHException, UnicodeDecodeError


def _no_folder(folder: str) -> FolderMissing:
    return FolderMissing(
        "sftp",
        f"{TITLES['sftp']} has no folder {folder}: create it there, or correct the folder in the configuration",
    )


def _is_file(entry: paramiko.SFTPAttributes) -> bool:
    return entry.st_mode is None or stat.S_ISREG(entry.st_mode)


def _remote_file(name: str, attributes: paramiko.SFTPAttributes) -> RemoteFile:
    return RemoteFile(name, attributes.st_size or 0, int(attributes.st_mtime or 0))
