"""Kombu's Redis transport with one gap closed: a busy worker outlives the loss of its connection.

When the connection breaks while a message is unacknowledged, Celery closes it, and closing tries to give that message
back. By then the transport has forgotten its address (kombu 5.7: `Connection._do_close_transport`), and the
AttributeError that follows ends the worker. As a connection error it is what the worker expects there and goes on from.
"""

from typing import Any

from kombu import transport
from kombu.transport import redis
from redis.exceptions import ConnectionError as NoConnection


class Channel(redis.Channel):  # type: ignore[misc]  # kombu ships no types
    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise NoConnection("The connection is closed; what was unacknowledged comes back by itself.")
        return super()._connparams(asynchronous)


class Transport(redis.Transport):  # type: ignore[misc]
    Channel = Channel


def use() -> None:
    """From now on every Redis address of Celery leads here."""
    for scheme in ("redis", "rediss"):
        transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
