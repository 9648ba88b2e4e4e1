"""Which error an answer of Campaign is. Campaign reports the caller's mistakes as HTTP 500: only the text tells them
from trouble at the gateway.
"""

from __future__ import annotations

import re

from connectors.errors import (
    AccessDenied,
    AlreadyExists,
    Conflict,
    ConnectorError,
    CredentialsRefused,
    NotFound,
    Refused,
    Unavailable,
)
from connectors.http import error_object, wait_of
from connectors.texts import cleaned, without_quotes
from connectors.wire import Answer

_CODE = re.compile(r"\b(?:RST|XTK|PGS|SOP|JST|WDB|XSV)-\d{6}\b")
#: The line that stands before every other of the REST layer and says nothing.
_GENERIC_CODE = "RST-360011"
#: Campaign's own words, as opposed to the gateway's.
_BUSINESS = re.compile(
    r"""\b(?:RST|XTK|PGS)-\d | \bis\ not\ (?:a\ )?valid\b | \balready\ exists\b | \battribute\ unknown\b
        | \bread-only\b | \bUnable\ to\ (?:find\ document|parse\ expression|decrypt\ PKey)\b | \bCannot\ update\b
        | \bduplicate\ key\b""",
    re.VERBOSE | re.IGNORECASE,
)
_BUSINESS_CODE = re.compile(r"\b(?:RST|XTK|PGS)-\d")
#: The database's trouble, passed through under a business code.
_DATABASE_TROUBLE = re.compile(
    r"""\bdeadlock\b | \bcould\ not\ (?:connect|serialize|receive\ data)\b | \bterminating\ connection\b
        | \bserver\ closed\ the\ connection\b | \bcanceling\ statement\b | \btoo\ many\ (?:clients|connections)\b
        | \bis\ (?:starting\ up|shutting\ down)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_DUPLICATE = re.compile(r"\balready exists\b|\bduplicate key\b", re.IGNORECASE)
_MISSING = re.compile(r"\bUnable to find document\b|\bUnable to decrypt PKey\b", re.IGNORECASE)
_UNKNOWN_PKEY = re.compile(r"'([^']*)' attribute unknown\b", re.IGNORECASE)


def error_of(answer: Answer, *, addressed: bool = False, sent: object = None) -> ConnectorError:
    """The error for an answer of 400 and more. `addressed`: the address named one record; `sent`: the JSON value."""
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
    told = (_BUSINESS_CODE if status in (502, 503, 504) else _BUSINESS).search(plain)
    if told and not _DATABASE_TROUBLE.search(plain):
        return _business(answer, code, text, plain, addressed, sent)
    if status == 404:
        return NotFound("campaign", f"{about}: not found (404)", code=code, text=cleaned(text, sent))
    if status in (409, 412):
        return Conflict("campaign", f"{about}: another writer was first ({status})", code=code)
    if status >= 500 or status == 408:
        return Unavailable(
            "campaign",
            f"{about}: the gateway or the instance is in trouble ({status}); it will be tried again. If it stays so, "
            "check the instance at the end of connections.campaign.url",
            wait=wait_of(answer),
            sent=True,
        )
    fit = cleaned(text, sent)
    return Refused("campaign", f"{about}: refused ({status}) {fit}".rstrip(), code=code, text=fit)


def _business(answer: Answer, code: str, text: str, plain: str, addressed: bool, sent: object) -> Refused:
    fit = cleaned(text, sent)
    about = answer.about
    if _DUPLICATE.search(plain):
        return AlreadyExists("campaign", f"{about}: a record with this key exists ({code})", code=code, text=fit)
    if _MISSING.search(plain):
        return NotFound("campaign", f"{about}: not found ({code})", code=code, text=fit)
    unknown = _UNKNOWN_PKEY.search(text)
    if unknown and addressed and unknown[1].lstrip("@") not in _pkeys(sent):
        # Neither a record's nor a link's mistake: the PKey in the address names nothing.
        return NotFound("campaign", f"{about}: no record has this PKey ({code})", code=code, text=fit)
    return Refused("campaign", f"{about}: refused ({code or answer.status}) {fit}".rstrip(), code=code, text=fit)


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
    codes = _CODE.findall(text)
    specific = next((code for code in codes if code != _GENERIC_CODE), codes[0] if codes else "")
    given = found.get("error_code", found.get("code", ""))
    return specific or (str(given) if re.fullmatch(r"[\w-]{1,20}", str(given)) else ""), text


def _pkeys(sent: object) -> set[str]:
    """PKeys of the links within a sent value."""
    if not isinstance(sent, dict):
        return set()
    found = {str(sent["PKey"]).lstrip("@")} if "PKey" in sent else set()
    for value in sent.values():
        found |= _pkeys(value)
    return found
