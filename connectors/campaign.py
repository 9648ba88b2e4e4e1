"""Campaign Standard: look up by key, create, update, delete, changed profiles, and what a resource looks like.

experienceleague.adobe.com, Campaign Standard APIs: one record per request, no upsert, no condition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from config.connections import CampaignConnection
from config.ingress import CampaignKey
from connectors.auth import ims_token
from connectors.campaign_errors import error_of
from connectors.campaign_metadata import CampaignResource, ResourceSummary, filters_of, resource_of, resources_of
from connectors.campaign_profiles import ProfilePage, Profiles, content_of
from connectors.campaign_workflows import Workflows
from connectors.errors import Malformed, NotFound, Refused, TableMissing, Unavailable, WrongFilter
from connectors.http import Authorization, Http, Throttle
from connectors.uptime import uptime
from connectors.wire import Answer

#: Where custom resources stand: those linked to profiles, and the others. None stands in both.
LINKED_API, OTHER_API = "profileAndServicesExt", "customResources"

#: Resources that every instance has, and what Campaign calls them.
OUT_OF_THE_BOX = {"profile": "Profiles", "service": "Services"}

#: Records of one look-up that are read: one is right, two already mean a double.
MOST_FOUND = 10
MOST_PROFILES = 2


class Campaign:
    """One instance, shared by all threads of a process. Every `timeout` is the seconds left to the caller.

    Every method may raise TryAgain and Stop and what these stand for (see `connectors.errors`). After TryAgain
    a write may have happened: there is no condition and no idempotency key to prevent a second one.
    """

    def __init__(
        self,
        connection: CampaignConnection,
        throttle: Throttle,
        token: Authorization | None = None,
        refusal_patience: float = 0.0,
    ) -> None:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "Cache-Control": "no-cache",
            "Content-Type": "application/json;charset=utf-8",
            "User-Agent": "d365acs",
            "X-Api-Key": connection.client_id,
        }
        self._http = Http(
            "campaign",
            connection.api_root,
            token or ims_token(connection),
            throttle,
            headers,
            connection.concurrency,
            refusal_patience,
        )
        self.clock = self._http.clock
        """Campaign's clock, or that of Adobe's gateway before it, as its answers show it."""
        self.workflows = Workflows(self._http)
        """The workflows of the instance, such as the one that exports consent."""
        self._profile_api = connection.profile_api
        self._profiles = Profiles(self._http, connection.profile_api)
        self._apis: dict[str, str] = dict.fromkeys(OUT_OF_THE_BOX, connection.profile_api)

    def ping(self, timeout: float) -> None:
        """Prove address, token, product profile and that profiles can be read; fetches one PKey."""
        path = f"{self._profile_api}/profile/PKey"
        answer = self._http.request("GET", path, about=self._profile_api, timeout=timeout, params={"_lineCount": "1"})
        if answer.status >= 400:
            error = error_of(answer)
            if isinstance(error, NotFound):
                raise TableMissing(
                    "campaign",
                    f"{answer.about}: this API is not there; publish it ('Create the Profiles & Services Ext API'), "
                    "or set connections.campaign.profile_api to profileAndServices",
                )
            raise error
        content_of(answer)

    def resource(self, name: str, timeout: float) -> CampaignResource:
        """The description of a resource. Raises TableMissing."""
        api, answer = self._described(name, timeout)
        try:
            return resource_of(name, api, answer.object())
        except (KeyError, TypeError, ValueError, AttributeError):
            raise answer.malformed("the description has not the promised shape") from None

    def resources(self, timeout: float) -> list[ResourceSummary]:
        """Profile, service, and the custom resources that the APIs list, by name.

        Only the list of those linked to profiles is documented: where another API has none, it adds nothing.
        """
        deadline = uptime() + timeout
        found = {name: ResourceSummary(name, self._profile_api, label) for name, label in OUT_OF_THE_BOX.items()}
        for api in (LINKED_API, OTHER_API):
            answer = self._http.request("GET", f"{api}/", about=api, timeout=deadline - uptime())
            try:
                if answer.status >= 400:
                    raise error_of(answer)
                listed = resources_of(api, answer.object())
            except (Refused, Malformed, Unavailable) as error:
                if api == LINKED_API and not isinstance(error, NotFound):
                    raise
                continue
            for summary in listed:
                if summary.name.startswith("cus"):  # as the names of all custom resources do
                    found[summary.name] = summary
                    self._apis[summary.name] = api
        return [found[name] for name in sorted(found)]

    def filters(self, resource: str, timeout: float) -> list[str]:
        """Names of the filters that a resource has, as `CampaignKey.filter` and addresses take them, sorted.

        Raises TableMissing.
        """
        deadline = uptime() + timeout
        _, answer = self._described(resource, timeout)
        told = answer.object().get("filters")
        link = told.get("href") if isinstance(told, dict) else None
        if not isinstance(link, str):
            raise answer.malformed("the description says nothing about filters")
        about = f"filters of {resource}"
        listing = self._http.request("GET", link, about=about, timeout=deadline - uptime())
        if listing.status >= 400:
            raise error_of(listing)
        return filters_of(listing.object())

    def _described(self, name: str, timeout: float) -> tuple[str, Answer]:
        """(API that holds the resource, its description's answer); which API it is, is remembered."""
        deadline = uptime() + timeout
        apis = [self._apis[name]] if name in self._apis else [LINKED_API, OTHER_API]
        unexplained: Malformed | None = None
        for api in apis:
            answer = self._http.request(
                "GET",
                f"{api}/resourceType/{quote(name, safe='')}",
                about=f"description of {name}",
                timeout=deadline - uptime(),
            )
            if answer.status < 400:
                self._apis[name] = api
                return api, answer
            error = error_of(answer)
            if isinstance(error, Malformed):
                unexplained = error  # how an API says that it does not know a resource is not documented
            elif not isinstance(error, Refused):
                raise error
        if unexplained is not None:
            raise unexplained
        raise TableMissing(
            "campaign",
            f"resource {name} is in none of {', '.join(apis)}; check its name, and that it is published and not "
            "hidden from APIs",
        )

    def find(self, resource: str, key: CampaignKey, value: str, timeout: float) -> list[str]:
        """PKeys of the records with this key, at most MOST_FOUND; more than one is a double.

        They are for use at once: a PKey is not to be kept. A record whose required parent is missing is hidden: it is
        not found, though its key is taken. By a key in the address, none is found only where Campaign itself says so.
        Raises Refused for an empty value, without asking: a filter without a value finds everything. Raises
        SchemaRefused, and WrongFilter when the filter finds records with another key.
        """
        return [_pkey(answer, record) for answer, record in self._found(resource, key, value, MOST_FOUND, timeout)]

    def records_by_key(self, resource: str, key: CampaignKey, value: str, timeout: float) -> list[dict[str, Any]]:
        """The records with this key, whole, as they stand in Campaign's JSON, at most MOST_FOUND.

        Raises as `find` does.
        """
        return [record for _, record in self._found(resource, key, value, MOST_FOUND, timeout)]

    def record(self, resource: str, pkey: str, timeout: float) -> dict[str, Any] | None:
        """The record of a PKey ("@..."), whole; None if the resource has none, or hides it. Raises Refused."""
        if not pkey.startswith("@"):
            raise Refused("campaign", f"{resource}: a PKey begins with @", code="bad-key")
        deadline = uptime() + timeout
        path = f"{self._root(resource, timeout)}/{_segment(pkey, f'look-up in {resource}')}"
        answer = self._http.request("GET", path, about=resource, timeout=deadline - uptime())
        if answer.status < 400:
            found = _record(answer)
            _pkey(answer, found)
            return found
        error = error_of(answer, reference=pkey)
        if isinstance(error, NotFound):
            return None
        raise error

    def profile_by_key(self, key: CampaignKey, value: str, timeout: float) -> list[dict[str, Any]]:
        """The profiles with this key, whole, as they stand in Campaign's JSON: none, one, or two, which mean a double.

        Raises as `find` does.
        """
        return [record for _, record in self._found("profile", key, value, MOST_PROFILES, timeout)]

    def changed_profiles(
        self, filter_: str, parameter: str, since_ms: int, fields: Sequence[str], page_size: int, timeout: float
    ) -> ProfilePage:
        """The first page of the profiles that were changed since a moment, ms since 1970, by Campaign's clock.

        `filter_` and `parameter` as Campaign takes them, such as byLastModified and lastModified_parameter: there is
        no such filter out of the box. `fields`: what is wanted of each profile. In no promised order; a profile that
        changes while pages are read may come twice, or only when asked again.
        Raises TableMissing where there is no such filter; WrongFilter where it finds profiles changed before the moment
        (less a second), and without asking for an empty name, since either would find everybody; Refused.
        """
        return self._profiles.changed(filter_, parameter, since_ms, fields, page_size, timeout)

    def follow_profiles(self, next_: str, since_ms: int, fields: Sequence[str], timeout: float) -> ProfilePage:
        """The page behind the `next` of another one, whose `since_ms` this must be. Raises ForeignLink, WrongFilter;
        CursorExpired where Campaign does not know the link any more: begin again with `changed_profiles`.
        """
        return self._profiles.follow(next_, since_ms, fields, timeout)

    def create(self, resource: str, values: Mapping[str, Any], timeout: float) -> str:
        """POST one record, nested fields nested; the PKey of what was made.

        A link is {"PKey": "@..."}, or None for none. A record whose required parent is missing is made, and hidden.
        Raises AlreadyExists, LinkMissing, SchemaRefused, Refused.
        """
        return self._write("POST", resource, None, values, timeout)

    def update(self, resource: str, reference: str, values: Mapping[str, Any], timeout: float) -> str:
        """PATCH the given fields of the record `reference`, a PKey ("@...") or, with `key.address: uri`, the key's
        value; the PKey of what was changed. Links as for create. Raises NotFound (also for a hidden record) where
        Campaign itself says so, LinkMissing, SchemaRefused, Refused.
        """
        return self._write("PATCH", resource, reference, values, timeout)

    def delete(self, resource: str, reference: str, timeout: float) -> None:
        """DELETE the record `reference` (as for update). Raises NotFound (also for a hidden record), Refused.

        NotFound is Campaign's own word: a gateway's 404 is Malformed, since the record may well be there.
        """
        deadline = uptime() + timeout
        root = self._root(resource, timeout)
        path = f"{root}/{_segment(reference, f'DELETE {resource}')}"
        answer = self._http.request("DELETE", path, about=resource, timeout=deadline - uptime())
        if answer.status >= 400:
            raise error_of(answer, reference=reference)
        if answer.body.strip():
            answer.json()  # a page for a browser is no confirmation

    def close(self) -> None:
        self._http.close()

    def _write(
        self, method: str, resource: str, reference: str | None, values: Mapping[str, Any], timeout: float
    ) -> str:
        deadline = uptime() + timeout
        path = self._root(resource, timeout)
        if reference is not None:
            path = f"{path}/{_segment(reference, f'{method} {resource}')}"
        answer = self._http.request(method, path, about=resource, timeout=deadline - uptime(), json=values)
        if answer.status >= 400:
            error = error_of(answer, reference=reference, sent=values)
            if reference is None and isinstance(error, NotFound):
                raise TableMissing(
                    "campaign",
                    f"{answer.about}: the resource is not there (404); check its name and publish it",
                )
            raise error
        return _pkey(answer, _record(answer))

    def _found(
        self, resource: str, key: CampaignKey, value: str, most: int, timeout: float
    ) -> list[tuple[Answer, dict[str, Any]]]:
        """The records with this key, at most so many, each with the answer that it stood in."""
        deadline = uptime() + timeout
        root = self._root(resource, timeout)
        timeout = deadline - uptime()
        segment = _segment(value, f"look-up in {resource}")
        if key.address == "uri":
            answer = self._http.request("GET", f"{root}/{segment}", about=resource, timeout=timeout)
            if answer.status < 400:
                return [(answer, _record(answer))]
            error = error_of(answer, reference=value)
            if isinstance(error, NotFound):
                return []
            raise error
        answer = self._http.request(
            "GET",
            f"{root}/{key.filter}",
            about=f"{resource} by {key.filter}",
            timeout=timeout,
            params={key.parameter: value, "_lineCount": str(most)},
        )
        if answer.status >= 400:
            error = error_of(answer, sent={key.field: value})
            if isinstance(error, NotFound):
                raise TableMissing(
                    "campaign",
                    f"{answer.about}: the filter is not there (404); create and publish it on {resource}, or correct "
                    "the mapping's key.filter",
                )
            raise error
        records = content_of(answer)
        if not all(isinstance(record, dict) for record in records):
            raise answer.malformed("a record is none")
        # A misspelt parameter or a rule that an empty parameter switches off makes a filter find everybody.
        if any(str(record.get(key.field, "")).casefold() != value.casefold() for record in records):
            raise WrongFilter(
                "campaign",
                f"{answer.about}: the filter found records whose {key.field} is another; check that it compares "
                f"{key.field} for equality, and the mapping's key.filter, key.parameter and key.field",
            )
        return [(answer, record) for record in records]

    def _root(self, resource: str, timeout: float) -> str:
        """The resource's address below the instance; which API holds a custom resource is asked once per process."""
        api = self._apis.get(resource)
        if api is None:
            api = self.resource(resource, timeout).api
        return f"{api}/{resource}"


def _segment(reference: str, about: str) -> str:
    """One segment of a path; nothing in a key may lead to another address."""
    if not reference.strip() or reference in (".", ".."):
        # An empty one would address the whole collection.
        raise Refused("campaign", f"Campaign {about}: the key is empty", code="empty-key")
    try:
        return quote(reference, safe="@")
    except UnicodeEncodeError:
        raise Refused("campaign", f"Campaign {about}: the key is not valid text", code="bad-key") from None


def _record(answer: Answer) -> dict[str, Any]:
    """The single record of an answer; one page of the vendor wraps it in `content`."""
    found = answer.object()
    content = found.get("content")
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        found = content[0]
    return found


def _pkey(answer: Answer, record: Mapping[str, Any]) -> str:
    pkey = record.get("PKey")
    if not isinstance(pkey, str) or not pkey:
        # Without it the answer may come from anything that says 200.
        raise answer.malformed("the answer confirms no record")
    return pkey
