"""Which error an answer of Campaign is. Campaign reports the caller's mistakes as HTTP 500: only the text tells them
from trouble behind the gateway. What is no known mistake does not condemn a record: it would condemn all of an outage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.errors import (
    AccessDenied,
    AlreadyExists,
    Conflict,
    ConnectorError,
    CredentialsRefused,
    LinkMissing,
    Malformed,
    NotFound,
    Refused,
    SchemaRefused,
    TableMissing,
    Unavailable,
)
from connectors.http import error_object, wait_of
from connectors.texts import cleaned, values_of, without_quotes, without_sent
from connectors.wire import Answer, with_status

#: Codes of Campaign's own layers. A gateway or a proxy writes none of them.
CODE = re.compile(r"\b(?:RST|XTK|PGS|SOP|JST|WDB|XSV)-\d{6}\b")
#: The line that stands before every other of the REST layer and says nothing.
_GENERIC_CODE = "RST-360011"
#: Answers of a gateway on its own behalf.
GATEWAY = (502, 503, 504)

#: Mistakes of the record or the mapping, in Campaign's words and in PostgreSQL's (its classes 22 and 23).
_MISTAKE = re.compile(
    r"""\battribute\ unknown\b | \bUnable\ to\ parse\ expression\b | \bparameter\ isn't\ defined\b
        | \bis\ not\ a\ valid\ (?:constant|email\ address)\b | \bis\ not\ valid\ for\ the\ \S+\ enumeration\b
        | \bproperty\ is\ not\ valid\b | \bproperty\ that\ is\ read-only\b | \bfield\ is\ too\ long\b
        | \bUnable\ to\ (?:find\ document|decrypt\ PKey)\b | \bInconsistent\ operation\b | \bCannot\ update\ key\b
        | \balready\ exists\b | \bduplicate\ key\ value\b | \bvalue\ too\ long\ for\ type\b | \bout\ of\ range\b
        | \bnumeric\ field\ overflow\b | \binvalid\ (?:input\ syntax|byte\ sequence)\ for\b
        | \bviolates\ (?:not-null|foreign\ key|check)\ constraint\b""",
    re.VERBOSE | re.IGNORECASE,
)
#: The database's or the server's trouble (PostgreSQL's classes 08, 40, 53, 57 and 58), passed through under a code.
_TROUBLE = re.compile(
    r"""\b(?:FATAL|PANIC): | \bdatabase\ system\ is\b | \bconnection\ to\ (?:the\ )?server\ was\ lost\b
        | \bserver\ closed\ the\ connection\b | \bno\ connection\ to\ the\ server\b | \bterminating\ connection\b
        | \bconnection\ (?:refused|reset|timed\ out|not\ open)\b | \bbroken\ pipe\b | \bSSL\ SYSCALL\ error\b
        | \bunable\ to\ connect\b | \btoo\ many\ (?:clients|connections)\b | \btimeout\ expired\b
        | \bcould\ not\ (?:connect|send|receive|serialize|obtain\ lock|translate\ host|extend|open|read|write|fork)\b
        | \bdeadlock\ detected\b | \bcanceling\ statement\b | \bread-only\ transaction\b
        | \bout\ of\ (?:shared\ )?memory\b | \bNo\ space\ left\b | \bdisk\ full\b
        | \bis\ (?:starting\ up|shutting\ down)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_DUPLICATE = re.compile(r"\balready exists\b|\bduplicate key value\b", re.IGNORECASE)
_COLUMN = re.compile(r'\bKey \("?([A-Za-z_]\w*)"?\)=')
_CONSTRAINT = re.compile(r'\bunique constraint "([A-Za-z_]\w*)"')
_MISSING = re.compile(r"\bUnable to find document\b|\bUnable to decrypt PKey\b", re.IGNORECASE)
#: No page of the vendor has this text. Should it be another, its record is tried again and set aside, never given up.
_NO_RESOURCE = re.compile(r"\bUnable to find the resource\b", re.IGNORECASE)
_UNKNOWN = re.compile(r"'@?([^']*)' attribute unknown\b", re.IGNORECASE)
_NO_DOCUMENT_OF = re.compile(r"\bfrom key '@?([^']*?)(?::0)?'|\(PKey=@?([\w-]+)\)", re.IGNORECASE)
_READ_ONLY = re.compile(r"'@?([A-Za-z_][\w.:/-]*)' property that is read-only\b", re.IGNORECASE)
#: What a field takes is looked at before anything is sent: such a refusal may mean that its schema has changed.
_TOO_LONG = re.compile(r"'@?([A-Za-z_][\w.:/-]*)' field is too long\b", re.IGNORECASE)
_NO_NAME = re.compile(r"\bis not valid for the \S+ enumeration of the '@?([A-Za-z_][\w.:/-]*)' field\b", re.IGNORECASE)
_NO_PROPERTY = re.compile(r"'@?([A-Za-z_][\w.:/-]*)' property is not valid\b", re.IGNORECASE)


