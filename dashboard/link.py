"""Where nobody logs in, on this machine alone: whoever may read the home folder has the key, and operates with it.

The key stands in the link that `d365acs dashboard link` prints; the browser keeps it as a cookie. Others who reach the
port look, and change nothing.
"""

import contextlib
import hmac
import os
import secrets
from pathlib import Path

from control.errors import ControlError


def key_file(home: Path) -> Path:
    return home / "dashboard.key"


def key_of(home: Path) -> str:
    """The key of a home folder, made if there is none; it stays the same when the dashboard starts again.

    Raises ControlError.
    """
    path = key_file(home)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError), open(path, "x", opener=_for_the_owner) as file:
            file.write(secrets.token_urlsafe(32))
        key = path.read_text().strip()
    except OSError as error:
        raise ControlError(f"The key of the dashboard, {path}, cannot be read or made: {error.strerror}.") from None
    if len(key) < 32:
        raise ControlError(f"The key of the dashboard, {path}, is too short; remove the file, and another is made.")
    return key


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def is_key(given: str | None, key: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), key.encode())


def cookie_name(instance: str) -> str:
    """Cookies do not tell ports apart: two instances on one machine would overwrite each other's."""
    return f"d365acs_{instance}"


def address_of(scheme: str, address: str, port: int, prefix: str = "") -> str:
    """Where the Workflows page is."""
    host = f"[{address}]" if ":" in address else address or "127.0.0.1"
    path = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
    return f"{scheme}://{host}:{port}{path}/workflows"


def link_of(page: str, key: str) -> str:
    return f"{page}/enter?key={key}"
