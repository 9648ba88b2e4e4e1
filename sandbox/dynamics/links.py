"""Paging cookies and delta tokens: the opaque texts in `@odata.nextLink` and `@odata.deltaLink`, made and read."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

from sandbox.dynamics.errors import DataverseError, bad_query

_TOKEN = re.compile(r"(\d+)!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Cookie:
    """Where a paged read stands. A delta has `since`; `maximum` is the version frozen when a tracked scan began."""

    page: int
    last: str
    first: str = ""
    order: tuple[str, ...] = ()
    served: int = 0
    tracking: bool = False
    maximum: int | None = None
    since: int | None = None
    phase: str = "rows"


def cookie_text(cookie: Cookie, primary_id: str, order_names: tuple[str, ...]) -> str:
    """The decoded `$skiptoken`, in the vendor's form (learn.microsoft.com, Web API: page results)."""
    attributes = f'page="{cookie.page - 1}"'
    if cookie.served:
        attributes += f' served="{cookie.served}"'
    if cookie.maximum is not None:
        attributes += f' maxTimestamp="{cookie.maximum}"'
    if cookie.since is not None:
        attributes += f' minTimestamp="{cookie.since}" phase="{cookie.phase}"'
        inner = f'<versionnumber last="{cookie.last}" />'
    else:
        inner = "".join(
            f"<{name} last={quoteattr(value)} />" for name, value in zip(order_names, cookie.order, strict=True)
        )
        inner += f'<{primary_id} last="{_braced(cookie.last)}" first="{_braced(cookie.first)}" />'
    text = quote(f"<cookie {attributes}>{inner}</cookie>", safe="")
    lowered = re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), text)
    return f'<cookie pagenumber="{cookie.page}" pagingcookie="{lowered}" istracking="{cookie.tracking}" />'


def read_cookie(text: str, primary_id: str) -> Cookie:
    """DataverseError if the cookie was tampered with."""
    try:
        outer = ElementTree.fromstring(text)
        inner = ElementTree.fromstring(unquote(outer.attrib["pagingcookie"]))
        page = int(outer.attrib["pagenumber"])
        tracking = outer.attrib.get("istracking") == "True"
        maximum = inner.get("maxTimestamp")
        since = inner.get("minTimestamp")
        if since is not None:
            return Cookie(
                page,
                inner[0].attrib["last"],
                tracking=tracking,
                maximum=int(maximum or 0),
                since=int(since),
                phase=inner.get("phase", "rows"),
            )
        key = inner[-1]
        if key.tag != primary_id:
            raise ValueError("the last element is not the primary key")
        return Cookie(
            page,
            key.attrib["last"].strip("{}").lower(),
            order=tuple(element.attrib["last"] for element in list(inner)[:-1]),
            served=int(inner.get("served", "0")),
            tracking=tracking,
            maximum=int(maximum) if maximum else None,
        )
    except (ElementTree.ParseError, KeyError, ValueError, IndexError) as wrong:
        raise DataverseError(400, "0x80041129", "Malformed XML in the Paging Cookie") from wrong


def encoded_cookie(text: str) -> str:
    return quote(text, safe="=/")


def encoded_delta_token(version: int, moment: float) -> str:
    """`919042%2108%2f22%2f2017%2008%3a10%3a44`: version and date, percent-encoded with lower-case digits."""
    stamp = datetime.fromtimestamp(moment, UTC).strftime("%m/%d/%Y %H:%M:%S")
    return f"{version}%21" + stamp.replace("/", "%2f").replace(" ", "%20").replace(":", "%3a")


def read_delta_token(text: str, status: int, code: str) -> tuple[int, float]:
    """(row version, moment of issue); DataverseError with the given status and code if it is no token."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise DataverseError(status, code, "The delta token in the request URI is not valid.")
    try:
        stamp = datetime.strptime(match[2], "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as wrong:
        raise DataverseError(status, code, "The delta token in the request URI is not valid.") from wrong
    return int(match[1]), stamp.timestamp()


def kept_parameters(query: dict[str, str]) -> str:
    """The query a link repeats: everything but the tokens, ending in `&` if there is anything."""
    kept = [
        quote(name, safe="$@") + "=" + quote(value, safe=",()'/:;$*=")
        for name, value in query.items()
        if name not in ("$skiptoken", "$deltatoken")
    ]
    return "".join(part + "&" for part in kept)


def require_known_options(query: dict[str, str], known: frozenset[str]) -> None:
    for name in query:
        if name.startswith("$") and name not in known:
            raise bad_query(f"The query parameter {name} is not supported.")


def _braced(guid: str) -> str:
    return "{" + guid.upper() + "}"
