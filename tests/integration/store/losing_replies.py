"""A client that loses the reply to its next script: the server has done its work all the same."""

from collections.abc import Callable
from hashlib import sha1
from typing import Any

from redis import Redis, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from store.client import connect
from store.scripts import source


class _Connection(UnixDomainSocketConnection):
    lose_next = False
    sha = ""
    meanwhile: Callable[[], object] = staticmethod(lambda: None)
    _command: tuple[str, ...] = ("",)

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        self._command = tuple(str(word) for word in args[:2])
        super().send_command(*args, **kwargs)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        reply = super().read_response(*args, **kwargs)
        if _Connection.lose_next and self._command[0] == "EVALSHA" and self._command[1].startswith(_Connection.sha):
            _Connection.lose_next = False
            _Connection.meanwhile()
            raise RedisConnectionError("the reply was lost")
        return reply


def connect_losing_replies(url: str) -> Redis:
    client = connect(url)
    client.connection_pool.connection_class = _Connection
    return client


def lose_next_reply(meanwhile: Callable[[], object] = lambda: None, verb: str = "") -> None:
    """`meanwhile`: what happens before the script is repeated. `verb`: the script, empty for whichever is next."""
    _Connection.lose_next = True
    _Connection.sha = sha1(source(verb).encode()).hexdigest() if verb else ""
    _Connection.meanwhile = staticmethod(meanwhile)


def lost() -> bool:
    """Whether the reply was lost as planned."""
    return not _Connection.lose_next
