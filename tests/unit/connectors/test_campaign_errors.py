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
    LinkMissing,
    Malformed,
    NotFound,
    Refused,
    SchemaRefused,
    TableMissing,
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
    (500, "Cannot update the 'age' property that is read-only", SchemaRefused, ""),
    (500, "'age' property is not valid for the 'profile' resource.", SchemaRefused, ""),
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
    (404, "", Malformed, ""),
    (404, OOPS, Malformed, ""),
    (404, "Unable to find the page", Malformed, ""),
    (404, GENERIC + "Unable to find the resource 'cusGone'.", TableMissing, ""),
    (404, GENERIC, Malformed, ""),
    (500, "'Other40EGA' attribute unknown (see definition of 'Profiles (nms:recipient)' schema). XTK-170036 Unable to "
          "parse expression '@id = @Other40EGA'.", Refused, "XTK-170036"),
    (409, "", Conflict, ""),
    (412, "", Conflict, ""),
    (413, "too large", Refused, ""),
]  # fmt: skip


POSTGRES = "PGS-220000 PostgreSQL error: "
MISTAKES = [
    "XTK-170006 Unable to parse expression 'a b'.",
    "'contentURL' parameter isn't defined in signal activity. XTK-170006 Unable to parse expression 'x'.",
    POSTGRES + 'ERROR:  null value in column "semail" violates not-null constraint DETAIL:  Failing row contains (1).',
    POSTGRES + 'ERROR:  insert on table "a" violates foreign key constraint "b"',
    POSTGRES + "ERROR:  value too long for type character varying(128)",
    POSTGRES + "ERROR:  integer out of range",
    POSTGRES + 'ERROR:  date/time field value out of range: "2024-13-01"',
    POSTGRES + 'ERROR:  invalid input syntax for integer: "invalid"',
    POSTGRES + 'ERROR:  invalid byte sequence for encoding "UTF8": 0x00',
    POSTGRES + "ERROR:  numeric field overflow",
    GENERIC + "The value of the '@email' field is too long (maximum 128 characters).",
    GENERIC + "The value 'the database system is in recovery mode' is not valid for the 'x' enumeration",
]
OUTAGES = [
    GENERIC + POSTGRES + "FATAL:  the database system is in recovery mode",
    GENERIC + POSTGRES + "FATAL:  the database system is starting up",
    GENERIC + POSTGRES + "FATAL:  sorry, too many clients already",
    GENERIC + POSTGRES + "FATAL:  terminating connection due to administrator command",
    GENERIC + POSTGRES + "connection to server was lost",
    GENERIC + POSTGRES + "server closed the connection unexpectedly",
    GENERIC + POSTGRES + "SSL SYSCALL error: EOF detected",
    GENERIC + POSTGRES + "could not connect to server: Connection refused",
    GENERIC + POSTGRES + "ERROR:  out of shared memory",
    GENERIC + POSTGRES + "ERROR:  out of memory",
    GENERIC + POSTGRES + "ERROR:  deadlock detected DETAIL:  Process 1 waits for ShareLock",
    GENERIC + POSTGRES + "ERROR:  could not serialize access due to concurrent update",
    GENERIC + POSTGRES + "ERROR:  canceling statement due to statement timeout",
    GENERIC + POSTGRES + "ERROR:  cannot execute UPDATE in a read-only transaction",
    GENERIC + POSTGRES + 'ERROR:  could not extend file "base/1": No space left on device',
    GENERIC + "XTK-170036 Unable to connect to database",
    "XTK-170036 Unable to parse expression 'x'. " + POSTGRES + "server closed the connection unexpectedly",
]
UNEXPLAINED = [
    (GENERIC, "RST-360011", "Campaign could not say why"),
    ("RST-360011", "RST-360011", "Campaign could not say why"),
    (GENERIC + "RST-360099 Something new about 'invalid'.", "RST-360099", "Something new about …"),
    (POSTGRES + "ERROR:  function nothing() does not exist", "PGS-220000", "for a reason we do not know"),
    ("SOP-330011 Error while executing the method", "SOP-330011", "for a reason we do not know"),
]


@pytest.mark.parametrize("text", MISTAKES)
def test_a_known_mistake_refuses_the_record(text: str) -> None:
    assert type(error_of(answer(500, {"message": text}))) is Refused


