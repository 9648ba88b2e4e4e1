"""Who comes in, and as what: by the file of users, by Flower's own authentication, or by the key of this machine."""

import hashlib
import hmac
import secrets
import time
from base64 import b64decode
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flower.utils.authentication import authenticate
from tornado.httputil import HTTPServerRequest
from tornado.web import decode_signed_value

from dashboard.link import cookie_name, is_key
from dashboard.users import Role, User, fits, hash_of, read_users

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


class UsersDoor:
    """Name and password, as the file of users has them now."""

    def __init__(self, path: Path) -> None:
        self._file = UsersFile(path)
        self._known: dict[bytes, str] = {}  #: digest of name, password and hash that fitted -> name
        self._digest_key = secrets.token_bytes(32)
        self._nobody = hash_of(secrets.token_hex())
        self._misses = Misses()

    def visitor(self, request: HTTPServerRequest) -> Visitor | None:
        name, password = basic_credentials(request)
        if not name:
            return None
        user = self._file.users().get(name)
        hashed = user.hash if user and user.hash else self._nobody
        # A browser sends the password with every request; what fitted once need not be computed again.
        seen = hmac.digest(self._digest_key, f"{name}\0{password}\0{hashed}".encode(), hashlib.sha256)
        if self._known.get(seen) != name:
            where = request.remote_ip or ""
            if self._misses.are_many(where) or not fits(password, hashed) or user is None or not user.hash:
                self._misses.note(where)
                return None
            self._known[seen] = name
        return Visitor(user.name, user.role) if user else None


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


class UsersFile:
    """Read again when it has changed. Gone or broken means that nobody comes in, never that everybody does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._users: dict[str, User] = {}
        self._as_of: tuple[int, int] | None = None

    def users(self) -> dict[str, User]:
        """Raises ControlError."""
        try:
            stat = self.path.stat()
            as_of = stat.st_ctime_ns, stat.st_ino  # its mode counts, too
        except OSError:
            as_of = None
        if as_of is None or as_of != self._as_of:
            self._users = read_users(self.path)
            self._as_of = as_of
        return self._users


class FlowerDoor:
    """Flower's --basic-auth or --auth says who it is; the file of users, where there is one, says what they may do."""

    def __init__(self, options: Any, cookie_secret: str | bytes, users: Path | None) -> None:
        self._options = options
        self._cookie_secret = cookie_secret
        self._file = UsersFile(users) if users else None

    def visitor(self, request: HTTPServerRequest) -> Visitor | None:
        name = self._by_password(request) if self._options.basic_auth else self._by_login(request)
        if name is None:
            return None
        if self._file is None:
            return Visitor(name, Role.OPERATE)
        user = self._file.users().get(name)
        return Visitor(name, user.role if user else Role.VIEW)

    def _by_password(self, request: HTTPServerRequest) -> str | None:
        name, password = basic_credentials(request)
        given = f"{name}:{password}".encode()
        # All of them are compared, so that the time does not tell which was near.
        fitting = [hmac.compare_digest(known.encode(), given) for known in self._options.basic_auth]
        return name if name and any(fitting) else None

    def _by_login(self, request: HTTPServerRequest) -> str | None:
        """The address that an OAuth provider has confirmed; Flower keeps it in a signed cookie."""
        cookie = request.cookies.get("user")
        value = decode_signed_value(self._cookie_secret, "user", cookie.value, max_age_days=31) if cookie else None
        name = value.decode() if value else ""
        return name if name and authenticate(self._options.auth, name) else None


class LinkDoor:
    """Nobody logs in: whoever has the key of this machine operates, others look."""

    def __init__(self, key: str, instance: str, actor: str) -> None:
        self._key = key
        self._cookie = cookie_name(instance)
        self._actor = actor

    def visitor(self, request: HTTPServerRequest) -> Visitor | None:
        cookie = request.cookies.get(self._cookie)
        if cookie and is_key(cookie.value, self._key):
            return Visitor(self._actor, Role.OPERATE)
        return Visitor("", Role.VIEW)

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
