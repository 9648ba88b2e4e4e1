"""Ingress as it is once its start is over: configured, and its one stream connected to the pretend systems."""

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
    """The stream of a configuration with one table."""
    with configured(here, part) as (known, systems):
        [stream] = ingress.connect(part, known, systems, here.workflow, PAGE)
        yield stream


@contextmanager
def configured(here: Stage, part: WorkflowDocument) -> Iterator[tuple[bytes, Systems]]:
    """Saves it and keeps its schemas, for worker processes, too: what is known of both systems, and the systems."""
    here.workflow.revisions.save(here.workflow.revisions.newest(), dump(part), "benchmark", "measure")
    systems = Systems(part.connections, Store(here.redis, here.instance))
    try:
        known = ingress.learn(part, systems)
        here.workflow.keep_schemas(here.generation, known)
        yield known, systems
    finally:
        systems.close()
