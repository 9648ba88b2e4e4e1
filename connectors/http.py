"""The one way to either system: shared throttle, token with one renewal, links on the own origin only.

A request ends in an Answer (any status but 3xx, 401 and 429) or in a ConnectorError.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urljoin, urlsplit

import orjson

from connectors.clocks import Clock
from connectors.errors import CredentialsRefused, ForeignLink, Refused, System, Throttled, Unavailable
from connectors.last_told import TOLD
from connectors.requests_made import MADE
from connectors.uptime import uptime
from connectors.wire import Answer, origin_of, title
from connectors.wire_curl import CurlWire

__all__ = ["Answer", "Authorization", "Http", "NoThrottle", "Throttle", "retry_after"]

#: Seconds everybody pauses after a 429 that names no time.
PAUSE_UNASKED = 2.0
#: The longest pause that one answer can impose, seconds. If the server means more, it says so again.
LONGEST_PAUSE = 3600.0


class Throttle(Protocol):
    """What all workers of all machines may ask of one system together."""

    def permit(self, timeout: float) -> None:
        """Blocks until one request may go, whose end `ended` tells; raises Throttled if that would take longer than
        `timeout` seconds."""

    def ended(self, kind: str, size: int, status: int | None, seconds: float) -> None:
        """The request that was permitted has ended.

        `kind`: what was asked, never of whom; `size`: bytes of its body; `status`: None if no answer came.
        """

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long."""


class NoThrottle:
    """Grants everything, at once."""

    def permit(self, timeout: float) -> None:
        pass

    def ended(self, kind: str, size: int, status: int | None, seconds: float) -> None:
        pass

    def pause(self, seconds: float) -> None:
        pass


class Authorization(Protocol):
    """Where the Authorization header comes from (see `connectors.auth.Token`)."""

    def header(self, timeout: float) -> str:
        """The header's value, cached as long as it is good."""

    def renew(self, refused: str, timeout: float) -> str:
        """Another value than the refused one."""


