"""Whom Flower's OAuth login lets in, and as what: its signed cookie says who it is."""

from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import create_signed_value

from control.errors import ControlError
from dashboard.door import Door, FlowerDoor, Misses, UsersDoor, Visitor
from dashboard.users import Role, UsersFile, write_user

SECRET = "a secret of the dashboard"
OPTIONS = SimpleNamespace(basic_auth=[], auth=".*@contoso.test")


def request(cookie: str) -> HTTPServerRequest:
    return HTTPServerRequest(
        start_line=RequestStartLine("GET", "/workflows", "HTTP/1.1"),
        headers=HTTPHeaders({"Host": "dash.test", "Cookie": cookie}),
    )


def signed(name: str, secret: str = SECRET) -> HTTPServerRequest:
    return request(f"user={create_signed_value(secret, 'user', name).decode()}")


def test_whoever_has_logged_in_operates_and_nobody_else_is_known(tmp_path: Path) -> None:
    door = FlowerDoor(OPTIONS, SECRET, UsersFile(tmp_path / "users", awaited=True))
    assert door.visitor(signed("olivia@contoso.test")) == Visitor("olivia@contoso.test", Role.OPERATE)
    # But not who is of another house, signs by another secret, or does not sign
    assert door.visitor(signed("eve@evil.test")) is None
    assert door.visitor(signed("olivia@contoso.test", "guessed")) is None
    assert door.visitor(request("user=olivia@contoso.test")) is None
    assert door.visitor(request("")) is None


def test_a_file_of_users_says_who_of_them_operates(tmp_path: Path) -> None:
    # Given a door without a file of users, which comes later
    file = tmp_path / "users"
    door = FlowerDoor(OPTIONS, SECRET, UsersFile(file, awaited=True))
    assert door.visitor(signed("vera@contoso.test")) == Visitor("vera@contoso.test", Role.OPERATE)
    write_user(file, "olivia@contoso.test", Role.OPERATE, None)
    # Then those operate whom it says so of
    assert door.visitor(signed("olivia@contoso.test")) == Visitor("olivia@contoso.test", Role.OPERATE)
    assert door.visitor(signed("vera@contoso.test")) == Visitor("vera@contoso.test", Role.VIEW)
    # And if it goes, nobody is known any more: it does not become as open as it was
    file.unlink()
    with pytest.raises(ControlError, match="cannot be read"):
        door.visitor(signed("vera@contoso.test"))


def with_password(name: str, password: str, address: str) -> HTTPServerRequest:
    packed = b64encode(f"{name}:{password}".encode()).decode()
    given = HTTPServerRequest(
        start_line=RequestStartLine("GET", "/workflows", "HTTP/1.1"),
        headers=HTTPHeaders({"Host": "dash.test", "Authorization": f"Basic {packed}"}),
    )
    given.remote_ip = address
    return given


@pytest.mark.parametrize("kind", ["users", "flower"])
def test_who_has_guessed_too_often_does_not_come_in_even_by_a_right_guess(tmp_path: Path, kind: str) -> None:
    # Given olivia, who has been in from her own machine
    write_user(tmp_path / "users", "olivia", Role.OPERATE, "correct horse")
    file = UsersFile(tmp_path / "users")
    options = SimpleNamespace(basic_auth=["olivia:correct horse"], auth="")
    door: Door = UsersDoor(file) if kind == "users" else FlowerDoor(options, SECRET, file)
    olivia = Visitor("olivia", Role.OPERATE)
    assert door.visitor(with_password("olivia", "correct horse", "10.0.0.1")) == olivia
    # When somebody guesses elsewhere
    for number in range(10):
        assert door.visitor(with_password("olivia", f"guess {number}", "10.0.0.2")) is None
    # Then not even her password lets them in there, and Flower is not asked in their place
    guess = with_password("olivia", "correct horse", "10.0.0.2")
    assert door.visitor(guess) is None and door.asks(guess)
    # And she works on
    assert door.visitor(with_password("olivia", "correct horse", "10.0.0.1")) == olivia


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
