"""What answers tell of limits, clocks and tokens is kept until a worker takes it."""

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from connectors.auth import Token
from connectors.dynamics import Dynamics
from connectors.last_told import TOLD
from connectors.wire import Answer
from tests.integration.connectors.odd_server import OddServer, Reply

WHO = {"UserId": "1d251a79-bac4-49db-8bae-963614d5df27"}


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    TOLD.take()
    yield
    TOLD.take()


def test_what_dynamics_has_left_for_us_is_noted_as_the_last_answer_tells_it(
    server: OddServer, dynamics: Dynamics
) -> None:
    # Given two answers with the headers that Dynamics sends, in its own way of writing seconds
    for requests, seconds in (("7999", "1,200.00"), ("7998", "1,199.87")):
        headers = {
            "x-ms-ratelimit-burst-remaining-xrm-requests": requests,
            "x-ms-ratelimit-time-remaining-xrm-requests": seconds,
        }
        server.replies.append(Reply(json=WHO, headers=headers))
        dynamics.who_am_i(5)
    # Then the last one counts, once
    figures = TOLD.take()
    assert (figures["dynamics", "budget-requests"], figures["dynamics", "budget-seconds"]) == (7998, 1199.87)
    assert TOLD.take() == {}


@pytest.mark.parametrize("written", ["", "plenty", "-1", "nan"])
def test_what_is_no_number_is_not_noted(server: OddServer, dynamics: Dynamics, written: str) -> None:
    headers = {"x-ms-ratelimit-burst-remaining-xrm-requests": written} if written else {}
    server.replies = [Reply(json=WHO, headers=headers)]
    dynamics.who_am_i(5)
    assert ("dynamics", "budget-requests") not in TOLD.take()


def test_the_clock_of_a_system_is_noted_by_the_date_of_its_answers(server: OddServer, dynamics: Dynamics) -> None:
    # Given a server whose clock is an hour ahead
    server.replies = [Reply(json=WHO, headers={"Date": formatdate(time.time() + 3600, usegmt=True)})]
    dynamics.who_am_i(5)
    assert TOLD.take()["dynamics", "clock"] == pytest.approx(3600, abs=5)


def test_the_end_of_a_token_is_noted_when_it_is_granted() -> None:
    # Given a token service that grants an hour
    def post(body: bytes, timeout: float) -> Answer:
        return Answer("campaign", "token", 200, {}, b'{"access_token": "x", "expires_in": "3600"}')

    Token("campaign", dict, post).header(5)
    figures = TOLD.take()
    assert figures["campaign", "token-ends"] == pytest.approx(time.time() + 3600, abs=5)
    # When it could not be told, and a newer one was granted since, Then the newer one stands
    TOLD.note("campaign", "token-ends", 7.0)
    TOLD.put_back(figures)
    assert TOLD.take() == {("campaign", "token-ends"): 7.0}
