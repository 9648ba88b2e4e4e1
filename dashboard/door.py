"""Who comes in, and as what: by the file of users, by Flower's own authentication, or by the key of this machine."""

import hashlib
import hmac
import secrets
import time
from base64 import b64decode
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, Protocol

from flower.utils.authentication import authenticate
from tornado.httputil import HTTPServerRequest
from tornado.web import decode_signed_value

from dashboard.link import cookie_name, is_key
from dashboard.users import Role, UsersFile, fits, hash_of

#: Wrong passwords from one address that are looked at within the time below; each costs the server some 50 ms.
GUESSES = 10
GUESS_SECONDS = 60.0
#: So many addresses are remembered for it.
ADDRESSES = 1000


@dataclass(frozen=True, slots=True)
class Visitor:
    name: str  #: empty: not logged in, and needs not be
    role: Role

    @property
    def may_operate(self) -> bool:
        return self.role is Role.OPERATE

    @property
    def by(self) -> str:
        """As the history names them."""
        return f"{self.name} (dashboard)"


class Door(Protocol):
    def visitor(self, request: HTTPServerRequest) -> Visitor | None:
        """None: it is not known who this is. Raises ControlError if nobody can be known at present."""

    def asks(self, request: HTTPServerRequest) -> bool:
        """Whether whoever is not known is to log in, before anything else is looked at."""


class UsersDoor:
    """Name and password, as the file of users has them now."""

    def __init__(self, file: UsersFile) -> None:
        self._file = file
        self._known: dict[bytes, str] = {}  #: digest of address, name, password and hash that fitted -> name
        self._digest_key = secrets.token_bytes(32)
        self._nobody = hash_of(secrets.token_hex())
        self._misses = Misses()

    def visitor(self, request: HTTPServerRequest) -> Visitor | None:
        name, password = basic_credentials(request)
        if not name:
            return None
        user = self._file.users().get(name)
        hashed = user.hash if user and user.hash else self._nobody
        # A browser sends the password with every request; what fitted once need not be computed again. But only from
        # where it did: elsewhere somebody may be guessing, and must not find what is known here.
        where = request.remote_ip or ""
        seen = hmac.digest(self._digest_key, f"{where}\0{name}\0{password}\0{hashed}".encode(), hashlib.sha256)
        if self._known.get(seen) != name:
            if self._misses.are_many(where) or not fits(password, hashed) or user is None or not user.hash:
                self._misses.note(where)
                return None
            self._known[seen] = name
        return Visitor(user.name, user.role) if user else None

    def asks(self, request: HTTPServerRequest) -> bool:
        return True


class Misses:
    """Wrong passwords, by the address that they came from: who guesses hinders nobody elsewhere."""

    def __init__(self) -> None:
        self._when: OrderedDict[str, deque[float]] = OrderedDict()

    def are_many(self, address: str) -> bool:
        when = self._when.get(address)
        return when is not None and len(when) == GUESSES and time.monotonic() - when[0] < GUESS_SECONDS

    def note(self, address: str) -> None:
        self._when.setdefault(address, deque(maxlen=GUESSES)).append(time.monotonic())
        self._when.move_to_end(address)
        if len(self._when) > ADDRESSES:
            self._when.popitem(last=False)


class FlowerDoor:
    """Flower's --basic-auth or --auth says who it is; the file of users, where there is one, says what they may do."""

    def __init__(self, options: Any, cookie_secret: str | bytes, file: UsersFile) -> None:
        self._options = options
        self._cookie_secret = cookie_secret
        self._file = file
        self._known: set[tuple[str, str]] = set()  #: address and name of who has been in
        self._misses = Misses()

    def visitor(self, request: HTTPServerRequest) -> Visitor | None:
        name = self._by_password(request) if self._options.basic_auth else self._by_login(request)
        if name is None:
            return None
        if not self._file.counts:
            return Visitor(name, Role.OPERATE)
        user = self._file.users().get(name)
        return Visitor(name, user.role if user else Role.VIEW)

    def _by_password(self, request: HTTPServerRequest) -> str | None:
        name, password = basic_credentials(request)
        given = f"{name}:{password}".encode()
        # All of them are compared, so that the time does not tell which was near.
        fitting = [hmac.compare_digest(known.encode(), given) for known in self._options.basic_auth]
        where = request.remote_ip or ""
        if name and any(fitting) and ((where, name) in self._known or not self._misses.are_many(where)):
            self._known.add((where, name))
            return name
        if name:
            self._misses.note(where)
        return None

    def asks(self, request: HTTPServerRequest) -> bool:
        """Flower asks itself whoever says nothing; who guesses is not let on to it."""
        return bool(self._options.basic_auth) and basic_credentials(request) != ("", "")

    def _by_login(self, request: HTTPServerRequest) -> str | None:
        """The address that an OAuth provider has confirmed; Flower keeps it in a signed cookie."""
        cookie = request.cookies.get("user")
        value = decode_signed_value(self._cookie_secret, "user", cookie.value, max_age_days=31) if cookie else None
        name = value.decode() if value else ""
        return name if name and authenticate(self._options.auth, name) else None


class LinkDoor:
    """Until there is a file of users nobody logs in: whoever has the key of this machine operates, others look."""

    def __init__(self, key: str, instance: str, actor: str, awaited: UsersFile) -> None:
        self._key = key
        self._cookie = cookie_name(instance)
        self._actor = actor
        self._awaited = awaited

    def successor(self) -> UsersDoor | None:
        """What takes its place, for good, as soon as there is a file of users."""
        return UsersDoor(self._awaited) if self._awaited.counts else None

    def visitor(self, request: HTTPServerRequest) -> Visitor | None:
        cookie = request.cookies.get(self._cookie)
        if cookie and is_key(cookie.value, self._key):
            return Visitor(self._actor, Role.OPERATE)
        return Visitor("", Role.VIEW)

    def asks(self, request: HTTPServerRequest) -> bool:
        return False

    def is_key(self, given: str) -> bool:
        return is_key(given, self._key)


def basic_credentials(request: HTTPServerRequest) -> tuple[str, str]:
    """Name and password; both empty if there are none."""
    kind, _, packed = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        name, _, password = b64decode(packed.strip()).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password
