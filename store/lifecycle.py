"""The life cycle of a workflow.

    start  STOPPED, FAILED    -> STARTING
    run    STARTING           -> RUNNING    once the start-up checks have passed
    fail   STARTING, RUNNING  -> FAILED
    stop   STARTING, RUNNING  -> STOPPED

Every start and every stop raises the generation; work of an earlier generation can neither queue, lease nor renew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis import Redis

from store.client import text
from store.keys import WorkflowKeys
from store.scripts import clock_argument, script
from store.trouble import BESIDE


class State(StrEnum):
    STOPPED = "STOPPED"  # nothing will be synchronised
    STARTING = "STARTING"  # start requested, nothing synchronised yet
    RUNNING = "RUNNING"  # being synchronised
    FAILED = "FAILED"  # met an error it could not recover from


@dataclass(frozen=True, slots=True)
class Life:
    state: State
    generation: int
    since_ms: int | None
    by: str
    why: str
    revision: int | None  #: the active configuration


class Lifecycle:
    def __init__(self, redis: Redis, keys: WorkflowKeys, origin: str = "") -> None:
        self._redis = redis
        self._keys = keys
        self._origin = origin
        self._transition = script(redis, "transition")

    def read(self) -> Life:
        fields = self._redis.hgetall(self._keys.lifecycle)
        found = _texts(fields)
        return Life(
            State(found.get("state", State.STOPPED)),
            int(found.get("generation", 0)),
            int(found["since"]) if "since" in found else None,
            found.get("by", ""),
            found.get("why", ""),
            int(found["revision"]) if "revision" in found else None,
        )

    def is_running(self, generation: int) -> bool:
        """Cheap enough to be asked between two requests."""
        state, now = self._redis.hmget(self._keys.lifecycle, ["state", "generation"])
        return state == State.RUNNING.encode() and now == str(generation).encode()

    def start(self, by: str, why: str, revision: int, now_ms: int | None = None) -> bool:
        """True if the state changed, False if the workflow was starting or running already. Ends what an earlier run
        was in trouble with."""
        return self._change("start", "", by, why, str(revision), now_ms) == 1

    def stop(self, by: str, why: str, now_ms: int | None = None) -> bool:
        """True if the state changed, False if nothing ran: the workflow was stopped, or had failed."""
        return self._change("stop", "", by, why, "", now_ms) == 1

    def run(self, generation: int, by: str, why: str, now_ms: int | None = None) -> bool:
        """Whether it runs: not while leases of an earlier generation are alive, nor if the generation is over. Who
        makes it run ends what the start was in trouble with."""
        return self._change("run", str(generation), by, why, "", now_ms) in (0, 1)

    def fail(
        self, generation: int, by: str, why: str, now_ms: int | None = None, only_from: State | None = None
    ) -> bool:
        """Whether it has failed: not if the generation is over, since what failed is no longer wanted.

        `only_from`: nor from any other state. What a start meets is over when the workflow runs.
        """
        return self._change("fail", str(generation), by, why, "", now_ms, only_from) in (0, 1)

    def _change(
        self,
        arrow: str,
        generation: str,
        by: str,
        why: str,
        revision: str,
        now_ms: int | None,
        only_from: State | None = None,
    ) -> int:
        batches = [self._keys.stream(stream).batches for stream in self.streams()]
        code, _, _ = self._transition(
            keys=[self._keys.lifecycle, self._keys.log, self._keys.trouble, *batches],
            args=[clock_argument(now_ms), arrow, generation, by, why, revision, self._origin, only_from or "", *BESIDE],
        )
        return int(code)

    def streams(self) -> list[str]:
        """Every stream the workflow ever had; one that left the configuration may still hold records."""
        return sorted(text(raw) for raw in self._redis.smembers(self._keys.streams))

    def add_streams(self, names: list[str]) -> None:
        if names:
            self._redis.sadd(self._keys.streams, *names)


def _texts(fields: Mapping[Any, Any]) -> dict[str, str]:
    return {text(name): text(value) for name, value in fields.items()}