@pytest.mark.parametrize("status", [400, 404, 500, 503])
@pytest.mark.parametrize("text", OUTAGES)
def test_trouble_of_server_or_database_blames_no_record(status: int, text: str) -> None:
    found = error_of(answer(status, {"message": text}), reference="c-1", sent={"lastName": "invalid"})
    assert type(found) is Unavailable
    assert "database is in trouble" in found.sentence


@pytest.mark.parametrize(("text", "code", "says"), UNEXPLAINED)
def test_what_is_neither_a_known_mistake_nor_known_trouble_is_told_as_unexplained(
    text: str, code: str, says: str
) -> None:
    found = error_of(answer(500, {"message": text}), reference="c-1", sent={"lastName": "invalid"})
    assert type(found) is Malformed
    assert code in found.sentence
    assert says in found.sentence
    assert "invalid" not in found.sentence


def test_a_refusal_tells_its_code_once() -> None:
    found = error_of(answer(500, {"message": GENERIC + "'already exists' is not a valid constant"}))
    assert found.sentence.count("RST-360011") == 1 and "refused (RST-360011) An error has occurred" in found.sentence


def test_a_code_beside_the_text_counts_as_one_within() -> None:
    found = error_of(answer(500, {"error_code": "RST-360011", "message": "An error has occurred"}))
    assert type(found) is Malformed


def test_a_gateway_that_passes_on_an_unexplained_failure_is_in_trouble_itself() -> None:
    assert type(error_of(answer(503, {"message": GENERIC}))) is Unavailable


SAME_KEY = "A 'Profile' with the same key 'Ann' already exists. "
VIOLATES = POSTGRES + "ERROR:  duplicate key value violates unique constraint "


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (SAME_KEY + VIOLATES + '"nmsrecipient_email" DETAIL:  Key (semail)=(Ann) already exists.', "semail"),
        (SAME_KEY + VIOLATES + '"nmsrecipient_email" DETAIL:  Key ("sEmail")=(Ann) already exists.', "sEmail"),
        (SAME_KEY + VIOLATES + '"nmsrecipient_email" DETAIL:  Key (sa, sb)=(Ann, 1) already exists.',
         "nmsrecipient_email"),
        (SAME_KEY + VIOLATES + '"nmsrecipient_email"', "nmsrecipient_email"),
        (SAME_KEY, ""),
        (VIOLATES + '"Ann"', ""),
        ("A 'Profile' with the same key 'Key (Bob)=' already exists. ", ""),
        ("A 'Profile' with the same key 'Key (Bob)=' already exists. " + VIOLATES + '"x_y"', "x_y"),
    ],
)  # fmt: skip
def test_a_duplicate_names_the_unique_field_and_never_a_value(text: str, field: str) -> None:
    found = error_of(answer(500, {"message": text}), sent={"firstName": "Ann", "lastName": "Key (Bob)="})
    assert isinstance(found, AlreadyExists)
    assert found.field == field


