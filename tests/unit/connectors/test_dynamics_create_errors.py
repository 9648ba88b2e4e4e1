"""Why one row of Dynamics was not created, one row per situation that the vendor's pages describe."""

from __future__ import annotations

import orjson
import pytest

from connectors.dynamics_errors import batch_error_of, create_error_of
from connectors.errors import (
    AccessDenied,
    AlreadyExists,
    ConnectorError,
    LinkMissing,
    Malformed,
    Refused,
    RelatedMissing,
    SchemaRefused,
    TableMissing,
    TrackingOff,
    Unavailable,
)
from connectors.wire import Answer

CONTACT = "cc000000-0000-4000-8000-000000000001"
OTHER = "dd000000-0000-4000-8000-000000000002"
SENT = orjson.dumps(
    {
        "subject": "Campaign Name: Mrs Miller; Delivery Name: DM190",
        "regardingobjectid_contact_adobe_emailsend@odata.bind": f"/contacts({CONTACT})",
        "adobe_senton": "2026-11-01T12:00:00Z",
    }
)
PAYLOAD = (
    "Error identified in Payload provided by the user for Entity :'adobe_emailsends', For more information on this "
    "error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : "
    "Microsoft.OData.ODataException: "
)


def answer(status: int, code: str, message: str, about: str = "Dynamics PATCH adobe_emailsends") -> Answer:
    body = orjson.dumps({"error": {"code": code, "message": message}})
    return Answer("dynamics", about, status, {}, body)


SITUATIONS: list[tuple[int, str, str, type[ConnectorError], str]] = [
    (404, "0x80040217", f"contact With Id = {CONTACT} Does Not Exist", RelatedMissing, ""),
    (400, "0x80040217", f"Entity 'contact' With Id = {CONTACT.upper()} Does Not Exist", RelatedMissing, ""),
    (404, "0x80040217", f"Contact With Ids = {CONTACT} Do Not Exist", RelatedMissing, ""),
    (404, "0x80040217", f"Der Datensatz mit der Id {CONTACT} ist nicht vorhanden.", RelatedMissing, ""),
    (404, "0x80040217", "", RelatedMissing, ""),
    (404, "0x80040217", f"systemuser With Id = {OTHER} Does Not Exist", LinkMissing, ""),
    (404, "0x80060891", "A record with the specified key values does not exist in contact entity", LinkMissing, ""),
    (412, "0x80060892", "Entity Key adobe_once violated. A record with the same value for x already exists.",
     AlreadyExists, "adobe_once"),
    (412, "0x80040333", "A record was not created or updated because a duplicate already exists.", AlreadyExists, ""),
    (500, "0x80040333", "A record was not created or updated because a duplicate already exists.", AlreadyExists, ""),
    (400, "0x80044331", "A validation error occurred.  The length of the 'subject' attribute of the 'adobe_emailsend' "
     "entity exceeded the maximum allowed length of '200'.", Refused, "subject"),
    (400, "0x80048d19", PAYLOAD + "The property 'adobe_senton' does not exist on type "
     "'Microsoft.Dynamics.CRM.adobe_emailsend'.", SchemaRefused, "adobe_senton"),
    (400, "0x80048D19", PAYLOAD + "An undeclared property 'regardingobjectid_contact_adobe_emailsend' which only has "
     "property annotations in the payload but no property value was found in the payload.", SchemaRefused,
     "regardingobjectid_contact_adobe_emailsend"),
    (400, "0x80060888", "Could not find a property named 'adobe_senton' on type 'x'.", SchemaRefused, "adobe_senton"),
    (400, "0x80060888", "Eine Eigenschaft mit dem Namen \u201eadobe_senton\u201c wurde nicht gefunden.", SchemaRefused,
     "adobe_senton"),
    (400, "0x80048d19", PAYLOAD + "Cannot convert the literal 'x' of 'adobe_senton' to the expected type 'Edm.Date'.",
     Refused, ""),
    (400, "0x80040265", "A plug-in did not want it.", Refused, ""),
    (404, "0x8006088a", "Resource not found for the segment 'adobe_emailsends'.", TableMissing, ""),
    (400, "0x80060888", "Resource not found for the segment provided in the URL.", TableMissing, ""),
    (403, "0x80040220", "Principal user is missing prvAppendToContact privilege", AccessDenied, ""),
    (403, "0x80072560", "The user is not a member of the organization.", AccessDenied, ""),
    (401, "0x80040277", "", Unavailable, ""),
    (408, "", "", Unavailable, ""),
    (500, "0x80044151", "SQL timeout", Unavailable, ""),
    (502, "", "", Unavailable, ""),
    (503, "", "", Unavailable, ""),
    (504, "", "", Unavailable, ""),
    (500, "0x80040216", "An unexpected error occurred.", Malformed, ""),
    (500, "", "", Malformed, ""),
    (404, "", "", Malformed, ""),
    (412, "", "", Malformed, ""),
    (304, "", "", Malformed, ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "message", "kind", "field"), SITUATIONS)
def test_an_answer_is_the_error_that_its_remedy_names(
    status: int, code: str, message: str, kind: type[ConnectorError], field: str
) -> None:
    error = create_error_of(answer(status, code, message), "adobe_emailsends", SENT)
    assert type(error) is kind
    assert error.sentence.startswith("Dynamics PATCH adobe_emailsends: ")
    if isinstance(error, Refused):
        assert error.field == field
        assert error.code == code.lower()


@pytest.mark.parametrize(("status", "code", "message", "kind", "field"), SITUATIONS)
def test_no_sentence_holds_a_value(
    status: int, code: str, message: str, kind: type[ConnectorError], field: str
) -> None:
    # Given an answer that repeats what was sent, in quotes and without
    repeated = f"{message} 'Campaign Name: Mrs Miller; Delivery Name: DM190' 2026-11-01T12:00:00Z {CONTACT}"
    error = create_error_of(answer(status, code, repeated), "adobe_emailsends", SENT)
    # Then nothing of it is left
    told = error.sentence + (error.text if isinstance(error, Refused) else "")
    for value in ("Miller", "2026-11-01", CONTACT):
        assert value not in told


def test_missing_rights_are_named() -> None:
    missing = answer(403, "0x80040220", "Principal user is missing prvAppendToContact privilege")
    sentence = create_error_of(missing, "adobe_emailsends", SENT).sentence
    assert "prvAppendToContact" in sentence
    assert "create rows of adobe_emailsends" in sentence


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "0x80048d19", Refused),
        (403, "0x80040220", AccessDenied),
        (404, "", TableMissing),
        (408, "", Unavailable),
        (413, "0x8004418A", Refused),
        (500, "0x80040216", Unavailable),
        (502, "", Unavailable),
    ],
)
def test_a_batch_as_a_whole_is_judged_like_a_request(status: int, code: str, kind: type[ConnectorError]) -> None:
    assert type(batch_error_of(answer(status, code, "", "Dynamics POST $batch"))) is kind


def test_what_only_a_reader_meets_is_no_matter_of_a_writer() -> None:
    assert not isinstance(create_error_of(answer(400, "0x80072491", ""), "adobe_emailsends", SENT), TrackingOff)
