"""Which error an answer of the Dataverse Web API is. Codes decide; texts are localized and change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from connectors.dynamics_metadata import column_of
from connectors.errors import (
    AccessDenied,
    AlreadyExists,
    Changed,
    ConditionsOff,
    ConnectorError,
    CursorExpired,
    LinkMissing,
    Malformed,
    NotFound,
    Refused,
    RelatedMissing,
    SchemaRefused,
    TableMissing,
    TrackingOff,
    Unavailable,
)
from connectors.http import error_object, wait_of
from connectors.texts import cleaned
from connectors.wire import Answer, with_status

# learn.microsoft.com, Web service error codes
VERSION_STAMP_EXPIRED = "80044352"
NO_SUCH_ROW, NO_SUCH_KEY = "80040217", "80060891"
TRACKING_OFF = {"80072491", "80072492"}
NOT_A_MEMBER = "80072560"
NO_SUCH_PROPERTY_OR_PATH = "80060888"
NO_SUCH_SEGMENT = "8006088a"
MALFORMED_POSITION = {"80040203", "80041129"}
WRONG_BODY = "80048d19"
TOO_LONG = "80044331"
SAME_ID, SAME_KEY, DUPLICATE_FOUND = "80040237", "80060892", "80040333"
OTHER_VERSION = "80060882"
NO_VERSION, NO_VERSIONS = "80060883", "80060893"
SQL_TIMEOUT = "80044151"
# learn.microsoft.com, Service protection API limits
LIMIT_EXCEEDED = {"80072321", "80072322", "80072326"}

#: Answers of what stands before the service.
GATEWAY = (502, 503, 504)


def is_throttling(answer: Answer) -> bool:
    """Whether one of the service protection limits was reached, which a proxy may put under another status."""
    return _told(answer)[0] in LIMIT_EXCEEDED


def is_no_such_row(answer: Answer) -> bool:
    """Whether the address names a row that is not there, in a table that is."""
    return answer.status == 404 and _told(answer)[0] == NO_SUCH_ROW


def is_there_already(answer: Answer) -> bool:
    """Whether a row was not created since one with its id is there. Another key that is taken is another matter."""
    return answer.status == 412 and _told(answer)[0] == SAME_ID


@with_status
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
    if status >= 500:
        # A page is read whole or not at all: no code of a 5xx condemns anything of ours.
        return _trouble(answer, code)
    error = _judged(answer, _Asked(f"table {table}", f"organization-level read on table {table}", tuple(properties)))
    if type(error) is Refused and status == 400 and not code and not message:
        # Dynamics always says why: what came is a torn answer, perhaps to a position that has only expired.
        return answer.malformed("refused without a reason that can be read")
    if (
        type(error) is Refused
        and following
        and (
            code in MALFORMED_POSITION
            or (status == 400 and re.search(r"paging cookie|deltatoken|skiptoken", message, re.I))
        )
    ):
        return CursorExpired(
            "dynamics",
            f"{about}: the server does not know this reading position any more; a full read is needed",
        )
    return error


@with_status
def batch_error_of(answer: Answer, rights: str = "the rights to create rows") -> ConnectorError:
    """The error for an answer of 400 and more to a batch as a whole, of which nothing was done; limits apart.

    `rights`: that its operations need.
    """
    if answer.status >= 500:
        return _trouble(answer, _told(answer)[0])
    if answer.status == 404:
        return TableMissing(
            "dynamics",
            f"{answer.about}: the Web API is not there (404); check connections.dynamics.url and api_version",
        )
    return _judged(answer, _Asked("the Web API's $batch", rights))


@with_status
def create_error_of(answer: Answer, set_name: str, sent: bytes) -> ConnectorError:
    """The error for one create-if-absent that was not done; limits apart, and `is_there_already`.

    `sent`: the JSON object that the row was to be made of.
    """
    code, message = _told(answer)
    about, status = answer.about, answer.status
    if code == NO_SUCH_ROW and status in (400, 404) and _names_what_was_sent(message, sent):
        return RelatedMissing(
            "dynamics",
            f"{about}: the contact that it is to belong to is not there ({status}{_named(code)})",
            code=_code(code),
        )
    rights = f"the rights to create rows of {set_name}, to append them, and to append to contacts"
    return _unwritten(
        answer,
        _Asked(f"the table of {set_name}", rights, values=_object(sent)),
        "not created",
        # Judged by who owns the row: another one may be within reach.
        "the application user may not add it to this contact ({}); give its security role the rights to create rows "
        f"of {set_name} and to append to contacts at organization level",
    )


@with_status
def update_error_of(answer: Answer, set_name: str, sent: Mapping[str, Any]) -> ConnectorError:
    """The error for an answer of 400 and more to one change under the condition of a version; limits apart.

    `sent`: the columns that were to be changed.
    """
    code, _ = _told(answer)
    about, status = answer.about, answer.status
    if code in (NO_VERSION, NO_VERSIONS) or status in (428, 501):
        return ConditionsOff(
            "dynamics",
            f"{about}: Dynamics takes no change under the condition of a version ({status}{_named(code)}); let the "
            "table support optimistic concurrency, and let no proxy remove the header If-Match",
        )
    if code == OTHER_VERSION or (status == 412 and not code):
        return Changed(
            "dynamics",
            f"{about}: the row was changed since it was read ({status}{_named(code)}); it is read again",
            code=_code(code),
        )
    if code == NO_SUCH_ROW and status == 404:
        return NotFound(
            "dynamics", f"{about}: the row is not there any more ({status}{_named(code)})", code=_code(code)
        )
    rights = f"the rights to write rows of {set_name}"
    return _unwritten(
        answer,
        _Asked(f"the table of {set_name}", rights, values=sent),
        "not changed",
        f"the application user may not change this row ({{}}); give its security role {rights} at organization level",
    )


def _unwritten(answer: Answer, asked: _Asked, outcome: str, denied: str) -> ConnectorError:
    """The error for one write that was not done, for no reason of its kind alone.

    `outcome`: in two words; `denied`: a clause with a place for the status, for a row that is out of reach.
    """
    code, message = _told(answer)
    about, status = answer.about, answer.status

    if status == 401:
        return Unavailable(
            "dynamics", f"{about}: the token was taken, and refused within (401); it will be tried again"
        )
    values = asked.values or {}
    text = cleaned(message, values)
    if code in (NO_SUCH_ROW, NO_SUCH_KEY):
        return LinkMissing(
            "dynamics",
            f"{about}: something that it leads to is not there ({status}{_named(code)}) {text}".rstrip(),
            code=_code(code),
            text=text,
        )
    if code in (SAME_KEY, DUPLICATE_FOUND):
        key = re.search(r"\bKey (\w+) violated", message)
        return AlreadyExists(
            "dynamics",
            f"{about}: another row with the same values is there ({status}{_named(code)}); see the table's alternate "
            "keys and the rules of duplicate detection",
            code=_code(code),
            text=text,
            field=key[1] if key else "",
        )
    if code == SQL_TIMEOUT or status in GATEWAY:
        return _trouble(answer, code)
    if status >= 500 or status < 400 or status == 412 or (status == 404 and not code):
        # Nothing says that time helps, and nothing that it does not.
        return Malformed(
            "dynamics",
            f"{about}: {outcome} for a reason we do not know ({status}{_named(code)}) {text}".rstrip(),
        )
    if status == 403 and code != NOT_A_MEMBER and not _PRIVILEGE.search(message):
        return Refused("dynamics", f"{about}: {denied.format(f'{status}{_named(code)}')}", code=_code(code))
    return _judged(answer, asked._replace(properties=tuple(name.partition("@")[0] for name in values)))


#: What a role lacks altogether is named so (learn.microsoft.com, security role privileges): prvCreateTask.
_PRIVILEGE = re.compile(r"\bprv[A-Z]\w+")


class _Asked(NamedTuple):
    """What a request was about, for sentences."""

    table: str
    rights: str  #: that it needs
    properties: tuple[str, ...] = ()  #: columns that it named
    values: Mapping[str, Any] | None = None  #: that were sent, and must stand in no sentence


def _judged(answer: Answer, asked: _Asked) -> ConnectorError:
    """What an answer of 400 to 499 means whatever was asked."""
    code, message = _told(answer)
    about, status = answer.about, answer.status
    if status == 403:
        return AccessDenied("dynamics", f"{about}: {_access_remedy(code, message, asked.rights)}")
    if status == 408:
        return Unavailable("dynamics", f"{about}: the service gave up waiting (408)")
    text = cleaned(message, asked.values)
    column = _unknown_column(code, message, asked.properties)
    if column:
        return SchemaRefused(
            "dynamics", f"{about}: {asked.table} has no column {column}", code=_code(code), text=text, field=column
        )
    if code == NO_SUCH_SEGMENT or status == 404 or (code == NO_SUCH_PROPERTY_OR_PATH and "segment" in message.lower()):
        return TableMissing(
            "dynamics",
            f"{about}: {asked.table} is not there; check its logical name, and that "
            "connections.dynamics.url is the right environment",
        )
    return Refused(
        "dynamics",
        f"{about}: refused ({status}{_named(code)}) {text}".rstrip(),
        code=_code(code),
        text=text,
        field=_quoted_among(message, asked.properties) if code == TOO_LONG else "",
    )


def _trouble(answer: Answer, code: str) -> Unavailable:
    return Unavailable(
        "dynamics",
        f"{answer.about}: the service is in trouble ({answer.status}{_named(code)}); it will be tried again",
        wait=wait_of(answer),
    )


def _names_what_was_sent(message: str, sent: bytes) -> bool:
    """Whether the row that is not there is one that the sent values lead to, in whatever language that is said."""
    named = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", message.lower())
    if named:
        return any(id_.encode() in sent.lower() for id_ in named)
    # What is created if absent cannot be missing itself.
    return not message or "contact" in message.lower()


def _unknown_column(code: str, message: str, properties: Sequence[str]) -> str:
    """The logical name of the column that the message says is not there, or ""."""
    if code not in (NO_SUCH_PROPERTY_OR_PATH, WRONG_BODY):
        return ""
    found = re.search(
        r"property named '([A-Za-z_]\w*)' on type|The property '([A-Za-z_]\w*)' does not exist on type"
        r"|An undeclared property '([A-Za-z_]\w*)'",
        message,
    )
    if found:
        return column_of(found[1] or found[2] or found[3])
    # The sentence is another one in another language; the name that it quotes is not. Of a body it may say other
    # things, too.
    return _quoted_among(message, properties) if code == NO_SUCH_PROPERTY_OR_PATH else ""


def _quoted_among(message: str, properties: Sequence[str]) -> str:
    """The logical name of the first of these that the message quotes, or ""."""
    quoted = set(re.findall(r"""['"\u00ab\u201e\u201c\u2018](\w+)['"\u00bb\u201c\u201d\u2019]""", message))
    return next((column_of(name) for name in properties if name in quoted), "")


def _object(sent: bytes) -> dict[str, Any]:
    found = orjson.loads(sent)
    return found if isinstance(found, dict) else {}


def _told(answer: Answer) -> tuple[str, str]:
    """(code in lower case without 0x, message) of the error object; "" for what is missing."""
    found = error_object(answer).get("error")
    error = found if isinstance(found, dict) else {}
    return str(error.get("code") or "").lower().removeprefix("0x"), str(error.get("message") or "")


def _access_remedy(code: str, message: str, rights: str) -> str:
    if code == NOT_A_MEMBER:
        return (
            "the application is not a user of this environment; create an application user for "
            "connections.dynamics.client_id (Power Platform admin center, S2S apps) and give it a security role"
        )
    privilege = re.search(r"\bprv[A-Z]\w+", message)
    missing = f"privilege {privilege[0]} is missing" if privilege else "access was denied"
    return f"{missing}; give the application user a security role with {rights} (403{_named(code)})"


def _code(code: str) -> str:
    return f"0x{code}" if re.fullmatch(r"[0-9a-f]{8}", code) else ""


def _named(code: str) -> str:
    return f", {_code(code)}" if _code(code) else ""
