"""watch_schemas: whether both systems are still what the running mappings were made for."""

from collections.abc import Collection

import structlog

from connectors.errors import Refused, Stop, TryAgain
from store.store import WorkflowStore
from sync.patience import Patience
from sync.systems import Systems
from sync.workflows import workflow_named
from tasks.failing import WAY_OUT
from tasks.runtime import Runtime, active_document, kept_schemas

log = structlog.get_logger()


def watch_schemas(runtime: Runtime, workflow: str, generation: int, everything: bool) -> None:
    """Holds each table whose mapping a change of schema has broken, and takes up what is only wider now.

    Looks at every table, or only at those that are doubted.
    """
    store = runtime.workflow(workflow)
    if not store.lifecycle.is_running(generation):
        return
    patience = Patience(store.troubles, "schemas")
    with store.schemas_right() as held:
        if not held or not patience.is_over():
            return
        doubted = store.holds.doubted()
        try:
            _look(runtime, store, generation, None if everything else doubted)
        except (Refused, Stop) as error:
            patience.note(f"{error.sentence}. The schemas cannot be compared", None)
        except TryAgain as error:
            patience.failed(error)
        else:
            store.holds.settle_doubts(doubted)
            patience.end()


def _look(runtime: Runtime, store: WorkflowStore, generation: int, streams: Collection[str] | None) -> None:
    document, known = active_document(store), kept_schemas(store, generation)
    systems = Systems(document.connections, runtime.store)
    try:
        found = workflow_named(store.name).watch(document, known, systems, streams)
    finally:
        systems.close()
    for stream, sentences in found.held.items():
        _hold(store, stream, generation, sentences)
    for stream in found.wider:
        log.info("A schema has become wider.", action="schema_wider", stream=stream)
    if found.known != known:
        store.keep_schemas(generation, found.known)


def _hold(store: WorkflowStore, stream: str, generation: int, sentences: list[str]) -> None:
    sentence = "; ".join(sentence.removesuffix(".") for sentence in sentences)
    if store.holds.hold(stream, generation, f"{sentence}. {WAY_OUT}"):
        log.warning("A table is held.", action="held", stream=stream, why=sentence)
