"""The Campaign server: which address means what. The path grammar is the same for every resource."""

from urllib.parse import unquote

import orjson

from sandbox.campaign.definitions import APIS, EXT, PLAIN
from sandbox.campaign.errors import (
    GENERIC,
    CampaignError,
    GatewayError,
    error_answer,
    gateway_answer,
    no_document,
    no_resource,
    oops,
)
from sandbox.campaign.filters import is_filter
from sandbox.campaign.gateway import Gateway
from sandbox.campaign.instance import Instance
from sandbox.campaign.listing import Selection, count_records, list_records
from sandbox.campaign.metadata import describe, describe_filters, description_pkey, list_custom
from sandbox.campaign.payload import read_json
from sandbox.campaign.resource import Record
from sandbox.campaign.showing import View
from sandbox.campaign.workflow_api import WorkflowApi
from sandbox.campaign.writes import Writes
from sandbox.clock import Clock
from sandbox.http import JSON_TYPE, Answer, Request
from sandbox.tokens import Credentials, TokenRegister


class Campaign:
    """Answers one request at a time, whole. `root_url` is the server's origin."""

    def __init__(
        self,
        clock: Clock,
        instance: Instance,
        tokens: TokenRegister,
        credentials: Credentials,
        writes: Writes,
        workflows: WorkflowApi,
    ) -> None:
        self.instance = instance
        self.root_url = ""
        self._organization = credentials.organization
        self._gateway = Gateway(clock, tokens, credentials)
        self._writes = writes
        self._workflows = workflows

    def answer(self, request: Request) -> Answer:
        try:
            segments = [unquote(part) for part in request.path.split("/") if part]
            if len(segments) < 2 or segments[1] != "campaign":
                return oops(500)
            self._gateway.admit(request, segments[0], self.instance.switches)
            return self._route(request, self._whole_path(segments[2:]))
        except GatewayError as refusal:
            return gateway_answer(refusal)
        except CampaignError as error:
            return error_answer(error, self.instance.switches.error_shape)

    def _whole_path(self, segments: list[str]) -> list[str]:
        """Adobe's JavaScript client encodes the slashes of a relative URL and of joined filters: split those again."""
        if segments and segments[0].strip("/").partition("/")[0] in (*APIS, "workflow"):
            segments = [*(part for part in segments[0].split("/") if part), *segments[1:]]
        resource = self.instance.resources.get(segments[1]) if len(segments) == 3 else None
        if resource is not None and all(is_filter(part, resource, segments[0]) for part in segments[2].split("/")):
            segments = [*segments[:2], *segments[2].split("/")]
        return segments

    def _route(self, request: Request, segments: list[str]) -> Answer:
        if segments[:2] == ["workflow", "execution"]:
            root = f"{self.root_url}/{self._organization}/campaign/workflow/execution"
            return self._workflows.answer(request, root, segments[2:], self.instance.switches)
        if not segments or segments[0] not in APIS:
            raise no_resource("/".join(segments))
        api, rest = segments[0], segments[1:]
        root = f"{self.root_url}/{self._organization}/campaign/{api}"
        if not rest:
            _only(request, "GET")
            return _json(list_custom(self.instance, root, api))
        if rest[0] == "resourceType":
            return self._describe(request, api, root, rest[1:])
        resource = self.instance.resources.get(rest[0].removesuffix(".json"))
        if resource is None or api not in resource.definition.apis:
            raise no_resource(rest[0])
        return self._resource(request, View(self.instance, resource, api, root), rest[1:])

    def _describe(self, request: Request, api: str, root: str, rest: list[str]) -> Answer:
        _only(request, "GET")
        for name, resource in self.instance.resources.items():
            if api in resource.definition.apis:
                if rest == [name]:
                    return _json(describe(resource.definition, root, api))
                if rest == [description_pkey(resource.definition), "filters"]:
                    return _json(describe_filters(resource, api))
        raise CampaignError(404, f"{GENERIC} Unable to find the resource type '{'/'.join(rest)}'.")

    def _resource(self, request: Request, view: View, rest: list[str]) -> Answer:
        """Resolution order: PKey, `metadata`, filters, `_count`, attribute, and at last the profile's custom key."""
        resource, definition = view.resource, view.resource.definition
        if not rest:
            if request.method == "POST":
                return self._writes.create(request, view)
            if request.method == "PATCH":
                return self._writes.update_by_body(request, view)
            _only(request, "GET")
            return list_records(view, Selection(view.url, []), request.query)
        if rest[0].startswith("@"):
            if len(rest) > 1:
                return self._collection(request, view, rest)
            return self._item(request, view, self.instance.by_pkey(resource, rest[0]))
        if rest == ["metadata"]:
            _only(request, "GET")
            return _json(describe(definition, view.root, view.api))
        names = []
        while rest and is_filter(rest[0], resource, view.api):
            names.append(rest.pop(0))
        if not rest or rest == ["_count"]:
            _only(request, "GET")
            act = count_records if rest else list_records
            return act(view, Selection(view.url, names), request.query)
        if rest[0] in definition.fields or rest[0] == "PKey":
            _only(request, "GET")
            return list_records(view, Selection(view.url, names, rest[0]), request.query)
        if names or len(rest) > 1 or view.api != EXT or definition.name != "profile":
            raise no_document(definition, rest[0])
        return self._item(request, view, resource.by_key(rest[0]))

    def _item(self, request: Request, view: View, record: Record) -> Answer:
        switches = self.instance.switches
        if request.method == "GET":
            shown = view.show(record)
            if not switches.single_item_href:
                del shown["href"]
            return _json({"content": [shown]} if switches.single_item_wrapper else shown)
        if request.method == "PATCH":
            return self._writes.update(request, view, record, read_json(request.body, switches))
        _only(request, "DELETE")
        return self._writes.delete(view, record)

    def _collection(self, request: Request, view: View, rest: list[str]) -> Answer:
        """The records that lead to this one. Subscriptions are not played: they are always none."""
        _only(request, "GET")
        token, name, *more = rest
        field = view.resource.definition.fields.get(name)
        hidden = field is not None and field.extension and view.api == PLAIN
        if field is None or field.type != "collection" or hidden or more not in ([], ["_count"]):
            raise no_resource("/".join(rest[1:]))
        url = f"{view.url}/{token}/{name}"
        if field.target not in self.instance.resources:
            none = {"href": f"{url}//_count", "value": 0}
            return _json({"count": 0} if more else {"content": [], "count": none, "serverSidePagination": True})
        parent = view.resource.by_collection_token(token)
        if self.instance.is_hidden(view.resource, parent):
            raise no_document(view.resource.definition, token.removeprefix("@"))
        beside = view.beside(field.target)
        link = beside.resource.definition.fields[field.back]
        wanted = Selection(url, [], None, self.instance.children_by(beside.resource, link, parent))
        return (count_records if more else list_records)(beside, wanted, request.query)


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise CampaignError(405, f"{GENERIC} The method '{request.method}' is not allowed here.")


def _json(value: object) -> Answer:
    return Answer(200, [JSON_TYPE], orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
