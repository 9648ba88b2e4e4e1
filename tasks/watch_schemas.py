"""watch_schemas: whether both systems are still what the running mappings were made for."""

from collections.abc import Collection

import structlog

from connectors.errors import Refused, Stop, TableMissing, TrackingOff, TryAgain
from store.store import WorkflowStore
from sync.fitting.drift import differences
from sync.patience import Patience
from sync.schemas import Schemas, dump, read_schema
from sync.systems import Systems
from sync.workflows import SCHEMA_SECONDS
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
            patience.note(error.sentence, error.wait)
        else:
            store.holds.settle_doubts(doubted)
            patience.end()


def _look(runtime: Runtime, store: WorkflowStore, generation: int, streams: Collection[str] | None) -> None:
    document, kept = active_document(store), kept_schemas(store, generation)
    if document.ingress is None:
        return
    systems = Systems(document.connections, runtime.store)
    tables = dict(kept.tables)
    try:
        for mapping in document.ingress.tables:
            if streams is not None and mapping.stream not in streams:
                continue
            try:
                live = read_schema(mapping, systems.dynamics, systems.campaign, SCHEMA_SECONDS)
            except (TableMissing, TrackingOff) as error:
                _hold(store, mapping.stream, generation, [error.sentence])
                continue
            drift = differences(mapping, kept.tables[mapping.table], live)
            if drift.breaking:
                _hold(store, mapping.stream, generation, drift.breaking)
            elif drift.harmless:
                tables[mapping.table] = live
                log.info("A schema has become wider.", action="schema_wider", stream=mapping.stream)
    finally:
        systems.close()
    if tables != kept.tables:
        store.keep_schemas(generation, dump(Schemas(tables, kept.token_days)))


def _hold(store: WorkflowStore, stream: str, generation: int, sentences: list[str]) -> None:
    sentence = "; ".join(sentence.removesuffix(".") for sentence in sentences)
    if store.holds.hold(stream, generation, f"{sentence}. {WAY_OUT}"):
        log.warning("A table is held.", action="held", stream=stream, why=sentence)
