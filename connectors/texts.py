"""Vendor error texts made fit for logs: no values of records, at most 300 characters.

Both systems quote what they refuse: "The value 'x' is not valid for ...", "Key (email)=(a@b.c) already exists".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Characters of a vendor's text that are kept.
LONGEST_TEXT = 300

_GAP = "…"

#: What a quoted name may stand before or after, to be kept: the schema's words, not a person's.
_SCHEMA_NAME = re.compile(
    r"""(?:(?P<kind>\b(?:property[ ]named|on[ ]type|attribute|query[ ]parameter|segment)[ ]))?
        (?<!\w)'(?P<name>@?[A-Za-z_][\w.:]*)'(?!\w)
        (?=(?P<after>[ ](?:property|attribute[ ]of|resource|enumeration|field)\b)?)""",
    re.VERBOSE,
)
# A closing quote has no letter behind it, so that O'Brien within quotes does not end them. What is never closed is a
# value to its end; else a long answer full of opening quotes would be searched once for each of them.
_QUOTED = re.compile(
    r"""(?<!\w)'.*?(?:'(?!\w)|\Z)|"[^"]*(?:"|\Z)|\u2018[^\u2019]*(?:\u2019|\Z)|\u201c[^\u201d]*(?:\u201d|\Z)""",
    re.DOTALL,
)
_DETAIL = re.compile(r"\b(?:DETAIL|CONTEXT|Failing row contains)\b.*", re.DOTALL)
_KEY_VALUE = re.compile(r"\([^()]*\)\s*=\s*\(.*\)", re.DOTALL)
_IDENTIFIER = re.compile(r"\{?\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b\}?", re.IGNORECASE)
_WORD = re.compile(r"[^\s'\"<>]+")
_PKEY = re.compile(r"@[\w-]{8,}")


def without_quotes(text: str) -> str:
    """The text with everything that may be a value replaced by a gap; names of the schema stay."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if not (match["kind"] or match["after"]):
            return match[0]
        kept.append(match["name"])
        return f"{match['kind'] or ''}\0{len(kept) - 1}\0"

    text = _SCHEMA_NAME.sub(keep, text.replace("\0", " "))
    for values in (_DETAIL, _KEY_VALUE, _QUOTED, _IDENTIFIER):
        text = values.sub(_GAP, text)
    text = _PKEY.sub(_GAP, _WORD.sub(_without_address, text))
    return re.sub(r"\0(\d+)\0", lambda match: f"'{kept[int(match[1])]}'", text)


def _without_address(word: re.Match[str]) -> str:
    """A word, or a gap for one with an e-mail address in it: an @ with something before it, and a dot further on."""
    at = word[0].find("@", 1)
    return _GAP if at > 0 and word[0].rfind(".", at + 2, -1) > 0 else word[0]


def cleaned(text: str, sent: object = None) -> str:
    """`text` fit for a log. `sent`: the JSON value of the request, whose values are removed wherever they stand."""
    if text.lstrip()[:1] == "<":
        return ""  # a page for a browser
    text = " ".join(without_quotes(without_sent(text, sent)).split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + _GAP


def without_sent(text: str, sent: object) -> str:
    """`text` without the values that were sent, wherever they stand as words of their own."""
    for value in sorted(set(values_of(sent)), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _GAP, text, flags=re.IGNORECASE)
    return text


def values_of(sent: object) -> Iterator[str]:
    """Every value within a JSON value, as text; names, blanks and booleans are none."""
    if isinstance(sent, dict):
        yield from _all(sent.values())
    elif isinstance(sent, list | tuple):
        yield from _all(sent)
    elif isinstance(sent, str):
        if sent.strip():
            yield sent.strip()
    elif sent is not None and not isinstance(sent, bool):
        yield str(sent)


def _all(items: Iterable[object]) -> Iterator[str]:
    for item in items:
        yield from values_of(item)
