"""What every page of ours has: its visitor, its store, and a sentence for whatever goes wrong."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from redis.exceptions import RedisError
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, RequestHandler

from config.problems import ConfigProblems
from config.settings import Settings
from control.errors import ControlError, UnknownWorkflow
from control.opening import silence
from dashboard.door import Visitor
from dashboard.policy import OURS
from dashboard.ways import told
from store.revisions import EditedMeanwhile
from store.store import Store

if TYPE_CHECKING:
    _Base = RequestHandler
else:
    from flower.views import BaseHandler as _Base

#: What is foreseen: its text is a sentence for the operator.
FORESEEN = (ControlError, EditedMeanwhile, ConfigProblems)

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Page(_Base):
    @property
    def settings_of(self) -> Settings:
        found: Settings = self.application.d365acs  # type: ignore[attr-defined]  # it is a Dashboard
        return found

    @property
    def store(self) -> Store:
        found: Store = self.application.store  # type: ignore[attr-defined]
        return found

    @property
    def store_of_visitor(self) -> Store:
        """For what is done: the history then tells the visitor's address."""
        return self.store.from_origin(self.request.remote_ip or "")

    @property
    def visitor(self) -> Visitor:
        found: Visitor | None = self.application.gate.visitor_of(self.request)  # type: ignore[attr-defined]
        assert found is not None  # prepare has seen to it
        return found

    def prepare(self) -> None:
        self.set_header("Content-Security-Policy", OURS)
        if self.application.gate.visitor_of(self.request) is None:  # type: ignore[attr-defined]
            if not self.application.options.auth or self.request.method != "GET":  # type: ignore[attr-defined]
                raise HTTPError(401)
            self.redirect(f"{self.get_login_url()}?next={self.request.path}")

    def check_xsrf_cookie(self) -> None:
        # Flower's own is content with less where there is a password; a page that acts wants the token always.
        RequestHandler.check_xsrf_cookie(self)

    async def call(self, function: Callable[Given, Answer], *given: Given.args, **more: Given.kwargs) -> Answer:
        """The store is asked in a thread of its own: whoever waits for Redis keeps nobody else waiting."""
        threads = self.application.threads  # type: ignore[attr-defined]
        return await IOLoop.current().run_in_executor(threads, functools.partial(function, *given, **more))

    def show(self, template: str, **known: Any) -> None:
        self.render(
            template,
            visitor=self.visitor,
            instance=self.settings_of.instance,
            notice=self.taken_notice(),
            asset=self.asset,
            act_url=lambda workflow, verb: self.reverse_url("workflow-act", workflow, verb),
            letters_url=self.letters_url,
            told=self.told,
            **known,
        )

    def told(self, sentence: str, workflow: str = "") -> str:
        """As HTML, with a link in place of a command that the page can do."""
        return told(sentence, workflow, self.reverse_url)

    def letters_url(self, workflow: str, stream: str = "", cause: str = "", **more: object) -> str:
        """Of what was set aside: of all, of a stream, or of one cause of it."""
        given = {"stream": stream, "cause": cause, **more}
        fields = urlencode({name: value for name, value in given.items() if value})
        return f"{self.reverse_url('workflow-letters', workflow)}{'?' if fields else ''}{fields}"

    def asset(self, name: str) -> str:
        return self.reverse_url("workflows-static", name)

    def notice(self, sentence: str, went_well: bool = True) -> None:
        """Told on the next page."""
        text = f"{'+' if went_well else '-'}{sentence[:1500]}"
        self.set_signed_cookie("d365acs_notice", text, expires_days=None, httponly=True, samesite="Strict")

    def taken_notice(self) -> tuple[bool, str] | None:
        """Whether it went well, and the sentence."""
        raw = self.get_signed_cookie("d365acs_notice")
        if raw is None or self.get_query_argument("part", ""):
            return None
        self.clear_cookie("d365acs_notice")
        text = raw.decode()
        return text.startswith("+"), text[1:]

    def form(self, name: str) -> str:
        """A field as it was typed; Flower's own `get_argument` would escape it."""
        return self.get_body_argument(name, "", strip=False)

    def write_error(self, status_code: int, **known: Any) -> None:
        error = known.get("exc_info", (None, None))[1]
        if isinstance(error, RedisError):
            status_code, sentence = 503, silence(self.settings_of, error)
        elif isinstance(error, UnknownWorkflow):
            status_code, sentence = 404, str(error)
        elif isinstance(error, FORESEEN):
            status_code, sentence = 409, str(error)
        elif isinstance(error, HTTPError):
            sentence = error.log_message or f"{error.status_code} {error.reason or ''}"
        else:
            sentence = "Something unforeseen happened; its trace is in the log of the dashboard."
        self.set_status(status_code)
        if status_code == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="d365acs"')
        self.set_header("Content-Security-Policy", OURS)
        self.render("workflows-error.html", sentence=sentence, asset=self.asset, told=self.told)

    def log_exception(self, *known: Any) -> None:
        # What is foreseen is told on the page; the log would have the whole address with it, a key perhaps.
        if not isinstance(known[1], (*FORESEEN, RedisError, HTTPError)):
            super().log_exception(*known)
