"""Rows that are created if they are absent, against a server that reads the batch and answers as a test tells it."""

from __future__ import annotations

import gzip
import re

import pytest

from config.connections import DynamicsConnection
from connectors.dynamics import Dynamics
from connectors.dynamics_creates import Create
from connectors.errors import (
    AccessDenied,
    CredentialsRefused,
    Malformed,
    Refused,
    RelatedMissing,
    TableMissing,
    Throttled,
    Unavailable,
    Unreachable,
)
from tests.integration.connectors.conftest import Pass, Pauses
from tests.integration.connectors.odd_server import Call, OddServer, Reply
from tests.unit.connectors.batches import CONTACT, THERE, batch_body, create, created, refused

CREATES = [create(number) for number in range(3)]
TYPE = {"Content-Type": "multipart/mixed; boundary=batchresponse_1"}


def reply(*messages: bytes, status: int = 200) -> Reply:
    return Reply(status, body=batch_body(messages), headers=TYPE)


class Rows:
    """A script that keeps rows as Dynamics would: each id once."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def __call__(self, call: Call) -> Reply:
        boundary = re.search(r'boundary="(.+)"', call.headers["content-type"])
        assert boundary
        found = []
        for part in call.body.split(b"--" + boundary[1].encode())[1:-1]:
            _, head, body = part.removesuffix(b"\r\n").split(b"\r\n\r\n", 2)
            line = re.fullmatch(
                r"PATCH /api/data/v9\.2/(\w+)\(([0-9a-f-]{36})\) HTTP/1\.1", head.decode().split("\r\n")[0]
            )
            assert line and b"If-None-Match: *" in head
            there = line[2] in self.bodies
            self.bodies.setdefault(line[2], body)
            found.append(THERE if there else created(Create(line[1], line[2], body)))
        return reply(*found)


@pytest.fixture
def rows(server: OddServer) -> Rows:
    rows = Rows()
    server.script = rows
    return rows


def test_each_row_is_created_once_however_often_it_is_asked_for(
    server: OddServer, dynamics: Dynamics, rows: Rows
) -> None:
    # Given one row that is there
    assert dynamics.create_absent(CREATES[:1], 5) == [True]
    # When it is asked for again, with two more
    assert dynamics.create_absent(CREATES, 5) == [False, True, True]
    # Then all three are there, each in one of two requests
    assert rows.bodies == {one.id: one.body for one in CREATES}
    assert len(server.calls) == 2


def test_one_request_carries_all_rows_and_goes_on_after_errors(
    server: OddServer, dynamics: Dynamics, rows: Rows
) -> None:
    dynamics.create_absent(CREATES, 5)
    [call] = server.calls
    assert (call.method, call.path) == ("POST", "/api/data/v9.2/$batch")
    assert call.headers["prefer"] == "odata.continue-on-error"
    assert call.headers["odata-version"] == "4.0"
    assert call.headers["authorization"] == "Bearer token-1"


def test_nothing_to_create_asks_nobody(server: OddServer, dynamics: Dynamics) -> None:
    assert dynamics.create_absent([], 5) == []
    assert server.calls == []


def test_a_batch_takes_one_turn_of_the_throttle(server: OddServer, rows: Rows) -> None:
    # Given a throttle that counts
    class Turns(Pauses):
        taken = 0

        def permit(self, timeout: float) -> None:
            self.taken += 1

    turns = Turns()
    connection = DynamicsConnection(url=server.origin, tenant="x.test", client_id="id", client_secret="${env:UNUSED}")
    dynamics = Dynamics(connection, turns, Pass())
    # When a batch of several rows is sent
    dynamics.create_absent(CREATES, 5)
    dynamics.close()
    # Then it was one request
    assert turns.taken == 1


def test_rows_that_are_refused_do_not_keep_others_from_being_created(server: OddServer, dynamics: Dynamics) -> None:
    gone = refused(404, "0x80040217", f"contact With Id = {CONTACT} Does Not Exist")
    server.replies = [reply(gone, created(CREATES[1]), refused(400, "0x80044331", "too long"))]
    first, second, third = dynamics.create_absent(CREATES, 5)
    assert (type(first), second, type(third)) == (RelatedMissing, True, Refused)


def test_a_compressed_answer_is_read(server: OddServer, dynamics: Dynamics) -> None:
    body = gzip.compress(batch_body([created(one) for one in CREATES]))
    server.replies = [Reply(body=body, headers={**TYPE, "Content-Encoding": "gzip"})]
    assert dynamics.create_absent(CREATES, 5) == [True, True, True]


def test_a_limit_on_the_whole_batch_pauses_everybody(server: OddServer, dynamics: Dynamics, throttle: Pauses) -> None:
    told = {"error": {"code": "0x80072322", "message": "Number of requests exceeded the limit of 6000"}}
    server.replies = [Reply(429, json=told, headers={"Retry-After": "17"})]
    with pytest.raises(Throttled) as raised:
        dynamics.create_absent(CREATES, 5)
    assert (raised.value.wait, throttle.told) == (17, [17])


def test_a_limit_within_the_batch_pauses_everybody_once(
    server: OddServer, dynamics: Dynamics, throttle: Pauses
) -> None:
    limited = refused(429, "0x80072321").replace(b"\r\nREQ_ID", b"\r\nRetry-After: 9\r\nREQ_ID")
    server.replies = [reply(created(CREATES[0]), limited, limited)]
    first, second, third = dynamics.create_absent(CREATES, 5)
    assert first is True
    assert isinstance(second, Throttled) and isinstance(third, Throttled)
    assert (second.wait, throttle.told) == (9, [9])


def test_an_expired_token_is_renewed_and_the_batch_sent_once_more(
    server: OddServer, dynamics: Dynamics, rows: Rows
) -> None:
    server.replies = [Reply(401)]
    assert dynamics.create_absent(CREATES, 5) == [True, True, True]
    first, second = server.calls
    assert first.body == second.body
    assert second.headers["authorization"] == "Bearer token-2"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(401), CredentialsRefused),
        (Reply(403, json={"error": {"code": "0x80072560", "message": ""}}), AccessDenied),
        (Reply(404), TableMissing),
        (Reply(400, json={"error": {"code": "0x80048d19", "message": "The batch is wrong."}}), Refused),
        (Reply(413), Refused),
        (Reply(500, json={"error": {"code": "0x80040216", "message": ""}}), Unavailable),
        (Reply(503, body=b"<html>"), Unavailable),
        (Reply(200, json={"value": []}), Malformed),
        (Reply(204), Malformed),
        (Reply(reset=True), Unreachable),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n--batch", hang_up=True), Malformed),
    ],
)
def test_an_answer_that_is_none_to_a_batch_is_the_error_of_all_rows(
    server: OddServer, dynamics: Dynamics, answer: Reply, kind: type[Exception]
) -> None:
    server.script = lambda call: answer
    with pytest.raises(kind):
        dynamics.create_absent(CREATES, 5)


def test_after_an_answer_that_was_lost_the_rows_are_there_already(
    server: OddServer, dynamics: Dynamics, rows: Rows
) -> None:
    # Given a batch that worked, and whose answer was torn
    whole = rows(Call("POST", "", {"content-type": 'x; boundary="b"'}, _batch(CREATES), 1))
    server.replies = [Reply(body=whole.body[:-40], headers=TYPE)]
    told = dynamics.create_absent(CREATES, 5)
    assert told[:2] == [True, True] and isinstance(told[2], Malformed)
    # When the last row is tried again
    again = dynamics.create_absent(CREATES[2:], 5)
    # Then it is told to be there
    assert again == [False]


def test_a_thousand_rows_fit_in_one_batch(server: OddServer, dynamics: Dynamics, rows: Rows) -> None:
    many = [create(number) for number in range(1000)]
    assert dynamics.create_absent(many, 20) == [True] * 1000
    assert len(server.calls) == 1
    with pytest.raises(ValueError, match="1000"):
        dynamics.create_absent([*many, create(1000)], 5)


def _batch(creates: list[Create]) -> bytes:
    mime = b"--b\r\nContent-Type: application/http\r\n\r\n"
    parts = [
        mime + f"PATCH /api/data/v9.2/{one.set_name}({one.id}) HTTP/1.1\r\nIf-None-Match: *\r\n\r\n".encode() + one.body
        for one in creates
    ]
    return b"\r\n".join([*parts, b"--b--"])
