"""The HTTP seam of Dynamics: answers of 400 and more become errors, limits among them; what they leave is noted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connectors.dynamics_errors import error_of, is_throttling
from connectors.http import Http
from connectors.last_told import TOLD, Figure
from connectors.wire import Answer

#: What a server has left for us of its limits in five minutes (learn.microsoft.com, Service protection API limits).
_BUDGETS: tuple[tuple[str, Figure], ...] = (
    ("x-ms-ratelimit-burst-remaining-xrm-requests", "budget-requests"),
    ("x-ms-ratelimit-time-remaining-xrm-requests", "budget-seconds"),
)


class DynamicsHttp(Http):
    """Requests to one organisation."""

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, about: str, deadline: float
    ) -> Answer:
        answer = super()._send(method, url, headers, body, about, deadline)
        for header, figure in _BUDGETS:
            if (left := _number(answer.headers.get(header, ""))) is not None:
                TOLD.note(self._system, figure, left)
        return answer

    def get(
        self,
        path: str,
        about: str,
        timeout: float,
        *,
        table: str = "",
        headers: Mapping[str, str] | None = None,
        following: bool = False,
        properties: Sequence[str] = (),
    ) -> Answer:
        """GET; what `check` would raise is raised. The rest is as for `request`."""
        answer = self.request("GET", path, about=about, timeout=timeout, headers=headers)
        self.check(answer, table, following=following, properties=properties)
        return answer

    def check(self, answer: Answer, table: str, *, following: bool = False, properties: Sequence[str] = ()) -> None:
        """Raise the error of an answer to a GET, if it is one; for the arguments see `dynamics_errors.error_of`."""
        if answer.status >= 400:
            if is_throttling(answer):
                raise self.throttled(answer)
            raise error_of(answer, table, following=following, properties=properties)


def _number(text: str) -> float | None:
    """1,200.00, as Dynamics writes seconds; None for what is no number."""
    return float(digits) if re.fullmatch(r"\d+(\.\d+)?", digits := text.replace(",", "").strip()) else None
