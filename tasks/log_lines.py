"""The lines of exported logs: what became of a workflow in a span of time, as the store knows it. Ids, never values."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from store.acts import Event
from store.lifecycle import Life, State
from store.log_export import Moment, Told
from store.store import WorkflowStore

#: Records that have a line of their own in one file when they are set aside; more are counted, so that a mapping that
#: fits nothing makes no endless file.
ASIDE_A_DAY = 50_000

#: What is counted, and how a line names it.
_COUNTS = {
    "read": "read",
    "filtered": "filtered",
    "written": "written",
    "unchanged": "unchanged",
    "refused": "set_aside",
}


@dataclass(slots=True)
class Collected:
    """The lines of each day, such as 20261101, in the order of their times."""

    lines: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    aside: Counter[str] = field(default_factory=Counter)

    def add(self, day_ms: int, at_ms: int, line: dict[str, Any]) -> None:
        self.lines[day_of(day_ms)].append((at_ms, line))

    def packed(self, instance: str, workflow: str) -> dict[str, bytes]:
        """Each day's lines as they stand in its file."""
        return {day: b"".join(_packed(instance, workflow, found)) for day, found in sorted(self.lines.items())}


def day_of(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y%m%d")


def collect(store: WorkflowStore, life: Life, told: Told | None, now: Moment) -> Collected:
    """What happened since the logs were told last; the first time since the day began.

    Everything stands in the file of the day on which it happened; counts in that of the day when counting began.
    """
    found = Collected()
    day_began_ms = now.at_ms - now.at_ms % 86_400_000
    from_ms = told.until_ms if told else day_began_ms
    for event in store.acts.between(from_ms, now.at_ms):
        # An entry belongs to the span in which it was entered, whatever time it tells.
        found.add(min(max(event.at_ms, from_ms), now.at_ms - 1), event.at_ms, _event(event))
    room = {day: ASIDE_A_DAY - one.aside for day, one in (told.days if told else {}).items()}
    for stream in now.totals:
        _set_aside(store, stream, from_ms, now.at_ms, room, found)
    if told:
        for stream, totals in now.totals.items():
            _counts(store, life, stream, told, totals, now.at_ms, found)
    return found


def _event(event: Event) -> dict[str, Any]:
    """A change of state, or something else that somebody did, such as saving a configuration."""
    line: dict[str, Any] = {"event": "state" if event.to_state else "action", "action": event.action}
    if event.to_state:
        line |= {"from": event.from_state, "to": event.to_state}
    if event.stream:
        line["stream"] = event.stream
    for name, number in (("revision", event.revision), ("generation", event.generation)):
        if number is not None:
            line[name] = number
    if event.origin:
        line["origin"] = event.origin
    return line | {"by": event.by, "why": event.why}


def _set_aside(
    store: WorkflowStore, stream: str, from_ms: int, until_ms: int, room: Mapping[str, int], found: Collected
) -> None:
    more: Counter[tuple[str, str]] = Counter()
    for one in store.queue(stream).dead_between(from_ms, until_ms):
        day, reason = day_of(one.dead_ms), one.reason
        if found.aside[day] >= room.get(day, ASIDE_A_DAY):
            more[day, reason.kind] += 1
            continue
        found.aside[day] += 1
        line = {"event": "set_aside", "stream": stream, "id": one.id, "kind": reason.kind, "why": reason.sentence}
        line |= {name: value for name, value in (("system", reason.system), ("place", reason.place)) if value}
        found.add(one.dead_ms, one.dead_ms, line)
    for (day, kind), count in more.items():
        found.lines[day].append((until_ms, {"event": "set_aside_more", "stream": stream, "kind": kind, "count": count}))


def _counts(
    store: WorkflowStore, life: Life, stream: str, told: Told, totals: Mapping[str, int], now_ms: int, found: Collected
) -> None:
    """What was counted since then, and what waits now. Of a workflow that is off only what has changed is told."""
    before = told.totals.get(stream, {})
    counts = {name: totals[what] - before.get(what, 0) for what, name in _COUNTS.items()}
    if life.state not in (State.STARTING, State.RUNNING) and not any(counts.values()):
        return
    backlog = store.queue(stream).backlog()
    line: dict[str, Any] = {"event": "counts", "stream": stream, "since": _moment(told.until_ms), **counts}
    line |= {"waiting": backlog.waiting + backlog.leased, "parked": backlog.parked, "set_aside_now": backlog.dead}
    found.add(told.until_ms, now_ms, line)


def _packed(instance: str, workflow: str, lines: list[tuple[int, dict[str, Any]]]) -> Iterator[bytes]:
    for at_ms, line in sorted(lines, key=lambda one: one[0]):
        yield orjson.dumps({"at": _moment(at_ms), "instance": instance, "workflow": workflow, **line}) + b"\n"


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
