"""Every request over a wire is counted: its answer, or that none came, and the pauses that answers ask for."""

import socket
from collections.abc import Iterator

import pytest

from connectors.errors import Throttled, Unreachable
from connectors.http import Http
from connectors.requests_made import MADE
from tests.integration.connectors.odd_server import OddServer, Reply
from tests.integration.connectors.wires import KINDS, Kind, ask


@pytest.fixture(autouse=True)
def nothing_made() -> Iterator[None]:
    MADE.take()
    yield
    MADE.take()


def answers() -> dict[tuple[str, ...], int]:
    """What was asked, by system, method and code; every request has a duration, too."""
    counts = MADE.take()
    found = {name[1:]: many for name, many in counts.items() if name[0] == "answer"}
    assert sum(many for name, many in counts.items() if name[0] == "took") == sum(found.values())
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_requests_of_either_wire_are_counted_by_what_came_back(server: OddServer, kind: Kind) -> None:
    # Given answers of several kinds
    server.replies = [Reply(json={}), Reply(json={}), Reply(404, json={}), Reply(503)]
    wire = kind("campaign", server.origin, 1)
    # When they are asked for
    for method in ("GET", "GET", "GET", "POST"):
        ask(wire, f"{server.origin}/secret-path", method=method)
    wire.close()
    # Then each is counted, and no address is kept
    assert answers() == {
        ("campaign", "GET", "200"): 2, ("campaign", "GET", "404"): 1, ("campaign", "POST", "503"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_without_an_answer_is_counted_as_one(kind: Kind) -> None:
    # Given a port at which nobody listens
    with socket.create_server(("127.0.0.1", 0)) as taken:
        origin = f"http://127.0.0.1:{taken.getsockname()[1]}"
    wire = kind("dynamics", origin, 1)
    with pytest.raises(Unreachable):
        ask(wire, f"{origin}/x")
    wire.close()
    assert answers() == {("dynamics", "GET", "none"): 1}


def test_pauses_that_answers_ask_for_are_counted_with_their_seconds(server: OddServer, http: Http) -> None:
    # Given an answer that asks for three seconds, one that names no time, and an outage with a time
    server.replies = [Reply(429, headers={"Retry-After": "3"}), Reply(429), Reply(503, headers={"Retry-After": "5"})]
    for _ in range(2):
        with pytest.raises(Throttled):
            http.request("GET", "x", about="x", timeout=5)
    http.request("GET", "x", about="x", timeout=5)
    # Then three pauses are counted, the one without a time as what everybody waits then
    counts = MADE.take()
    system = next(name[1] for name in counts if name[0] == "pause")
    assert (counts["pause", system], counts["pause-ms", system]) == (3, 10_000)
