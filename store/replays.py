"""Replays: which streams are to be synchronised as a whole again, and when that was last begun.

A request is pending until the workflow's next start, which begins all of them. Asking and cancelling are in the
workflow's history.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis

from store.client import text
from store.keys import WorkflowKeys
from store.scripts import clock_argument, script


@dataclass(frozen=True, slots=True)
class Replay:
    asked_ms: int
    by: str
    why: str
    began_ms: int | None  #: None: pending


class Replays:
    def __init__(self, redis: Redis, keys: WorkflowKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._replay = script(redis, "replay")

    def ask(self, stream: str, by: str, why: str, now_ms: int | None = None) -> bool:
        """True if it was asked for now, False if it was pending already; then the first request stands."""
        return self._change("ask", stream, by, why, now_ms) == 1

    def cancel(self, stream: str, by: str, why: str = "", now_ms: int | None = None) -> bool:
        """True if a pending request is withdrawn, False if there was none. One that began goes on."""
        return self._change("cancel", stream, by, why, now_ms) == 1

    def begin(self, now_ms: int) -> int:
        """Every pending request becomes one that began. Answers how many."""
        return self._change("begin", "", "", "", now_ms)

    def _change(self, what: str, stream: str, by: str, why: str, now_ms: int | None) -> int:
        changed: int = self._replay(
            keys=[self._keys.replays, self._keys.log], args=[clock_argument(now_ms), what, stream, by, why]
        )
        return changed

    def all(self) -> dict[str, Replay]:
        """The newest request of every stream that ever had one: the pending one, else the one that began last."""
        found = self._redis.hgetall(self._keys.replays)
        fields = {text(field): orjson.loads(packed) for field, packed in found.items()}
        begun = {field[len("began:") :]: _replay(value) for field, value in fields.items() if field[:6] == "began:"}
        pending = {field[len("asked:") :]: _replay(value) for field, value in fields.items() if field[:6] == "asked:"}
        return begun | pending

    def began(self, stream: str) -> int:
        """When the stream's last replay began, ms since 1970; 0 if there never was one."""
        packed = self._redis.hget(self._keys.replays, f"began:{stream}")
        return _replay(orjson.loads(packed)).began_ms or 0 if packed else 0


def _replay(fields: dict[str, Any]) -> Replay:
    began = fields.get("began")
    return Replay(int(fields["asked"]), fields["by"], fields["why"], int(began) if began is not None else None)
