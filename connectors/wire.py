"""One HTTP request on a pooled `requests` session: an Answer comes back, or TryAgain is raised. No policy here."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError
from urllib3.util import Timeout

from connectors.errors import TITLES, Malformed, System, Unreachable

#: Seconds for one attempt to connect: a little over the 3 s after which TCP repeats a lost first packet.
CONNECT_SECONDS = 3.05


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
        return Malformed(self.system, f"{self.about}: {what} (status {self.status}); it will be tried again")


class _Session(requests.Session):
    """Redirects are answers: even to look where one leads, requests would parse and prepare what a stranger sent."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class Wire:
    """A `requests` session for one origin, shared by the threads of a process. Make it after the fork.

    At most `pool_size` requests run at once; one more waits for a free connection within its own timeout.
    Cookies are never kept: Dynamics' affinity cookie would pin all workers to one server of many
    (learn.microsoft.com, Send parallel requests: server affinity).
    """

    def __init__(self, system: System, origin: str, pool_size: int) -> None:
        self._system = system
        self._free = threading.BoundedSemaphore(pool_size)
        self._session = _Session()
        # max_retries=0: whether to repeat is decided by remedy, far above this line.
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, pool_block=True, max_retries=0)
        self._session.mount(origin, adapter)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Proxies and certificate bundles of the environment are looked up once instead of at each request. A .netrc
        # cannot replace our Authorization header: requests reads it while it prepares a request, and we do that.
        self._environment = self._session.merge_environment_settings(origin, {}, False, None, None)

    def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        about: str,
        deadline: float,
    ) -> Answer:
        """Send and read one answer of any status; redirects are answers too.

        `deadline` in time.monotonic() seconds covers waiting for a free connection, connecting, and waiting for the
        answer to begin. Not promised: resolving the host name, several addresses of one host (each has its own
        connect timeout), and a server that lets its body drip (the timeout then holds for each read of the socket).
        Raises Unreachable, Malformed.
        """
        if not self._free.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Unreachable(self._system, f"{about}: no connection became free in time")
        try:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Unreachable(self._system, f"{about}: no time was left to send the request")
            # Prepared by hand: URL and headers are built once per connection, not parsed again for each record.
            request = requests.PreparedRequest()
            request.method = method
            request.url = url
            request.headers = CaseInsensitiveDict(headers)
            if body is not None:
                request.body = body
                request.headers["Content-Length"] = str(len(body))
            elif method == "POST":
                request.headers["Content-Length"] = "0"
            timeout = Timeout(total=left, connect=min(CONNECT_SECONDS, left), read=left)
            response = self._session.send(
                request,
                timeout=timeout,  # type: ignore[arg-type]  # requests hands it through; its stubs do not say so
                allow_redirects=False,
                **self._environment,
            )
            return Answer(self._system, about, response.status_code, response.headers, response.content)
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
            raise self._named(error, about) from None
        finally:
            self._free.release()

    def close(self) -> None:
        self._session.close()

    def _named(self, error: Exception, about: str) -> Unreachable | Malformed:
        # The original is not chained: its text holds the URL, and the URL may hold a key.
        if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
            return Malformed(self._system, f"{about}: the answer broke off before its end")
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Unreachable(
                    self._system,
                    f"{about}: the server's certificate is not trusted ({cause.verify_message}); "
                    f"check connections.{self._system}.url and the certificate bundle (REQUESTS_CA_BUNDLE)",
                )
        # A connection that the server closed while idle looks like one closed while it worked: only a connection
        # that was never made proves that nothing was sent.
        if any(isinstance(c, NewConnectionError | ConnectTimeoutError | ProxyError) for c in causes):
            what = "no connection to the server"
        elif isinstance(error, requests.Timeout):
            what = "timed out"
        elif isinstance(error, requests.ConnectionError | OSError):
            what = "the connection failed or was closed"
        else:
            what = "the answer is not valid HTTP"
        name = type(causes[-1]).__name__
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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps, outermost first. requests and urllib3 wrap in args and `reason`."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = getattr(found, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in found.args if isinstance(arg, BaseException)), None)
        found = inner or found.__cause__ or found.__context__


def _with_broken_surrogates_replaced(body: bytes) -> Any:
    """Half an emoji, cut by a column's length limit, is legal in JSON text but in no string: it becomes "?".

    Without this one such record would make its page unreadable for ever. Raises ValueError.
    """
    text = json.dumps(json.loads(body), ensure_ascii=False)
    return orjson.loads(text.encode("utf-8", "replace"))
