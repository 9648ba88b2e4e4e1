"""Which error an answer of the Dataverse Web API is. Codes decide; texts are localized and change."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.dynamics_metadata import column_of
from connectors.errors import (
    AccessDenied,
    ConnectorError,
    CursorExpired,
    Refused,
    SchemaRefused,
    TableMissing,
    TrackingOff,
    Unavailable,
)
from connectors.http import error_object, wait_of
from connectors.texts import cleaned
from connectors.wire import Answer

# learn.microsoft.com, Web service error codes
VERSION_STAMP_EXPIRED = "80044352"
NO_SUCH_ROW = "80040217"
TRACKING_OFF = {"80072491", "80072492"}
NOT_A_MEMBER = "80072560"
NO_SUCH_PROPERTY_OR_PATH = "80060888"
NO_SUCH_SEGMENT = "8006088a"
MALFORMED_POSITION = {"80040203", "80041129"}
# learn.microsoft.com, Service protection API limits
LIMIT_EXCEEDED = {"80072321", "80072322", "80072326"}


def is_throttling(answer: Answer) -> bool:
    """Whether one of the service protection limits was reached, which a proxy may put under another status."""
    return _told(answer)[0] in LIMIT_EXCEEDED


def is_no_such_row(answer: Answer) -> bool:
    """Whether the address names a row that is not there, in a table that is."""
    return answer.status == 404 and _told(answer)[0] == NO_SUCH_ROW


def error_of(answer: Answer, table: str, *, following: bool = False, properties: Sequence[str] = ()) -> ConnectorError:
    """The error for an answer to a GET of 400 and more; limits apart (see `is_throttling`).

    `following`: the request was a link that the server had returned. `properties`: the columns that were asked for, as
    `$select` takes them.
    """
    code, message = _told(answer)
    about, status = answer.about, answer.status

    if code == VERSION_STAMP_EXPIRED or status == 410:
        return CursorExpired(
            "dynamics",
            f"{about}: the position of change tracking has expired or the table's definition changed; "
            "a full read is needed",
        )
    if code in TRACKING_OFF:
        return TrackingOff(
            "dynamics",
            f"{about}: change tracking is off; switch on 'Track changes' in the properties of table {table} "
            "in Power Apps, publish, and start again",
        )
    if status == 403:
        return AccessDenied("dynamics", f"{about}: {_access_remedy(code, message, table)}")
    if status >= 500:
        # A page is read whole or not at all: no code of a 5xx condemns anything of ours.
        return Unavailable(
            "dynamics",
            f"{about}: the service is in trouble ({status}{_named(code)}); it will be tried again",
            wait=wait_of(answer),
        )
    if status == 408:
        return Unavailable("dynamics", f"{about}: the service gave up waiting (408)")
    column = _unknown_column(message, properties) if code == NO_SUCH_PROPERTY_OR_PATH else ""
    if column:
        return SchemaRefused(
            "dynamics",
            f"{about}: table {table} has no column {column}",
            code=_code(code),
            text=cleaned(message),
            field=column,
        )
    if code == NO_SUCH_SEGMENT or status == 404 or (code == NO_SUCH_PROPERTY_OR_PATH and "segment" in message.lower()):
        return TableMissing(
            "dynamics",
            f"{about}: table {table} is not there; check its logical name, and that "
            "connections.dynamics.url is the right environment",
        )
    if following and (
        code in MALFORMED_POSITION
        or (status == 400 and re.search(r"paging cookie|deltatoken|skiptoken", message, re.I))
    ):
        return CursorExpired(
            "dynamics",
            f"{about}: the server does not know this reading position any more; a full read is needed",
        )
    text = cleaned(message)
    return Refused(
        "dynamics", f"{about}: refused ({status}{_named(code)}) {text}".rstrip(), code=_code(code), text=text
    )


def _unknown_column(message: str, properties: Sequence[str]) -> str:
    """The logical name of the column that the message says is not there, or ""."""
    found = re.search(r"property named '([A-Za-z_]\w*)' on type", message)
    if found:
        return column_of(found[1])
    # The sentence is another one in another language; the name that it quotes is not.
    quoted = set(re.findall(r"""['"\u00ab\u201e\u201c\u2018](\w+)['"\u00bb\u201c\u201d\u2019]""", message))
    return next((column_of(name) for name in properties if name in quoted), "")


def _told(answer: Answer) -> tuple[str, str]:
    """(code in lower case without 0x, message) of the error object; "" for what is missing."""
    found = error_object(answer).get("error")
    error = found if isinstance(found, dict) else {}
    return str(error.get("code") or "").lower().removeprefix("0x"), str(error.get("message") or "")


def _access_remedy(code: str, message: str, table: str) -> str:
    if code == NOT_A_MEMBER:
        return (
            "the application is not a user of this environment; create an application user for "
            "connections.dynamics.client_id (Power Platform admin center, S2S apps) and give it a security role"
        )
    privilege = re.search(r"\bprv[A-Z]\w+", message)
    missing = f"privilege {privilege[0]} is missing" if privilege else "access was denied"
    return (
        f"{missing}; give the application user a security role with organization-level read on table {table}"
        f" (403{_named(code)})"
    )


def _code(code: str) -> str:
    return f"0x{code}" if re.fullmatch(r"[0-9a-f]{8}", code) else ""


def _named(code: str) -> str:
    return f", {_code(code)}" if _code(code) else ""
