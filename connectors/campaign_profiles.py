"""Campaign's profiles that changed since a moment, page by page, by a filter that an administrator made.

experienceleague.adobe.com, Campaign Standard APIs: Filtering, Pagination. There is no such filter out of the box, no
choice of fields, and no snapshot: while pages are read, a profile may come twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from connectors.campaign_errors import error_of
from connectors.errors import CursorExpired, NotFound, Refused, TableMissing, WrongFilter
from connectors.http import Http
from connectors.moments import campaign_ms, campaign_text
from connectors.wire import Answer

#: The field by which changes are told, of every profile.
LAST_MODIFIED = "lastModified"
#: A filter may compare whole seconds, or be rounded up to one. Milliseconds.
ROUNDING_MS = 1000


class ProfilePage(NamedTuple):
    """`profiles`: of each the fields that were asked for and that it has, as they stand in Campaign's JSON.
    `next`: the link to what follows, path and query on Campaign's own host; None on the last page."""

    profiles: list[dict[str, Any]]
    next: str | None


class Profiles:
    """The profiles of one instance. `api`: the API that holds them."""

    def __init__(self, http: Http, api: str) -> None:
        self._http = http
        self._api = api

    def changed(
        self, filter_: str, parameter: str, since_ms: int, fields: Sequence[str], page_size: int, timeout: float
    ) -> ProfilePage:
        """See `Campaign.changed_profiles`."""
        if not (filter_.strip() and parameter.strip()):
            # An address without a filter, and a filter without a parameter, find everybody.
            raise WrongFilter(
                "campaign",
                "Campaign GET profile: a filter on lastModified and its parameter are needed to find changed profiles; "
                "set optinout.poll.filter and optinout.poll.parameter",
            )
        # Without _forcePagination, a table of more than 100,000 rows has no next link, and says nothing of it.
        params = {parameter: campaign_text(since_ms), "_lineCount": str(page_size), "_forcePagination": "true"}
        answer = self._http.request(
            "GET",
            f"{self._api}/profile/{quote(filter_, safe='')}",
            about=f"profile by {filter_}",
            timeout=timeout,
            params=params,
        )
        if answer.status >= 400:
            error = error_of(answer, sent={parameter: params[parameter]})
            if isinstance(error, NotFound):
                raise TableMissing(
                    "campaign",
                    f"{answer.about}: the filter is not there (404); create and publish it on profile, or correct "
                    "optinout.poll.filter",
                )
            raise error
        return self._page(answer, None, since_ms, fields)

    def follow(self, next_: str, since_ms: int, fields: Sequence[str], timeout: float) -> ProfilePage:
        """See `Campaign.follow_profiles`."""
        answer = self._http.request("GET", next_, about="profile by a link to more", timeout=timeout)
        if answer.status >= 400:
            error = error_of(answer)
            if isinstance(error, Refused):
                raise CursorExpired(
                    "campaign",
                    f"{answer.about}: Campaign does not know this page any more ({answer.status}); the reading begins "
                    "again with the first one",
                )
            raise error
        return self._page(answer, next_, since_ms, fields)

    def _page(self, answer: Answer, asked: str | None, since_ms: int, fields: Sequence[str]) -> ProfilePage:
        profiles = content_of(answer)
        try:
            oldest = min((_modified_ms(profile) for profile in profiles), default=since_ms)
        except (KeyError, TypeError, ValueError):
            raise answer.malformed("a profile does not tell when it was changed") from None
        if oldest < since_ms - ROUNDING_MS:
            raise WrongFilter(
                "campaign",
                f"{answer.about}: the filter found profiles that were changed before the moment that was asked for; "
                "check that it compares lastModified by 'greater or equal', and optinout.poll.filter and "
                "optinout.poll.parameter: a misspelt parameter finds everybody",
            )
        found = [{name: profile[name] for name in fields if name in profile} for profile in profiles]
        return ProfilePage(found, self._next(answer, asked))

    def _next(self, answer: Answer, asked: str | None) -> str | None:
        told = answer.object()
        if "next" not in told:
            if told.get("serverSidePagination") is False:
                raise answer.malformed("the list was cut short and carries no link to more")
            return None
        try:
            link = self._http.resolved(told["next"]["href"], self._http.root, answer.about)
        except (KeyError, TypeError, AttributeError):
            raise answer.malformed("the link to more is none") from None
        if link == asked:
            # It would be followed for ever.
            raise answer.malformed("the link to more leads to the same page")
        return link


def content_of(answer: Answer) -> list[Any]:
    """The records of a list (Campaign Standard APIs: Pagination). Raises Malformed."""
    content = answer.object().get("content")
    if not isinstance(content, list):
        raise answer.malformed("the list of records is missing")
    return content


def _modified_ms(profile: Any) -> int:
    found = campaign_ms(profile[LAST_MODIFIED])
    if found is None:
        raise ValueError("not told")
    return found