NO_FIELD = "property is not valid for the 'profile' resource."


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        (f"{GENERIC}'cusGone' {NO_FIELD}", "cusGone", "knows no field cusGone"),
        (f"{GENERIC}Cannot update the 'age' property that is read-only 'age' {NO_FIELD}", "age", "let us write .* age"),
        (f"{GENERIC}'holder' {NO_FIELD}", "holder", "knows no field holder"),
        (f"{GENERIC}'zipCode' {NO_FIELD}", "zipCode", "knows no field zipCode"),
        (f"{GENERIC}'@cusGone' attribute unknown (see definition of 'Profiles (nms:recipient)' schema). "
         "XTK-170036 Unable to parse expression '@cusGone'.", "cusGone", "knows no field cusGone"),
        ("'zipCode' attribute unknown (see definition of 'Profiles (nms:recipient)' schema). XTK-170036 Unable to "
         "parse expression 'x'.", "zipCode", "knows no field zipCode"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("reference", [None, "@O5iRp40EGA"])
def test_a_field_that_cannot_be_written_is_no_fault_of_the_record(
    text: str, field: str, says: str, reference: str | None
) -> None:
    # A value that is spelt like the field hides nothing
    sent = {"cusGone": "age", "age": "cusGone", "location": {"zipCode": "zipCode"}, "holder": {"PKey": "@abcdefgh"}}
    found = error_of(answer(500, {"message": text}), reference=reference, sent=sent)
    assert isinstance(found, SchemaRefused)
    assert found.field == field
    assert re.search(says, found.sentence)


@pytest.mark.parametrize(
    "value",
    [
        f"'email' {NO_FIELD}",
        f"x'. 'email' {NO_FIELD}",
        "'email' property that is read-only",
        "'email' attribute unknown",
        "'abcdefgh' attribute unknown",
    ],
)
def test_no_value_of_a_record_passes_for_a_field_that_cannot_be_written(value: str) -> None:
    # Given a record whose value repeats Campaign's own words, and Campaign quotes it
    text = (
        f"{GENERIC}The value '{value}' is not valid for the 'nms:recipient:gender' enumeration of the '@gender' field"
    )
    sent = {"email": "a@example.com", "gender": value, "holder": {"PKey": "@abcdefgh"}}
    # Then only this record is refused
    found = error_of(answer(500, {"message": text}), reference="@O5iRp40EGA", sent=sent)
    assert type(found) is Refused


UNKNOWN_ID = (
    "'{0}' attribute unknown (see definition of 'Profiles (nms:recipient)' schema). "
    "XTK-170036 Unable to parse expression '@id = @{0}'."
)
NO_DOCUMENT = GENERIC + (
    "Unable to find document with path 'Profile' from key '{0}' (document with schema 'profile' and name '{0}')"
)
CHILD = {"label": "x", "holder": {"PKey": "@Holder12"}, "element": {"sponsor": {"PKey": "@Sponsor9"}}, "other": None}


@pytest.mark.parametrize("reference", [None, "@Child123", "c-1"])
@pytest.mark.parametrize(("pkey", "link"), [("Holder12", "holder"), ("Sponsor9", "element.sponsor")])
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, GENERIC + UNKNOWN_ID),
        (404, NO_DOCUMENT),
        (404, NO_DOCUMENT.replace("'{0}' (", "'{0}:0' (")),
        (404, NO_DOCUMENT.replace("{0}", "@{0}")),
        (404, "Unable to decrypt PKey. (PKey=@{0})"),
    ],
)
def test_a_link_that_leads_nowhere_is_told_from_a_record_that_is_not_there(
    status: int, text: str, pkey: str, link: str, reference: str | None
) -> None:
    found = error_of(answer(status, {"message": text.format(pkey)}), reference=reference, sent=CHILD)
    assert isinstance(found, LinkMissing)
    assert found.field == link
    assert pkey not in found.sentence + found.text
    # And when the address leads nowhere, the record is not there
    if reference is not None:
        text = text.format(reference.lstrip("@"))
        assert type(error_of(answer(status, {"message": text}), reference=reference, sent=CHILD)) is NotFound


def test_a_record_that_links_to_itself_and_is_gone_is_not_there() -> None:
    found = error_of(
        answer(500, {"message": UNKNOWN_ID.format("Self1234")}),
        reference="@Self1234",
        sent={"sponsor": {"PKey": "@Self1234"}},
    )
    assert type(found) is NotFound


@pytest.mark.parametrize(("status", "text", "error", "code"), SITUATIONS)
def test_the_text_decides_what_an_error_is(
    status: int, text: str, error: type[ConnectorError], code: str | None
) -> None:
    found = error_of(answer(status, {"message": text}), reference="@O5iRp40EGA", sent={"lastName": "invalid"})
    assert type(found) is error
    if isinstance(found, Refused):
        assert found.code == code
    for value in ("SVC4", "SVC3", "invalid", "xyz", "O5iRp40EGA", "abcdefgh", "abc"):
        assert value not in found.sentence + getattr(found, "text", "")


@pytest.mark.parametrize("reference", ["@O5iRp40EGA", "c-1"])
@pytest.mark.parametrize(
    "page", [b"", b"<html>404: Unable to find document</html>", b"not found", b'{"error_code":"404","message":"No"}']
)
def test_a_gateways_404_never_says_that_a_record_is_missing(page: bytes, reference: str) -> None:
    found = error_of(answer(404, page), reference=reference)
    assert type(found) is Malformed
    assert "not as Campaign does" in found.sentence


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
    assert type(found) is SchemaRefused
    assert "'x' property is not valid" in found.text
