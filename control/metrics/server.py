"""A small server of metrics, for Prometheus and for those who look whether this process lives."""

import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from redis.exceptions import RedisError

from config.addresses import is_loopback
from config.settings import Settings
from control.errors import ControlError
from control.metrics.exposition import exposition
from control.opening import silence
from store.store import Store

#: Seconds that a client may take to say what it wants.
PATIENCE_SECONDS = 10

PLAIN = "text/plain; charset=utf-8"


class MetricsServer(ThreadingHTTPServer):
    """`/metrics`, `/livez` (this process answers) and `/readyz` (Redis answers, too). It changes nothing, and has no
    login: beyond this machine, a proxy or the network must say who may read."""

    daemon_threads = True

    def __init__(self, address: str, port: int, store: Store, settings: Settings, anywhere: bool = False) -> None:
        """`port` 0 takes a free one. Raises ControlError for an address beyond this machine, unless `anywhere`, and for
        one that cannot be listened at."""
        if not anywhere and not is_loopback(address):
            raise ControlError(
                f"{address} can be reached from other machines, and metrics have no login; "
                "say --anywhere if the network keeps strangers out."
            )
        if ":" in address:
            self.address_family = socket.AF_INET6
        self.store = store
        self.settings = settings
        try:
            super().__init__((address, port), _Handler)
        except OSError as error:
            raise ControlError(
                f"Nothing can listen at {address}:{port}: {error.strerror}; take another --port."
            ) from None

    @property
    def url(self) -> str:
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = PATIENCE_SECONDS
    server_version = "d365acs"
    sys_version = ""

    def do_GET(self) -> None:
        answers: dict[str, Callable[[], tuple[str, bytes]]] = {
            "/metrics": self._metrics,
            "/livez": lambda: (PLAIN, b"alive\n"),
            "/readyz": self._ready,
        }
        answer = answers.get(self.path.partition("?")[0])
        if answer is None:
            self._send(404, PLAIN, b"There are /metrics, /livez and /readyz.\n")
            return
        try:
            content_type, text = answer()
        except RedisError as error:
            self._send(503, PLAIN, f"{silence(self.server.settings, error)}\n".encode())
        else:
            self._send(200, content_type, text)

    def _metrics(self) -> tuple[str, bytes]:
        return exposition(self.server.store, self.server.settings, self.headers.get("Accept", ""))

    def _ready(self) -> tuple[str, bytes]:
        self.server.store.redis.ping()
        return PLAIN, b"ready\n"

    def _send(self, status: int, content_type: str, text: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """A line each quarter of a minute tells nobody anything."""
