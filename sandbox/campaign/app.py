"""The Campaign server: the gateway's refusals, the path grammar of the profile resource, and its writes."""

import hashlib
from collections import deque
from typing import Any
from urllib.parse import unquote

import orjson

from sandbox.campaign.errors import (
    GENERIC,
    CampaignError,
    GatewayError,
    error_answer,
    gateway_answer,
    no_document,
    oops,
)
from sandbox.campaign.fields import FIELDS
from sandbox.campaign.filters import is_filter
from sandbox.campaign.listing import count_profiles, list_profiles
from sandbox.campaign.metadata import RESOURCE_PKEY, describe_filters, describe_profile
from sandbox.campaign.payload import checked_values, read_json
from sandbox.campaign.profiles import Profile, Profiles, check_body_key
from sandbox.clock import Clock
from sandbox.http import JSON_TYPE, Answer, Request
from sandbox.journal import Calls, WriteJournal
from sandbox.tokens import Credentials, TokenRegister, bearer

APIS = ("profileAndServices", "profileAndServicesExt")


class Campaign:
    """Answers one request at a time, whole. `root_url` is the server's origin."""

    def __init__(
        self,
        clock: Clock,
        profiles: Profiles,
        tokens: TokenRegister,
        credentials: Credentials,
        journal: WriteJournal,
        calls: Calls,
    ) -> None:
        self.clock = clock
        self.profiles = profiles
        self.tokens = tokens
        self.credentials = credentials
        self.journal = journal
        self.calls = calls
        self.root_url = ""
        self._recent: deque[float] = deque()

    def answer(self, request: Request) -> Answer:
        try:
            segments = [unquote(part) for part in request.path.split("/") if part]
            if len(segments) < 2 or segments[1] != "campaign":
                return oops(500)
            self._gateway(request, segments[0])
            return self._route(request, _whole_path(segments[2:], self.profiles))
        except GatewayError as refusal:
            return gateway_answer(refusal)
        except CampaignError as error:
            return error_answer(error, self.profiles.switches.error_shape)

    def _gateway(self, request: Request, organization: str) -> None:
        switches = self.profiles.switches
        key = request.header(b"x-api-key")
        if not key:
            raise GatewayError(403, "403000", "Api Key is required")
        if key != self.credentials.campaign_client_id:
            raise GatewayError(403, "403003", "Api Key is invalid")
        token = bearer(request)
        if not token:
            status = switches.missing_authorization_status
            raise GatewayError(status, "403010", "Oauth token is missing.")
        if not self.tokens.is_good(token):
            raise GatewayError(401, "401013", "Oauth token is not valid")
        if organization != self.credentials.organization:
            raise GatewayError(403, "403023", "Profile is not valid")
        if switches.requests_per_second is not None:
            now = self.clock.now()
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= switches.requests_per_second:
                raise GatewayError(429, "429050", "Too many requests", "1")
            self._recent.append(now)

    def _route(self, request: Request, segments: list[str]) -> Answer:
        if not segments or segments[0] not in APIS:
            raise CampaignError(404, f"{GENERIC} Unable to find the resource '{'/'.join(segments)}'.")
        api, rest = segments[0], segments[1:]
        root = f"{self.root_url}/{self.credentials.organization}/campaign/{api}"
        if not rest:
            self._only(request, "GET")
            return _json(200, {"apiName": "resourceType"})
        if rest[0] == "resourceType":
            return self._describe(request, api, root, rest[1:])
        if rest[0].removesuffix(".json") != "profile":
            raise CampaignError(404, f"{GENERIC} Unable to find the resource '{rest[0]}'.")
        return self._profile(request, api, root, rest[1:])

    def _describe(self, request: Request, api: str, root: str, rest: list[str]) -> Answer:
        self._only(request, "GET")
        if rest == ["profile"]:
            return _json(200, describe_profile(root, api))
        if rest == [RESOURCE_PKEY, "filters"]:
            return _json(200, describe_filters(self.profiles, api))
        raise CampaignError(404, f"{GENERIC} Unable to find the resource type '{'/'.join(rest)}'.")

    def _profile(self, request: Request, api: str, root: str, rest: list[str]) -> Answer:
        """Resolution order: PKey, `metadata`, filters, `_count`, attribute, and at last the custom key."""
        method = request.method
        if not rest:
            if method == "POST":
                return self._create(request, api, root)
            if method == "PATCH":
                return self._update_by_body(request, api, root)
            self._only(request, "GET")
            return list_profiles(self.profiles, api, root, [], None, request.query)
        if rest[0].startswith("@"):
            if len(rest) > 1:
                return self._collection(request, root, rest)
            return self._item(request, api, root, self.profiles.by_pkey(rest[0]))
        if rest == ["metadata"]:
            self._only(request, "GET")
            return _json(200, describe_profile(root, api))
        names = []
        while rest and is_filter(rest[0], self.profiles):
            names.append(rest.pop(0))
        if rest == ["_count"]:
            self._only(request, "GET")
            return count_profiles(self.profiles, names, request.query)
        if not rest:
            self._only(request, "GET")
            return list_profiles(self.profiles, api, root, names, None, request.query)
        if rest[0] in FIELDS or rest[0] == "PKey":
            self._only(request, "GET")
            return list_profiles(self.profiles, api, root, names, rest[0], request.query)
        if names or len(rest) > 1 or api != "profileAndServicesExt":
            raise no_document(rest[0])
        return self._item(request, api, root, self.profiles.by_key(rest[0]))

    def _item(self, request: Request, api: str, root: str, profile: Profile) -> Answer:
        switches = self.profiles.switches
        if request.method == "GET":
            shown = self.profiles.show(profile, f"{root}/profile", api == "profileAndServicesExt")
            if not switches.single_item_href:
                del shown["href"]
            return _json(200, {"content": [shown]} if switches.single_item_wrapper else shown)
        if request.method == "PATCH":
            return self._update(request, api, root, profile, read_json(request.body, switches))
        self._only(request, "DELETE")
        self.profiles.delete(profile)
        self.calls.engine_calls += 1
        self._note("DELETE", profile, {}, b"")
        return Answer(switches.delete_status, [JSON_TYPE] if switches.delete_status != 204 else [])

    def _create(self, request: Request, api: str, root: str) -> Answer:
        extended = api == "profileAndServicesExt"
        given = read_json(request.body, self.profiles.switches)
        profile = self.profiles.create(checked_values(given, extended, self.profiles.switches))
        self.calls.engine_calls += 1
        self._note("POST", profile, given, request.body)
        return _json(201, self.profiles.show(profile, f"{root}/profile", extended))

    def _update_by_body(self, request: Request, api: str, root: str) -> Answer:
        """PATCH on the collection with the key in the body."""
        given = read_json(request.body, self.profiles.switches)
        if isinstance(given.get("PKey"), str):
            return self._update(request, api, root, self.profiles.by_pkey(given["PKey"]), given)
        key = self.profiles.switches.profile_key
        if key == "none" or not given.get(key) or api != "profileAndServicesExt":
            raise no_document("")
        return self._update(request, api, root, self.profiles.by_key(str(given[key])), given)

    def _update(self, request: Request, api: str, root: str, profile: Profile, given: dict[str, Any]) -> Answer:
        check_body_key(profile, given)
        values = checked_values(given, api == "profileAndServicesExt", self.profiles.switches)
        changed = self.profiles.update(profile, values)
        self.calls.engine_calls += 2 if changed else 1
        self._note("PATCH", profile, given, request.body)
        return _json(200, {"PKey": profile.pkey, "href": f"{root}/profile/{profile.pkey}"})

    def _collection(self, request: Request, root: str, rest: list[str]) -> Answer:
        """The linked collections of a profile are empty here: subscriptions are not played."""
        self._only(request, "GET")
        if rest[1:] != ["subscriptions"]:
            raise CampaignError(404, f"{GENERIC} Unable to find the resource '{rest[1]}'.")
        href = f"{root}/profile/{rest[0]}/subscriptions//_count"
        return _json(200, {"content": [], "count": {"href": href, "value": 0}, "serverSidePagination": True})

    def _note(self, method: str, profile: Profile, given: dict[str, Any], body: bytes) -> None:
        switches = self.profiles.switches
        key = switches.profile_key if switches.profile_key != "none" else "externalId"
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        version = given.get(switches.journal_field)
        at = self.clock.now()
        self.journal.note(method, "profile", str(profile.values.get(key, "")), profile.pkey, version, digest, at)

    def _only(self, request: Request, method: str) -> None:
        if request.method != method:
            raise CampaignError(405, f"{GENERIC} The method '{request.method}' is not allowed here.")


def _whole_path(segments: list[str], profiles: Profiles) -> list[str]:
    """Adobe's JavaScript client encodes the slashes of a relative URL and of joined filters: split those again."""
    if segments and segments[0].strip("/").partition("/")[0] in APIS:
        segments = [*(part for part in segments[0].split("/") if part), *segments[1:]]
    if len(segments) == 3 and all(is_filter(part, profiles) for part in segments[2].split("/")):
        segments = [*segments[:2], *segments[2].split("/")]
    return segments


def _json(status: int, value: object) -> Answer:
    return Answer(status, [JSON_TYPE], orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
