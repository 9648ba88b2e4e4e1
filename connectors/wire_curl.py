"""The wire of the records: libcurl, because what a request costs us limits how many records a second we move.

curl.se/libcurl/c and pycurl.io/docs/latest tell what the options mean.
"""

from __future__ import annotations

import os
import re
import select
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

import pycurl
import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from connectors.errors import Malformed, System, Unreachable
from connectors.headers import Headers
from connectors.uptime import uptime
from connectors.wire import CONNECT_SECONDS, Answer, Wire

#: Seconds for finding the host, connecting and the TLS handshake, for which libcurl has one limit: a resolver asks its
#: second name server after 5 s (resolv.conf, timeout), and that answer must not come too late each time.
ESTABLISH_SECONDS = 5.0 + CONNECT_SECONDS
#: What an answer may have of header lines, and the bytes of each; http.client takes no more either.
MOST_HEADERS = 100
LONGEST_HEADER = 65_536
#: CURLOPT_QUICK_EXIT, which pycurl does not name: who gives up does not wait for the name server first.
QUICK_EXIT = 322
#: What libcurl says of an answer that is not HTTP. pycurl does not name CURLE_WEIRD_SERVER_REPLY (8)
#: and CURLE_TOO_LARGE (100): header lines beyond all bounds.
NOT_HTTP = (pycurl.E_UNSUPPORTED_PROTOCOL, 8, 100)

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_INTERIM = re.compile(rb"HTTP/\S+ +1")
_UNSAFE_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UNSAFE_IN_URL = re.compile(r"[\x00-\x1f\x7f]")
_SAFE_URL = re.compile(r"[A-Za-z0-9/%:@!$&'()*+,;=~._?\[\]-]+")
#: Headers of libcurl's own making; a name without a value keeps them away.
_UNASKED = {
    "accept": b"Accept:",
    "content-type": b"Content-Type:",
    "expect": b"Expect:",
    "user-agent": b"User-Agent:",
}


class CurlWire(Wire):
    """The deadline covers everything: finding the host, all its addresses, and a body that drips, too."""

    def __init__(self, system: System, origin: str, pool_size: int) -> None:
        super().__init__(system, pool_size)
        # requests is asked, so that tokens and records take the same way and trust the same certificates.
        with requests.Session() as session:
            environment = session.merge_environment_settings(origin, {}, False, None, None)
        proxy = select_proxy(origin, environment["proxies"])
        self._proxy = f"http://{proxy}" if proxy and "://" not in proxy else proxy or ""
        self._bundle = str(DEFAULT_CA_BUNDLE_PATH if environment["verify"] is True else environment["verify"])
        # The last one used comes first: so few stay open, and those do not grow old.
        self._idle: list[_Connection] = []
        self._closed = False

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().curl.close()

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, about: str, deadline: float
    ) -> Answer:
        try:
            target, asked = _target(url), _asked(tuple(headers.items()))
        except ValueError:
            raise self._unreachable(about, "the request cannot be written as HTTP", "illegal characters") from None
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _Connection(self._proxy, self._bundle)
        whole = False
        try:
            connection.perform(method, target, asked, body, deadline)
            answer = Answer(self._system, about, *connection.answer())
            whole = True
            return answer
        except pycurl.error as error:
            raise self._named(error, connection, about) from None
        except ValueError:
            raise self._unreachable(about, "the answer is not valid HTTP", "header lines") from None
        finally:
            # What failed is not used again: who knows what still comes on it.
            connection.forget()
            if whole:
                self._idle.append(connection)
            else:
                connection.curl.close()
            if self._closed:
                self.close()

    def _named(self, error: pycurl.error, connection: _Connection, about: str) -> Unreachable | Malformed:
        code = error.args[0] if isinstance(error.args[0], int) else 0
        if connection.late:
            return Unreachable(self._system, f"{about}: no time was left to send the request")
        if code == pycurl.E_PEER_FAILED_VERIFICATION:
            return self._untrusted(about, " ".join(str(part) for part in error.args[1:]))
        if code == pycurl.E_SSL_CACERT_BADFILE:
            what = "the certificate bundle cannot be read; check REQUESTS_CA_BUNDLE"
        elif connection.sent == 0:
            what = "no connection to the server"
        elif code == pycurl.E_OPERATION_TIMEDOUT:
            what = "timed out"
        elif connection.answering():
            return self._torn(about)
        elif code in NOT_HTTP:
            what = "the answer is not valid HTTP"
        else:
            what = "the connection failed or was closed"
        # libcurl's words for the number: those for this very failure may hold the URL, and the URL may hold a key.
        return self._unreachable(about, what, pycurl.easy_strerror(code))


