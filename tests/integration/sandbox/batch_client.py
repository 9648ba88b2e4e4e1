"""Batches put together by hand and answers taken apart by the standard library's mail parser."""

import json
from email import message_from_bytes
from email.message import Message
from typing import Any, NamedTuple

import requests

from tests.integration.sandbox.dataverse_client import Dataverse

BOUNDARY = "batch_80dd1615-2a10-428a-bb6f-0e559792721f"
ON = "odata.continue-on-error"


class Part(NamedTuple):
    """One answer in a batch: headers by name in lower case, `content_id` of the part around it."""

    status: int
    headers: dict[str, str]
    body: bytes
    content_id: str = ""

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])

    @property
    def message(self) -> str:
        return str(json.loads(self.body)["error"]["message"])

    @property
    def entity_id(self) -> str:
        return self.headers["odata-entityid"].rpartition("(")[2].rstrip(")")


def operation(method: str, target: str, body: object = None, content_id: str = "", **headers: str) -> str:
    """One part as Microsoft's pages show it."""
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    lines += [f"Content-ID: {content_id}"] if content_id else []
    lines += ["", f"{method} {target} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append("Content-Type: application/json; type=entry")
    return "\r\n".join([*lines, "", "" if body is None else json.dumps(body)])


def change_set(*operations: str, boundary: str = "changeset_BBB456") -> str:
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n' + together(operations, boundary)


def together(parts: tuple[str, ...], boundary: str = BOUNDARY) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def post(dataverse: Dataverse, *parts: str, prefer: str = "", timeout: float = 30) -> requests.Response:
    return post_raw(dataverse, together(parts), f'multipart/mixed; boundary="{BOUNDARY}"', prefer, timeout)


def post_raw(
    dataverse: Dataverse, body: str, content_type: str, prefer: str = "", timeout: float = 30
) -> requests.Response:
    headers = {**dataverse.headers, "Content-Type": content_type, "OData-Version": "4.0"}
    if prefer:
        headers["Prefer"] = prefer
    return requests.post(f"{dataverse.api}/$batch", data=body.encode(), headers=headers, timeout=timeout)


def answers(response: requests.Response) -> list[Any]:
    """The parts in their order; those of a change set as a list of their own."""
    return [_answer(part) for part in _parts(response.headers["Content-Type"], response.content)]


def _parts(content_type: str, body: bytes) -> list[Message]:
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    assert message.is_multipart() and not message.defects
    payload = message.get_payload()
    assert isinstance(payload, list)
    return [part for part in payload if isinstance(part, Message)]


def _answer(part: Message) -> Any:
    if part.is_multipart():
        payload = part.get_payload()
        assert isinstance(payload, list) and not part.defects
        return [_answer(inner) for inner in payload if isinstance(inner, Message)]
    assert part["Content-Type"] == "application/http"
    assert part["Content-Transfer-Encoding"] == "binary"
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    version, status, reason = line.split(" ", 2)
    assert (version, bool(reason)) == ("HTTP/1.1", True)
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    assert headers["odata-version"] == "4.0"
    return Part(int(status), headers, body.rstrip(b"\r\n"), part["Content-ID"] or "")
