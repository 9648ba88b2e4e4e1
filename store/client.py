"""The connection to Redis, with the patience and the limits that every process of ours uses."""

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

#: What Redis loses in a crash, or a replica in taking over, is younger than that: what it has known for so long may be
#: built on elsewhere.
SURE_MS = 5_000


def connect(url: str) -> Redis:
    """A client that answers bytes.

    A silent server (packets swallowed by a firewall) is noticed after `socket_timeout`, not never. Three short
    retries bridge a reconnect; the library's own default is ten. Every script may be retried: batch numbers and
    versions make that harmless.
    """
    over_network = {} if url.startswith("unix:") else {"socket_connect_timeout": 3, "socket_keepalive": True}
    return Redis.from_url(
        url,
        socket_timeout=5,
        health_check_interval=5,
        **over_network,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1), 3),
    )


def text(raw: object) -> str:
    """A reply as text; nothing is the empty text."""
    return raw.decode() if isinstance(raw, bytes) else str(raw or "")


def server_time_ms(redis: Redis) -> int:
    """The server's clock, the one that every process shares; ms since 1970."""
    seconds, microseconds = redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000
