"""What a workflow is to the tasks: how its configuration becomes streams that read and write."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from config.document import WorkflowDocument
from config.load import read_text
from store.store import WorkflowStore
from sync.streams import Stream
from sync.systems import Systems

#: Seconds that one question about a schema may take.
SCHEMA_SECONDS = 20.0
#: The longest one start-up check may take. Seconds.
CHECK_SECONDS = 10.0


def document_of(workflow: WorkflowStore, revision: int | None) -> WorkflowDocument | None:
    """What a revision of the workflow's configuration says; None if there is no such revision."""
    found = workflow.revisions.get(revision) if revision else None
    if found is None:
        return None
    # Read as a file is: YAML alone would take the keys of replaced values for numbers.
    return read_text(found.document, f"revision {revision}", WorkflowDocument, "holds no configuration")


class Watched(NamedTuple):
    """What a look at the live schemas has brought."""

    known: bytes  #: what is to be known from now on
    held: dict[str, list[str]]  #: by stream: sentences without a full stop, why nothing of it may be written
    wider: list[str]  #: streams whose schemas only allow more than before


class Workflow(Protocol):
    """Each of `sync.ingress`, `sync.egress` and `sync.optinout` is one.

    `known` is what was learnt of both systems at the start, packed; it is kept for the whole run.
    """

    def stream_names(self, document: WorkflowDocument) -> list[str]:
        """The streams of a configuration, without asking anybody."""

    def check(self, document: WorkflowDocument, systems: Systems) -> None:
        """Whether the systems answer, with these credentials, and no other workflow that runs, or has just run, writes
        what this one is to write. Raises TryAgain, Stop."""

    def learn(self, document: WorkflowDocument, systems: Systems) -> bytes:
        """What the configuration needs to know of both systems. Raises TryAgain, Stop, Refused."""

    def admit(self, document: WorkflowDocument, known: bytes, systems: Systems) -> None:
        """Whether what is to be read may be read, where neither `check` nor `learn` shows it: the definition of a
        table is told to those, too, who may not read its rows. Raises TryAgain, Stop, Refused."""

    def connect(
        self, document: WorkflowDocument, known: bytes, systems: Systems, store: WorkflowStore, page_size: int
    ) -> list[Stream]:
        """The streams, made ready without asking any system; replays that have begun are taken up.

        `page_size`: rows of a page of a table. Raises Misfitting.
        """

    def watch(
        self, document: WorkflowDocument, known: bytes, systems: Systems, streams: Collection[str] | None
    ) -> Watched:
        """Compares what is known with the live schemas, of these streams or of all. Raises TryAgain, Stop, Refused."""
