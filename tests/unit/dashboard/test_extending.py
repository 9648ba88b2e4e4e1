"""Our pages in Flower: another version of it is noticed when the dashboard starts."""

from pathlib import Path

import pytest
from flower import urls

from control.errors import ControlError
from dashboard.extending import ROUTES, Templates, extend


def test_another_navigation_is_told_at_the_start(tmp_path: Path) -> None:
    for navbar in ("<nav></nav>", '<ul class="app-nav navbar-nav">\n' * 2):
        # Given a Flower whose navigation is not the known one
        (tmp_path / "navbar.html").write_text(navbar)
        # Then that is a sentence, and not a page without our item
        with pytest.raises(ControlError, match="This version of Flower has another navigation"):
            Templates(str(tmp_path))


def test_ours_stand_beside_flowers_and_files_elsewhere_are_not_read() -> None:
    templates = Templates(urls.settings["template_path"])
    assert (templates.load("workflows.html").name, templates.load("404.html").name) == ("workflows.html", "404.html")
    with pytest.raises(FileNotFoundError):
        templates.load("../static/workflows.css")


def test_routes_are_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "handlers", list(urls.handlers))
    extend()
    extend()
    assert urls.handlers[: len(ROUTES)] == ROUTES
    assert [route for route in urls.handlers if route is ROUTES[0]] == [ROUTES[0]]
