"""Writing a file to the SFTP server so that nobody sees half of it: whole and in place at once, or piece by piece under
a hidden name, to be put into place later.
"""

from __future__ import annotations

import posixpath
import time
from contextlib import suppress
from typing import TYPE_CHECKING

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
    file.close()
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


class RemoteWriting:
    """A file that grows piece by piece, under the name at which it was opened. It ends with its connection."""

    def __init__(self, sftp: Sftp, file: paramiko.SFTPFile, path: str) -> None:
        # Each piece waits for no answer: what the server has refused shows in the size at the end.
        file.set_pipelined(True)
        self._sftp = sftp
        self._file = file
        self._path = path
        self._size = 0

    def write(self, content: bytes, timeout: float) -> None:
        """The next piece."""
        with self._sftp.calling(f"writing {self._path}", timeout, self._file.sftp):
            for start in range(0, len(content), CHUNK):
                self._file.write(content[start : start + CHUNK])
        self._size += len(content)

    def close(self, timeout: float) -> None:
        """Makes sure that all of it has arrived."""
        with self._sftp.calling(f"writing {self._path}", timeout, self._file.sftp) as client:
            self._file.close()
            arrived = client.stat(self._path).st_size
        if arrived != self._size:
            raise Unavailable(
                "sftp", f"{TITLES['sftp']}, writing {self._path}: not all of it arrived; it will be tried again"
            )

    def give_up(self) -> None:
        """Whatever has arrived stays there."""
        self._sftp.forgotten.append(self._file)
