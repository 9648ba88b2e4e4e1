"""The processes of a storm: several workers, two beats, the server of Redis; and everything that befalls them."""

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from tests.end_to_end.installation import Installation
from tests.end_to_end.killer import Killer
from tests.end_to_end.processes import Process
from tests.storm.town import Town

ROLES = ("worker", "worker", "consent", "beat", "beat")

#: How long a process sleeps, in seconds: within its lease, or so much longer than that.
NAPS = (0.3, 1.2)
LONGER = (1, 2)
#: So many threads has a child that sends records: some hands and those who look after them.
HANDS = 7


class _Sleeper(NamedTuple):
    pids: list[int]
    ends: float  #: by the monotonic clock
    until: Callable[[], bool]  #: or as soon as that holds

    def is_over(self) -> bool:
        return time.monotonic() >= self.ends or self.until()


class Crew(Killer):
    def __init__(self, town: Town, seed: int) -> None:
        super().__init__(town.tables, seed, ROLES)
        self.town = town
        self.done: Counter[str] = Counter()  #: what has befallen whom
        self._asleep: list[_Sleeper] = []

    def supervise(self) -> None:
        """Whoever has ended is started again, whoever has slept long enough wakes up."""
        super().supervise()
        for sleeper in [sleeper for sleeper in self._asleep if sleeper.is_over()]:
            self._asleep.remove(sleeper)
            _send(sleeper.pids, signal.SIGCONT)
        self.town.look()

    def wake_all(self) -> None:
        for sleeper in self._asleep:
            _send(sleeper.pids, signal.SIGCONT)
        self._asleep.clear()

    @property
    def sleeps(self) -> bool:
        return bool(self._asleep)

    def pass_time(self, seconds: float) -> None:
        """The storm goes on."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.supervise()
            time.sleep(min(left, 0.05))

    # workers

    def kill_something(self) -> None:
        what = self.chance.choice(("worker", "children", "a child", "a child"))
        self.kill(what)
        self.done[f"SIGKILL {what}"] += 1

    def nap(self) -> None:
        """Somebody sleeps for less than a lease."""
        process = self.chance.choice(self.of("worker", "consent"))
        self._stop(process.pids(), self.chance.uniform(*NAPS))
        self.done["SIGSTOP nap"] += 1

    def oversleep(self, until: Callable[[], bool] = lambda: False, table: str = "") -> bool:
        """Somebody sleeps longer than their lease, if possible with records (of this table) in their hands; whether
        they have some. It is a child of a worker, or its whole worker."""
        return self._oversleep(self.town.tables, [table] if table else self.town.tables.streams, "worker", until)

    def oversleep_with_consent(self) -> bool:
        """The same of who writes people's consent."""
        return self._oversleep(self.town.consent, self.town.consent.streams, "consent", lambda: False)

    def _oversleep(self, stage: Installation, streams: Sequence[str], role: str, until: Callable[[], bool]) -> bool:
        worker, child = self._caught(4.0, stage, streams, role)
        pids = [child] if child and self.chance.random() < 0.5 else worker.pids()
        self._stop(pids, self.town.lease + self.chance.uniform(*LONGER), until)
        asleep = "SIGSTOP" if role == "worker" else f"SIGSTOP {role}"
        self.done[f"{asleep} at work" if child else asleep] += 1
        return bool(child)

    def _caught(self, seconds: float, stage: Installation, streams: Sequence[str], role: str) -> tuple[Process, int]:
        """A child that was stopped while it wrote records of these, with its worker; 0 if none was caught."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            for worker in self.of(role):
                for child in worker.pids():
                    if child != worker.pid and _threads(child) >= HANDS:
                        _send([child], signal.SIGSTOP)
                        if _threads(child) >= HANDS and _leased(stage, streams) > 0:
                            return worker, child
                        _send([child], signal.SIGCONT)
            time.sleep(0.01)
        return self.chance.choice(self.of(role)), 0

    def _stop(self, pids: list[int], seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        _send(pids, signal.SIGSTOP)
        self._asleep.append(_Sleeper(pids, time.monotonic() + seconds, until))

    # beats

    def hit_a_beat(self) -> None:
        if self.chance.random() < 0.5:
            self.kill("beat")
            self.done["SIGKILL beat"] += 1
        else:
            beat = self.chance.choice(self.of("beat"))
            self._stop([beat.pid], self.chance.uniform(0.5, 3))
            self.done["SIGSTOP beat"] += 1

    # Redis

    def kill_redis(self) -> None:
        """It is away for a moment."""
        self.stage.server.kill()
        self.pass_time(self.chance.uniform(0, 1.2))
        self.stage.server.start()
        self.done["SIGKILL redis"] += 1

    def flap_redis(self) -> None:
        """It goes and comes quickly, several times."""
        for _ in range(self.chance.randint(2, 4)):
            self.stage.server.kill()
            self.stage.server.start()
            self.pass_time(self.chance.uniform(0, 0.3))
        self.done["redis flaps"] += 1

    def hang_redis(self) -> None:
        """It takes connections and bytes, and answers nothing for a while."""
        pid = self.stage.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        begun, seconds = time.monotonic(), self.chance.uniform(0.5, 1.5)
        while time.monotonic() < begun + seconds:
            time.sleep(0.05)  # whoever looked after others meanwhile would hang, too
        os.kill(pid, signal.SIGCONT)
        self.done["SIGSTOP redis"] += 1

    def reset_connections(self) -> None:
        """Every connection to Redis is torn, or only those on which somebody waits for messages."""
        with Redis.from_url(self.stage.server.url) as redis, contextlib.suppress(RedisError):
            for kind in self.chance.choice((("normal", "pubsub"), ("normal",), ("pubsub",))):
                redis.execute_command("CLIENT", "KILL", "TYPE", kind)
        self.done["redis resets"] += 1


def _leased(stage: Installation, streams: Sequence[str]) -> int:
    try:
        return sum(stage.queue_of(name).backlog().leased for name in streams)
    except RedisError:
        return 0


def _threads(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/task"))
    return 0


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
