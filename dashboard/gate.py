"""What stands in front of every page, ours and Flower's: who may see it, and whether a request may act at all.

Flower itself knows one kind of user, and looks at where a request comes from only under its own authentication. So the
visitor is known here, and Flower sees one user of its own, whose password nobody knows.
"""

import secrets
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from control.errors import ControlError
from dashboard.door import Door, FlowerDoor, LinkDoor, Visitor
from dashboard.users import Role

_LOOKING = ("GET", "HEAD", "OPTIONS")
_HERE = ("localhost", "127.0.0.1", "::1")
_PROXIED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    sentence: str


class Gate:
    def __init__(self, door: Door, options: Any) -> None:
        self._door = door
        self._read_only = bool(options.read_only)
        self._prefix = f"/{options.url_prefix.strip('/')}" if (options.url_prefix or "").strip("/") else ""
        self._hosts = {*_HERE, *([options.address] if options.address else [])}
        self._visitors: WeakKeyDictionary[HTTPServerRequest, Visitor] = WeakKeyDictionary()
        if not isinstance(door, FlowerDoor):
            inner = f"d365acs:{secrets.token_urlsafe(32)}"
            options.basic_auth = [inner]
            self._inner: str | None = f"Basic {b64encode(inner.encode()).decode()}"
        else:
            self._inner = None

    @property
    def door(self) -> Door:
        """The one that is open now: where nobody logs in, that of users takes its place as soon as there are some."""
        if isinstance(self._door, LinkDoor):
            self._door = self._door.successor() or self._door
        return self._door

    def visitor_of(self, request: HTTPServerRequest) -> Visitor | None:
        """Of a request that has passed; None if Flower is to ask who it is."""
        return self._visitors.get(request)

    def judge(self, request: HTTPServerRequest) -> Refusal | None:
        """Why a request does not pass; None if it does."""
        door = self.door  # one for the whole request
        try:
            return self._misled(door, request) or self._unknown(door, request) or self._forbidden(request)
        except ControlError as error:
            return Refusal(503, str(error))

    def _misled(self, door: Door, request: HTTPServerRequest) -> Refusal | None:
        """Another page, or another name for this machine, may have led the browser here."""
        if isinstance(door, LinkDoor):
            # Without a login, a name that an attacker made to lead to this machine would be let in.
            if urlsplit(f"//{request.host}").hostname not in self._hosts:
                return Refusal(403, "Without users the dashboard answers to the name of this machine alone.")
            if any(name in request.headers for name in _PROXIED):
                return Refusal(403, "Without users the dashboard does not answer through a proxy.")
        if request.method in _LOOKING:
            return None
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site not in (None, "same-origin"):
            return Refusal(403, "The request came from another site.")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return Refusal(403, "The request came from another site, or through a proxy that does not keep the host.")
        return None

    def _unknown(self, door: Door, request: HTTPServerRequest) -> Refusal | None:
        if request.path == f"{self._prefix}/healthcheck":
            return None
        visitor = door.visitor(request)
        if visitor is None:
            return Refusal(401, "Log in.") if door.asks(request) else None
        if not visitor.name and request.path.startswith(f"{self._prefix}/api/"):
            return Refusal(401, "Flower's API needs somebody who operates.")
        if self._read_only:
            visitor = Visitor(visitor.name, Role.VIEW)
        self._visitors[request] = visitor
        if self._inner:
            request.headers["Authorization"] = self._inner
        return None

    def _forbidden(self, request: HTTPServerRequest) -> Refusal | None:
        """Who may only look changes nothing, neither on our pages nor on Flower's."""
        visitor = self.visitor_of(request)
        if request.method in _LOOKING or visitor is None or visitor.may_operate:
            return None
        return Refusal(403, "You may look, and not operate.")


class Refused(RequestHandler):
    """Answers a request that did not pass."""

    def initialize(self, refusal: Refusal) -> None:
        self.refusal = refusal

    def check_xsrf_cookie(self) -> None:
        return  # it is refused anyway, with its own sentence

    def prepare(self) -> None:
        self.set_status(self.refusal.status)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        # A page that looks for news by itself must not have the browser ask for a password: it loads itself anew then.
        if self.refusal.status == 401 and "part" not in self.request.query_arguments:
            self.set_header("WWW-Authenticate", 'Basic realm="d365acs", charset="UTF-8"')
        self.finish(self.refusal.sentence + "\n")
