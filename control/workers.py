"""The processes that do the work: workers and beats that were heard of lately."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from control.status.presence import queues_of
from control.words import listed
from store.heartbeats import Heartbeat
from store.lifecycle import State
from store.store import Store
from sync.workflows import NAMES


class Lacking(NamedTuple):
    """What is missing, with the command that helps."""

    sentence: str
    is_pressing: bool  #: a workflow is on that waits for it


@dataclass(frozen=True, slots=True)
class Workers:
    at_ms: int  #: when they were looked at
    processes: tuple[Heartbeat, ...]
    unserved: tuple[str, ...]  #: queues that no worker listens to
    running: tuple[str, ...] = ()  #: workflows that are on

    @property
    def lacking(self) -> list[Lacking]:
        """In the order in which it is best mended."""
        return list(_lacking(self))


def workers(store: Store) -> Workers:
    """Workers before beats, by name. Who has said nothing for 15 seconds is gone."""
    now_ms = store.now_ms()
    alive = store.heartbeats.alive(now_ms)
    served = {queue for one in alive for queue in one.queues}
    wanted = dict.fromkeys(queue for name in NAMES for queue in queues_of(name))
    processes = sorted(alive, key=lambda one: (one.role != "worker", one.name))
    on = tuple(name for name in NAMES if store.workflow(name).lifecycle.read().state in (State.STARTING, State.RUNNING))
    return Workers(now_ms, tuple(processes), tuple(queue for queue in wanted if queue not in served), on)


def _lacking(found: Workers) -> Iterator[Lacking]:
    if not found.processes:
        yield _line("No worker and no beat is there", found.running, "Start them with: d365acs up")
        return
    if not any(one.role == "worker" for one in found.processes):
        yield _line("No worker is there", found.running, "Start one with: celery -A workers.app worker")
    elif found.unserved:
        needing = [name for name in found.running if not set(queues_of(name)).isdisjoint(found.unserved)]
        command = f"celery -A workers.app worker -Q {','.join(found.unserved)}"
        yield _line(f"No worker serves {listed(found.unserved)}", needing, f"Start one with: {command}")
    if not any(one.role == "beat" for one in found.processes):
        yield _line("No beat wakes the workers", found.running, "Start one with: celery -A workers.app beat")


def _line(missing: str, waiting: Sequence[str], remedy: str) -> Lacking:
    waits = f", and {listed(waiting)} wait{'s' if len(waiting) == 1 else ''}" if waiting else ""
    return Lacking(f"{missing}{waits}. {remedy}", bool(waiting))
