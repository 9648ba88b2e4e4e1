"""One HTTP request on pooled connections: an Answer comes back, or TryAgain is raised. No policy here.

Two kinds: `connectors.wire_curl` carries the records, `connectors.wire_requests` fetches the tokens.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import wraps
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import orjson

from connectors.errors import TITLES, ConnectorError, Malformed, System, Unreachable
from connectors.requests_made import MADE, NO_ANSWER
from connectors.uptime import uptime

#: Seconds for one attempt to connect: a little over the 3 s after which TCP repeats a lost first packet.
CONNECT_SECONDS = 3.05

P = ParamSpec("P")
E = TypeVar("E", bound=ConnectorError)


class Answer:
    """What came back: `status`, `headers` (any case), `body` as decompressed bytes."""

    __slots__ = ("about", "body", "headers", "status", "system")

    def __init__(self, system: System, about: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.system = system
        self.about = about
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        """The body as JSON. Raises Malformed."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            pass
        try:
            return _with_broken_surrogates_replaced(self.body)
        except (ValueError, RecursionError):
            raise self.malformed("the answer is not JSON") from None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Malformed."""
        found = self.json()
        if not isinstance(found, dict):
            raise self.malformed("the answer is JSON, but not an object")
        return found

    def malformed(self, what: str) -> Malformed:
        error = Malformed(self.system, f"{self.about}: {what} (status {self.status}); it will be tried again")
        error.status = self.status
        return error


def with_status(judge: Callable[Concatenate[Answer, P], E]) -> Callable[Concatenate[Answer, P], E]:
    """For a function that says which error an answer is: the error knows the answer's status."""

    @wraps(judge)
    def judged(answer: Answer, /, *arguments: P.args, **named: P.kwargs) -> E:
        error = judge(answer, *arguments, **named)
        error.status = answer.status
        return error

    return judged


class Wire(ABC):
    """Connections to one origin, shared by the threads of a process. Make it after the fork.

    At most `pool_size` requests run at once; one more waits for a free connection within its own timeout.
    Cookies are never kept: Dynamics' affinity cookie would pin all workers to one server of many
    (learn.microsoft.com, Send parallel requests: server affinity). Proxies and the certificate bundle of the
    environment are looked up once, here. Redirects are answers. Nothing is sent twice: whether to repeat is decided
    by remedy, far above this line.
    """

    def __init__(self, system: System, pool_size: int) -> None:
        self._system = system
        # What threads can wait on most cheaply: a semaphore costs several microseconds a request.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(pool_size):
            self._free.put(None)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        about: str,
        deadline: float,
    ) -> Answer:
        """Send and read one answer of any status.

        `deadline` by `uptime` covers waiting for a free connection, connecting, and waiting for the
        answer to begin. What else it covers, each kind of wire says. Raises Unreachable, Malformed.
        """
        try:
            self._free.get(timeout=max(0.0, deadline - uptime()))
        except Empty:
            raise Unreachable(self._system, f"{about}: no connection became free in time") from None
        try:
            left = deadline - uptime()
            if left <= 0:
                raise Unreachable(self._system, f"{about}: no time was left to send the request")
            if body is None and method in ("POST", "PUT", "PATCH"):
                body = b""  # their length is told even when it is 0
            return self._noted(method, url, headers, body, about, deadline)
        finally:
            self._free.put(None)

    def _noted(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, about: str, deadline: float
    ) -> Answer:
        begun = time.monotonic()
        code = NO_ANSWER
        try:
            answer = self._exchange(method, url, headers, body, about, deadline)
            code = str(answer.status)
            return answer
        finally:
            MADE.note(self._system, method, code, time.monotonic() - begun)

    @abstractmethod
    def close(self) -> None:
        """Close what connections there are."""

    @abstractmethod
    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, about: str, deadline: float
    ) -> Answer:
        """`send`, when it is this request's turn."""

    def _torn(self, about: str) -> Malformed:
        return Malformed(self._system, f"{about}: the answer broke off before its end")

    def _untrusted(self, about: str, why: str) -> Unreachable:
        return Unreachable(
            self._system,
            f"{about}: the server's certificate is not trusted ({why}); "
            f"check connections.{self._system}.url and the certificate bundle (REQUESTS_CA_BUNDLE)",
        )

    def _unreachable(self, about: str, what: str, name: str) -> Unreachable:
        return Unreachable(self._system, f"{about}: {what} ({name}); it will be tried again")


def origin_of(url: str) -> str:
    """`https://host[:port]` of a URL, lower case, default ports left out. Raises ValueError for anything odd."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or "\\" in parts.netloc:
        raise ValueError("not an http address of a host")
    if ":" in host:
        host = f"[{host}]"
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}" if port in (None, default) else f"{parts.scheme}://{host}:{port}"


def title(system: System) -> str:
    return TITLES[system]


def _with_broken_surrogates_replaced(body: bytes) -> Any:
    """Half an emoji, cut by a column's length limit, is legal in JSON text but in no string: it becomes "?".

    Without this one such record would make its page unreadable for ever. Raises ValueError.
    """
    text = json.dumps(json.loads(body), ensure_ascii=False)
    return orjson.loads(text.encode("utf-8", "replace"))
