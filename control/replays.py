"""Replays: a whole table is read and written again, from the next stop and start on."""

from dataclasses import dataclass
from enum import StrEnum

from control.errors import ControlError, UnknownTable
from control.mappings.saved import INGRESS, saved
from control.opening import workflow_of
from store.lifecycle import State
from store.replays import Replay
from store.store import Store, WorkflowStore
from sync.position import Phase, Position


@dataclass(frozen=True, slots=True)
class Asked:
    table: str
    new: bool  #: False: it was pending already
    is_on: bool  #: the workflow starts or runs: the replay waits for its stop and start


class Stage(StrEnum):
    """How far a replay has come."""

    PENDING = "pending"  # it begins with the next start
    READING = "reading"  # everything is read, and written at low priority
    WRITING = "writing"  # all is read; the rest waits to be written
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Listed:
    table: str
    replay: Replay
    stage: Stage
    waiting: int  #: records that were read again and that no writer has taken yet


def ask(store: Store, table: str, by: str, why: str = "") -> Asked:
    """Asks for the replay of a mapped table; asking twice is harmless. Raises NoConfiguration, UnknownTable."""
    mapping = saved(store).mapping(table)
    workflow = workflow_of(store, INGRESS)
    new = workflow.replays.ask(mapping.stream, by, why)
    return Asked(table, new, workflow.lifecycle.read().state in (State.STARTING, State.RUNNING))


def cancel(store: Store, table: str, by: str, why: str = "") -> None:
    """Takes a pending request back. Raises UnknownTable where none is known, ControlError once it has begun."""
    workflow = workflow_of(store, INGRESS)
    if workflow.replays.cancel(table, by, why):
        return
    if table in workflow.replays.all():
        raise ControlError(f"The replay of {table} has begun and cannot be taken back; it ends by itself.")
    raise UnknownTable(f"No replay of {table} is pending; see those that are with: d365acs replay ls")


def replays(store: Store) -> list[Listed]:
    """Pending ones and those that have begun, by table."""
    workflow = workflow_of(store, INGRESS)
    return [_listed(store, workflow, table, replay) for table, replay in sorted(workflow.replays.all().items())]


def _listed(store: Store, workflow: WorkflowStore, table: str, replay: Replay) -> Listed:
    if replay.began_ms is None:
        return Listed(table, replay, Stage.PENDING, 0)
    position = Position.load(workflow.cursor(table).value)
    waiting = int(store.redis.zcard(workflow.queue(table).keys.replay))
    if position.replayed_ms < replay.began_ms or position.phase is Phase.FULL:
        return Listed(table, replay, Stage.READING, waiting)
    return Listed(table, replay, Stage.WRITING if waiting else Stage.DONE, waiting)
