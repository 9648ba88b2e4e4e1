"""The embedded Redis server of an installation, for as long as its processes run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from config.settings import Settings, socket_path
from control.processes import ports
from control.processes.supervisor import Say
from store.embedded import CannotStart, EmbeddedServer


@contextmanager
def server_of(settings: Settings, ending: Callable[[], bool] = lambda: False) -> Iterator[EmbeddedServer | None]:
    """The embedded server, where no other Redis is configured; `ending` cuts the loading of its data short.

    Raises CannotStart.
    """
    if settings.redis_url is not None:
        yield None
        return
    server = EmbeddedServer(settings.home)
    try:
        server.start(abandoned=ending)
        yield server
    finally:
        server.stop()


def revive(server: EmbeddedServer | None, say: Say, ending: Callable[[], bool] = lambda: False) -> None:
    """Starts the embedded server again if it has died. Everything that it had acknowledged is there again.

    Nothing is said about one that could not load its data because everything is `ending`. Raises CannotStart.
    """
    if server is None or ports.listens(socket_path(server.home)):
        return
    say("redis", "ended unexpectedly; started again")
    server.kill()
    try:
        server.start(abandoned=ending)
    except CannotStart:
        if not ending():
            raise
