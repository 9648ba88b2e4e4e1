"""Writing a file to the SFTP server so that nobody sees half of it: whole and in place at once, or piece by piece under
a hidden name, to be put into place later.
"""

from __future__ import annotations

import posixpath
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, cast

from connectors.errors import TITLES, Unavailable, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    import paramiko

    from connectors.sftp import Sftp

#: Bytes of one request; every server takes so many.
CHUNK = 32_768


def write_whole(
    client: paramiko.SFTPClient,
    path: str,
    content: bytes,
    deadline: float,
    forget: Callable[[paramiko.SFTPFile], None],
) -> None:
    """Writes beside the path, under a name that begins with a dot and ends in .part, and renames it over whatever
    stands at the path. `deadline`: a reading of time.monotonic(). `forget` takes a file that could not be closed.

    Raises Unreachable, Unavailable and what paramiko raises; then the path is as it was.
    """
    temporary = hidden(path)
    file = client.open(temporary, "wb")
    try:
        for start in range(0, len(content), CHUNK):
            if time.monotonic() > deadline:
                raise Unreachable("sftp", f"{TITLES['sftp']}, writing {path}: it takes too long; tried again later")
            file.write(content[start : start + CHUNK])
    except BaseException:
        forget(file)
        raise
    _close(file)
    if client.stat(temporary).st_size != len(content):
        raise Unavailable("sftp", f"{TITLES['sftp']}, writing {path}: not all of it arrived; it will be tried again")
    _put_in_place(client, temporary, path)


def hidden(path: str) -> str:
    """The name of a file while it is being written."""
    folder, name = posixpath.split(path)
    return posixpath.join(folder, f".{name}.part")


def _put_in_place(client: paramiko.SFTPClient, temporary: str, path: str) -> None:
    try:
        client.posix_rename(temporary, path)
    except OSError as error:
        # An extension of OpenSSH. A plain rename takes no name that exists, so that the old file goes a moment before.
        if error.errno is not None or "support" not in str(error).lower():
            raise
        with suppress(FileNotFoundError):
            client.remove(path)
        client.rename(temporary, path)


class _Requests(Protocol):
    """What paramiko's client has for its own files."""

    def _request(self, kind: int, *parts: object) -> object: ...


def _close(file: paramiko.SFTPFile) -> None:
    """Closes a file of which every request is answered. Raises what the server says then, which paramiko passes over:
    where it writes late, that there was no space after all."""
    from paramiko.file import BufferedFile
    from paramiko.sftp import CMD_CLOSE

    BufferedFile.close(file)  # for paramiko it is closed, whatever comes of it
    cast(_Requests, file.sftp)._request(CMD_CLOSE, file.handle)


class RemoteWriting:
    """A file that grows piece by piece, under the name at which it was opened. It ends with its connection."""

    def __init__(self, sftp: Sftp, file: paramiko.SFTPFile, path: str) -> None:
        # No piece waits for its answer but the last one, see `close`.
        file.set_pipelined(True)
        self._sftp = sftp
        self._file = file
        self._path = path
        self._size = 0
        self._last = b""  #: what was written last, and is not sent yet

    def write(self, content: bytes, timeout: float) -> None:
        """The next piece."""
        with self._sftp.calling(f"writing {self._path}", timeout, self._file.sftp):
            for start in range(0, len(content), CHUNK):
                self._file.write(self._last)
                self._last = content[start : start + CHUNK]
        self._size += len(content)

    def close(self, timeout: float) -> None:
        """Makes sure that every piece of it has arrived."""
        with self._sftp.calling(f"writing {self._path}", timeout, self._file.sftp) as client:
            # Where a piece waits for its answer, paramiko reads those that are still to come of all before it, too, and
            # raises what was refused. At a close it would drop them: of a refused piece in the middle there is a hole,
            # and no other size.
            self._file.set_pipelined(False)
            self._file.write(self._last)
            _close(self._file)
            arrived = client.stat(self._path).st_size
        if arrived != self._size:
            raise Unavailable(
                "sftp", f"{TITLES['sftp']}, writing {self._path}: not all of it arrived; it will be tried again"
            )

    def give_up(self) -> None:
        """Whatever has arrived stays there."""
        self._sftp.forgotten.append(self._file)
