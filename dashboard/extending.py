"""Our pages among Flower's: routes before its catch-all, templates beside its own, one more item in its navigation.

Flower has no way to be extended, so this leans on names that it does not promise; where a new version has changed them,
the dashboard says so when it starts, and not with a page that lacks something.
"""

from pathlib import Path
from typing import Any

from flower import urls
from flower.views import BaseHandler
from tornado.template import Loader, Template
from tornado.web import RequestHandler, StaticFileHandler, url

from control.errors import ControlError
from dashboard import acts, editing, workflows

HERE = Path(__file__).parent

#: In front of the first item of Flower's navigation.
_ANCHOR = '<ul class="app-nav navbar-nav">\n'
_ITEM = """\
        <li class="nav-item">
          <a class="nav-link{% if active_tab == 'workflows' %} active{% end %}"
            href="{{ reverse_url('workflows') }}"
            {% if active_tab == 'workflows' %}aria-current="page"{% end %}>Workflows</a>
        </li>
"""

ROUTES = [
    url(r"/workflows", workflows.Workflows, name="workflows"),
    url(r"/workflows/static/(.*)", StaticFileHandler, {"path": str(HERE / "static")}, name="workflows-static"),
    url(r"/workflows/enter", workflows.Enter, name="workflows-enter"),
    url(r"/workflows/(\w+)", workflows.Workflow, name="workflow"),
    url(r"/workflows/(\w+)/configuration", editing.Configuration, name="workflow-configuration"),
    url(r"/workflows/(\w+)/letters", workflows.Letters, name="workflow-letters"),
    url(r"/workflows/(\w+)/(start|stop|restart|replay|cancel|pause|resume|retry|drop)", acts.Act, name="workflow-act"),
]


def extend() -> None:
    """Our routes in the list itself, so that Flower puts --url_prefix in front of them, too. Once a process."""
    if ROUTES[0] not in urls.handlers:
        urls.handlers[:0] = ROUTES
    BaseHandler.check_xsrf_cookie = _check_token


def _check_token(handler: RequestHandler) -> None:
    """Flower asks for the token of the page under OAuth alone. Without a cookie it was a script that sent a password:
    browsers have the cookie of the token, and what came from another site has not come so far."""
    if "Cookie" in handler.request.headers:
        RequestHandler.check_xsrf_cookie(handler)


class Templates(Loader):
    """Ours by their names, all others are Flower's."""

    def __init__(self, root: str, **options: Any) -> None:
        super().__init__(root, **options)
        _with_item((Path(root) / "navbar.html").read_text())

    def _create_template(self, name: str) -> Template:
        ours = HERE / "templates" / name
        if ours.parent == HERE / "templates" and ours.is_file():
            return Template(ours.read_bytes(), name=name, loader=self)
        if name == "navbar.html":
            return Template(_with_item((Path(self.root) / name).read_text()), name=name, loader=self)
        return super()._create_template(name)


def _with_item(navbar: str) -> str:
    """Flower's navigation with ours. Raises ControlError if it is not as it was."""
    if navbar.count(_ANCHOR) != 1:
        raise ControlError(
            "This version of Flower has another navigation than the dashboard knows; install the one that is locked: "
            "make install"
        )
    return navbar.replace(_ANCHOR, _ANCHOR + _ITEM)
