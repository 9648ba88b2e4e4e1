"""Faults on demand: for each request one draw from a seeded generator decides whether, and how, it goes wrong."""

import asyncio
import random
from dataclasses import asdict, dataclass, fields
from typing import Any

import orjson

from sandbox.http import Answer, Receive, Scope, Send

RATES = (
    "rate_429",
    "rate_500",
    "rate_503",
    "rate_timeout_before",
    "rate_timeout_after",
    "rate_reset",
    "rate_reset_after",
    "rate_truncated",
    "rate_malformed",
    "rate_expired_token",
    "rate_slow",
)

#: Faults of single operations inside a Dataverse batch, drawn for each of them.
OPERATION_RATES = ("rate_operation_429", "rate_operation_500", "rate_operation_500_after")

#: What only answers of HTTP can do.
_NOT_OF_SFTP = {"rate_429", "rate_503", "rate_truncated", "rate_malformed", "rate_slow", "slow_seconds", "retry_after"}

BEFORE_THE_EFFECT = frozenset({"429", "500", "503", "timeout_before", "reset", "expired_token"})


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What may go wrong in one system. Rates are 0..1 and add up to at most 1: a request meets one fault at most."""

    latency_ms: float = 0.0
    latency_jitter_ms: float = 0.0
    rate_429: float = 0.0
    rate_500: float = 0.0
    rate_503: float = 0.0
    rate_timeout_before: float = 0.0
    rate_timeout_after: float = 0.0
    rate_reset: float = 0.0
    rate_reset_after: float = 0.0
    rate_truncated: float = 0.0
    rate_malformed: float = 0.0
    rate_expired_token: float = 0.0
    rate_slow: float = 0.0
    rate_operation_429: float = 0.0
    rate_operation_500: float = 0.0
    rate_operation_500_after: float = 0.0
    latency_after_ms: float = 0.0
    hold_seconds: float = 5.0
    slow_seconds: float = 1.0
    retry_after: float | None = 1.0

    @classmethod
    def from_json(cls, system: str, given: dict[str, Any]) -> "FaultPlan":
        """Check and build; ValueError names the wrong member."""
        known = {field.name for field in fields(cls)}
        if system == "sftp":
            known -= _NOT_OF_SFTP
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"{system}.{name} is not a fault; known are {', '.join(sorted(known))}.")
            if name == "retry_after" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ValueError(f"{system}.{name} must be a number of at least 0.")
        if not given:
            return QUIET
        plan = cls(**given)
        if max(sum(getattr(plan, rate) for rate in rates) for rates in (RATES, OPERATION_RATES)) > 1:
            raise ValueError(f"The rates of {system} add up to more than 1; a request meets one fault at most.")
        return plan


QUIET = FaultPlan()


class FaultSource:
    """The faults of one system: the plan and the seeded generator that deals them out, request by request."""

    def __init__(self) -> None:
        self.plan = QUIET
        self._random = random.Random(0)
        self.dealt: dict[str, int] = {}

    def set(self, plan: FaultPlan, seed: object) -> None:
        self.plan = plan
        self._random = random.Random(str(seed))
        self.dealt = {}

    def clear(self) -> None:
        self.set(QUIET, 0)

    def as_json(self) -> dict[str, Any]:
        """The plan, and how often each fault was dealt out since it was set."""
        return {**asdict(self.plan), "dealt": self.dealt}

    def draw(self) -> tuple[str | None, float]:
        """(fault or None, latency in seconds) for the next request."""
        plan = self.plan
        if plan is QUIET:
            return None, 0.0
        chance = self._random.random()
        latency = (plan.latency_ms + plan.latency_jitter_ms * self._random.random()) / 1000
        return self._chosen(RATES, chance), latency

    def draw_operation(self) -> str | None:
        """The fault of the next operation in a batch, or None."""
        plan = self.plan
        if not (plan.rate_operation_429 or plan.rate_operation_500 or plan.rate_operation_500_after):
            return None
        return self._chosen(OPERATION_RATES, self._random.random())

    def _chosen(self, rates: tuple[str, ...], chance: float) -> str | None:
        for rate in rates:
            share: float = getattr(self.plan, rate)
            if chance < share:
                fault = rate.removeprefix("rate_")
                self.dealt[fault] = self.dealt.get(fault, 0) + 1
                return fault
            chance -= share
        return None


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Tear the connection (RST where the system allows it) and wait until the server has noticed."""
    scope["extensions"]["sandbox.transport"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def hold(scope: Scope, receive: Receive, seconds: float) -> None:
    """Keep the caller waiting without an answer, at most `seconds` or until it gives up; then tear the connection."""

    async def until_gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(until_gone(), seconds)
    except TimeoutError:
        await hang_up(scope, receive)


async def send_half(scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    """Announce the whole body, send half of it, close."""
    length = max(len(answer.body), 2)
    headers = [*answer.headers, (b"Content-Length", str(length).encode())]
    status = answer.status if answer.status not in (204, 304) else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body[: length // 2], "more_body": True})
    scope["extensions"]["sandbox.transport"]["transport"].close()
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_slowly(send: Send, answer: Answer, seconds: float) -> None:
    """The head and half of the body at once, the rest so much later."""
    if answer.status in (204, 304):
        await asyncio.sleep(seconds)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": b""})
        return
    headers = [*answer.headers, (b"Content-Length", str(len(answer.body)).encode())]
    half = len(answer.body) // 2
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body[:half], "more_body": True})
    await asyncio.sleep(seconds)
    await send({"type": "http.response.body", "body": answer.body[half:]})


def malformed(answer: Answer) -> Answer:
    """The same status and headers with a body of the announced length that is no JSON, or a batch without its end."""
    if any(value.startswith(b"multipart/") for _, value in answer.headers):
        return Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
    broken = answer.body[: max(len(answer.body) - 2, 0)] + b"<<"
    try:
        orjson.loads(broken)
    except orjson.JSONDecodeError:
        pass
    else:
        broken = b"<html>"
    status = answer.status if answer.status not in (204, 304) else 200
    return Answer(status, answer.headers, broken)
