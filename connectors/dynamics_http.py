"""The HTTP seam of Dynamics: answers of 400 and more become errors, limits among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.dynamics_errors import error_of, is_throttling
from connectors.http import Http
from connectors.wire import Answer


class DynamicsHttp(Http):
    """Requests to one organisation."""

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
