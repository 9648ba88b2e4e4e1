"""The file of users: one line each, `name:role:hash`. Read again when it changes, so that who is taken out is out."""

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from base64 import b64decode, b64encode
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from control.errors import ControlError

#: scrypt's cost, block size and parallelism: 16 MB and some 50 ms for one guess.
COST, BLOCK, PARALLEL = 2**14, 8, 1

#: What a name may be made of: it stands in the history, and in front of a colon.
_NAME = re.compile(r"[\w.@+-]{1,100}")


class Role(StrEnum):
    VIEW = "view"  # sees everything, changes nothing
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class User:
    name: str
    role: Role
    hash: str  #: empty: a role for somebody who logs in elsewhere


def hash_of(password: str) -> str:
    """scrypt$salt$digest, both in base64."""
    salt = secrets.token_bytes(16)
    return f"scrypt${b64encode(salt).decode()}${b64encode(_scrypt(password, salt)).decode()}"


def fits(password: str, hashed: str) -> bool:
    _, salt, digest = hashed.split("$")
    return hmac.compare_digest(_scrypt(password, b64decode(salt)), b64decode(digest))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=COST, r=BLOCK, p=PARALLEL, dklen=32)


def users_file(home: Path) -> Path:
    """Where it is if nobody says otherwise."""
    return home / "dashboard.users"


class UsersFile:
    """Read again when it has changed. Gone or broken means that nobody comes in, never that everybody does."""

    def __init__(self, path: Path, awaited: bool = False) -> None:
        """`awaited`: it need not be there yet."""
        self.path = path
        self._awaited = awaited
        self._users: dict[str, User] = {}
        self._as_of: tuple[int, int] | None = None

    @property
    def counts(self) -> bool:
        """False as long as an awaited file has never been there. Once there it counts for ever, even if it goes."""
        if self._awaited:
            try:
                self.path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return False
            except OSError:
                pass  # it may be there: whoever cannot look lets nobody in
            self._awaited = False
        return True

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


def read_users(path: Path) -> dict[str, User]:
    """By name. Raises ControlError with the line that is wrong; no hash is repeated."""
    try:
        text = path.read_text()
        others_may = path.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ControlError(f"The file of users {path} cannot be read: {why}.") from None
    if others_may:
        raise ControlError(f"The file of users {path} can be read by others; keep it to yourself: chmod 600 {path}")
    found: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            user = _user(line.strip(), f"{path}:{number}")
            if user.name in found:
                raise ControlError(f"{path}:{number}: {user.name} is there twice; remove one of the lines.")
            found[user.name] = user
    return found


def _user(line: str, place: str) -> User:
    name, _, rest = line.partition(":")
    role, _, hashed = rest.partition(":")
    if not _NAME.fullmatch(name) or role not in list(Role) or not _is_hash(hashed):
        raise ControlError(
            f"{place}: a line reads name:role:hash, the role view or operate; write it with: "
            "d365acs dashboard user NAME --role view"
        )
    return User(name, Role(role), hashed)


def _is_hash(text: str) -> bool:
    if not text:
        return True
    try:
        mark, salt, digest = text.split("$")
        return mark == "scrypt" and len(b64decode(salt, validate=True)) >= 16 and len(b64decode(digest)) == 32
    except ValueError:
        return False


def write_user(path: Path, name: str, role: Role, password: str | None) -> bool:
    """Adds a user or changes one; without a password the one there is stays. True if the user is new.

    Raises ControlError.
    """
    if not _NAME.fullmatch(name):
        raise ControlError(f"{name!r} cannot be a user's name; it is made of letters, digits and . _ @ + -")
    users = read_users(path) if path.exists() else {}
    known = users.get(name)
    hashed = hash_of(password) if password is not None else known.hash if known else ""
    users[name] = User(name, role, hashed)
    _write(path, users)
    return known is None


def remove_user(path: Path, name: str) -> None:
    """Raises ControlError if there is none of this name."""
    users = read_users(path)
    if name not in users:
        raise ControlError(f"There is no user {name} in {path}.")
    del users[name]
    _write(path, users)


def _write(path: Path, users: dict[str, User]) -> None:
    """Whole or not at all, and for the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = "".join(
        f"{user.name}:{user.role}:{user.hash}\n" for user in sorted(users.values(), key=lambda one: one.name)
    )
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
