"""Where processes listen: whether a place is taken, and whether anybody answers there."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path

#: ${NAME:-default}, ${NAME} or $NAME, as a shell has them.
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


def hindrance(command: str, environment: Mapping[str, str]) -> str:
    """Why the program of a command line with --port cannot listen there, with the way out; empty if it can.

    Asked beforehand because programs answer a port that is taken with a traceback.
    """
    asked = _option("port", command)
    if not asked:
        return ""
    port, host = _expanded(asked, environment), _expanded(_option("address", command), environment)
    name = next((found[1] or found[3] for found in _VARIABLE.finditer(asked)), "")
    remedy = f"set {name} to another and start again" if name else "name another in the Procfile"
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        return f"{port or 'nothing'} is no port; {remedy}."
    where = f"port {port} of {host}" if host else f"port {port}"
    if _is_taken(host, int(port)):
        return f"{where} is taken; free it (it is looked at again twice a minute), or {remedy}."
    return ""


def _option(name: str, command: str) -> str:
    found = re.search(rf"\s--{name}[= ](\S+)", command)
    return found[1] if found else ""


def _expanded(word: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environment.get(found[1] or found[3]) or found[2] or "", word)


def _is_taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: connections of the past do not keep the port, only one who listens does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def listens(path: Path) -> bool:
    """Whether anybody accepts connections at a Unix socket; a server that still loads its data does."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # busy is not dead
    return True
