"""Kombu's Redis transport with two gaps closed.

A busy worker outlives the loss of its connection. When that breaks while a message is unacknowledged, Celery closes it,
and closing tries to give that message back. By then the transport has forgotten its address (kombu 5.7:
`Connection._do_close_transport`), and the AttributeError that follows ends the worker. As a connection error it is what
the worker expects there and goes on from.

And the password of a Unix socket is told to nobody. Kombu takes the whole address of a socket for the name of its host,
which every worker tells to Flower.
"""

from typing import Any

from kombu import transport
from kombu.transport import redis
from redis.connection import parse_url
from redis.exceptions import ConnectionError as NoConnection

#: User and password of the Unix socket that is used, if it has any.
_credentials: dict[str, str] = {}


class Channel(redis.Channel):  # type: ignore[misc]  # kombu ships no types
    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise NoConnection("The connection is closed; what was unacknowledged comes back by itself.")
        parameters = super()._connparams(asynchronous)
        return parameters | _credentials if "path" in parameters else parameters


class Transport(redis.Transport):  # type: ignore[misc]
    Channel = Channel


def use(redis_url: str) -> None:
    """From now on every Redis address of Celery leads here. `redis_url`: the one whose user and password are needed."""
    known = parse_url(redis_url)  # type: ignore[no-untyped-call]
    _credentials.clear()
    _credentials.update({name: known[name] for name in ("username", "password") if name in known})
    for scheme in ("redis", "rediss"):
        transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
