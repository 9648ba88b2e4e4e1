"""The ASGI applications: every request passes the same gate, where calls are counted and faults are dealt out."""

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Any

import orjson

from sandbox.campaign.errors import GatewayError, gateway_answer
from sandbox.clock import http_date
from sandbox.dynamics.errors import DataverseError
from sandbox.faults import BEFORE_THE_EFFECT, hang_up, hold, malformed, send_half, send_slowly
from sandbox.http import JSON_TYPE, Answer, Receive, Request, Scope, Send, read_request, send_answer
from sandbox.tokens import TokenRegister, bearer, entra_answer, ims_answer
from sandbox.world import World


class Gate(ABC):
    """One server in front of the world. Subclasses say how the system answers, and how it words a fault."""

    system: str
    #: Whose clock the header `Date` of its answers shows: the key of `Clock.skews`.
    clock = ""

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    def answer(self, request: Request) -> Answer: ...

    @abstractmethod
    def trouble(self, request: Request, status: int, retry_after: float | None) -> Answer:
        """The system's own 429, 500 or 503."""

    def tokens(self) -> TokenRegister | None:
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        world = self.world
        calls = world.calls
        request = await read_request(scope, receive)
        calls.begin(self.system, request.method)
        outcome = "torn"
        try:
            outcome = await self._serve(scope, receive, send, request)
        finally:
            calls.end(self.system, outcome)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request: Request) -> str:
        source = self.world.faults[self.system]
        plan, (fault, latency) = source.plan, source.draw()
        if latency:
            await asyncio.sleep(latency)
        if fault is None:
            found = self._dated(self.answer(request))
            if plan.latency_after_ms:
                await asyncio.sleep(plan.latency_after_ms / 1000)
            await send_answer(send, found)
            return str(found.status)
        return await self._fail(fault, scope, receive, send, request)

    async def _fail(self, fault: str, scope: Scope, receive: Receive, send: Send, request: Request) -> str:
        plan = self.world.faults[self.system].plan
        if fault == "expired_token" and (register := self.tokens()) is not None:
            register.revoke(bearer(request))
            fault = "none"
        if fault in ("429", "500", "503"):
            found = self._dated(self.trouble(request, int(fault), plan.retry_after))
            await send_answer(send, found)
            return str(found.status)
        if fault in BEFORE_THE_EFFECT:
            if fault == "reset":
                await hang_up(scope, receive)
            else:
                await hold(scope, receive, plan.hold_seconds)
            return fault
        found = self._dated(self.answer(request))
        if fault == "timeout_after":
            await hold(scope, receive, plan.hold_seconds)
        elif fault == "reset_after":
            await hang_up(scope, receive)
        elif fault == "truncated":
            await send_half(scope, receive, send, found)
        elif fault == "malformed":
            await send_answer(send, malformed(found))
        elif fault == "slow":
            await send_slowly(send, found, plan.slow_seconds)
        else:
            await send_answer(send, found)
            return str(found.status)
        return fault

    def _dated(self, found: Answer) -> Answer:
        """With the time at which the answer was made, by the system's own clock."""
        date = http_date(self.world.clock.shown(self.clock))
        return Answer(found.status, [*found.headers, (b"Date", date)], found.body)


class DynamicsGate(Gate):
    """The Dataverse server, with its limits and the journal of page reads around it."""

    system = clock = "dynamics"

    def tokens(self) -> TokenRegister:
        return self.world.dynamics_tokens

    def answer(self, request: Request) -> Answer:
        world = self.world
        found = world.dataverse.answer(request, world.protection.headers(world.switches), request.read_entry)
        if request.path.endswith("/$batch"):
            world.calls.batch(request.operations)
        return found

    def trouble(self, request: Request, status: int, retry_after: float | None) -> Answer:
        headers = self.world.protection.headers(self.world.switches)
        if status == 503:
            return Answer(
                503,
                [(b"Content-Type", b"text/html"), *_retry(retry_after)],
                b"<html>Service Unavailable</html>",
            )
        if status == 500:
            error = DataverseError(500, "0x80040216", "An unexpected error occurred.")
        else:
            text = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
            error = DataverseError(429, "0x80072322", text, _retry(retry_after))
        return self.world.dataverse.refuse(request, error, headers)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request: Request) -> str:
        world = self.world
        protection = world.protection
        try:
            protection.admit(world.switches)
        except DataverseError as limit:
            found = self._dated(world.dataverse.refuse(request, limit, protection.headers(world.switches)))
            await send_answer(send, found)
            return str(found.status)
        reads, entry = world.reads, self._begin_read(request)
        started = time.perf_counter()
        try:
            return await super()._serve(scope, receive, send, request)
        finally:
            protection.finish(time.perf_counter() - started, request.operations, world.switches)
            if entry is not None:
                reads.end(entry, world.clock.now())

    def _begin_read(self, request: Request) -> dict[str, Any] | None:
        if request.method != "GET":
            return None
        table = request.path.rpartition("/")[2]
        if table not in self.world.organization.tables:
            return None
        link = f"{table}?" + "&".join(f"{name}={value}" for name, value in sorted(request.query.items()))
        request.read_entry = self.world.reads.begin(table, link, self.world.clock.now())
        return request.read_entry


class CampaignGate(Gate):
    """The Campaign server behind its gateway."""

    system = clock = "campaign"

    def tokens(self) -> TokenRegister:
        return self.world.campaign_tokens

    def answer(self, request: Request) -> Answer:
        return self.world.campaign.answer(request)

    def trouble(self, request: Request, status: int, retry_after: float | None) -> Answer:
        if status == 429:
            seconds = "" if retry_after is None else f"{retry_after:g}"
            return gateway_answer(GatewayError(429, "429050", "Too many requests", seconds))
        text = "Oops. Something went wrong. Check your URI and try again."
        return Answer(status, [JSON_TYPE, *_retry(retry_after)], orjson.dumps({"code": status, "message": text}))


class JournalGate(CampaignGate):
    """The I/O Events journal, behind the same gateway."""

    system = "journal"

    def answer(self, request: Request) -> Answer:
        return self.world.events.answer(request)


class EntraGate(Gate):
    """The Entra token endpoint."""

    system = "tokens"

    def answer(self, request: Request) -> Answer:
        world = self.world
        seconds = world.switches.entra_token_seconds
        at = world.addresses.dynamics
        return entra_answer(request, world.credentials, world.dynamics_tokens, world.clock, at, seconds)

    def trouble(self, request: Request, status: int, retry_after: float | None) -> Answer:
        body = {
            "error": "temporarily_unavailable",
            "error_description": "AADSTS90033: A transient error has occurred.",
        }
        return Answer(status, [JSON_TYPE, *_retry(retry_after)], orjson.dumps(body))


class ImsGate(EntraGate):
    """The IMS token endpoint."""

    def answer(self, request: Request) -> Answer:
        world = self.world
        return ims_answer(request, world.credentials, world.campaign_tokens, world.switches.ims_token_seconds)


def _retry(seconds: float | None) -> list[tuple[bytes, bytes]]:
    return [] if seconds is None else [(b"Retry-After", f"{seconds:g}".encode())]
