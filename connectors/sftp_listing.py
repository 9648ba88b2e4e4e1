"""Lists a folder on an SFTP server, whatever names its files have."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Protocol, cast

import paramiko
from paramiko.sftp import CMD_CLOSE, CMD_HANDLE, CMD_NAME, CMD_OPENDIR, CMD_READDIR, SFTPError


class Entry:
    """One entry of a folder."""

    def __init__(self, name: bytes, attributes: paramiko.SFTPAttributes) -> None:
        self.name = name  #: as it stands there; draft-ietf-secsh-filexfer-02 names no encoding
        self.attributes = attributes


class _Requests(Protocol):
    """What paramiko's client has for its own listing, which ends with the first name that is not UTF-8."""

    def _request(self, kind: int, *parts: object) -> tuple[int, Any]: ...


class _Unpacking(Protocol):
    def _unpack(self, message: paramiko.Message) -> None: ...


def entries(client: paramiko.SFTPClient, folder: str) -> Iterator[Entry]:
    """The entries of a folder, itself and the one above it among them. Raises what paramiko raises."""
    requests = cast(_Requests, client)
    kind, message = requests._request(CMD_OPENDIR, folder.encode())
    if kind != CMD_HANDLE:
        raise SFTPError("The server opened a folder without a handle.")
    handle = message.get_binary()
    with suppress(EOFError):
        # The answer that there are no more; the end of the connection comes as another error.
        while True:
            kind, message = requests._request(CMD_READDIR, handle)
            if kind != CMD_NAME:
                raise SFTPError("The server listed a folder without names.")
            for _ in range(message.get_int()):
                name = message.get_binary()
                message.get_binary()  # the line that `ls -l` shows
                attributes = paramiko.SFTPAttributes()
                cast(_Unpacking, attributes)._unpack(message)
                yield Entry(name, attributes)
    requests._request(CMD_CLOSE, handle)