@with_status
def error_of(answer: Answer, *, reference: str | None = None, sent: object = None) -> ConnectorError:
    """The error for an answer of 400 and more.

    `reference`: what the address named one record by, a PKey or a key; None if it named none. With one, NotFound is
    said in Campaign's own words only: who believes a gateway's 404 gives up a record that is still there. `sent`: the
    JSON value, or for a look-up {field: value}.
    """
    code, text = _told(answer)
    plain = without_quotes(text)
    about, status = answer.about, answer.status

    if code in ("403003", "403000"):
        return CredentialsRefused(
            "campaign",
            f"{about}: Adobe does not know the API key ({code}); check connections.campaign.client_id",
        )
    if code == "403010":
        return CredentialsRefused(
            "campaign", f"{about}: the access token did not arrive ({code}); check proxies that drop headers"
        )
    if status == 403:
        named = f"403, {code}" if code and code != "403" else "403"
        return AccessDenied(
            "campaign",
            f"{about}: access was denied ({named}); check the instance at the end of connections.campaign.url, and "
            "that the Adobe project has the product profiles of that instance and Administrators",
        )
    # A proxy's own words say little; only the codes prove that they are Campaign's.
    own = CODE.fullmatch(code) is not None
    if _TROUBLE.search(plain) and own:
        return Unavailable(
            "campaign",
            f"{about}: Campaign's server or database is in trouble ({status}, {code}); it will be tried again",
            wait=wait_of(answer),
        )
    if _MISTAKE.search(plain) and (own or (status not in GATEWAY and not _TROUBLE.search(plain))):
        return _mistake(answer, code, text, plain, reference, sent)
    if status == 404 and reference is not None:
        return _nothing_there(answer, code, text, plain, sent)
    if status == 404:
        return NotFound("campaign", f"{about}: not found (404)", code=code, text=cleaned(text, sent))
    if status in (409, 412):
        return Conflict("campaign", f"{about}: another writer was first ({status})", code=code)
    if own and status >= 500 and status not in GATEWAY:
        return _unexplained(answer, code, text, sent)
    if status >= 500 or status == 408:
        return Unavailable(
            "campaign",
            f"{about}: the gateway or the instance is in trouble ({status}); it will be tried again. If it stays so, "
            "check the instance at the end of connections.campaign.url",
            wait=wait_of(answer),
        )
    fit = cleaned(text, sent)
    return Refused("campaign", f"{about}: refused ({status}) {fit}".rstrip(), code=code, text=fit)


def _mistake(answer: Answer, code: str, text: str, plain: str, reference: str | None, sent: object) -> Refused:
    fit = cleaned(text, sent)
    about, named = answer.about, code or answer.status
    if _DUPLICATE.search(plain):
        return AlreadyExists(
            "campaign",
            f"{about}: a record with this key exists ({code})",
            code=code,
            text=fit,
            field=_violated(without_sent(text, sent)),
        )
    said = _own_words(text, sent)
    unwritable = _unwritable(said, sent)
    if unwritable:
        field, reason = unwritable
        return SchemaRefused(
            "campaign",
            f"{about}: {reason} {field} ({named}); correct the mapping, or correct the resource and publish it",
            code=code,
            text=fit,
            field=field,
        )
    # What the address names is not there, or what a link names: Campaign says the same of both.
    unknown, missing = _UNKNOWN.search(said), _MISSING.search(plain)
    if unknown or missing:
        at_fault = unknown[1] if unknown else next((a or b for a, b in _NO_DOCUMENT_OF.findall(said)), "")
        link = dict(_links(sent)).get(at_fault)
        if link and at_fault != (reference or "").lstrip("@"):
            return LinkMissing(
                "campaign",
                f"{about}: what the link {link} leads to is not there ({named})",
                code=code,
                text=fit,
                field=link,
            )
    if missing:
        return NotFound("campaign", f"{about}: not found ({named})", code=code, text=fit)
    if unknown and reference is not None and unknown[1] == reference.lstrip("@"):
        return NotFound("campaign", f"{about}: no record has this PKey ({named})", code=code, text=fit)
    narrow = _TOO_LONG.search(said) or _NO_NAME.search(said)
    field = narrow[1] if narrow else ""
    words = fit.removeprefix(f"{code} ")
    return Refused("campaign", f"{about}: refused ({named}) {words}".rstrip(), code=code, text=fit, field=field)


