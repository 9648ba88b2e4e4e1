"""Start, stop, restart: through the store's one door, under the operator's name."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from control import privacy
from control.errors import NoConfiguration
from control.opening import workflow_of
from control.together import check_beside
from store.lifecycle import State
from store.store import Store, WorkflowStore

#: How often a waiting operator looks, in seconds.
LOOK_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operator's act has changed."""

    workflow: str
    changed: bool  #: False: it was so already
    before: State
    after: State
    generation: int
    revision: int | None  #: the active one


def start(store: Store, workflow: str, by: str, why: str = "", accept_privacy: bool = False) -> Operation:
    """Makes the newest revision active and the workflow STARTING; nothing changes if it starts or runs already.

    `accept_privacy`: the operator acknowledges now where privacy requests are to be made, which the first start of an
    instance needs. Raises UnknownWorkflow, NoConfiguration, PairedTwice, PrivacyNotAcknowledged.
    """
    one = workflow_of(store, workflow)
    newest, before = one.revisions.newest(), one.lifecycle.read().state
    if before not in (State.STARTING, State.RUNNING):
        check_beside(store, workflow, newest)
    _check_startable(store, one, by, accept_privacy)
    changed = one.lifecycle.start(by, why, newest)
    return _operation(one, changed, before)


def stop(store: Store, workflow: str, by: str, why: str = "") -> Operation:
    """Makes a workflow that starts or runs STOPPED; queue and reading position are kept. Raises UnknownWorkflow."""
    one = workflow_of(store, workflow)
    before = one.lifecycle.read().state
    changed = one.lifecycle.stop(by, why)
    return _operation(one, changed, before)


def restart(store: Store, workflow: str, by: str, why: str = "", accept_privacy: bool = False) -> Operation:
    """Stop, if it starts or runs, and start: what was saved meanwhile becomes active. Raises as `start`."""
    # Before anything is stopped.
    one = workflow_of(store, workflow)
    check_beside(store, workflow, one.revisions.newest())
    _check_startable(store, one, by, accept_privacy)
    before = stop(store, workflow, by, why).before
    start(store, workflow, by, why)
    return _operation(one, True, before)


def _check_startable(store: Store, one: WorkflowStore, by: str, accept_privacy: bool) -> None:
    """Raises NoConfiguration, PrivacyNotAcknowledged."""
    if not one.revisions.newest():
        raise NoConfiguration(f"{one.name} has no configuration yet; save one with: d365acs config apply FILE")
    privacy.check(store, by, accept_privacy)


def _operation(workflow: WorkflowStore, changed: bool, before: State) -> Operation:
    life = workflow.lifecycle.read()
    if not changed:
        before = life.state  # somebody else may have been quicker since it was read
    return Operation(workflow.name, changed, before, life.state, life.generation, life.revision)


def await_start(store: Store, workflow: str, timeout: float, look: Callable[[], object] = lambda: None) -> State:
    """Waits until the workflow is no longer STARTING, `timeout` seconds at most; answers its state then."""
    one = workflow_of(store, workflow)
    _poll(lambda: one.lifecycle.read().state is not State.STARTING, timeout, look)
    return one.lifecycle.read().state


def await_rest(store: Store, workflow: str, timeout: float, look: Callable[[], object] = lambda: None) -> bool:
    """Waits until no writer holds a record any more, `timeout` seconds at most; answers whether that is so.

    A writer that died holds nothing once its lease has run out.
    """
    one = workflow_of(store, workflow)
    return _poll(lambda: not _leases_run(store, one), timeout, look)


def _leases_run(store: Store, workflow: WorkflowStore) -> bool:
    now_ms = store.now_ms()
    return any(workflow.queue(stream).leases_run(now_ms) for stream in workflow.lifecycle.streams())


def _poll(done: Callable[[], bool], timeout: float, look: Callable[[], object]) -> bool:
    give_up = time.monotonic() + timeout
    while not done():
        if time.monotonic() >= give_up:
            return False
        look()
        time.sleep(LOOK_EVERY)
    return True
