"""What browsers are told about every answer: what may run in it, where it may go, what is kept of it."""

from base64 import b64encode
from hashlib import sha256

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform

#: Ours: everything from here, nothing from elsewhere, and no other page around them.
OURS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

#: The one script that stands in a page of Flower, with its two values.
_INLINE = ("\nvar autorefresh = 1;\n", "\nvar autorefresh = 0;\n")

_KNOWN = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in _INLINE)

#: Flower's pages: their scripts write styles into elements.
FLOWERS = (
    f"default-src 'none'; script-src 'self' {_KNOWN}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class Guarded(OutputTransform):
    """Puts it into the headers of every answer, ours and Flower's."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self._is_asset = "/static/" in request.path
        self._is_tls = request.protocol == "https"

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        headers["X-Frame-Options"] = "DENY"
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers.setdefault("Content-Security-Policy", FLOWERS)
        headers.pop("Server", None)  # nobody needs to know the version
        if not self._is_asset:
            headers["Cache-Control"] = "no-store"
        if self._is_tls:
            _secure(headers)
        return status_code, headers, chunk


def _secure(headers: HTTPHeaders) -> None:
    """No cookie travels without TLS that was set with it, Flower's neither."""
    cookies = headers.get_list("Set-Cookie")
    headers.pop("Set-Cookie", None)
    for cookie in cookies:
        headers.add("Set-Cookie", cookie if "; secure" in cookie.lower() else f"{cookie}; Secure")
