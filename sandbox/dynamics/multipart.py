"""`multipart/mixed` as `$batch` uses it: a body taken apart into operations, answers put together into a body.

learn.microsoft.com, execute batch operations using the Web API; every line ends in CRLF, and a body of bare line feeds
fails there as it does here.
"""

import re
from http import HTTPStatus
from typing import NamedTuple

from sandbox.dynamics.errors import DataverseError, bad_query
from sandbox.http import Headers

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_PART = b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
_STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}


class Operation(NamedTuple):
    """One request inside a batch, as it was written: `target` may be relative, absolute, or begin with `$1`."""

    method: str
    target: str
    headers: Headers
    body: bytes
    content_id: str


class ChangeSet(NamedTuple):
    """Operations that have their effect together or not at all."""

    operations: list[Operation]


Member = Operation | ChangeSet


class BatchReader:
    """Takes one batch apart. DataverseError 400 if the envelope is wrong: then nothing of it is done."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        # Parts of one client look alike: their headers are read once.
        self._blocks: dict[bytes, Headers] = {}

    def read(self, content_type: str, body: bytes) -> list[Member]:
        """The members in their order."""
        boundary = boundary_of(content_type)
        if boundary is None:
            raise bad_query(f"The content type '{content_type}' of a batch must be multipart/mixed with a boundary.")
        return [self._member(part) for part in _parts(body, boundary)]

    def _member(self, part: bytes) -> Member:
        headers, content = self._part(part)
        kind = _header(headers, b"content-type")
        if kind.lower().startswith("application/http"):
            return self._operation(content, _header(headers, b"content-id"))
        boundary = boundary_of(kind)
        if boundary is None:
            raise bad_query(f"The content type '{kind}' is not allowed for a part of a batch.")
        operations = []
        for inner in _parts(content, boundary):
            inner_headers, inner_content = self._part(inner)
            inner_kind = _header(inner_headers, b"content-type")
            if not inner_kind.lower().startswith("application/http"):
                raise bad_query(f"The content type '{inner_kind}' is not allowed for a part of a change set.")
            operations.append(self._operation(inner_content, _header(inner_headers, b"content-id")))
        return ChangeSet(operations)

    def _part(self, part: bytes) -> tuple[Headers, bytes]:
        """(headers of the part, what follows its blank line)."""
        block, found, content = part.partition(b"\r\n\r\n")
        if not found:
            raise bad_query("A part of the batch has no blank line behind its headers.")
        # Every part of a change set has a Content-ID of its own: such a block is worth no memory.
        headers = self._headers(block) if b"ontent-ID" not in block else _read_headers(block)
        if not _header(headers, b"content-type"):
            raise bad_query("The header 'Content-Type' is missing in a part of the batch.")
        return headers, content

    def _operation(self, content: bytes, content_id: str) -> Operation:
        self._count += 1
        if self._count > self._limit:
            raise DataverseError(
                400, "0x80048d19", f"The number of operations in the batch exceeds the limit of {self._limit}."
            )
        head, _, body = content.partition(b"\r\n\r\n")
        line, _, block = head.partition(b"\r\n")
        method, _, rest = line.decode("latin-1").partition(" ")
        target, _, version = rest.rpartition(" ")
        if not target or not version.startswith("HTTP/1.") or not method.isalpha():
            raise bad_query("The request line of an operation in the batch is not valid.")
        return Operation(method, target.strip(), self._headers(block), body, content_id)

    def _headers(self, block: bytes) -> Headers:
        headers = self._blocks.get(block)
        if headers is None:
            headers = self._blocks[block] = _read_headers(block)
        return headers


def boundary_of(content_type: str) -> str | None:
    """The boundary, quoted or bare; None if this is no `multipart/mixed` or has none."""
    match = _BOUNDARY.search(content_type) if content_type.lower().startswith("multipart/mixed") else None
    return None if match is None else match[1] or match[2]


def _parts(body: bytes, boundary: str) -> list[bytes]:
    """What stands between the delimiters, without the CRLF that belongs to each of them."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    found: list[bytes] = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            if not found:
                break
            return found
        padding, line_end, part = piece.partition(b"\r\n")
        if padding.strip() or not line_end:
            raise bad_query("A delimiter of the batch does not stand on a line of its own that ends in CRLF.")
        found.append(part)
    if not found:
        raise bad_query("The batch has no part that begins with its boundary; all lines must end in CRLF.")
    raise bad_query("The batch does not end in its closing delimiter.")


def _read_headers(block: bytes) -> Headers:
    headers: Headers = []
    for line in block.split(b"\r\n"):
        if not line:
            continue
        name, mark, value = line.partition(b":")
        if not mark or b"\n" in line:
            raise bad_query("A header in the batch is not of the form 'name: value' on a line that ends in CRLF.")
        headers.append((name.strip().lower(), value.strip()))
    return headers


def _header(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def answer_part(status: int, headers: Headers, body: bytes, content_id: str = "") -> bytes:
    """One answer as a part, without its delimiters."""
    lines = [_PART]
    if content_id:
        lines += (b"Content-ID: ", content_id.encode("latin-1", "replace"), b"\r\n")
    lines += (b"\r\n", _STATUS_LINES[status])
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    lines += (b"\r\n", body)
    return b"".join(lines)


def change_set_part(parts: list[bytes], boundary: str) -> bytes:
    """The answers of a change set as one part."""
    return b"Content-Type: multipart/mixed; boundary=" + boundary.encode() + b"\r\n\r\n" + joined(parts, boundary)


def joined(parts: list[bytes], boundary: str) -> bytes:
    """The whole body: each part behind its delimiter, the closing delimiter at the end."""
    delimiter = b"--" + boundary.encode()
    lines = [b"".join((delimiter, b"\r\n", part, b"\r\n")) for part in parts]
    return b"".join([*lines, delimiter, b"--\r\n"])
