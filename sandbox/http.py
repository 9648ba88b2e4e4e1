"""The little HTTP layer under all servers: a request, an answer, and the raw ASGI calls between them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON_TYPE = (b"Content-Type", b"application/json;charset=utf-8")


class Request:
    """One request: method, percent-encoded path, query as text, body bytes; `operations` is what a batch holds."""

    __slots__ = ("_headers", "_query", "body", "method", "operations", "path", "query_text", "read_entry")

    def __init__(self, method: str, path: str, query_text: str, headers: Headers, body: bytes) -> None:
        self.method = method
        self.path = path
        self.query_text = query_text
        self._headers = headers
        self.body = body
        self.read_entry: dict[str, Any] | None = None
        self.operations = 1
        self._query: dict[str, str] | None = None

    def header(self, name: bytes) -> str:
        """The header's value (lower-case `name`; repeated ones joined by a comma), or an empty string."""
        found = [value for key, value in self._headers if key == name]
        if not found:
            return ""
        return b",".join(found).decode("latin-1")

    @property
    def query(self) -> dict[str, str]:
        """Decoded query parameters; `%24select` is `$select` and `+` is a blank."""
        if self._query is None:
            pairs = parse_qsl(self.query_text, keep_blank_values=True) if self.query_text else []
            self._query = dict(pairs)
        return self._query


class Answer(NamedTuple):
    """One answer; `Content-Length` is added when it is sent, unless the status forbids a body."""

    status: int
    headers: Headers
    body: bytes = b""


def json_answer(status: int, value: object) -> Answer:
    return Answer(status, [JSON_TYPE], orjson.dumps(value))


async def read_request(scope: Scope, receive: Receive) -> Request:
    """Take the whole request in; a request that announces no body costs no `receive` call."""
    headers: Headers = scope["headers"]
    body = b""
    for name, value in headers:
        if (name == b"content-length" and value != b"0") or name == b"transfer-encoding":
            body = await _read_body(receive)
            break
    return Request(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        headers,
        body,
    )


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


async def send_answer(send: Send, answer: Answer) -> None:
    headers = answer.headers
    if answer.status not in (204, 304):
        headers = [*headers, (b"Content-Length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
