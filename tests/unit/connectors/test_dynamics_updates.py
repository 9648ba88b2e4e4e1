"""What became of each change of a batch: never a wrong "changed", never a version of another row."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from connectors.batch import MOST_OPERATIONS
from connectors.dynamics_errors import update_error_of
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_updates import Update, Updated, outcomes, written
from connectors.errors import (
    AccessDenied,
    AlreadyExists,
    Changed,
    ConditionsOff,
    ConnectorError,
    Malformed,
    NotFound,
    Refused,
    SchemaRefused,
    Throttled,
    Unavailable,
)
from connectors.wire import Answer
from tests.unit.connectors.batches import batch_answer, batch_body, refused

CONTACTS = DynamicsTable("contact", "contacts", "contactid", True, {})
MODIFIED = "2026-03-02T10:18:20Z"
MODIFIED_MS = 1_772_446_700_000

OTHER_VERSION = refused(412, "0x80060882", "The version of the existing record doesn't match the RowVersion property.")
GONE = refused(404, "0x80040217", "contact With Id = cc000000-0000-4000-8000-000000000000 Does Not Exist")


def change(number: int) -> Update:
    return Update(CONTACTS, f"cc000000-0000-4000-8000-{number:012}", {"donotemail": True}, f'W/"{number + 1}"')


CHANGES = [change(number) for number in range(3)]
A, B, C = CHANGES


def changed(one: Update, etag: str = 'W/"900"', modified: str | None = MODIFIED) -> bytes:
    """As Dynamics confirms a change whose representation was asked for."""
    row = {"@odata.context": "x", "@odata.etag": etag, "modifiedon": modified, "contactid": one.id}
    body = orjson.dumps({name: value for name, value in row.items() if value is not None}).decode()
    return (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; odata.metadata=minimal; odata.streaming=true\r\n"
        f"ETag: {etag}\r\nPreference-Applied: return=representation\r\nOData-Version: 4.0\r\n\r\n{body}"
    ).encode()


DONE = Updated('W/"900"', MODIFIED_MS)


def no_limit(answer: Answer) -> Throttled:
    raise AssertionError("nobody said that there were too many requests")


def kinds(found: Sequence[Updated | ConnectorError]) -> list[object]:
    return [one if isinstance(one, Updated) else type(one) for one in found]


def outcomes_of(messages: Sequence[bytes], status: int = 200) -> list[object]:
    return kinds(outcomes(batch_answer(messages, status), CHANGES, no_limit))


def test_each_change_has_a_condition_of_its_own_and_asks_for_the_new_version() -> None:
    _, body = written([A, B], "/api/data/v9.2")
    for one, etag in ((A, b'W/"1"'), (B, b'W/"2"')):
        line = f"PATCH /api/data/v9.2/contacts({one.id})?$select=modifiedon HTTP/1.1\r\n".encode()
        _, _, rest = body.partition(line)
        head, _, sent = rest.partition(b"\r\n\r\n")
        assert head.split(b"\r\n") == [
            b"Content-Type: application/json",
            b"Prefer: return=representation",
            b"If-Match: " + etag,
        ]
        assert sent.startswith(b'{"donotemail":true}\r\n')


@pytest.mark.parametrize("etag", ["", "*", "1", 'W/""', 'W/"1"\r\nX: y', 'W/"1", W/"2"', '"1"\n', "W/1"])
def test_a_change_without_the_version_of_a_row_is_not_sent(etag: str) -> None:
    with pytest.raises(ValueError, match="version"):
        written([A, B._replace(etag=etag)], "/api/data/v9.2")


def test_what_fits_in_no_address_is_not_sent() -> None:
    with pytest.raises(Refused, match="no guid"):
        written([A._replace(id="1) HTTP/1.1\r\nHost: x")], "/api/data/v9.2")


def test_more_changes_than_dynamics_takes_are_not_sent() -> None:
    with pytest.raises(ValueError, match="1000"):
        written([A] * (MOST_OPERATIONS + 1), "/api/data/v9.2")


def test_each_change_gets_what_became_of_it() -> None:
    assert outcomes_of([changed(A), OTHER_VERSION, GONE]) == [DONE, Changed, NotFound]


def test_the_new_version_is_kept_verbatim() -> None:
    assert outcomes_of([changed(A, 'W/"007"'), changed(B, '"x-1"'), changed(C)])[:2] == [
        Updated('W/"007"', MODIFIED_MS),
        Updated('"x-1"', MODIFIED_MS),
    ]


@pytest.mark.parametrize("modified", [None, "", "yesterday"])
def test_a_change_that_does_not_tell_when_it_was_made_is_a_change(modified: str | None) -> None:
    assert outcomes_of([changed(A, modified=modified), changed(B), changed(C)])[0] == Updated('W/"900"', None)


def test_a_change_that_does_not_tell_its_version_is_to_be_read_again() -> None:
    # Given an answer without any version, and one that only confirms
    nameless = changed(A, "").replace(b'"@odata.etag":"",', b"")
    address = f"https://contoso.crm.dynamics.com/api/data/v9.2/contacts({B.id.upper()})"
    bare = f"HTTP/1.1 204 No Content\r\nOData-EntityId: {address}\r\n\r\n\r\n".encode()
    found = outcomes(batch_answer([nameless, bare, OTHER_VERSION]), CHANGES, no_limit)
    # Then no place is in doubt, and nothing is said to be unchanged
    assert kinds(found) == [Malformed, Malformed, Changed]
    assert all("was changed, but" in one.sentence for one in found[:2] if isinstance(one, Malformed))


def test_a_version_in_the_header_alone_is_taken() -> None:
    assert outcomes_of([changed(A).replace(b'"@odata.etag":"W/\\"900\\"",', b""), changed(B), changed(C)])[0] == DONE


def test_a_confirmation_of_another_row_puts_all_places_in_doubt() -> None:
    assert outcomes_of([OTHER_VERSION, changed(A), GONE]) == [Malformed, Malformed, Malformed]
    assert outcomes_of([changed(A), changed(C), GONE]) == [DONE, Malformed, Malformed]


@pytest.mark.parametrize("status", [b"201 Created", b"202 Accepted"])
def test_only_the_answer_to_a_change_is_a_confirmation(status: bytes) -> None:
    # Given a row that was made, which a change under a condition never does
    assert outcomes_of([changed(A).replace(b"200 OK", status), changed(B), changed(C)])[0] is Malformed


def test_fewer_answers_than_changes_confirm_nothing_but_what_they_name() -> None:
    assert outcomes_of([changed(A), OTHER_VERSION]) == [DONE, Malformed, Malformed]
    assert outcomes_of([]) == [Malformed, Malformed, Malformed]


@pytest.mark.parametrize("cut", range(1, 1400, 17))
def test_a_torn_answer_never_tells_a_wrong_thing(cut: int) -> None:
    body = batch_body([changed(A), OTHER_VERSION, GONE])
    found = kinds(outcomes(batch_answer([], body=body[:-cut]), CHANGES, no_limit))
    for told, truth in zip(found, [DONE, Changed, NotFound], strict=True):
        assert told in (truth, Malformed)


def test_parts_that_meet_the_limit_ask_for_one_pause() -> None:
    asked: list[Answer] = []

    def limit(answer: Answer) -> Throttled:
        asked.append(answer)
        return Throttled("dynamics", "too many", wait=7)

    limited = [refused(429, "0x80072322"), changed(B), refused(503, "0x80072321")]
    assert kinds(outcomes(batch_answer(limited), CHANGES, limit)) == [Throttled, DONE, Throttled]
    assert len(asked) == 1


ERRORS = [
    (412, "0x80060882", "", Changed),
    (400, "0x80060882", "", Changed),
    (412, "", "", Changed),
    (412, "0x80060892", "Entity Key adobe_once violated. A record with the same value for x exists.", AlreadyExists),
    (412, "0x80040237", "", Malformed),
    (404, "0x80040217", "contact With Id = x Does Not Exist", NotFound),
    (404, "", "", Malformed),
    (428, "", "", ConditionsOff),
    (501, "", "", ConditionsOff),
    (400, "0x80060883", "", ConditionsOff),
    (400, "0x80060893", "Optimistic concurrency isn't enabled for entity type contact.", ConditionsOff),
    (400, "0x80060888", "Could not find a property named 'donotemail' on type 'mscrm.contact'.", SchemaRefused),
    (400, "0x80048d19", "The property 'donotemail' does not exist on type 'mscrm.contact'.", SchemaRefused),
    (400, "0x80040265", "A plug-in says no.", Refused),
    (403, "0x80040220", "Principal user is missing prvWriteContact privilege", AccessDenied),
    (403, "0x80072560", "", AccessDenied),
    (403, "0x80048306", "", Refused),
    (401, "", "", Unavailable),
    (500, "0x80044151", "", Unavailable),
    (502, "", "", Unavailable),
    (503, "", "", Unavailable),
    (500, "0x80040216", "", Malformed),
    (413, "0x8004418a", "", Refused),
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), ERRORS)
def test_an_error_is_named_by_its_remedy(status: int, code: str, message: str, kind: type[ConnectorError]) -> None:
    body = orjson.dumps({"error": {"code": code, "message": message}}) if code else b"<html>"
    error = update_error_of(Answer("dynamics", "Dynamics PATCH contacts", status, {}, body), "contacts", A.values)
    assert type(error) is kind
    assert error.sentence.startswith("Dynamics PATCH contacts: ")


def test_a_refused_change_says_neither_the_id_nor_the_value() -> None:
    message = f"contact {A.id}: the value 'secret-note' is not allowed"
    body = orjson.dumps({"error": {"code": "0x80040265", "message": message}})
    error = update_error_of(
        Answer("dynamics", "Dynamics PATCH contacts", 400, {}, body), "contacts", {"note": "secret-note"}
    )
    assert isinstance(error, Refused)
    assert A.id not in error.sentence and "secret-note" not in error.sentence


def test_a_row_out_of_reach_is_told_with_the_right_that_is_missing() -> None:
    body = orjson.dumps({"error": {"code": "0x80048306", "message": "Access is denied."}})
    error = update_error_of(Answer("dynamics", "Dynamics PATCH contacts", 403, {}, body), "contacts", {})
    assert error.sentence == (
        "Dynamics PATCH contacts: the application user may not change this row (403, 0x80048306); give its security "
        "role the rights to write rows of contacts at organization level"
    )
