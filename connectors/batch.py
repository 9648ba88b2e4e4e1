"""Many requests in one: a `$batch` of Dynamics written, and its answer taken apart, as bytes. No judgement here.

learn.microsoft.com, Execute batch operations using the Web API.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from connectors.headers import Headers

#: Operations that Dynamics takes in one batch.
MOST_OPERATIONS = 1000

_BOUNDARY = re.compile(rb'^multipart/mixed\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |\r|$)")
_HEADER = re.compile(rb"^([\w-]+):(.*)$", re.MULTILINE)
_CONTENT_TYPE = re.compile(rb"^Content-Type:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)

#: A batch may hold change sets; these hold nothing but requests.
_DEEPEST = 2


class Part(NamedTuple):
    """One answer of a batch: status, its own header lines, and its body, empty if it has none."""

    status: int
    head: bytes
    body: bytes

    def headers(self) -> Headers:
        return Headers(f"{name.decode()}:{value.decode('latin-1')}" for name, value in _HEADER.findall(self.head))


class Written(NamedTuple):
    """A batch ready to be sent, and the Content-Type to send it with."""

    content_type: str
    body: bytes


def write(operations: Sequence[tuple[bytes, bytes]]) -> Written:
    """A batch of operations that stand each for itself: (request line and headers without a last line end, body)."""
    boundary = f"batch_{uuid.uuid4()}"
    opening = f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n".encode()
    pieces = [piece for head, body in operations for piece in (opening, head, b"\r\n\r\n", body, b"\r\n")]
    pieces.append(f"--{boundary}--\r\n".encode())
    return Written(f'multipart/mixed; boundary="{boundary}"', b"".join(pieces))


def is_batch(content_type: str) -> bool:
    """Whether an answer with this Content-Type is one to a batch; else it is one error for all of it."""
    return _BOUNDARY.match(content_type.encode("latin-1", "replace")) is not None


def read(content_type: str, body: bytes) -> tuple[list[Part], bool]:
    """(the answers that stand whole in `body`, in their order; whether there is nothing else in it).

    Those of a change set count as if they stood alone. What is torn or is no HTTP answer ends the list: nothing behind
    it has a place that could be trusted.
    """
    found: list[Part] = []
    return found, _read(content_type.encode("latin-1", "replace"), body, found, _DEEPEST)


def _read(content_type: bytes, body: bytes, found: list[Part], depth: int) -> bool:
    """Adds what there is; whether it was whole."""
    boundary = _BOUNDARY.match(content_type)
    if boundary is None or depth == 0:
        return False
    pieces = (b"\r\n" + body).split(b"\r\n--" + (boundary[1] or boundary[2]))
    # Before the first delimiter stands nothing; the last one ends with "--", and nothing of interest is behind it.
    for piece in pieces[1:-1]:
        mime, _, message = piece.partition(b"\r\n\r\n")
        if piece[:2] != b"\r\n":
            return False
        if message[:5] == b"HTTP/":
            head, _, content = message.partition(b"\r\n\r\n")
            status = _STATUS.match(head)
            if status is None:
                return False
            found.append(Part(int(status[1]), head, content))
            continue
        inner = _CONTENT_TYPE.search(mime)
        if inner is None or not _read(inner[1], message, found, depth - 1):
            return False
    return len(pieces) > 1 and pieces[-1][:2] == b"--"