class _Connection:
    """An easy handle of libcurl, which keeps one connection, and what came on it for the request in hand."""

    __slots__ = ("_asked", "_deadline", "_method", "body", "curl", "head", "late", "sent")

    def __init__(self, proxy: str, bundle: str) -> None:
        self.head: list[bytes] = []
        self.body: list[bytes] = []
        self.sent = 0
        self.late = False
        self._deadline = 0.0
        # What is the same as last time need not be said again: each option costs what a tenth of the request does.
        self._asked: _Asked | None = None
        self._method = ""
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(QUICK_EXIT, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.NETRC, 0)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.MAXCONNECTS, 1)
        curl.setopt(pycurl.BUFFERSIZE, 128 * 1024)
        curl.setopt(pycurl.PROXY, proxy)
        curl.setopt(pycurl.NOPROXY, "")
        curl.setopt(pycurl.HEADEROPT, pycurl.HEADER_SEPARATE)
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        ours, the_proxys = (pycurl.CAINFO, pycurl.PROXY_CAINFO)
        if os.path.isdir(bundle):
            ours, the_proxys = (pycurl.CAPATH, pycurl.PROXY_CAPATH)
        curl.setopt(ours, bundle)
        curl.setopt(the_proxys, bundle)
        curl.setopt(pycurl.PREREQFUNCTION, self._about_to_send)
        curl.setopt(pycurl.XFERINFOFUNCTION, _attend_to_signals)
        curl.setopt(pycurl.HEADERFUNCTION, self.head.append)
        curl.setopt(pycurl.WRITEFUNCTION, self.body.append)

    def perform(self, method: str, url: str, asked: _Asked, body: bytes | None, deadline: float) -> None:
        """Raises pycurl.error."""
        curl, self._deadline = self.curl, deadline
        seconds = deadline - uptime()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.FRESH_CONNECT, self._ended())
        if method != self._method:
            curl.setopt(pycurl.NOBODY, method == "HEAD")
            curl.setopt(pycurl.CUSTOMREQUEST, method)
            self._method = method
        if body is not None:
            curl.setopt(pycurl.POSTFIELDS, body)
        elif method != "HEAD":
            curl.setopt(pycurl.HTTPGET, 1)
        if asked is not self._asked:
            curl.setopt(pycurl.HTTPHEADER, asked.lines)
            curl.setopt(pycurl.ACCEPT_ENCODING, asked.encoding)
            self._asked = asked
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int(seconds * 1000)))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(min(ESTABLISH_SECONDS, seconds) * 1000)))
        # Python hears of Ctrl-C and of time limits in its main thread alone, and only while Python runs.
        curl.setopt(pycurl.NOPROGRESS, threading.current_thread() is not threading.main_thread())
        curl.perform()

    def answer(self) -> tuple[int, Headers, bytes]:
        """Status, headers and body of what came. Raises ValueError if the header lines are not a whole answer's."""
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        found = self._last_head()
        if found is None or len(found) > MOST_HEADERS:
            raise ValueError("no whole head")
        if any(len(line) > LONGEST_HEADER for line in found):
            raise ValueError("a header line is too long")
        return status, Headers(line.decode("latin-1") for line in found), b"".join(self.body)

    def answering(self) -> bool:
        """Whether the head of an answer has come whole."""
        return self._last_head() is not None

    def forget(self) -> None:
        self.head.clear()
        self.body.clear()
        self.sent = 0

    def _ended(self) -> bool:
        """Whether the server has closed the kept connection, if there is one. libcurl looks once a second at most."""
        try:
            waiting = select.poll()
            waiting.register(self.curl.getinfo(pycurl.ACTIVESOCKET), select.POLLIN)
            return bool(waiting.poll(0))
        except (OSError, ValueError):  # none is kept
            return False

    def _last_head(self) -> list[bytes] | None:
        """The header lines of the answer, or None if they broke off. Interim answers (1xx) are not it, nor trailers."""
        found: list[bytes] | None = None
        whole = False
        for line in self.head:
            if line.startswith(b"HTTP/"):
                found, whole = (None if _INTERIM.match(line) else []), False
            elif line in (b"\r\n", b"\n"):
                whole = found is not None
            elif found is not None and not whole:
                found.append(line)
        return found if whole else None

    def _about_to_send(self, *addresses: object) -> int:
        if uptime() >= self._deadline:
            # The process was stopped meanwhile, or the machine suspended: libcurl counts from when it was asked.
            self.late = True
            return pycurl.PREREQFUNC_ABORT
        # When a kept connection is closed before a byte of the answer, libcurl repeats the request on a new one,
        # whatever its method. Nobody knows what the server did with the first.
        self.sent += 1
        self.head.clear()  # what a proxy answered to CONNECT
        return pycurl.PREREQFUNC_OK if self.sent == 1 else pycurl.PREREQFUNC_ABORT


def _attend_to_signals(*progress: int) -> int:
    """libcurl calls this at least once a second and when a signal came; what its handler raises ends the request."""
    return 0


def _target(url: str) -> str:
    """The URL with what may not stand in one percent-encoded. Raises ValueError for a control character."""
    if _SAFE_URL.fullmatch(url):
        return url
    if _UNSAFE_IN_URL.search(url):
        raise ValueError("an illegal character in the URL")
    return quote(url.partition("#")[0], safe="/%:@!$&'()*+,;=~._?[]-")


class _Asked(NamedTuple):
    """The headers of a request as libcurl takes them."""

    encoding: str  #: the encodings to accept
    lines: tuple[bytes, ...]  #: the other ones


@lru_cache(32)
def _asked(headers: tuple[tuple[str, str], ...]) -> _Asked:
    """From names and values. Raises ValueError for what could not be one header."""
    encoding = "identity"
    unasked = dict(_UNASKED)
    lines: list[bytes] = []
    for name, value in headers:
        if not _NAME.fullmatch(name) or _UNSAFE_IN_VALUE.search(value):
            raise ValueError("an illegal character in a header")
        lower = name.lower()
        if lower == "accept-encoding":
            encoding = value
            continue
        unasked.pop(lower, None)
        # A line that ends in ";" is libcurl's way to write a header without a value.
        lines.append((f"{name}: {value}" if value.strip(" \t") else f"{name};").encode("latin-1"))
    return _Asked(encoding, (*lines, *unasked.values()))