def _nothing_there(answer: Answer, code: str, text: str, plain: str, sent: object) -> ConnectorError:
    """A 404 to an address of one record that does not say, as Campaign does, that this record is missing."""
    if _NO_RESOURCE.search(plain):
        return TableMissing(
            "campaign", f"{answer.about}: the resource is not there (404); check its name and publish it"
        )
    if CODE.fullmatch(code):
        return _unexplained(answer, code, text, sent)
    return Malformed(
        "campaign",
        f"{answer.about}: answered 404, but not as Campaign does for a record that is missing; it will be tried again. "
        "If it stays so, check the instance at the end of connections.campaign.url",
    )


def _own_words(text: str, sent: object) -> str:
    """The text without the values that could bring along the very words by which we tell Campaign's errors.

    A value that is one word could not, and stays: it may be spelt like a field, or be a PKey.
    """
    return without_sent(text, [value for value in values_of(sent) if not re.fullmatch(r"[\w.:/@-]+", value)])


def _unwritable(said: str, sent: object) -> tuple[str, str] | None:
    """(field, what Campaign says of it) where it does not know a field of the request, or lets nobody write it."""
    if found := _READ_ONLY.search(said):
        return found[1], "Campaign does not let us write the field"
    if found := _NO_PROPERTY.search(said):
        return found[1], "Campaign knows no field"
    found = _UNKNOWN.search(said)
    if found and found[1] in _names(sent):
        return found[1], "Campaign knows no field"
    return None


def _violated(text: str) -> str:
    """The column, or else the constraint, that a duplicate violates."""
    found = _COLUMN.search(text) or _CONSTRAINT.search(text)
    return found[1] if found else ""


def _unexplained(answer: Answer, code: str, text: str, sent: object) -> Malformed:
    """Neither a known mistake nor known trouble: it may be the record, so that it is not tried for ever."""
    if code == _GENERIC_CODE:
        return Malformed("campaign", f"{answer.about}: Campaign could not say why ({code})")
    fit = cleaned(text, sent)
    return Malformed("campaign", f"{answer.about}: failed for a reason we do not know ({code}) {fit}".rstrip())


def _told(answer: Answer) -> tuple[str, str]:
    """(code, text) of the envelopes seen: {error_code, message}, {code, message}, {error: {...}}, or plain text."""
    found = error_object(answer)
    inner = found.get("error")
    if isinstance(inner, dict):
        found = inner
    words = (found.get(name) for name in ("message", "error_description", "title", "error"))
    text = next((word for word in words if isinstance(word, str) and word), "")
    if not found and answer.body.lstrip()[:1] != b"<":
        text = answer.body.decode("utf-8", "replace")
    codes = CODE.findall(without_quotes(text))
    specific = next((code for code in codes if code != _GENERIC_CODE), codes[0] if codes else "")
    given = found.get("error_code", found.get("code", ""))
    return specific or (str(given) if re.fullmatch(r"[\w-]{1,20}", str(given)) else ""), text


def _links(sent: object, path: str = "") -> Iterator[tuple[str, str]]:
    """(PKey without its @, dotted field) of the links within a sent value."""
    if isinstance(sent, dict):
        if path and "PKey" in sent:
            yield str(sent["PKey"]).lstrip("@"), path
        for name, value in sent.items():
            yield from _links(value, f"{path}.{name}" if path else str(name))


def _names(sent: object) -> set[str]:
    """Names of the fields of a sent value, those of its elements included."""
    if not isinstance(sent, dict):
        return set()
    return {str(name) for name in sent}.union(*(_names(value) for value in sent.values()))
