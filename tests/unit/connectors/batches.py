"""Answers of Dynamics to batches, part by part."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from connectors.dynamics_creates import Create
from connectors.wire import Answer

CONTACT = "cc000000-0000-4000-8000-000000000001"


def create(number: int, set_name: str = "adobe_emailsends") -> Create:
    body = {"subject": f"Subject {number}", "regarding@odata.bind": f"/contacts({CONTACT})", "adobe_senton": "2026"}
    return Create(set_name, f"ee000000-0000-4000-8000-{number:012}", orjson.dumps(body))


def created(create: Create) -> bytes:
    """As Dynamics confirms a row that was made (learn.microsoft.com, execute batch operations)."""
    address = f"https://contoso.crm.dynamics.com/api/data/v9.2/{create.set_name}({create.id})"
    return (
        f"HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\nLocation: {address}\r\nOData-EntityId: {address}\r\n\r\n\r\n"
    ).encode()


def refused(status: int, code: str, message: str = "") -> bytes:
    body = orjson.dumps({"error": {"code": code, "message": message}}).decode()
    return (
        f"HTTP/1.1 {status} Odd\r\nREQ_ID: 5ecd1cb3-1730-4ffc-909c-d44c22270026\r\n"
        f"Content-Type: application/json; odata.metadata=minimal\r\nOData-Version: 4.0\r\n\r\n{body}"
    ).encode()


THERE = refused(412, "0x80040237", "A record with matching key values already exists.")


def batch_body(messages: Sequence[bytes]) -> bytes:
    opening = b"--batchresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    return b"".join(opening + message + b"\r\n" for message in messages) + b"--batchresponse_1--\r\n"


def batch_answer(messages: Sequence[bytes], status: int = 200, body: bytes | None = None) -> Answer:
    content_type = "multipart/mixed; boundary=batchresponse_1"
    whole = batch_body(messages) if body is None else body
    return Answer("dynamics", "Dynamics POST $batch", status, {"Content-Type": content_type}, whole)
