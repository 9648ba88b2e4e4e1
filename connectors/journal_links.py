"""Links in the headers of an answer (RFC 8288): several headers or one joined, and which one leads on."""

from __future__ import annotations

import re

_LINK = re.compile(
    r"""<([^<>]*)>((?:\s*;\s*[\w!\#$&+.^`|~*-]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]+))?)*)""", re.VERBOSE | re.DOTALL
)
_RELATION = re.compile(r""";\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))""", re.IGNORECASE)


def links_to(relation: str, header: str) -> list[str]:
    """The distinct targets of this relation, as they stand in the header, in its order."""
    found: dict[str, None] = {}
    for target, parameters in _LINK.findall(header):
        # Of several rel only the first counts (RFC 8288, 3.3); one may name several relations.
        named = _RELATION.search(parameters)
        if named and relation in (named[1] or named[2] or "").lower().split():
            found[target.strip()] = None
    return list(found)
