"""What became of each row of a batch: never a wrong "created", never a wrong "there already"."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.batch import MOST_OPERATIONS
from connectors.dynamics_creates import Create, outcomes, written
from connectors.errors import (
    AlreadyExists,
    ConnectorError,
    Malformed,
    Refused,
    RelatedMissing,
    Throttled,
)
from connectors.wire import Answer
from tests.unit.connectors.batches import CONTACT, THERE, batch_answer, batch_body, create, created, refused

CREATES = [create(number) for number in range(3)]
A, B, C = CREATES


def no_limit(answer: Answer) -> Throttled:
    raise AssertionError("nobody said that there were too many requests")


def kinds(found: Sequence[bool | ConnectorError]) -> list[object]:
    return [one if isinstance(one, bool) else type(one) for one in found]


def outcomes_of(messages: Sequence[bytes], status: int = 200) -> list[object]:
    return kinds(outcomes(batch_answer(messages, status), CREATES, no_limit))


def test_a_row_is_created_only_if_it_is_absent() -> None:
    _, body = written([A], "/api/data/v9.2")
    assert f"PATCH /api/data/v9.2/adobe_emailsends({A.id}) HTTP/1.1\r\n".encode() in body
    assert b"\r\nIf-None-Match: *\r\n" in body
    assert b"\r\nContent-Type: application/json\r\n" in body


@pytest.mark.parametrize(
    "odd",
    [
        A._replace(id=A.id.upper()),
        A._replace(id="1) HTTP/1.1\r\nHost: x"),
        A._replace(set_name="contacts(1)/x"),
        A._replace(set_name=""),
    ],
)
def test_what_fits_in_no_address_is_not_sent(odd: Create) -> None:
    with pytest.raises(ValueError, match="guid"):
        written([A, odd], "/api/data/v9.2")


def test_more_rows_than_dynamics_takes_are_not_sent() -> None:
    with pytest.raises(ValueError, match="1000"):
        written([A] * (MOST_OPERATIONS + 1), "/api/data/v9.2")


def test_each_row_gets_what_became_of_it() -> None:
    gone = refused(404, "0x80040217", f"contact With Id = {CONTACT} Does Not Exist")
    assert outcomes_of([created(A), THERE, gone]) == [True, False, RelatedMissing]


def test_a_confirmation_may_name_its_row_in_any_case() -> None:
    assert outcomes_of([created(A).replace(A.id.encode(), A.id.upper().encode()), THERE, THERE]) == [True, False, False]


def test_another_key_that_is_taken_is_no_proof_that_the_row_is_there() -> None:
    other = refused(412, "0x80060892", "Entity Key adobe_once violated. A record with the same value for x exists.")
    found = outcomes(batch_answer([other, THERE, THERE]), CREATES, no_limit)
    assert kinds(found) == [AlreadyExists, False, False]
    assert isinstance(found[0], AlreadyExists) and found[0].field == "adobe_once"


@pytest.mark.parametrize("message", [b"HTTP/1.1 412 Odd\r\n\r\n", refused(412, "0x80060882")])
def test_a_412_for_another_reason_is_no_proof_that_the_row_is_there(message: bytes) -> None:
    assert outcomes_of([message, THERE, THERE]) == [Malformed, False, False]


def test_a_confirmation_that_names_another_row_puts_all_places_in_doubt() -> None:
    # Given the answers of the first two rows changed over
    swapped = [THERE, created(A), refused(400, "0x80044331")]
    # Then nobody is told that the first one was there, nor that the third was refused
    assert outcomes_of(swapped) == [Malformed, Malformed, Malformed]


def test_a_confirmation_that_names_its_row_counts_wherever_the_rest_stands() -> None:
    assert outcomes_of([created(A), created(C), THERE]) == [True, Malformed, Malformed]


def test_a_confirmation_that_names_no_row_is_none() -> None:
    assert outcomes_of([b"HTTP/1.1 204 No Content\r\n\r\n", THERE, THERE]) == [Malformed, Malformed, Malformed]


@pytest.mark.parametrize("status", [b"200 OK", b"202 Accepted"])
def test_only_the_answer_to_a_creation_is_a_confirmation(status: bytes) -> None:
    # Given an answer that names the row, but not as one that was created
    assert outcomes_of([created(A).replace(b"204 No Content", status), created(B), created(C)])[0] is Malformed


def test_fewer_answers_than_rows_confirm_nothing_but_what_they_name() -> None:
    # Given an answer from the middle that was lost: what is left has no certain place
    assert outcomes_of([created(A), THERE]) == [True, Malformed, Malformed]
    assert outcomes_of([THERE, THERE]) == [Malformed, Malformed, Malformed]
    assert outcomes_of([]) == [Malformed, Malformed, Malformed]


def test_more_answers_than_rows_confirm_nothing_but_what_they_name() -> None:
    assert outcomes_of([created(A), THERE, THERE, THERE]) == [True, Malformed, Malformed]


def test_an_answer_behind_which_more_was_torn_off_confirms_nothing_but_what_it_names() -> None:
    # Given as many answers as rows, and the beginning of one more
    body = batch_body([created(A), THERE, THERE]).replace(b"--batchresponse_1--", b"--batchresponse_1\r\nContent-")
    found = outcomes(batch_answer([], body=body), CREATES, no_limit)
    # Then no place is certain
    assert kinds(found) == [True, Malformed, Malformed]


def test_a_batch_that_ended_with_its_first_error_is_believed_up_to_there() -> None:
    # Given a server that was not told to go on after errors
    too_long = refused(400, "0x80044331", "The length of the 'subject' attribute exceeded 200.")
    assert outcomes_of([created(A), too_long], status=400) == [True, Refused, Malformed]
    # Then an error that is not its last word is not
    assert outcomes_of([THERE, too_long], status=400) == [Malformed, Malformed, Malformed]
    assert outcomes_of([created(A), THERE], status=400) == [True, Malformed, Malformed]


@pytest.mark.parametrize("cut", range(1, 1000, 13))
def test_a_torn_answer_never_tells_a_wrong_thing(cut: int) -> None:
    # Given an answer that breaks off anywhere
    gone = refused(404, "0x80040217", f"contact With Id = {CONTACT} Does Not Exist")
    body = batch_body([created(A), THERE, gone])
    found = kinds(outcomes(batch_answer([], body=body[:-cut]), CREATES, no_limit))
    # Then each row is told the truth or that it is not known
    for told, truth in zip(found, [True, False, RelatedMissing], strict=True):
        assert told in (truth, Malformed)


def test_an_answer_with_another_boundary_tells_nothing() -> None:
    answer = batch_answer([], body=batch_body([created(A)]).replace(b"batchresponse_1", b"batchresponse_2"))
    assert kinds(outcomes(answer, CREATES, no_limit)) == [Malformed, Malformed, Malformed]


def test_an_error_wrapped_as_a_change_set_belongs_to_its_row() -> None:
    inner = batch_body([THERE]).replace(b"batchresponse_1", b"changesetresponse_1")
    nested = b"--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n" + inner
    answer = batch_answer([], body=nested + b"\r\n" + batch_body([created(B), THERE]))
    assert kinds(outcomes(answer, CREATES, no_limit)) == [False, True, False]


def test_parts_that_meet_the_limit_ask_for_one_pause() -> None:
    # Given two rows that met a limit, one told by its code alone
    asked: list[Answer] = []

    def limit(answer: Answer) -> Throttled:
        asked.append(answer)
        return Throttled("dynamics", "too many", wait=7)

    limited = [refused(429, "0x80072322"), created(B), refused(503, "0x80072321")]
    # When the answer is read
    found = outcomes(batch_answer(limited), CREATES, limit)
    # Then both are tried later, and everybody pauses once
    assert kinds(found) == [Throttled, True, Throttled]
    assert len(asked) == 1


def test_a_row_that_nobody_answered_for_is_told_so_without_its_id() -> None:
    error = outcomes(batch_answer([]), CREATES, no_limit)[0]
    assert isinstance(error, Malformed)
    assert error.sentence == (
        "Dynamics PATCH adobe_emailsends: the answer to the batch does not tell what became of this row (status 200); "
        "it will be tried again"
    )
