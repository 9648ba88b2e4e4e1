"""Replays: which streams are to be synchronised once more, as a whole or in part, and when that was last begun.

A request is pending until it is begun alone, or by the workflow's next start, which begins all of them. Asking, pausing
and cancelling are in the workflow's history.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis

from store.client import text
from store.keys import WorkflowKeys
from store.replay_ids import ReplayIds
from store.scripts import clock_argument, script


@dataclass(frozen=True, slots=True)
class Ids:
    """Records that are named one by one; see `ReplayIds`."""

    token: str
    count: int


@dataclass(frozen=True, slots=True)
class Only:
    """What narrows a replay, and what holds it back."""

    since_ms: int | None = None  #: only what happened since then, and...
    until_ms: int | None = None  #: ...until then; None: everything
    where: tuple[str, ...] = ()  #: conditions, all of which must hold, as they were written
    ids: Ids | None = None  #: only these records
    rate: float | None = None  #: records a second at most

    @property
    def is_whole(self) -> bool:
        """Whether everything is replayed, at whatever pace."""
        return (self.since_ms, self.until_ms, self.where, self.ids) == (None, None, (), None)


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
    paused_ms: int | None = None  #: since when nothing more of it is read
    where: tuple[str, ...] = ()
    ids: Ids | None = None
    rate: float | None = None
    over_ms: int | None = None  #: when its reader knew that all was read
    read: int | None = None  #: records that were looked at by then; None: not known
    queued: int | None = None  #: those of them that went onto the queue; None: not known

    @property
    def only(self) -> Only:
        return Only(self.since_ms, self.until_ms, self.where, self.ids, self.rate)

    @property
    def goes_on(self) -> bool:
        """Whether more of it may be read."""
        return self.ended_ms is None and self.paused_ms is None


class Replays:
    """What was asked for of each stream. `which` of an act is the one that is meant, as it was looked at, and no other;
    without it, the one that is pending, or began last."""

    def __init__(self, redis: Redis, keys: WorkflowKeys, origin: str = "") -> None:
        self._redis = redis
        self._keys = keys
        self._origin = origin
        self._replay = script(redis, "replay")

    def ask(
        self,
        stream: str,
        by: str,
        why: str,
        now_ms: int | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        where: Sequence[str] = (),
        ids: Ids | None = None,
        rate: float | None = None,
    ) -> bool:
        """True if it was asked for now, False if it was pending already; then the first request stands.

        `ids` must have been kept by `ids_of`, less than an hour ago; those of a request that is not taken are dropped.
        """
        only = Only(since_ms, until_ms, tuple(where), ids, rate)
        asked = self._change("ask", stream, by, why, now_ms, only) == 1
        if ids is not None and not asked:
            self.ids_of(stream, ids.token).drop()
        return asked

    def begin_now(self, stream: str, by: str, why: str = "", now_ms: int | None = None) -> bool:
        """A pending request begins; False if there is none, or the workflow does not run."""
        return self._change("now", stream, by, why, now_ms) == 1

    def cancel(
        self, stream: str, by: str, why: str = "", now_ms: int | None = None, which: Replay | None = None
    ) -> bool:
        """True if a pending request is withdrawn, False if there was none. One that began goes on."""
        which = which or self.both()[0].get(stream)
        return which is not None and self._change("cancel", stream, by, why, now_ms, which) == 1

    def pause(
        self, stream: str, by: str, why: str = "", now_ms: int | None = None, which: Replay | None = None
    ) -> bool:
        """True if the one that began last is paused now; False if there is none, or it is paused or ended."""
        return self._change_begun("pause", stream, by, why, now_ms, which)

    def resume(
        self, stream: str, by: str, why: str = "", now_ms: int | None = None, which: Replay | None = None
    ) -> bool:
        """True if the one that began last goes on now; False if it was not paused."""
        return self._change_begun("resume", stream, by, why, now_ms, which)

    def end(self, stream: str, by: str, why: str = "", now_ms: int | None = None, which: Replay | None = None) -> bool:
        """True if the one that began last is ended now, False if there is none, or it was ended before."""
        return self._change_begun("end", stream, by, why, now_ms, which)

    def over(self, stream: str, began_ms: int, read: int | None = None, queued: int | None = None) -> None:
        """Its reader has read all of the one that began then, so many records; that is kept once."""
        numbers = ["" if number is None else number for number in (began_ms, read, queued)]
        self._replay(keys=self._all_keys(), args=[clock_argument(None), "over", stream, "", "", *numbers, "", ""])

    def past(self) -> list[tuple[str, Replay]]:
        """Those that another one of their stream has followed, with the stream, the newest first; the last 20."""
        found = self._redis.lrange(self._keys.past_replays, 0, -1)
        return [(fields["stream"], _replay(fields)) for fields in map(orjson.loads, found)]

    def begin(self, now_ms: int, generation: int | None = None) -> int:
        """Every pending request becomes one that began; of a start's `generation` only while that one is STARTING.
        Answers how many."""
        return self._change("begin", "" if generation is None else str(generation), "", "", now_ms)

    def ids_of(self, stream: str, token: str = "") -> ReplayIds:
        """The ids of one request: of a new one without a token."""
        token = token or secrets.token_hex(8)
        return ReplayIds(self._redis, self._keys.stream(stream).replay_ids(token), token)

    def _change_begun(
        self, what: str, stream: str, by: str, why: str, now_ms: int | None, which: Replay | None
    ) -> bool:
        which = which or self.began(stream)
        return which is not None and self._change(what, stream, by, why, now_ms, which) == 1

    def _change(
        self, what: str, stream: str, by: str, why: str, now_ms: int | None, of: Replay | Only | None = None
    ) -> int:
        """`of`: the request that is meant, or what confines one that is asked for."""
        only = of.only if isinstance(of, Replay) else of or Only()
        window: list[int | None] = [only.since_ms, only.until_ms]
        if isinstance(of, Replay):
            window = [of.asked_ms if of.began_ms is None else of.began_ms, None]
        keys = self._all_keys(secrets.token_hex(8))
        if only.ids is not None:
            keys[3] = self._keys.stream(stream).replay_ids(only.ids.token)
        numbers = ["" if number is None else number for number in window]
        has_ids = "1" if only.ids else ""
        args = [clock_argument(now_ms), what, stream, by, why, *numbers, _pack(only), has_ids, self._origin]
        changed: int = self._replay(keys=keys, args=args)
        return changed

    def _all_keys(self, act: str = "") -> list[str]:
        keys = self._keys
        return [keys.replays, keys.log, keys.lifecycle, keys.replays, keys.past_replays, keys.answer(act)]

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


def _pack(only: Only) -> str:
    """What the script passes on without looking at it; empty if there is nothing."""
    rest: dict[str, Any] = {"where": only.where, "ids": only.ids, "rate": only.rate}
    kept = {name: value for name, value in rest.items() if value}
    return orjson.dumps(kept).decode() if kept else ""


def _replay(fields: dict[str, Any]) -> Replay:
    began, since, until, ended, paused, over, read, queued = (
        int(fields[name]) if fields.get(name) is not None else None
        for name in ("began", "since", "until", "ended", "paused", "over", "read", "queued")
    )
    rest = orjson.loads(fields["only"]) if fields.get("only") else {}
    return Replay(
        int(fields["asked"]),
        fields["by"],
        fields["why"],
        began,
        since,
        until,
        ended,
        bool(fields.get("anew")),
        paused,
        tuple(rest.get("where", ())),
        Ids(**rest["ids"]) if rest.get("ids") else None,
        rest.get("rate"),
        over,
        read,
        queued,
    )
