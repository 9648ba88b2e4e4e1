"""The one stream of a configuration, connected to the pretend systems."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.stage import PAGE, Stage
from config.document import WorkflowDocument, dump
from store.store import Store
from sync import ingress
from sync.streams import Stream
from sync.systems import Systems


@contextmanager
def connected(here: Stage, part: WorkflowDocument) -> Iterator[Stream]:
    """Of ingress, with its configuration saved and its schemas kept, as if its start had been checked."""
    here.workflow.revisions.save(here.workflow.revisions.newest(), dump(part), "benchmark", "measure")
    systems = Systems(part.connections, Store(here.redis, here.instance))
    try:
        known = ingress.learn(part, systems)
        here.workflow.keep_schemas(here.generation, known)
        [stream] = ingress.connect(part, known, systems, here.workflow, PAGE)
        yield stream
    finally:
        systems.close()
