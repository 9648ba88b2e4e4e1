"""What people do with a replay that was asked for: take it back, end it, hold it back, let it go on."""

from typing import NamedTuple

from control.errors import ControlError
from control.replays.listing import Listed, Stage, listed
from control.replays.naming import is_on, stream_of, unknown, workflow_name_of
from store.store import Store, WorkflowStore
from sync.tables.position import Position


class Cancelled(NamedTuple):
    had_begun: bool  #: False: it was pending. True: what was read of it is written, the rest is not read
    is_on: bool  #: the workflow starts or runs
    workflow: str


def cancel(store: Store, name: str, by: str, why: str = "") -> Cancelled:
    """Takes a pending request back; if there is none, ends the one that is being read.

    Raises UnknownTable where none is known; ControlError once all is read, or if the one that was pending is not so
    any more.
    """
    workflow, stream = store.workflow(workflow_name_of(name)), stream_of(name)
    on = is_on(workflow)
    pending = workflow.replays.both()[0].get(stream)
    if pending is not None:
        if not workflow.replays.cancel(stream, by, why, which=pending):
            raise ControlError(
                f"The replay of {name} is not pending any more: it has just begun, or was taken back; see how far it "
                "has come with: d365acs replay ls"
            )
        return Cancelled(False, on, workflow.name)
    last = _last(store, workflow, name)
    is_read = last.stage in (Stage.READING, Stage.PAUSED)
    if not is_read or not workflow.replays.end(stream, by, why, which=last.replay):
        raise ControlError(
            f"No replay of {name} is pending or being read; see how far the last one came with: d365acs replay ls"
        )
    return Cancelled(True, on, workflow.name)


def pause(store: Store, name: str, by: str, why: str = "") -> Listed:
    """Nothing more of it is read until it is resumed, whatever stops and starts meanwhile; what was read is written.

    Raises UnknownTable where none has begun, ControlError if it is paused already or over, or is one with a full read.
    """
    workflow, stream = store.workflow(workflow_name_of(name)), stream_of(name)
    last = _last(store, workflow, name)
    if last.stage is Stage.PAUSED:
        raise ControlError(f"The replay of {name} is paused already; let it go on with: d365acs replay resume {name}")
    if last.stage is Stage.READING and name == stream and Position.load(workflow.cursor(stream).value).repeats:
        raise ControlError(
            f"Everything of {name} is read anyway, under a changed mapping or for the first time, and that cannot be "
            f"paused; make it no replay with: d365acs replay cancel {name}"
        )
    if last.stage is not Stage.READING or not workflow.replays.pause(stream, by, why, which=last.replay):
        raise ControlError(f"No replay of {name} is being read; see how far the last one came with: d365acs replay ls")
    return _last(store, workflow, name)


def resume(store: Store, name: str, by: str, why: str = "") -> Listed:
    """It goes on where it was paused. Raises UnknownTable where none has begun, ControlError if it is not paused."""
    workflow, stream = store.workflow(workflow_name_of(name)), stream_of(name)
    last = _last(store, workflow, name)
    if not workflow.replays.resume(stream, by, why, which=last.replay):
        raise ControlError(f"The replay of {name} is not paused; see how far it has come with: d365acs replay ls")
    return _last(store, workflow, name)


def _last(store: Store, workflow: WorkflowStore, name: str) -> Listed:
    """The one that began last."""
    replay = workflow.replays.began(stream_of(name))
    if replay is None:
        raise unknown(store, name, f"No replay of {name} is pending; see those that are with: d365acs replay ls")
    return listed(store, workflow, stream_of(name), replay)
