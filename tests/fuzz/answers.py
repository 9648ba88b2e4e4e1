"""HTTP answers as nobody promised them, and what must be true of every error that comes of one."""

from typing import Any

from hypothesis import strategies as st

from connectors.errors import ConnectorError, Refused
from connectors.texts import LONGEST_TEXT
from tests.fuzz.odd_values import as_json, deep, mutated

#: What is sent, and what vendors quote back: it must stand in no sentence.
PLANTED = "planted.person@example.com"

STATUSES = st.one_of(
    st.just(200),
    st.sampled_from([200, 201, 204]),
    st.sampled_from([202, 206, 301, 302, 304, 400, 401, 403, 404, 408, 409, 410, 412, 422, 428, 429, 500, 503, 504]),
)

#: Units of long texts that make careless expressions look through all of it for each of its letters.
_UNITS = ["a", "@", "a@", "'", " 'a", '"', "(", "PAS-1", "\u2018", "\\", "&", " "]


def bodies(valid: list[Any]) -> st.SearchStrategy[bytes]:
    """Bodies: valid ones with something wrong in them, torn ones, pages for a browser, noise."""
    json = st.sampled_from(valid).flatmap(mutated).map(as_json)
    torn = st.tuples(st.sampled_from(valid).map(as_json), st.integers(0, 200)).map(lambda found: found[0][: found[1]])
    long = st.builds(lambda unit, times: (unit * times).encode(), st.sampled_from(_UNITS), st.integers(1, 6_000))
    quoted = long.map(lambda text: as_json({"error": {"code": "0x0", "message": text.decode()}}))
    odd = st.sampled_from([
        b"", b" ", b"null", b"NaN", b"[]", b"{}", b'""', b"<html>" + PLANTED.encode(), b"\xff\xfe{}", b"\x1f\x8b\x08",
        b"\xef\xbb\xbf{}", b'{"a": 1}{"b": 2}', b"[" * 5_000, as_json(deep(400)), as_json(deep(900)),
        b'{"value": ' + b"9" * 5000 + b"}",
    ])  # fmt: skip
    return st.one_of(
        json, json, json, st.sampled_from(valid).map(as_json), torn, odd, long, quoted, st.binary(max_size=30)
    )


def headers() -> st.SearchStrategy[dict[str, str]]:
    """What an answer says of itself, mostly nothing."""
    values = st.sampled_from([
        "", "0", "-1", "1e400", "NaN", "9" * 40, "Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 99 Foo 0000 99:99:99", "\xe9",
        "application/json", "text/html", "multipart/mixed; boundary=x", "multipart/mixed; boundary=" + ";" * 3000,
        "https://elsewhere.example/x", "//elsewhere.example", "http://[", "/same", 'W/"1"', "*",
    ])  # fmt: skip
    names = st.sampled_from([
        "Retry-After", "Date", "Content-Type", "Location", "ETag", "OData-EntityId", "Link",
        "x-ms-ratelimit-burst-remaining-xrm-requests",
    ])  # fmt: skip
    return st.dictionaries(names, values, max_size=2)


def is_clean(error: ConnectorError) -> None:
    """One sentence of bearable length, without the values that were sent or quoted."""
    texts = [str(error), error.sentence, *([error.text, error.code, error.field] if isinstance(error, Refused) else [])]
    for text in texts:
        assert PLANTED not in text
        assert "\n" not in text and len(text) < 2 * LONGEST_TEXT + 500
    assert error.sentence
