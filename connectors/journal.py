"""The I/O Events journal of a registration: Campaign's email events, page after page, kept for seven days.

developer.adobe.com, Adobe I/O Events: Journaling API. Events come at least once, and in no promised order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from config.connections import JournalAccess
from connectors.auth import ims_token
from connectors.errors import (
    AccessDenied,
    ConnectorError,
    CredentialsRefused,
    CursorExpired,
    Malformed,
    TableMissing,
    Unavailable,
)
from connectors.http import Authorization, Http, Throttle, error_object, wait_of
from connectors.journal_links import links_to
from connectors.wire import Answer

#: How long events are kept, seconds.
RETENTION_SECONDS = 7 * 86_400
#: How long to wait at the end of a journal that names no time, seconds, as Adobe's own client does.
WAIT_UNASKED = 2.0

_ABOUT = "events"
#: Pages are read one after the other; a second connection is for a reader that comes while one is given up.
_POOL_SIZE = 2


class JournalEvent(NamedTuple):
    """`position`: where it stands in the journal, "" if that is not told; `value`: whatever JSON it is."""

    position: str
    value: object


class JournalPage(NamedTuple):
    """`next`: the link to what follows, path and query on the journal's own host; None where the journal, at its end,
    names none that stands for a place in it. `wait`: None if more may be asked for at once, else the seconds after
    which there may be more."""

    events: list[JournalEvent]
    next: str | None
    wait: float | None


class Journal:
    """One registration's journal, shared by all threads of a process. `timeout` is the seconds left to the caller.

    Both readings may raise TryAgain and Stop and what these stand for (see `connectors.errors`), and CursorExpired.
    """

    def __init__(
        self,
        connection: JournalAccess,
        throttle: Throttle,
        refusal_patience: float = 0.0,
        token: Authorization | None = None,
    ) -> None:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "d365acs",
            "x-api-key": connection.client_id,
            "x-ims-org-id": connection.org_id,
        }
        self._http = Http(
            "journal",
            connection.url,
            token or ims_token(connection, "journal"),
            throttle,
            headers,
            _POOL_SIZE,
            refusal_patience,
        )
        self.url = connection.url

    def first(self, timeout: float, *, seek_seconds: int | None = None, limit: int | None = None) -> JournalPage:
        """The page that a reading without a link begins with: the oldest events that are still kept; with
        `seek_seconds` those of so many seconds back. `limit`: the most events of this page and of all that its links
        lead to; None leaves it to the journal.

        Raises CursorExpired where `seek_seconds` leads behind what is kept.
        """
        params: dict[str, str] = {}
        if seek_seconds is not None:
            params["seek"] = f"-PT{seek_seconds}S"
        if limit is not None:
            params["limit"] = str(limit)
        path = urlsplit(self.url).path
        return self._page(f"{path}?{urlencode(params)}" if params else path, None, timeout)

    def read(self, link: str, timeout: float) -> JournalPage:
        """The page behind the `next` of another one. At the journal's end that leads to itself, until there is more.

        Raises CursorExpired where the events behind it are no longer kept.
        """
        return self._page(link, link, timeout)

    def close(self) -> None:
        self._http.close()

    def _page(self, link: str, kept: str | None, timeout: float) -> JournalPage:
        """`kept`: the link that stays good if the journal, at its end, names none."""
        answer = self._http.request("GET", link, about=_ABOUT, timeout=timeout)
        if answer.status >= 400:
            raise error_of(answer, following=kept is not None)
        following = self._next(answer, link)
        if following is None or _is_relative_to_now(following):
            following = kept
        if answer.status == 204:
            return JournalPage([], following, _asked_wait(answer))
        events = _events(answer)
        if not events:
            return JournalPage([], following, _asked_wait(answer))
        if following is None or following == link:
            # Going on from here would lose every later event, or read these for ever.
            raise answer.malformed("the page carries no link that leads on")
        return JournalPage(events, following, None)

    def _next(self, answer: Answer, link: str) -> str | None:
        targets = links_to("next", answer.headers.get("Link", ""))
        base = urljoin(self.url, link)
        found = {self._http.resolved(target, base, answer.about) for target in targets}
        if len(found) > 1:
            raise answer.malformed("the page carries several links that lead on")
        return found.pop() if found else None


def error_of(answer: Answer, *, following: bool = False) -> ConnectorError:
    """The error for an answer of 400 and more, 401 and 429 apart. `following`: the request was a link of the journal's
    own."""
    about, status = answer.about, answer.status
    told = error_object(answer)
    code = _code(told)
    named = f"{status}, {code}" if code and code != str(status) else str(status)
    if status == 410:
        return CursorExpired("journal", f"{about}: the events at this position have expired (410)")
    if status == 400 and following and told:
        # How the journal says so is not documented. Who reads everything that is left reads some of it twice; who
        # insists on a position that is not known any more reads nothing for ever.
        return CursorExpired("journal", f"{about}: the journal does not know this position any more ({named})")
    if code in ("403000", "403003"):
        return CredentialsRefused(
            "journal", f"{about}: Adobe does not know the API key ({code}); check connections.journal.client_id"
        )
    if status == 403:
        return AccessDenied(
            "journal",
            f"{about}: access was denied ({named}); check connections.journal.org_id, and that the Adobe project of "
            "the credential has I/O Events and the I/O Management API",
        )
    if status == 404:
        return TableMissing(
            "journal",
            f"{about}: the journal is not there (404); check connections.journal.url: copy it from the registration's "
            "details in the Developer Console",
        )
    if status >= 500 or status == 408:
        return Unavailable(
            "journal", f"{about}: the service is in trouble ({named}); it will be tried again", wait=wait_of(answer)
        )
    return Malformed(
        "journal",
        f"{about}: the journal does not take this request ({named}); it will be tried again. If it stays so, check "
        "connections.journal.url",
    )


def _is_relative_to_now(link: str) -> bool:
    """Whether it leads elsewhere each time: what comes while nobody asks would be passed over."""
    names = {name for name, _ in parse_qsl(urlsplit(link).query)}
    return not names.isdisjoint(("latest", "seek")) and "since" not in names


def _events(answer: Answer) -> list[JournalEvent]:
    """What the page holds; an item without an event in it is itself taken for one, so that it is not lost unseen."""
    items = answer.object().get("events")
    if not isinstance(items, list):
        raise answer.malformed("the list of events is missing")
    return [_event(item) for item in items]


def _event(item: object) -> JournalEvent:
    if not isinstance(item, dict) or "event" not in item:
        return JournalEvent("", item)
    position = item.get("position")
    return JournalEvent(position if isinstance(position, str) else "", item["event"])


def _asked_wait(answer: Answer) -> float:
    wait = wait_of(answer)
    return WAIT_UNASKED if wait is None else wait


def _code(error: Mapping[str, Any]) -> str:
    found = str(error.get("error_code", error.get("code", "")))
    return found if found.isalnum() and len(found) <= 20 else ""