class Http:
    """Requests to one system. Shared by all threads of a process; make it after the fork."""

    def __init__(
        self,
        system: System,
        root_url: str,
        token: Authorization,
        throttle: Throttle,
        headers: Mapping[str, str],
        pool_size: int,
        refusal_patience: float = 0.0,
    ) -> None:
        """`root_url` without a final slash; `headers` go with every request.

        `refusal_patience`: for so many seconds a fresh token that is refused counts as an outage, since rights are
        edited and tokens revoked while we run; after that, and at once without it, the credentials are to blame.
        """
        self._system = system
        self._root = root_url
        self.root = f"{root_url}/"
        """Where the links of answers start from, unless they say more."""
        self._origin = origin_of(root_url)
        self._token = token
        self._throttle = throttle
        self._headers = dict(headers)
        self._wire = CurlWire(system, self._origin, pool_size)
        self._refusal_patience = refusal_patience
        self._refused_since: float | None = None
        self.clock = Clock()
        """The system's clock as its answers show it."""

    def request(
        self,
        method: str,
        path_or_link: str,
        *,
        about: str,
        timeout: float,
        params: Mapping[str, str] | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return its answer.

        `path_or_link`: a path below the root, percent-encoded, or a link that the server returned.
        `json`: the body as a JSON value, or `body` as it is to be sent, whose type `headers` then tell.
        `about`: the table or resource, for sentences; never a key. `timeout`: seconds left to the caller, in which
        waiting for a connection, the throttle and the token are included (what is not: see `Wire.send`).
        Raises Unreachable, Malformed, Throttled, CredentialsRefused, ForeignLink; Refused if `json` is not JSON.
        """
        deadline = uptime() + timeout
        # What is named in several words needs no method.
        about = f"{title(self._system)}, {about}" if " " in about else f"{title(self._system)} {method} {about}"
        url = self._url(path_or_link, about)
        if params:
            url = f"{url}?{urlencode(params, quote_via=quote)}"
        if json is not None:
            body = self._encoded(json, about)

        authorization = self._token.header(timeout)
        sent_headers = {**self._headers, "Authorization": authorization}
        if headers:
            sent_headers.update(headers)
        answer = self._send(method, url, sent_headers, body, about, deadline)
        if answer.status == 401:
            # Tokens are revoked and keys are rolled before their time: one fresh token, one more try.
            sent_headers["Authorization"] = self._token.renew(authorization, deadline - uptime())
            answer = self._send(method, url, sent_headers, body, about, deadline)
            if answer.status == 401:
                raise self._refused(about)
        self._refused_since = None
        if answer.status >= 300:
            self._check(answer)
        return answer

    def throttled(self, answer: Answer) -> Throttled:
        """The error for an answer that says "too many requests"; everybody pauses as long as it asks."""
        wait = wait_of(answer)
        self._pause(PAUSE_UNASKED if wait is None else wait)
        error = Throttled(
            self._system,
            f"{answer.about}: too many requests ({answer.status}); all workers pause"
            + (f" {wait:.0f} s" if wait is not None else ""),
            wait=wait,
        )
        error.status = answer.status
        return error

    def close(self) -> None:
        self._wire.close()

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, about: str, deadline: float
    ) -> Answer:
        self._throttle.permit(max(0.0, deadline - uptime()))
        begun, sent, allowed, status = time.monotonic(), time.time(), deadline - uptime(), None
        try:
            answer = self._wire.send(method, url, headers, body, about, deadline)
            status = answer.status
        finally:
            # If this process was stopped meanwhile, the target has not worked on it all the time.
            took = min(time.monotonic() - begun, max(0.0, allowed))
            self._throttle.ended(about, len(body) if body else 0, status, took)
        date = answer.headers.get("Date")
        if date is not None:
            self.clock.note(date, sent, time.time())
            TOLD.note_clock(self._system, self.clock)
        return answer

    def _url(self, path_or_link: str, about: str) -> str:
        if "://" not in path_or_link and not path_or_link.startswith(("/", "\\")):
            return f"{self._root}/{path_or_link}"
        # Rebuilt from our own origin, so that no other reading of the link can lead elsewhere.
        return self._origin + self.resolved(path_or_link, self.root, about)

    def resolved(self, link: str, base: str, about: str) -> str:
        """Path and query of a link that stood in what the address `base` answered. Raises ForeignLink."""
        try:
            whole = urljoin(base, link)
            foreign = "\\" in whole or origin_of(whole) != self._origin
        except ValueError:
            foreign = True
        if foreign:
            raise self._foreign(f"{about}: the server returned a link to another host")
        parts = urlsplit(whole)
        path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._") or "/"
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
        return f"{path}?{query}" if query else path

    def _encoded(self, json: object, about: str) -> bytes:
        try:
            return orjson.dumps(json)
        except TypeError:
            # orjson's text may name the value.
            raise Refused(
                self._system, f"{about}: a value of the record cannot be written as JSON", code="not-json"
            ) from None

    def _refused(self, about: str) -> Unavailable | CredentialsRefused:
        """What a fresh token that was refused means."""
        sentence = (
            f"{about}: a fresh token was refused (401); check that connections.{self._system}.url "
            f"belongs to the credentials in connections.{self._system}"
        )
        now = time.monotonic()
        if self._refused_since is None:
            self._refused_since = now
        if now - self._refused_since < self._refusal_patience:
            return Unavailable(self._system, sentence)
        return CredentialsRefused(self._system, sentence)

    def _check(self, answer: Answer) -> None:
        """Raise for redirects and throttling; pause everybody as long as the server asks."""
        if answer.status < 400:
            raise self._redirected(answer)
        if answer.status == 429:
            raise self.throttled(answer)
        wait = wait_of(answer)
        if answer.status == 503 and wait is not None:
            self._pause(wait)

    def _pause(self, seconds: float) -> None:
        MADE.note_pause(self._system, seconds)
        self._throttle.pause(seconds)

    def _redirected(self, answer: Answer) -> Exception:
        try:
            target = urljoin(self.root, answer.headers.get("Location", ""))
            foreign = origin_of(target) != self._origin
        except ValueError:
            foreign = True
        if foreign:
            return self._foreign(f"{answer.about}: the server redirects to another host")
        return answer.malformed("the server redirects instead of answering")

    def _foreign(self, what: str) -> ForeignLink:
        return ForeignLink(
            self._system,
            f"{what}; it was not followed. Check connections.{self._system}.url: it must be the address "
            f"that the system itself uses",
        )


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a Retry-After header asks for, 0 to LONGEST_PAUSE, or None without a readable one.

    The value is a number of seconds or a date (RFC 9110, 10.2.3). A date counts from the answer's own Date header
    where there is one, so that a wrong clock on either side does no harm. `now`: Unix time, seconds.
    """
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _unix_time(value)
        if until is None:
            return None
        sent_at = _unix_time(headers.get("Date", ""))
        seconds = until - (now if sent_at is None else sent_at)
    return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else None


def _unix_time(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def wait_of(answer: Answer) -> float | None:
    """Retry-After of an answer, seconds."""
    return retry_after(answer.headers, time.time())


def error_object(answer: Answer) -> dict[str, Any]:
    """The JSON object of an error answer, or {} where a gateway answered with a page or with nothing."""
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
