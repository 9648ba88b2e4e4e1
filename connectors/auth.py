"""Access tokens by the client-credentials grant: Entra v2 for Dynamics, IMS v3 for Campaign and its journal."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlencode

from config.connections import DynamicsConnection
from config.secrets import SecretMissing, resolve
from connectors.errors import (
    ConnectorError,
    CredentialsRefused,
    Malformed,
    System,
    Throttled,
    TryAgain,
    Unavailable,
    Unreachable,
)
from connectors.http import error_object, wait_of
from connectors.last_told import TOLD
from connectors.uptime import uptime
from connectors.wire import Answer, origin_of, title
from connectors.wire_requests import RequestsWire

#: A token is renewed so many seconds before it ends, so that no request carries one that ends on the way.
RENEW_EARLY = 300.0
#: After a failed early renewal the old token serves on for so many seconds before the next try.
RENEW_AGAIN = 15.0

#: What a wrong setting looks like (learn.microsoft.com, Microsoft Entra authentication error codes).
ENTRA_REMEDIES = {
    "7000215": "check client_secret: it must be the secret's value, not its id",
    "7000222": "the client secret has expired: make a new one in the app registration and set client_secret",
    "7000216": "check client_secret: none arrived",
    "700016": "check client_id and tenant: the application is not registered in this tenant",
    "90002": "check tenant: Microsoft Entra does not know it",
    "900023": "check tenant: it is neither a tenant id nor a domain",
    "70011": "check url: it must be the organisation's own address",
    "1002012": "check url: it must be the organisation's own address",
    "500011": "check url and tenant: the organisation is not part of this tenant",
    "7000112": "the application is disabled in Microsoft Entra: enable it",
    "53003": "a conditional access policy blocks the application: allow it",
}
OAUTH_REMEDIES = {
    "invalid_client": "check client_id and client_secret",
    "unauthorized_client": "check client_id",
    "invalid_scope": "check the scopes: the credential does not have them all",
    "invalid_request": "check client_id, client_secret and token_url",
}

Post = Callable[[bytes, float], Answer]


class Token:
    """One access token, shared by the threads of a process.

    `form` gives the fields of the grant at the moment of use, so that a rotated secret is read anew; `post` sends the
    body within a number of seconds; `clock` counts seconds, like time.monotonic.
    """

    def __init__(
        self,
        system: System,
        form: Callable[[], Mapping[str, str]],
        post: Post,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system = system
        self._form = form
        self._post = post
        self._clock = clock
        self._fetching = threading.Lock()
        self._header = ""
        self._renew_at = self._ends_at = float("-inf")

    def header(self, timeout: float) -> str:
        """The Authorization header's value. One thread fetches; the others wait, or use what is still good.

        Raises CredentialsRefused, and TryAgain if no token comes within `timeout` seconds.
        """
        now = self._clock()
        if now < self._renew_at:
            return self._header
        good = now < self._ends_at
        if not self._fetching.acquire(timeout=0 if good else max(0.0, timeout)):
            if good:
                return self._header
            raise self._late()
        try:
            if self._clock() < self._renew_at:
                return self._header
            try:
                self._fetch(timeout)
            except ConnectorError:  # a secret being rotated must not end work that the old token can do
                if self._clock() >= self._ends_at:
                    raise
                self._renew_at = min(self._clock() + RENEW_AGAIN, self._ends_at)
            return self._header
        finally:
            self._fetching.release()

    def renew(self, refused: str, timeout: float) -> str:
        """Another value than `refused`, which the service answered with 401. Raises as `header`."""
        if not self._fetching.acquire(timeout=max(0.0, timeout)):
            raise self._late()
        try:
            # Another thread may have been refused with the same token and have fetched the next one already.
            if self._header == refused:
                self._renew_at = self._ends_at = float("-inf")
                self._fetch(timeout)
            return self._header
        finally:
            self._fetching.release()

    def _fetch(self, timeout: float) -> None:
        try:
            form = self._form()
        except SecretMissing as error:
            raise CredentialsRefused(self._system, f"{title(self._system)} token: {error}") from None
        asked_at = self._clock()
        answer = self._post(urlencode(form).encode(), timeout)
        if answer.status != 200:
            raise refusal(answer)
        granted = answer.object()
        token = granted.get("access_token")
        try:
            seconds = float(granted["expires_in"])  # Entra v1 writes the number as text
        except (KeyError, TypeError, ValueError):
            seconds = 0.0
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token) or not seconds > 0:
            raise Malformed(self._system, f"{answer.about}: the answer holds no token; it will be tried again")
        self._header = f"Bearer {token}"
        self._ends_at = asked_at + seconds
        TOLD.note(self._system, "token-ends", time.time() + self._ends_at - self._clock())
        self._renew_at = self._ends_at - min(RENEW_EARLY, seconds / 2)

    def _late(self) -> Unreachable:
        return Unreachable(self._system, f"{title(self._system)} token: none came in time; it will be tried again")


def refusal(answer: Answer) -> TryAgain | CredentialsRefused:
    """What an answer without a token means. Its text is not repeated: it names the client and the tenant."""
    error = error_object(answer)
    kind = error.get("error")
    kind = kind if isinstance(kind, str) and re.fullmatch(r"[a-z_]{1,40}", kind) else ""
    if answer.status == 429:
        return Throttled(answer.system, f"{answer.about}: too many requests (429)", wait=wait_of(answer))
    if answer.status >= 500 or answer.status == 408 or kind == "temporarily_unavailable":
        return Unavailable(
            answer.system,
            f"{answer.about}: the token service is in trouble ({answer.status}); it will be tried again",
            wait=wait_of(answer),
        )
    numbers = re.findall(r"\d+", str(error.get("error_codes", "")))[:1] or re.findall(
        r"AADSTS(\d+)", str(error.get("error_description", ""))
    )
    number = numbers[0] if numbers else ""
    if answer.status >= 400 and not kind and not number:
        # Proxies and firewalls answer in the token service's place; a firewall's bad hour must not end the work.
        return Unavailable(
            answer.system,
            f"{answer.about}: what answered is not a token service ({answer.status}); it will be tried again. If it "
            f"stays so, in connections.{answer.system} check token_url, and proxies and firewalls on the way",
            wait=wait_of(answer),
        )
    if answer.status < 400:
        remedy = "check token_url: what answers there is not a token service"
    else:
        remedy = ENTRA_REMEDIES.get(number) or OAUTH_REMEDIES.get(kind, "check client_id, client_secret and token_url")
        described = str(error.get("error_description", ""))
        if kind == "invalid_client" and not number:
            remedy = next((f"check {name}" for name in ("client_secret", "client_id") if name in described), remedy)
    named = ", ".join(part for part in (kind, f"AADSTS{number}" if number else "") if part)
    return CredentialsRefused(
        answer.system,
        f"{answer.about}: refused ({named or answer.status}); in connections.{answer.system} {remedy}",
    )


def entra_token(connection: DynamicsConnection) -> Token:
    """learn.microsoft.com, OAuth 2.0 client credentials flow on the Microsoft identity platform."""

    def form() -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": connection.client_id,
            "client_secret": resolve(connection.client_secret),
            "scope": connection.scope,
        }

    return Token("dynamics", form, _poster("dynamics", connection.token_endpoint))


class AdobeCredential(Protocol):
    """An OAuth server-to-server credential; `client_secret` is a reference."""

    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> str: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...
    @property
    def token_url(self) -> str: ...


def ims_token(connection: AdobeCredential, system: System = "campaign") -> Token:
    """developer.adobe.com, OAuth server-to-server credential: access tokens."""

    def form() -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": connection.client_id,
            "client_secret": resolve(connection.client_secret),
            "scope": ",".join(connection.scopes),
        }

    return Token(system, form, _poster(system, connection.token_url))


def _poster(system: System, url: str) -> Post:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}

    def post(body: bytes, timeout: float) -> Answer:
        # A connection of its own each time: until the next token, an hour on, no server would keep it open.
        wire = RequestsWire(system, origin_of(url), pool_size=1)
        try:
            return wire.send("POST", url, headers, body, f"{title(system)} token", uptime() + timeout)
        finally:
            wire.close()

    return post
