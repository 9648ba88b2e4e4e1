"""Reads a file on an SFTP server from a place on, with a bounded number of requests ahead of the reader.

paramiko's own prefetch is not used: where answers come quickly it loses count of its requests, and then keeps what it
has fetched and nobody reads for as long as the file is open; and its thread outlives a broken connection.
"""

from collections import deque
from typing import Any, Protocol, cast

import paramiko
from paramiko.sftp import CMD_DATA, CMD_READ, SFTPError, int64

#: Bytes of one request; servers need not give more (draft-ietf-secsh-filexfer-02, section 6.4).
CHUNK = 32_768
#: Requests on their way at once when reading goes on for long: 2 MB, which is also what the channel takes unread.
AHEAD = 64
#: And at the beginning: of a small file, or one that is soon left, little is fetched in vain.
AHEAD_FIRST = 4


class _Requests(Protocol):
    """What paramiko's client has for its own files: requests whose answers are handed to their owner."""

    def _async_request(self, owner: "ReadAhead", kind: int, *parts: object) -> int: ...
    def _read_response(self) -> object: ...
    def _convert_status(self, message: paramiko.Message) -> None: ...


class ReadAhead:
    """The chunks of one open file in order. Not safe for several threads at once."""

    def __init__(self, client: paramiko.SFTPClient, file: paramiko.SFTPFile, offset: int, size: int) -> None:
        self._client = cast(_Requests, client)
        self._file = file
        self._size = size
        self._next = offset  #: where the next chunk begins that is given away
        self._asked = offset  #: up to where chunks were asked for
        self._sent: deque[tuple[int, int]] = deque()  #: number and length of what was asked for and not given away yet
        self._answers: dict[int, bytes | Exception] = {}
        self._most = AHEAD_FIRST

    def read(self) -> bytes:
        """The next bytes, at most CHUNK; nothing at the end. Raises what paramiko raises."""
        try:
            self._ask()
        except (OSError, EOFError):
            if not self._sent:
                raise
            # The connection has ended. What it has brought is good.
        if not self._sent:
            return b""
        self._most = min(AHEAD, self._most + 1)
        number, length = self._sent.popleft()
        while number not in self._answers:
            self._client._read_response()
        answer = self._answers.pop(number)
        if isinstance(answer, EOFError):
            # The file has become shorter; the next ones are behind its end, too.
            self._size = self._next
            self._forget()
            return b""
        if isinstance(answer, Exception):
            raise answer
        self._next += len(answer)
        if len(answer) < length:
            # The server gives less at once than it was asked for: what follows was asked for from the wrong place.
            self._forget()
        return answer

    def _ask(self) -> None:
        while len(self._sent) < self._most and self._asked < self._size:
            length = min(CHUNK, self._size - self._asked)
            number = self._client._async_request(self, CMD_READ, self._file.handle, int64(self._asked), length)
            self._sent.append((number, length))
            self._asked += length

    def _forget(self) -> None:
        for number, _ in self._sent:
            while number not in self._answers:
                self._client._read_response()
            del self._answers[number]
        self._sent.clear()
        self._asked = self._next

    def _async_response(self, kind: int, message: Any, number: int) -> None:
        """Called by paramiko with the answer to one of our requests."""
        if kind == CMD_DATA:
            self._answers[number] = message.get_binary()
            return
        try:
            self._client._convert_status(message)
            self._answers[number] = SFTPError("The server answered a request for bytes without any.")
        except (EOFError, OSError) as error:
            self._answers[number] = error
