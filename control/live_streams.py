"""A workflow's streams as its workers have them, for who looks at what they would do without doing it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from config.document import WorkflowDocument
from control.errors import NoConfiguration
from control.mappings.live import systems_of
from store.lifecycle import Life, State
from store.store import Store, WorkflowStore
from sync.streams import Streams
from sync.systems import Systems
from sync.workflow import document_of
from sync.workflows import workflow_named

#: Rows of a page where nobody says otherwise: Dynamics serves no more.
PAGE_SIZE = 5000


@dataclass(frozen=True, slots=True)
class InUse:
    """Which configuration of a workflow counts: the active one while it is on, else the one that is saved."""

    workflow: WorkflowStore
    document: WorkflowDocument
    revision: int
    life: Life

    @property
    def is_on(self) -> bool:
        return self.life.state in (State.STARTING, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Live:
    """A workflow's streams, made ready to be asked; nothing of it is read or written by itself."""

    use: InUse
    systems: Systems
    known: bytes  #: what was learnt of both systems, packed
    streams: Streams


def in_use(store: Store, name: str) -> InUse | None:
    """None: nothing is configured."""
    workflow = store.workflow(name)
    life, newest = workflow.lifecycle.read(), workflow.revisions.newest()
    on = life.state in (State.STARTING, State.RUNNING)
    revision = life.revision if on and life.revision else newest
    document = document_of(workflow, revision)
    return InUse(workflow, document, revision, life) if document else None


def saved(store: Store, name: str) -> InUse:
    """What the next start would take. Raises NoConfiguration."""
    workflow = store.workflow(name)
    revision = workflow.revisions.newest()
    document = document_of(workflow, revision)
    if document is None:
        raise NoConfiguration(f"{name} has no configuration yet; save one with: d365acs config apply FILE")
    return InUse(workflow, document, revision, workflow.lifecycle.read())


@contextmanager
def live(store: Store, use: InUse, page_size: int = PAGE_SIZE, kept: bool = False) -> Iterator[Live]:
    """`kept`: with the schemas of the run, if it is on and has any; else both systems are asked for them, as a start
    does. Raises Misfitting, SecretMissing, ConnectorError."""
    of = workflow_named(use.workflow.name)
    with systems_of(use.document.connections, store) as systems:
        known = use.workflow.schemas(use.life.generation) if kept and use.is_on else None
        if known is None:
            known = of.learn(use.document, systems)
        found = of.connect(use.document, known, systems, use.workflow, page_size)
        yield Live(use, systems, known, {stream.name: stream for stream in found})
