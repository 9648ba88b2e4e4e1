"""Each answer's Date is heard, whatever else it says."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.errors import ConnectorError, Unreachable
from connectors.http import Http
from tests.integration.connectors.odd_server import Call, OddServer, Reply

AHEAD = 3_600


def dated(call: Call, status: int = 200) -> Reply:
    return Reply(status, json={}, headers={"date": formatdate(time.time() + AHEAD, usegmt=True)})


@pytest.mark.parametrize("status", [200, 204, 302, 401, 404, 429, 500, 503])
def test_an_answer_of_any_status_tells_the_clock(server: OddServer, http: Http, status: int) -> None:
    server.script = lambda call: dated(call, status)
    try:
        http.request("GET", "x", about="x", timeout=5)
    except ConnectorError:
        assert status in (302, 401, 429)
    skew = http.clock.skew(time.time())
    assert skew is not None
    assert abs(skew.ms - AHEAD * 1000) <= skew.within_ms


def test_each_system_has_a_clock_of_its_own(server: OddServer, dynamics: Dynamics, campaign: Campaign) -> None:
    server.replies = [Reply(json={"UserId": "x"}, headers={"Date": formatdate(time.time() - AHEAD, usegmt=True)})]
    dynamics.who_am_i(5)
    skew = dynamics.clock.skew(time.time())
    assert skew is not None and abs(skew.ms + AHEAD * 1000) <= skew.within_ms
    assert campaign.clock.skew(time.time()) is None


def test_no_answer_and_no_date_tell_nothing(server: OddServer, http: Http) -> None:
    server.replies = [Reply(json={}), Reply(json={}, headers={"Date": "soon"}), Reply(reset=True)]
    http.request("GET", "x", about="x", timeout=5)
    http.request("GET", "x", about="x", timeout=5)
    with pytest.raises(Unreachable):
        http.request("GET", "x", about="x", timeout=5)
    assert http.clock.skew(time.time()) is None
