"""The Dataverse server: who may come in, which resource a path names, and the headers around every answer."""

import hashlib
import re
import uuid
from typing import Any
from urllib.parse import unquote

import orjson

from sandbox.dynamics.batch import Batch, Draw
from sandbox.dynamics.bulk import bulk, bulk_delete
from sandbox.dynamics.changes import count_changes, is_tracked_read, read_changes
from sandbox.dynamics.context import Call
from sandbox.dynamics.csdl import csdl
from sandbox.dynamics.errors import JSON, DataverseError, bad_query, error_answer, no_such_segment, not_supported
from sandbox.dynamics.metadata import answer_definitions
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.payload import find_by_key
from sandbox.dynamics.privileges import held, is_withheld, name_of, verb_of
from sandbox.dynamics.reading import count_rows, read_collection, read_member, read_row
from sandbox.dynamics.tables import Table
from sandbox.dynamics.writing import create, create_child, delete, patch, write_member
from sandbox.http import Answer, Headers, Request
from sandbox.tokens import TokenRegister, bearer

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Dataverse:
    """Answers one request at a time, whole: an effect and its answer are never torn by another request."""

    def __init__(self, organization: Organization, tokens: TokenRegister, draw_operation: Draw) -> None:
        """`draw_operation` deals out the faults of single operations in batches."""
        self.organization = organization
        self.tokens = tokens
        self._draw_operation = draw_operation
        host = hashlib.sha256(b"sandbox").hexdigest()
        self._fixed: Headers = [
            (b"Cache-Control", b"no-cache"),
            (b"Allow", b"OPTIONS,GET,HEAD,POST"),
            (b"Expires", b"-1"),
            (b"Set-Cookie", f"ARRAffinity={host}; domain=127.0.0.1; path=/; secure; HttpOnly".encode()),
            (b"Strict-Transport-Security", b"max-age=31536000; includeSubDomains"),
            (b"CRM.ServiceId", b"CRMAppPool"),
            (b"OData-Version", b"4.0"),
        ]

    def answer(self, request: Request, limit_headers: Headers, read_entry: dict[str, Any] | None) -> Answer:
        call: Call | None = None
        try:
            self._authorize(request)
            call, segments = self._understood(request)
            call.read_entry = read_entry
            found = self._route(call, segments)
        except DataverseError as error:
            found = error_answer(error, _annotated(request))
        return self._with_headers(found, limit_headers, call)

    def _perform(self, request: Request) -> Answer:
        """One operation of a batch, without the headers that stand around a whole answer."""
        try:
            call, segments = self._understood(request)
            found = self._route(call, segments)
        except DataverseError as error:
            return error_answer(error, _annotated(request))
        return Answer(found.status, [*found.headers, _applied(call)], found.body) if call.applied else found

    def _understood(self, request: Request) -> tuple[Call, list[str]]:
        """(the call, the segments of its address below the version)."""
        segments = [unquote(part) if "%" in part else part for part in request.path.split("/") if part]
        if segments[:2] != ["api", "data"] or len(segments) < 3 or segments[2] not in ("v9.0", "v9.1", "v9.2"):
            raise no_such_segment(segments[0] if segments else "")
        return Call.of(self.organization, request, segments[2]), segments[3:]

    def refuse(self, request: Request, error: DataverseError, limit_headers: Headers) -> Answer:
        """An error that comes before the request is looked at: limits and faults."""
        return self._with_headers(error_answer(error, _annotated(request)), limit_headers, None)

    def _authorize(self, request: Request) -> None:
        if not self.tokens.is_good(bearer(request)):
            tenant = self.organization.credentials.tenant
            challenge = (
                f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}/oauth2/authorize, "
                f"resource_id={self.organization.root_url}/"
            )
            raise DataverseError(401, "", "", [(b"WWW-Authenticate", challenge.encode())], empty=True)
        if self.organization.switches.not_a_member:
            raise DataverseError(403, "0x80072560", "The user is not a member of the organization.")

    def _route(self, call: Call, segments: list[str]) -> Answer:
        method = call.request.method
        if not segments:
            return self._service_document(call)
        head = segments[0]
        if method == "GET" and head in ("WhoAmI", "WhoAmI()"):
            return self._who_am_i(call)
        if method == "GET" and head == "$metadata":
            text = csdl(self.organization, call.request.query.get("annotations") == "true")
            return Answer(200, [(b"Content-Type", b"application/xml")], text.encode())
        if method == "GET" and head.startswith("RetrieveTotalRecordCount"):
            return self._total(call, head)
        if method == "POST" and head == "$batch":
            return Batch(call, self._perform, self._draw_operation).answer()
        if method == "POST" and head == "BulkDelete":
            return bulk_delete(call)
        if head.partition("(")[0] == "EntityDefinitions":
            if method != "GET":
                raise DataverseError(501, "0x80040216", "This sandbox does not change table definitions.")
            return answer_definitions(call, segments)
        set_name, _, key = head.partition("(")
        if method == "GET" and set_name == "systemusers" and len(segments) == 2:
            return held(call, key.removesuffix(")"), segments[1])
        table = self.organization.tables.get(set_name)
        if set_name == "organizations" and method == "GET":
            table = self.organization.settings
            if not self.organization.switches.organization_settings:
                raise self._no_privilege(table, method)
        if table is None:
            raise no_such_segment(head)
        if self.organization.switches.missing_privilege or is_withheld(self.organization.switches, table, method):
            raise self._no_privilege(table, method)
        if table is self.organization.pointers and method != "GET":
            raise not_supported(method, table.name)
        if not key:
            return self._collection(call, table, segments[1:])
        return self._row(call, table, key.removesuffix(")"), segments[1:])

    def _collection(self, call: Call, table: Table, rest: list[str]) -> Answer:
        method = call.request.method
        if method == "GET" and not rest:
            if "fetchXml" in call.request.query or "sql" in call.request.query:
                raise DataverseError(501, "0x80040216", "FetchXML and SQL are not played by this sandbox.")
            return read_changes(call, table) if is_tracked_read(call) else read_collection(call, table)
        if method == "GET" and rest == ["$count"]:
            return count_changes(call, table) if "$deltatoken" in call.request.query else count_rows(call, table)
        if method == "POST" and not rest:
            return create(call, table)
        if method == "POST" and rest and rest[0].startswith("Microsoft.Dynamics.CRM."):
            action = rest[0].removeprefix("Microsoft.Dynamics.CRM.")
            if action in ("CreateMultiple", "UpdateMultiple", "UpsertMultiple"):
                return bulk(call, table, action)
            raise DataverseError(501, "0x80040216", f"{action} has not yet been implemented.")
        raise self._not_allowed(call)

    def _row(self, call: Call, table: Table, key: str, rest: list[str]) -> Answer:
        method = call.request.method
        row_id, alternate = self._resolve(call, table, key)
        if method == "PATCH" and not rest:
            return patch(call, table, row_id, alternate)
        if row_id is None:
            text = f"A record with the specified key values does not exist in {table.name} entity"
            raise DataverseError(404, "0x80060891", text)
        if method == "GET":
            return read_member(call, table, row_id, rest) if rest else read_row(call, table, row_id)
        if method == "DELETE" and not rest:
            return delete(call, table, row_id)
        if method in ("PUT", "DELETE") and rest:
            return write_member(call, table, row_id, rest)
        if method == "POST" and len(rest) == 1 and (table.name, rest[0]) in self.organization.collections:
            return create_child(call, table, row_id, rest[0])
        raise self._not_allowed(call)

    def _resolve(self, call: Call, table: Table, key: str) -> tuple[str | None, str | None]:
        """(row id or None, alternate key or None) of what stands in the parentheses."""
        key = re.sub(r"@\w+", lambda match: call.request.query.get(match[0], "null"), key) if "=@" in key else key
        if key.startswith(f"{table.primary_id}="):
            key = key.partition("=")[2]
        if _GUID.fullmatch(key):
            return key.lower(), None
        if "=" in key:
            return find_by_key(self.organization, table, key), key
        raise bad_query(f"Bad Request - Error in query syntax. The key '{key}' is not a valid Edm.Guid.")

    def _service_document(self, call: Call) -> Answer:
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in self.organization.tables]
        body = {"@odata.context": f"{call.api}/$metadata", "value": sets}
        return Answer(200, [JSON], orjson.dumps(body))

    def _who_am_i(self, call: Call) -> Answer:
        credentials = self.organization.credentials
        body = {
            "@odata.context": f"{call.api}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
            "BusinessUnitId": credentials.business_unit_id,
            "UserId": credentials.user_id,
            "OrganizationId": credentials.organization_id,
        }
        return Answer(200, [JSON], orjson.dumps(body))

    def _total(self, call: Call, segment: str) -> Answer:
        text = re.sub(r"@\w+", lambda match: call.request.query.get(match[0], ""), segment)
        names = re.findall(r"""['"](\w+)['"]""", text)
        for name in names:
            if name not in self.organization.by_name:
                raise DataverseError(404, "0x80040217", f"The entity with a name = '{name}' was not found.")
        kind = "Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse"
        counts = [len(self.organization.by_name[name].rows) for name in names]
        body = {
            "@odata.context": f"{call.api}/$metadata#{kind}",
            "EntityRecordCountCollection": {
                "Count": len(names),
                "IsReadOnly": False,
                "Keys": names,
                "Values": counts,
            },
        }
        return Answer(200, [JSON], orjson.dumps(body))

    def _no_privilege(self, table: Table, method: str) -> DataverseError:
        user = self.organization.credentials.user_id
        name = name_of(self.organization.switches, table, verb_of(method))
        return DataverseError(
            403,
            "0x80040220",
            f"Principal user (Id={user}, type=8) is missing {name} privilege "
            f"on OTC={table.type_code} for entity '{table.name}'.",
        )

    def _not_allowed(self, call: Call) -> DataverseError:
        return DataverseError(
            405, "0x80060888", f"The requested resource does not support http method '{call.request.method}'."
        )

    def _with_headers(self, found: Answer, limit_headers: Headers, call: Call | None) -> Answer:
        own = uuid.uuid4().hex
        request_id = f"{own[:8]}-{own[8:12]}-{own[12:16]}-{own[16:20]}-{own[20:]}".encode()
        headers = [
            *self._fixed,
            (b"x-ms-service-request-id", request_id + b"," + request_id),
            (b"REQ_ID", request_id),
            (b"AuthActivityId", request_id),
            *limit_headers,
            *found.headers,
        ]
        if call is not None and call.applied and found.status < 400:
            headers.append(_applied(call))
        return Answer(found.status, headers, found.body)


def _applied(call: Call) -> tuple[bytes, bytes]:
    return b"Preference-Applied", ",".join(dict.fromkeys(call.applied)).encode("latin-1", "replace")


def _annotated(request: Request) -> bool:
    return 'odata.include-annotations="*"' in request.header(b"prefer")
