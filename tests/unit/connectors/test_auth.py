"""Tokens: cached, renewed early and once when refused; a refusal names the setting to check."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from config.secrets import SecretMissing
from connectors.auth import Token
from connectors.errors import (
    ConnectorError,
    CredentialsRefused,
    Malformed,
    System,
    Throttled,
    TryAgain,
    Unavailable,
    Unreachable,
)
from connectors.wire import Answer


class Issuer:
    """A token endpoint: numbered tokens that last an hour, or whatever `answers` says first."""

    def __init__(self, system: System = "dynamics") -> None:
        self.system = system
        self.now = 1000.0
        self.bodies: list[bytes] = []
        self.answers: list[Answer | ConnectorError] = []

    def clock(self) -> float:
        return self.now

    def post(self, body: bytes, timeout: float) -> Answer:
        self.bodies.append(body)
        if self.answers:
            told = self.answers.pop(0)
            if isinstance(told, ConnectorError):
                raise told
            return told
        return self.answer(200, {"access_token": f"t{len(self.bodies)}", "expires_in": 3600})

    def answer(self, status: int, json: Any, headers: Mapping[str, str] | None = None) -> Answer:
        body = json if isinstance(json, bytes) else orjson.dumps(json)
        return Answer(self.system, "Dynamics token", status, headers or {}, body)

    def token(self, form: Callable[[], Mapping[str, str]] = dict) -> Token:
        return Token(self.system, form, self.post, self.clock)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def test_a_token_is_fetched_once_and_then_cached(issuer: Issuer) -> None:
    token = issuer.token()
    assert [token.header(5), token.header(5)] == ["Bearer t1", "Bearer t1"]
    issuer.now += 3299
    assert token.header(5) == "Bearer t1"
    assert len(issuer.bodies) == 1


def test_a_token_is_renewed_five_minutes_before_it_ends(issuer: Issuer) -> None:
    token = issuer.token()
    token.header(5)
    issuer.now += 3301
    assert token.header(5) == "Bearer t2"


def test_a_short_lived_token_is_renewed_at_half_its_life(issuer: Issuer) -> None:
    issuer.answers = [issuer.answer(200, {"access_token": "short", "expires_in": "60"})]
    token = issuer.token()
    assert token.header(5) == "Bearer short"
    issuer.now += 29
    assert token.header(5) == "Bearer short"
    issuer.now += 2
    assert token.header(5) == "Bearer t2"


@pytest.mark.parametrize(
    "trouble",
    [Unreachable("dynamics", "down"), CredentialsRefused("dynamics", "a secret that is being rotated")],
)
def test_while_early_renewal_fails_the_old_token_serves_until_its_end(issuer: Issuer, trouble: ConnectorError) -> None:
    # Given a token that is good for four more minutes, and an endpoint that fails
    token = issuer.token()
    token.header(5)
    issuer.now += 3360
    issuer.answers = [trouble] * 99
    # When it is wanted again and again
    for _ in range(3):
        assert token.header(5) == "Bearer t1"
    # Then the endpoint was asked once, and not again for a while
    assert len(issuer.bodies) == 2
    issuer.now += 16
    assert token.header(5) == "Bearer t1"
    assert len(issuer.bodies) == 3
    # And when the token has ended, the trouble is told
    issuer.now += 230
    with pytest.raises(type(trouble)):
        token.header(5)


def test_a_refused_token_is_replaced_once_for_all_threads(issuer: Issuer) -> None:
    token = issuer.token()
    refused = token.header(5)
    # When three requests that carried the same token were refused
    assert {token.renew(refused, 5) for _ in range(3)} == {"Bearer t2"}
    # Then one new token was fetched
    assert len(issuer.bodies) == 2


def test_many_threads_that_need_the_first_token_fetch_one(issuer: Issuer) -> None:
    # Given an endpoint that answers only after all eight threads have looked at the clock, and so want a token:
    # the one that fetches looks three times, each other once
    looks, all_want = itertools.count(1), threading.Event()

    def clock() -> float:
        if next(looks) == 10:
            all_want.set()
        return issuer.now

    def post(body: bytes, timeout: float) -> Answer:
        all_want.wait(5)
        return issuer.post(body, timeout)

    token = Token("dynamics", dict, post, clock)
    # When they all ask
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(token.header(5))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    # Then one token was fetched for all
    assert seen == ["Bearer t1"] * 8
    assert len(issuer.bodies) == 1


def test_a_thread_does_not_wait_for_another_longer_than_its_timeout(issuer: Issuer) -> None:
    arrived, go = threading.Event(), threading.Event()

    def slow(body: bytes, timeout: float) -> Answer:
        arrived.set()
        go.wait(5)
        return issuer.post(body, timeout)

    token = Token("dynamics", dict, slow, issuer.clock)
    other = threading.Thread(target=token.header, args=(5,))
    other.start()
    assert arrived.wait(5)
    with pytest.raises(Unreachable, match="none came in time"):
        token.header(0.01)
    go.set()
    other.join(5)


def test_the_secret_is_read_anew_for_each_token(issuer: Issuer) -> None:
    secrets = iter(["first", "second&more"])
    token = issuer.token(lambda: {"client_secret": next(secrets)})
    token.renew(token.header(5), 5)
    assert [parse_qs(body.decode())["client_secret"] for body in issuer.bodies] == [["first"], ["second&more"]]


def test_a_missing_secret_is_named_and_nothing_is_sent(issuer: Issuer) -> None:
    def form() -> dict[str, str]:
        raise SecretMissing("The environment variable DYN_SECRET is not set; the configuration refers to it.")

    with pytest.raises(CredentialsRefused, match="DYN_SECRET"):
        issuer.token(form).header(5)
    assert issuer.bodies == []


def entra(number: int, error: str = "invalid_client") -> dict[str, Any]:
    return {
        "error": error,
        "error_description": f"AADSTS{number}: Something about app 'a-client-id'.\r\nTrace ID: 1",
        "error_codes": [number],
    }


@pytest.mark.parametrize(
    ("status", "json", "says"),
    [
        (401, entra(7000215), "AADSTS7000215.*client_secret"),
        (401, entra(7000222), "AADSTS7000222.*expired"),
        (400, entra(700016, "unauthorized_client"), "AADSTS700016.*client_id and tenant"),
        (400, entra(90002, "invalid_request"), "AADSTS90002.*tenant"),
        (400, entra(500011, "invalid_resource"), "AADSTS500011.*url"),
        (400, entra(1002012, "invalid_scope"), "AADSTS1002012.*url"),
        (400, {"error": "invalid_client", "error_description": "AADSTS7000215: no codes"}, "AADSTS7000215"),
        (400, {"error": "invalid_client", "error_description": "invalid client_secret parameter"}, "client_secret$"),
        (400, {"error": "invalid_client", "error_description": "invalid client_id parameter"}, "client_id$"),
        (400, {"error": "invalid_scope"}, "scopes"),
        (302, b"", "token_url"),
        (400, {"error": "something_new"}, "client_id, client_secret and token_url"),
        (403, {"error": "access_denied"}, "client_id, client_secret and token_url"),
    ],
)
def test_a_refusal_names_the_setting_to_check(issuer: Issuer, status: int, json: Any, says: str) -> None:
    issuer.answers = [issuer.answer(status, json)]
    with pytest.raises(CredentialsRefused, match=says) as caught:
        issuer.token().header(5)
    assert "connections.dynamics" in caught.value.sentence
    assert "a-client-id" not in caught.value.sentence


@pytest.mark.parametrize(
    ("status", "json", "error"),
    [
        (429, b"", Throttled),
        (500, b"<html>", Unavailable),
        (503, {"error": "temporarily_unavailable"}, Unavailable),
        (400, {"error": "temporarily_unavailable"}, Unavailable),
        (200, b"<html>", Malformed),
        (200, b"[]", Malformed),
        (200, {}, Malformed),
        (200, {"access_token": "", "expires_in": 10}, Malformed),
        (200, {"access_token": "a\r\nX-Evil: 1", "expires_in": 10}, Malformed),
        (200, {"access_token": "a", "expires_in": "soon"}, Malformed),
        (200, {"access_token": "a", "expires_in": 0}, Malformed),
        (200, {"access_token": "a"}, Malformed),
    ],
)
def test_trouble_at_the_endpoint_is_tried_again_and_no_body_is_shown(
    issuer: Issuer, status: int, json: Any, error: type[TryAgain]
) -> None:
    issuer.answers = [issuer.answer(status, json, {"Retry-After": "9"})]
    token = issuer.token()
    with pytest.raises(error) as caught:
        token.header(5)
    assert caught.value.wait == (None if error is Malformed else 9)
    assert "Evil" not in caught.value.sentence
    assert token.header(5) == "Bearer t2"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 451])
@pytest.mark.parametrize(
    "body", [b"", b"<html>Request blocked</html>", {"error": "Forbidden"}, {"message": "no"}, {"error": {"odd": 1}}]
)
def test_whoever_answers_in_the_token_services_place_does_not_refuse_the_credentials(
    issuer: Issuer, status: int, body: Any
) -> None:
    issuer.answers = [issuer.answer(status, body)]
    token = issuer.token()
    with pytest.raises(Unavailable, match=rf"\({status}\).*token_url, and proxies"):
        token.header(5)
    assert token.header(5) == "Bearer t2"
