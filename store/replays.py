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
    since_ms: int | None = None  #: only what happened since then, and...
    until_ms: int | None = None  #: ...until then; None: everything
    ended_ms: int | None = None  #: when somebody ended it before all was read
    anew: bool = False  #: whether the one before it was ended so: nothing of that goes on


class Replays:
    def __init__(self, redis: Redis, keys: WorkflowKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._replay = script(redis, "replay")

    def ask(
        self,
        stream: str,
        by: str,
        why: str,
        now_ms: int | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> bool:
        """True if it was asked for now, False if it was pending already; then the first request stands."""
        return self._change("ask", stream, by, why, now_ms, since_ms, until_ms) == 1

    def cancel(self, stream: str, by: str, why: str = "", now_ms: int | None = None) -> bool:
        """True if a pending request is withdrawn, False if there was none. One that began goes on."""
        return self._change("cancel", stream, by, why, now_ms) == 1

    def end(self, stream: str, by: str, why: str = "", now_ms: int | None = None) -> bool:
        """True if the one that began last is ended now, False if there is none, or it was ended before."""
        return self._change("end", stream, by, why, now_ms) == 1

    def begin(self, now_ms: int) -> int:
        """Every pending request becomes one that began. Answers how many."""
        return self._change("begin", "", "", "", now_ms)

    def _change(
        self,
        what: str,
        stream: str,
        by: str,
        why: str,
        now_ms: int | None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> int:
        window = ["" if at_ms is None else at_ms for at_ms in (since_ms, until_ms)]
        changed: int = self._replay(
            keys=[self._keys.replays, self._keys.log], args=[clock_argument(now_ms), what, stream, by, why, *window]
        )
        return changed

    def all(self) -> dict[str, Replay]:
        """The newest request of every stream that ever had one: the pending one, else the one that began last."""
        pending, begun = self.both()
        return begun | pending

    def both(self) -> tuple[dict[str, Replay], dict[str, Replay]]:
        """The pending request of every stream that has one; the one that began last of every stream that had one."""
        found = self._redis.hgetall(self._keys.replays)
        fields = {text(field): orjson.loads(packed) for field, packed in found.items()}
        begun = {field[len("began:") :]: _replay(value) for field, value in fields.items() if field[:6] == "began:"}
        pending = {field[len("asked:") :]: _replay(value) for field, value in fields.items() if field[:6] == "asked:"}
        return pending, begun

    def began(self, stream: str) -> Replay | None:
        """The stream's last replay that began; None if there never was one."""
        packed = self._redis.hget(self._keys.replays, f"began:{stream}")
        return _replay(orjson.loads(packed)) if packed else None


def _replay(fields: dict[str, Any]) -> Replay:
    began, since, until, ended = (
        int(fields[name]) if fields.get(name) is not None else None for name in ("began", "since", "until", "ended")
    )
    anew = bool(fields.get("anew"))
    return Replay(int(fields["asked"]), fields["by"], fields["why"], began, since, until, ended, anew)
