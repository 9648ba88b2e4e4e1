"""Campaign's texts, one row per situation that the vendor's pages describe."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from connectors.campaign_errors import error_of
from connectors.errors import (
    AccessDenied,
    AlreadyExists,
    Conflict,
    ConnectorError,
    CredentialsRefused,
    NotFound,
    Refused,
    Unavailable,
)
from connectors.wire import Answer

GENERIC = "RST-360011 An error has occurred - please contact your administrator. "
OOPS = "Oops. Something went wrong. Check your URI and try again."


def answer(status: int, json: Any) -> Answer:
    body = json if isinstance(json, bytes) else orjson.dumps(json)
    return Answer("campaign", "Campaign PATCH profile", status, {}, body)


SITUATIONS = [
    (500, "'O5iRp40EGA' attribute unknown (see definition of 'Profiles (nms:recipient)' schema). XTK-170036 Unable to "
          "parse expression '@id = @O5iRp40EGA'.", NotFound, "XTK-170036"),
    (404, GENERIC + "Unable to find document with path 'Service' from key 'xyz:0' (document with schema 'service' and "
          "name 'xyz')", NotFound, "RST-360011"),
    (404, "Unable to decrypt PKey. (PKey=@abcdefgh)", NotFound, ""),
    (500, GENERIC + "RST-360012 Inconsistent operation on resource 'service' - Cannot update key 'SVC3' to 'SVC4'.",
     Refused, "RST-360012"),
    (500, "A 'Service' with the same key 'SVC4' already exists. PGS-220000 PostgreSQL error: ERROR:  duplicate key "
          "value violates unique constraint \"nmsservice_name\" DETAIL:  Key (sname)=(SVC4) already exists.",
     AlreadyExists, "PGS-220000"),
    (500, GENERIC + "The value 'invalid' is not valid for the 'nms:recipient:gender' enumeration of the '@gender' "
          "field", Refused, "RST-360011"),
    (500, "Cannot update the 'age' property that is read-only", Refused, ""),
    (500, "'age' property is not valid for the 'profile' resource.", Refused, ""),
    (400, "'abc' is not a valid constant", Refused, ""),
    (500, GENERIC + "'already exists' is not a valid constant", Refused, "RST-360011"),
    (500, GENERIC + "The value 'deadlock detected' is not valid for the 'x' enumeration", Refused, "RST-360011"),
    (500, "PGS-220000 PostgreSQL error: ERROR:  deadlock detected", Unavailable, None),
    (500, "PGS-220000 PostgreSQL error: FATAL:  terminating connection due to administrator command",
     Unavailable, None),
    (500, OOPS, Unavailable, None),
    (502, OOPS, Unavailable, None),
    (503, "", Unavailable, None),
    (504, "The request is not valid any more", Unavailable, None),
    (404, "", NotFound, ""),
    (409, "", Conflict, ""),
    (412, "", Conflict, ""),
    (413, "too large", Refused, ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "text", "error", "code"), SITUATIONS)
def test_the_text_decides_what_an_error_is(
    status: int, text: str, error: type[ConnectorError], code: str | None
) -> None:
    found = error_of(answer(status, {"message": text}), addressed=True, sent={"lastName": "invalid"})
    assert type(found) is error
    if isinstance(found, Refused):
        assert found.code == code
    for value in ("SVC4", "SVC3", "invalid", "xyz", "O5iRp40EGA", "abcdefgh", "abc"):
        assert value not in found.sentence + getattr(found, "text", "")


@pytest.mark.parametrize(
    ("status", "json", "error", "says"),
    [
        (403, {"error_code": "403023", "message": "Profile is not valid"}, AccessDenied, "403023.*product profiles"),
        (403, {"error_code": "403003", "message": "Api Key is invalid"}, CredentialsRefused, "403003.*client_id"),
        (403, {"error_code": "403000", "message": "Api Key is required"}, CredentialsRefused, "403000.*client_id"),
        (403, {"error_code": "403010", "message": "Oauth token is missing."}, CredentialsRefused, "403010"),
        (403, b"<html>", AccessDenied, "connections.campaign.url"),
        (500, {"code": 500, "message": OOPS}, Unavailable, "connections.campaign.url"),
    ],
)
def test_the_gateways_refusals_name_the_remedy(status: int, json: Any, error: type[ConnectorError], says: str) -> None:
    found = error_of(answer(status, json))
    assert type(found) is error
    assert re.search(says, found.sentence)


@pytest.mark.parametrize(
    "shape", [{"title": "T: 'x' property is not valid"}, {"error": {"message": "'x' property is not valid"}}]
)
def test_every_known_envelope_is_opened(shape: Any) -> None:
    found = error_of(answer(500, shape))
    assert type(found) is Refused
    assert "'x' property is not valid" in found.text
