"""Flower's own start, with our pages in it, and nobody let in whom nothing keeps out."""

import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
from flower import command, urls
from flower.app import Flower
from flower.options import options
from tornado.httputil import HTTPServerRequest
from tornado.options import Error as WrongOption
from tornado.web import RequestHandler

from config.settings import Settings
from control.errors import ControlError
from control.opening import seal_of
from dashboard.door import Door, FlowerDoor, LinkDoor, UsersDoor
from dashboard.extending import Templates, extend
from dashboard.gate import Gate, Refused
from dashboard.link import address_of, key_of
from dashboard.policy import Guarded
from dashboard.users import UsersFile, users_file
from store.client import connect
from store.store import Store
from workers.app import build_app
from workers.logs import set_up

log = structlog.get_logger()

#: So many pages are made side by side.
THREADS = 8


@dataclass(frozen=True, slots=True)
class Served:
    """What the dashboard is about to answer, for those who start it."""

    page: str  #: the address of the Workflows page
    key: str  #: with which the page is operated; empty where people log in
    warnings: tuple[str, ...]


class Dashboard(Flower):  # type: ignore[misc]  # Flower ships no types
    """Flower, behind our gate."""

    def __init__(self, settings: Settings, store: Store, gate: Gate, **more: Any) -> None:
        self.d365acs = settings
        self.store = store
        self.gate = gate
        # Not Flower's own threads: those may all be waiting for workers that do not answer.
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pages")
        super().__init__(transforms=[Guarded], **more)

    def find_handler(self, request: HTTPServerRequest, **more: Any) -> Any:
        refusal = self.gate.judge(request)
        if refusal is not None:
            return self.get_handler_delegate(request, Refused, {"refusal": refusal})
        return super().find_handler(request, **more)


def serve(settings: Settings, given: Sequence[str], users: Path | None, tell: Callable[[Served], None]) -> None:
    """Serves until SIGTERM or Ctrl-C. `given`: options of Flower, as it has them. `users`: the file of users; None:
    that of the home folder, as soon as it is there.

    Raises ControlError for what it will not serve, and for options that are wrong.
    """
    _read_options(given)
    door = _door(settings, users)
    warnings = _check_place(door)
    extend()
    set_up(settings.log_format, settings.log_level)
    capp = build_app(settings)
    # Flower asks workers from several threads, each with two connections: with as few as a worker has they would all
    # wait for one another.
    capp.conf.broker_pool_limit = 64
    capp.set_current()
    store = Store(connect(settings.effective_redis_url), settings.instance, seal_of(settings))
    more = {
        **urls.settings,
        "template_loader": Templates(urls.settings["template_path"]),
        # Flower's script reads it.
        "xsrf_cookie_kwargs": {"samesite": "Strict"},
        "log_function": _log_request,
    }
    dashboard = Dashboard(settings, store, Gate(door, options), capp=capp, options=options, **more)
    try:
        port = dashboard.start_http_server()
    except OSError as error:
        raise ControlError(
            f"The dashboard cannot listen on port {options.port} of {options.address or 'this machine'}: "
            f"{error.strerror}; name another: --port"
        ) from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    scheme = "https" if options.certfile else "http"
    key = key_of(settings.home) if isinstance(door, LinkDoor) else ""
    tell(Served(address_of(scheme, options.address, port or 0, options.url_prefix or ""), key, warnings))
    try:
        dashboard.start()
    except (KeyboardInterrupt, SystemExit):
        return
    finally:
        dashboard.stop()
        store.redis.close()


def _log_request(handler: RequestHandler) -> None:
    """What was refused or failed; never what follows the question mark, which may be a key."""
    status, request = handler.get_status(), handler.request
    if status == 403 or status >= 500:
        log.warning("A request was not served.", action="not_served", status=status, method=request.method,
                    path=request.path, address=request.remote_ip)  # fmt: skip


def _read_options(given: Sequence[str]) -> None:
    """Raises ControlError for an option that Flower does not have, or a value that it does not take."""
    for option in given:
        if not command.is_flower_option(option):
            raise ControlError(
                f"There is no option {option.partition('=')[0]}; Flower's are told at "
                "https://flower.readthedocs.io/en/latest/config.html, and written --name=value."
            )
    try:
        command.apply_env_options()
        # Our own log; and as many tasks as fit in memory.
        command.apply_options("d365acs dashboard", ["--logging=none", "--max_tasks=10000", *given])
        command.extract_settings()
    except (WrongOption, ValueError, KeyError, FileNotFoundError) as error:
        raise ControlError(f"An option of Flower is wrong: {error}.") from None


def _door(settings: Settings, users: Path | None) -> Door:
    file = UsersFile(users or users_file(settings.home), awaited=users is None)
    if file.counts:
        file.users()  # what is wrong with it is told now
    if options.basic_auth or options.auth:
        return FlowerDoor(options, urls.settings["cookie_secret"], file)
    if file.counts:
        return UsersDoor(file)
    return LinkDoor(key_of(settings.home), settings.instance, settings.actor, file)


def _check_place(door: Door) -> tuple[str, ...]:
    """What is to be warned of. Raises ControlError if strangers could reach pages that nobody guards."""
    place = options.unix_socket or options.address or "all addresses of this machine"
    is_here = not options.unix_socket and is_loopback(options.address)
    if isinstance(door, LinkDoor) and not is_here:
        raise ControlError(
            f"Nobody would need to log in, so the dashboard does not listen on {place}; add somebody with: "
            "d365acs dashboard user NAME --role operate (or give Flower's --basic-auth or --auth)"
        )
    if not is_here and not options.unix_socket and not options.certfile:
        return ("Passwords travel readable to all; give --certfile and --keyfile, or put a proxy with TLS in front.",)
    return ()


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches the address. Empty means all of its addresses."""
    if address == "localhost":
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
