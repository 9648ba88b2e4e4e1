"""`Link` headers of the journal, in every form that was seen in the wild."""

from urllib.parse import quote

from sandbox.http import Headers
from sandbox.switches import Switches

#: Where nobody answers: a client that follows a link off the journal's own origin would tell it a token.
_ELSEWHERE = "https://events.example.com"


def link_headers(path: str, next_query: dict[str, str], switches: Switches, origin: str, nothing_new: bool) -> Headers:
    """`next`, and `validate` where there is nothing new (IOE, journaling API); more of them by switch (LIBEV, mock).

    `path`: of the request, percent-encoded; `next_query` gives what `next` asks for.
    """
    if switches.journal_link_path == "fast":
        path = f"/events-fast/{path.lstrip('/').partition('/')[2]}"
    host = {"relative": "", "absolute": origin, "foreign": _ELSEWHERE}[switches.journal_link_origin]
    query = "&".join(f"{name}={quote(value, safe=':-')}" for name, value in next_query.items())
    since = f"since={quote(next_query['since'], safe=':-')}" if "since" in next_query else ""
    links = [("next", f"{path}?{query}" if query else path)]
    if nothing_new or switches.journal_all_links:
        links.append(("validate", f"{path}/validate?{since}" if since else f"{path}/validate"))
    if switches.journal_all_links:
        links = [
            ("events", path),
            ("count", f"{path}/count?{since}" if since else f"{path}/count"),
            ("latest", f"{path}?latest=true"),
            ("page", f"{path}?since={{position}}&limit={{count}}"),
            ("seek", f"{path}?seek={{duration}}&limit={{count}}"),
            *reversed(links),
        ]
    shown = [f'<{host}{target}>; rel="{rel}"' for rel, target in links]
    if switches.journal_link_headers == "joined":
        shown = [", ".join(shown)]
    return [(b"Link", link.encode()) for link in shown]
