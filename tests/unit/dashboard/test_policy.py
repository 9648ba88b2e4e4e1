"""The headers of every answer."""

from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from dashboard.policy import Guarded


def answered(protocol: str, *cookies: str) -> list[str]:
    """The cookies of an answer, as they go out."""
    request = HTTPServerRequest(
        start_line=RequestStartLine("GET", "/workflows", "HTTP/1.1"), headers=HTTPHeaders({"Host": "dash.test"})
    )
    request.protocol = protocol
    headers = HTTPHeaders()
    for cookie in cookies:
        headers.add("Set-Cookie", cookie)
    return Guarded(request).transform_first_chunk(200, headers, b"", True)[1].get_list("Set-Cookie")


def test_with_tls_no_cookie_travels_without_it_flowers_neither() -> None:
    given = ("_xsrf=1; Path=/; SameSite=Strict", "user=2; HttpOnly; Path=/", "other=3; Path=/; Secure")
    assert answered("https", *given) == [f"{given[0]}; Secure", f"{given[1]}; Secure", given[2]]
    assert answered("http", *given) == list(given)
    assert answered("https") == []
