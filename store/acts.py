"""What people and the workflow itself did, by whom, from where and why: a history, of which 10,000 acts are kept.

Changes of state, revisions and replays enter themselves, in one step with what they change; `note` enters the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from store.client import server_time_ms, text
from store.keys import WorkflowKeys

#: As many as the verbs keep that enter themselves.
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a workflow's history."""

    at_ms: int
    by: str
    action: str
    why: str
    from_state: str
    to_state: str
    generation: int | None
    revision: int | None
    stream: str = ""  #: empty where the whole workflow is meant
    origin: str = ""  #: from where it was done, see `Store.from_origin`; empty: by the workflow itself


class Acts:
    def __init__(self, redis: Redis, keys: WorkflowKeys, origin: str = "") -> None:
        self._redis = redis
        self._keys = keys
        self._origin = origin

    def note(self, action: str, by: str, why: str, stream: str = "", now_ms: int | None = None) -> None:
        """Enters an act. `why`: what it was about, and the reason; it must not hold a record's values."""
        at_ms = server_time_ms(self._redis) if now_ms is None else now_ms
        fields = {"at": at_ms, "by": by, "action": action, "why": why, "origin": self._origin}
        if stream:
            fields["stream"] = stream
        self._redis.xadd(self._keys.log, fields, maxlen=KEPT, approximate=True)  # type: ignore[arg-type]  # invariant

    def between(self, from_ms: int, until_ms: int) -> list[Event]:
        """What was entered from one time on and before another, the oldest first."""
        entries = self._redis.xrange(self._keys.log, min=f"{from_ms}-0", max=f"({until_ms}-0") or []
        return [_event(fields or {}) for _, fields in entries]

    def newest(self, limit: int = 100, since_ms: int | None = None) -> list[Event]:
        """The newest first; with a time, those since then."""
        since = "-" if since_ms is None else f"{since_ms}-0"
        entries = self._redis.xrevrange(self._keys.log, min=since, count=limit) or []
        return [_event(fields or {}) for _, fields in entries]


def _event(raw: Mapping[Any, Any]) -> Event:
    fields = {text(name): text(value) for name, value in raw.items()}
    return Event(
        int(fields["at"]),
        fields["by"],
        fields["action"],
        fields["why"],
        fields.get("from", ""),
        fields.get("to", ""),
        int(fields["generation"]) if "generation" in fields else None,
        int(fields["revision"]) if "revision" in fields else None,
        fields.get("stream", ""),
        fields.get("origin", ""),
    )
