"""Addresses and scopes as connections have them: none over which a secret could leak."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import AfterValidator, WithJsonSchema

from config.model import NotEmpty, Text


def is_loopback(host: str) -> bool:
    """Whether this host name or address is the machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(text: str) -> str:
    """Refuses an address over which a secret could leak; returns it with a lower-case host, without final slashes."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is not a valid address; it looks like https://host/path") from None
    host = parts.hostname
    if not host or re.search(r"[\s\\\x00-\x1f\x7f]", text):
        raise ValueError("is not a valid address; it looks like https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password; credentials have their own keys")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError("must not hold a query (?) or a fragment (#)")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError("must begin with https://; plain http:// is for this machine (loopback) only")
    network = f"[{host}]" if ":" in host else host
    if port is not None:
        network = f"{network}:{port}"
    return urlunsplit(SplitResult(parts.scheme, network, parts.path.rstrip("/"), "", ""))


Url = Annotated[Text, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": "^https?://"})]
"""An https address (http on loopback hosts only), without credentials, query or final slash."""


def _scope(text: str) -> str:
    if re.search(r"[,\s]", text):
        raise ValueError("is one scope; list several as several items")
    return text


Scopes = Annotated[tuple[Annotated[Text, AfterValidator(_scope)], ...], NotEmpty]
"""The scopes that an access token is asked for, at least one."""


def _host(text: str) -> str:
    """Refuses an address with a scheme, user, port or path; returns it in lower case."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    label = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    if len(text) > 253 or not re.fullmatch(rf"{label}(\.{label})*\.?", text):
        raise ValueError("must be the name or address of a host alone, without a scheme, user, port or path")
    return text.lower()


Host = Annotated[Text, AfterValidator(_host)]
"""The name of a host in lower case, or its IP address."""
