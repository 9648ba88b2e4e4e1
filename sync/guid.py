"""GUIDs in the spellings that people and systems use, as the one that Dynamics uses."""

import re

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGITS = re.compile(r"[0-9a-f]{32}")


def is_guid(text: str) -> bool:
    """Whether this is a GUID as Dynamics spells it: in lower case, with hyphens, without braces."""
    return _GUID.fullmatch(text) is not None


def guid_of(text: str) -> str:
    """A GUID in any of its usual spellings (braces, parentheses, capitals, no hyphens) in lower case; else empty."""
    found = text.lower()
    if is_guid(found):
        return found
    if found[:1] + found[-1:] in ("{}", "()"):
        found = found[1:-1].strip()
    if _DIGITS.fullmatch(found):
        found = f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:]}"
    return found if is_guid(found) else ""


def other_spellings(guid: str) -> tuple[str, ...]:
    """How a GUID in lower case may stand elsewhere, the likeliest first: in capitals, in braces."""
    return guid.upper(), f"{{{guid}}}", f"{{{guid.upper()}}}"
