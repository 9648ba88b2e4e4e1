"""When a task meets what only people can mend: the workflow fails, with the sentence that says how."""

import structlog

from connectors.errors import Stop
from store.lifecycle import State
from store.sealing import UnknownKey
from store.store import WorkflowStore
from sync.fitting.findings import Misfitting
from tasks.runtime import NotConfigured

log = structlog.get_logger()

#: What needs a change by people: the workflow fails with the sentence.
HOPELESS = (Stop, Misfitting, NotConfigured, UnknownKey)

#: What to do where a schema no longer fits a mapping.
WAY_OUT = "Change the configuration, or put it back there, then stop and start the workflow"


def fail(store: WorkflowStore, generation: int, why: str, only_from: State | None = None) -> None:
    """FAILED, until somebody starts it again. `only_from`: unless it is in another state by now."""
    if store.lifecycle.fail(generation, "worker", why, only_from=only_from):
        log.error("The workflow has failed.", action="failed", workflow=store.name, why=why)
