"""A batch on the wire: what is sent, and every shape of answer that was seen or can be expected."""

from __future__ import annotations

import pytest

from connectors.batch import MOST_OPERATIONS, Part, is_batch, read, write

TYPE = "multipart/mixed; boundary=batchresponse_1"
MIME = b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
CREATED = b"HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\n\r\n\r\n"
REFUSED = b'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{"error":{}}'


def answered(*messages: bytes, boundary: bytes = b"batchresponse_1", end: bytes = b"--\r\n") -> bytes:
    """An answer whose parts hold these HTTP messages."""
    opening = b"--" + boundary + b"\r\n" + MIME
    return b"".join(opening + message + b"\r\n" for message in messages) + b"--" + boundary + end


def set_of(*messages: bytes) -> bytes:
    """A part that holds a change set of these messages."""
    inner = answered(*messages, boundary=b"changesetresponse_2")
    return b"--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_2\r\n\r\n" + inner + b"\r\n"


def statuses(parts: list[Part]) -> list[int]:
    return [part.status for part in parts]


def test_a_batch_is_written_as_the_documentation_shows_it() -> None:
    # Given two operations
    first = (b"PATCH /api/data/v9.2/tasks(1) HTTP/1.1\r\nIf-None-Match: *", b'{"subject":"one"}')
    second = (b"PATCH /api/data/v9.2/tasks(2) HTTP/1.1\r\nIf-None-Match: *", b'{"subject":"two"}')
    # When they are written
    content_type, body = write([first, second])
    # Then each stands whole between delimiters, with CRLF alone at the ends of lines
    boundary = content_type.removeprefix('multipart/mixed; boundary="').removesuffix('"')
    assert body.decode() == "\r\n".join(
        [
            f"--{boundary}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            "",
            "PATCH /api/data/v9.2/tasks(1) HTTP/1.1",
            "If-None-Match: *",
            "",
            '{"subject":"one"}',
            f"--{boundary}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            "",
            "PATCH /api/data/v9.2/tasks(2) HTTP/1.1",
            "If-None-Match: *",
            "",
            '{"subject":"two"}',
            f"--{boundary}--",
            "",
        ]
    )


def test_two_batches_never_share_a_boundary() -> None:
    assert write([]).content_type != write([]).content_type


def test_answers_are_read_in_their_order() -> None:
    parts, whole = read(TYPE, answered(CREATED, REFUSED, CREATED))
    assert statuses(parts) == [204, 400, 204]
    assert parts[1].body == b'{"error":{}}'
    assert parts[1].headers() == {"content-type": "application/json"}
    assert whole


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed;boundary=batchresponse_1",
        'Multipart/Mixed; Boundary="batchresponse_1"',
        "multipart/mixed; charset=utf-8; boundary=batchresponse_1; x=y",
    ],
)
def test_a_boundary_may_be_quoted_or_bare(content_type: str) -> None:
    parts, whole = read(content_type, answered(CREATED))
    assert (statuses(parts), whole) == ([204], True)


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/mixed", "text/html; boundary=x"])
def test_what_is_no_answer_to_a_batch_is_told_by_its_type(content_type: str) -> None:
    assert not is_batch(content_type)


@pytest.mark.parametrize("message", [CREATED.rstrip(), CREATED.rstrip() + b"\r\n", b"HTTP/1.1 204\r\n\r\n"])
def test_a_part_without_a_body_may_end_with_or_without_blank_lines(message: bytes) -> None:
    parts, whole = read(TYPE, answered(message, REFUSED))
    assert (statuses(parts), whole) == ([204, 400], True)
    assert parts[0].body.strip() == b""


def test_a_change_set_that_failed_may_be_one_answer_in_either_shape() -> None:
    # Given the answer in place of the set, and wrapped as a set of one
    bare, wrapped = answered(REFUSED), set_of(REFUSED) + b"--batchresponse_1--\r\n"
    # Then both read the same
    assert read(TYPE, bare) == read(TYPE, wrapped)
    assert statuses(read(TYPE, wrapped)[0]) == [400]


def test_a_change_set_that_worked_gives_an_answer_for_each_member() -> None:
    body = set_of(CREATED, CREATED) + answered(REFUSED)
    parts, whole = read(TYPE, body)
    assert (statuses(parts), whole) == ([204, 204, 400], True)


def test_a_text_before_the_first_delimiter_and_after_the_last_is_nothing() -> None:
    parts, whole = read(TYPE, b"hello\r\n" + answered(CREATED) + b"goodbye")
    assert (statuses(parts), whole) == ([204], True)


def test_an_answer_with_another_boundary_holds_nothing() -> None:
    assert read("multipart/mixed; boundary=other", answered(CREATED)) == ([], False)


def test_a_boundary_that_only_begins_alike_is_no_delimiter() -> None:
    # Given a delimiter with more behind it than the boundary
    body = answered(CREATED).replace(b"--batchresponse_1\r\n", b"--batchresponse_12\r\n", 1)
    # Then nothing is taken for an answer
    assert read(TYPE, body) == ([], False)


@pytest.mark.parametrize("cut", range(1, 170, 7))
def test_a_torn_answer_gives_only_what_was_whole(cut: int) -> None:
    # Given an answer that breaks off
    body = answered(CREATED, REFUSED)
    parts, whole = read(TYPE, body[:-cut])
    # Then what is told is true, and that it is not all of it is told, too
    assert statuses(parts) == [204, 400][: len(parts)]
    assert all(part.body in (b"\r\n", b'{"error":{}}') for part in parts)
    assert not whole or cut <= len(b"\r\n")


@pytest.mark.parametrize(
    "odd", [b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 9999 X\r\n\r\n", b"HTTP/2 204\r\n\r\n", b"nothing", b""]
)
def test_nothing_is_read_behind_a_part_that_is_no_answer(odd: bytes) -> None:
    parts, whole = read(TYPE, answered(CREATED, odd, CREATED))
    assert (statuses(parts), whole) == ([204], False)


def test_batches_are_not_read_deeper_than_change_sets() -> None:
    # Given a change set within a change set
    inner = answered(CREATED, boundary=b"c")
    middle = b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" + inner + b"\r\n--b--\r\n"
    outer = b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + middle + b"\r\n--a--\r\n"
    # Then it is not taken for one
    assert read("multipart/mixed; boundary=a", outer) == ([], False)


def test_a_batch_of_the_largest_size_is_read() -> None:
    parts, whole = read(TYPE, answered(*[CREATED] * MOST_OPERATIONS))
    assert (len(parts), whole) == (MOST_OPERATIONS, True)
