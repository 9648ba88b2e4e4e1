"""`POST $batch`: operations in their order, change sets as one transaction (learn.microsoft.com, batch operations)."""

import re
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from sandbox.dynamics.context import Call
from sandbox.dynamics.errors import DataverseError, bad_payload, bad_query, error_answer
from sandbox.dynamics.multipart import BatchReader, ChangeSet, Operation, answer_part, change_set_part, joined
from sandbox.http import Answer, Headers, Request

#: Answers one request as if it had come by itself.
Perform = Callable[[Request], Answer]
#: The fault that the next operation meets, or None.
Draw = Callable[[], str | None]

_ORIGIN = re.compile(r"https?://[^/]+", re.IGNORECASE)
_VERSION = (b"OData-Version", b"4.0")
_STREAMED = (b"Content-Type", b"application/json; odata.metadata=minimal; odata.streaming=true")
_ENTITY_ID = b"OData-EntityId"


class Done(NamedTuple):
    """The answer of one operation, the name it went by, and where the row is that it wrote."""

    answer: Answer
    content_id: str
    address: str


class _Failed(Exception):
    def __init__(self, done: Done) -> None:
        super().__init__()
        self.done = done


class Batch:
    """One batch on its way through."""

    def __init__(self, call: Call, perform: Perform, draw: Draw) -> None:
        self._call = call
        self._perform = perform
        self._draw = draw
        self._version = call.api.rpartition("/")[2]

    def answer(self) -> Answer:
        """The outer answer. Without continue-on-error it has the status of the first failure, and ends with it."""
        request, switches = self._call.request, self._call.organization.switches
        members = BatchReader(switches.batch_limit).read(request.header(b"content-type"), request.body)
        request.operations = sum(len(one.operations) if isinstance(one, ChangeSet) else 1 for one in members)
        going_on = "odata.continue-on-error" in self._call.preferences
        if going_on:
            self._call.applied.append("odata.continue-on-error")
        parts: list[bytes] = []
        status = 200
        for member in members:
            if isinstance(member, ChangeSet):
                part, reached = self._change_set(member)
            else:
                answer = self._one(member, {}).answer
                part, reached = self._part(answer), answer.status
            parts.append(part)
            if reached >= 400 and not going_on:
                status = reached
                break
        boundary = f"batchresponse_{uuid.uuid4()}"
        kind = (b"Content-Type", f"multipart/mixed; boundary={boundary}".encode())
        return Answer(status, [kind], joined(parts, boundary))

    def _change_set(self, change_set: ChangeSet) -> tuple[bytes, int]:
        """(the answers as one part, status): all operations, or the error of the one that failed."""
        done: dict[str, Done] = {}
        boundary = f"changesetresponse_{uuid.uuid4()}"
        try:
            with self._call.organization.transaction():
                for operation in change_set.operations:
                    one = self._one_of_set(operation, done)
                    if one.answer.status >= 400:
                        raise _Failed(one)
                    done[operation.content_id] = one
        except _Failed as failed:
            answer = failed.done.answer
            if self._call.organization.switches.failed_change_set == "single":
                return self._part(answer), answer.status
            return change_set_part([self._part(answer, failed.done.content_id)], boundary), answer.status
        parts = [self._part(one.answer, one.content_id) for one in done.values()]
        return change_set_part(parts, boundary), 200

    def _one_of_set(self, operation: Operation, done: dict[str, Done]) -> Done:
        if operation.method == "GET":
            wrong = bad_query("A GET request is not allowed in a change set.")
        elif not operation.content_id:
            wrong = bad_query("The Content-ID header is missing in a request of the change set.")
        elif operation.content_id in done:
            wrong = bad_query(f"The Content-ID '{operation.content_id}' is used more than once in the change set.")
        else:
            return self._one(operation, done)
        return Done(error_answer(wrong), operation.content_id, "")

    def _one(self, operation: Operation, known: dict[str, Done]) -> Done:
        try:
            fault = self._draw()
            if fault in ("operation_429", "operation_500"):
                raise _fault(fault)
            answer = self._perform(self._request(operation, known))
            if fault is not None:
                raise _fault(fault)
        except DataverseError as error:
            answer = error_answer(error)
        address = next((value.decode() for name, value in answer.headers if name == _ENTITY_ID), "")
        return Done(answer, operation.content_id, address)

    def _request(self, operation: Operation, known: dict[str, Done]) -> Request:
        target, body = operation.target, operation.body
        if target.startswith("$") and target != "$batch":
            name, slash, rest = target[1:].partition("/")
            target = _address(known, name) + slash + rest
        if b'"$' in body:
            body = _resolved(body, known)
        if target[:4].lower() == "http":
            target = _ORIGIN.sub("", target, count=1)
        if not target.startswith("/"):
            target = f"/api/data/{self._version}/{target}"
        path, _, query = target.partition("?")
        if path.endswith("/$batch"):
            raise bad_query("A batch request cannot contain another batch request.")
        if body.strip() and not any(name == b"content-type" for name, _ in operation.headers):
            raise bad_payload("$batch", "A request with a body needs a Content-Type header of its own.")
        return Request(operation.method, path, query, operation.headers, body)

    def _part(self, answer: Answer, content_id: str = "") -> bytes:
        headers: Headers = [] if answer.status < 400 else [(b"REQ_ID", str(uuid.uuid4()).encode())]
        own: Headers = []
        for name, value in answer.headers:
            if name == b"Content-Type":
                streamed = answer.status < 400 and value.startswith(b"application/json")
                headers.append(_STREAMED if streamed else (name, value))
                continue
            if name == _ENTITY_ID:
                own.append((b"Location", value))
            own.append((name, value))
        return answer_part(answer.status, [*headers, _VERSION, *own], answer.body, content_id)


def _resolved(body: bytes, known: dict[str, Done]) -> bytes:
    """The body with references in the place of `$1`; one that is no JSON stays as it is, to be refused later."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps(_with_references(given, known))


def _with_references(value: Any, known: dict[str, Done]) -> Any:
    """`$1` in `@odata.bind` and `@odata.id` is the row that the operation of this name wrote."""
    if isinstance(value, list):
        return [_with_references(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, item in value.items():
        if name == "@odata.id" or name.endswith("@odata.bind"):
            items = item if isinstance(item, list) else [item]
            items = [_address(known, one[1:]) if isinstance(one, str) and one.startswith("$") else one for one in items]
            found[name] = items if isinstance(item, list) else items[0]
        else:
            found[name] = _with_references(item, known)
    return found


def _address(known: dict[str, Done], name: str) -> str:
    if name not in known or not known[name].address:
        raise bad_query(f"Content-ID Reference: '${name}' does not exist in the batch context.")
    return known[name].address


def _fault(name: str) -> DataverseError:
    if name == "operation_429":
        text = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
        return DataverseError(429, "0x80072322", text, [(b"Retry-After", b"1")])
    return DataverseError(500, "0x80040216", "An unexpected error occurred.")
