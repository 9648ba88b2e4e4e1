"""Adobe's gateway in front of the instance: API key, token, organisation, and how many requests a second pass."""

from collections import deque

from sandbox.campaign.errors import GatewayError
from sandbox.clock import Clock
from sandbox.http import Request
from sandbox.switches import Switches
from sandbox.tokens import Credentials, TokenRegister, bearer


class Gateway:
    """Refuses by code whatever the instance shall not see."""

    def __init__(self, clock: Clock, tokens: TokenRegister, credentials: Credentials) -> None:
        self._clock = clock
        self._tokens = tokens
        self._credentials = credentials
        self._recent: deque[float] = deque()

    def admit(self, request: Request, organization: str, switches: Switches) -> None:
        """Raises GatewayError."""
        key = request.header(b"x-api-key")
        if not key:
            raise GatewayError(403, "403000", "Api Key is required")
        if key != self._credentials.campaign_client_id:
            raise GatewayError(403, "403003", "Api Key is invalid")
        token = bearer(request)
        if not token:
            raise GatewayError(switches.missing_authorization_status, "403010", "Oauth token is missing.")
        if not self._tokens.is_good(token):
            raise GatewayError(401, "401013", "Oauth token is not valid")
        if organization != self._credentials.organization:
            raise GatewayError(403, "403023", "Profile is not valid")
        if switches.requests_per_second is not None:
            self._slow_down(switches.requests_per_second)

    def _slow_down(self, requests_per_second: float) -> None:
        now = self._clock.now()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= requests_per_second:
            raise GatewayError(429, "429050", "Too many requests", "1")
        self._recent.append(now)
