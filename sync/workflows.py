"""The workflows by name, and how each one's configuration becomes streams."""

from collections.abc import Mapping

from config.document import WorkflowDocument
from config.load import read_text
from store.store import WorkflowStore
from sync import ingress, schemas
from sync.schemas import Schemas
from sync.streams import Stream
from sync.systems import Systems

#: Seconds that one question about a schema may take.
SCHEMA_SECONDS = 20.0

#: In the order in which they are shown.
NAMES = ("ingress",)


def document_of(workflow: WorkflowStore, revision: int | None) -> WorkflowDocument | None:
    """What a revision of the workflow's configuration says; None if there is no such revision."""
    found = workflow.revisions.get(revision) if revision else None
    if found is None:
        return None
    # Read as a file is: YAML alone would take the keys of replaced values for numbers.
    return read_text(found.document, f"revision {revision}", WorkflowDocument, "holds no configuration")


def stream_names(document: WorkflowDocument) -> list[str]:
    """The streams of a configuration, without asking anybody."""
    return [mapping.stream for mapping in document.ingress.tables] if document.ingress else []


def read_schemas(document: WorkflowDocument, systems: Systems) -> Schemas:
    """What the configuration needs to know of both systems. Raises TryAgain, Stop."""
    if document.ingress is None:
        return Schemas({})
    return schemas.read_schemas(document.ingress, systems.dynamics, systems.campaign, SCHEMA_SECONDS)


def connect_streams(
    document: WorkflowDocument, known: Schemas, systems: Systems, page_size: int, replayed_ms: Mapping[str, int]
) -> list[Stream]:
    """The streams, made ready against these schemas. `replayed_ms`: when each one's last replay began.

    Raises Misfitting.
    """
    if document.ingress is None:
        return []
    concurrency = document.connections.campaign.concurrency
    return ingress.connect_streams(
        document.ingress, known, systems.dynamics, systems.campaign, page_size, concurrency, replayed_ms
    )
