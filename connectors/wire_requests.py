"""The wire of the tokens: a `requests` session. One request an hour need not be fast."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError
from urllib3.util import Timeout

from connectors.errors import Malformed, System, Unreachable
from connectors.uptime import uptime
from connectors.wire import CONNECT_SECONDS, Answer, Wire


class _Session(requests.Session):
    """Redirects are answers: even to look where one leads, requests would parse and prepare what a stranger sent."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class RequestsWire(Wire):
    """Not covered by the deadline: resolving the host name, several addresses of one host (each has its own connect
    timeout), and a server that lets its body drip (the timeout then holds for each read of the socket).
    """

    def __init__(self, system: System, origin: str, pool_size: int) -> None:
        super().__init__(system, pool_size)
        self._session = _Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, pool_block=True, max_retries=0)
        self._session.mount(origin, adapter)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # A .netrc cannot replace our Authorization header: requests reads it while it prepares a request, and we do
        # that.
        self._environment = self._session.merge_environment_settings(origin, {}, False, None, None)

    def close(self) -> None:
        self._session.close()

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, about: str, deadline: float
    ) -> Answer:
        seconds = max(0.001, deadline - uptime())
        # Prepared by hand, so that what is sent is what we were given.
        request = requests.PreparedRequest()
        request.method = method
        request.url = url
        request.headers = CaseInsensitiveDict(headers)
        if body is not None:
            request.body = body
            request.headers["Content-Length"] = str(len(body))
        timeout = Timeout(total=seconds, connect=min(CONNECT_SECONDS, seconds), read=seconds)
        try:
            response = self._session.send(
                request,
                timeout=timeout,  # type: ignore[arg-type]  # requests hands it through; its stubs do not say so
                allow_redirects=False,
                **self._environment,
            )
            return Answer(self._system, about, response.status_code, response.headers, response.content)
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
            raise self._named(error, about) from None

    def _named(self, error: Exception, about: str) -> Unreachable | Malformed:
        # The original is not chained: its text holds the URL, and the URL may hold a key.
        if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
            return self._torn(about)
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return self._untrusted(about, cause.verify_message)
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
        return self._unreachable(about, what, type(causes[-1]).__name__)


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
