"""The processes that do the work: workers and beats that were heard of lately."""

from dataclasses import dataclass

from control.status.presence import queues_of
from store.heartbeats import Heartbeat
from store.store import Store
from sync.workflows import NAMES


@dataclass(frozen=True, slots=True)
class Workers:
    at_ms: int  #: when they were looked at
    processes: tuple[Heartbeat, ...]
    unserved: tuple[str, ...]  #: queues that no worker listens to


def workers(store: Store) -> Workers:
    """Workers before beats, by name. Who has said nothing for 15 seconds is gone."""
    now_ms = store.now_ms()
    alive = store.heartbeats.alive(now_ms)
    served = {queue for one in alive for queue in one.queues}
    wanted = dict.fromkeys(queue for name in NAMES for queue in queues_of(name))
    processes = sorted(alive, key=lambda one: (one.role != "worker", one.name))
    return Workers(now_ms, tuple(processes), tuple(queue for queue in wanted if queue not in served))
