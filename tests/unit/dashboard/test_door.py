"""Whom Flower's OAuth login lets in, and as what: its signed cookie says who it is."""

from pathlib import Path
from types import SimpleNamespace

from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import create_signed_value

from dashboard.door import FlowerDoor, Misses, Visitor
from dashboard.users import Role, write_user

SECRET = "a secret of the dashboard"
OPTIONS = SimpleNamespace(basic_auth=[], auth=".*@contoso.test")


def request(cookie: str) -> HTTPServerRequest:
    return HTTPServerRequest(
        start_line=RequestStartLine("GET", "/workflows", "HTTP/1.1"),
        headers=HTTPHeaders({"Host": "dash.test", "Cookie": cookie}),
    )


def signed(name: str, secret: str = SECRET) -> HTTPServerRequest:
    return request(f"user={create_signed_value(secret, 'user', name).decode()}")


def test_whoever_has_logged_in_operates_and_nobody_else_is_known() -> None:
    door = FlowerDoor(OPTIONS, SECRET, None)
    assert door.visitor(signed("olivia@contoso.test")) == Visitor("olivia@contoso.test", Role.OPERATE)
    # But not who is of another house, signs by another secret, or does not sign
    assert door.visitor(signed("eve@evil.test")) is None
    assert door.visitor(signed("olivia@contoso.test", "guessed")) is None
    assert door.visitor(request("user=olivia@contoso.test")) is None
    assert door.visitor(request("")) is None


def test_a_file_of_users_says_who_of_them_operates(tmp_path: Path) -> None:
    file = tmp_path / "users"
    write_user(file, "olivia@contoso.test", Role.OPERATE, None)
    door = FlowerDoor(OPTIONS, SECRET, file)
    assert door.visitor(signed("olivia@contoso.test")) == Visitor("olivia@contoso.test", Role.OPERATE)
    assert door.visitor(signed("vera@contoso.test")) == Visitor("vera@contoso.test", Role.VIEW)


def test_who_guesses_hinders_nobody_at_another_address() -> None:
    misses = Misses()
    for _ in range(10):
        assert not misses.are_many("10.0.0.1")
        misses.note("10.0.0.1")
    assert misses.are_many("10.0.0.1") and not misses.are_many("10.0.0.2")
    # And what is remembered of addresses has an end
    for number in range(1000):
        misses.note(f"10.1.{number // 250}.{number % 250}")
    assert not misses.are_many("10.0.0.1")
