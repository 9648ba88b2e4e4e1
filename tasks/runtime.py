"""What a task works with: built once per process, after the fork, and handed in. No module keeps a client."""

from collections.abc import Callable
from dataclasses import dataclass, field

from config.document import WorkflowDocument
from config.problems import ConfigProblems
from config.settings import Settings
from config.sftp_connection import SftpConnection
from connectors.sftp import Sftp
from store.client import connect
from store.loads import Load
from store.sealing import AesSeal, NoSeal, PayloadSeal
from store.store import Store, WorkflowStore
from sync.streams import Slice, Stream
from sync.systems import Systems
from sync.workflow import document_of
from sync.workflows import FIRST, workflow_named

#: A running workflow bears fresh tokens that are refused for so long before it fails; seconds.
REFUSAL_PATIENCE = 120.0


class NotConfigured(Exception):
    """The workflow has no configuration; save one with: d365acs config apply FILE"""


@dataclass(slots=True)
class Running:
    """One workflow's streams under the revision that is active."""

    generation: int
    schemas_version: int
    systems: Systems
    streams: dict[str, Stream]


@dataclass(slots=True)
class Awaiting:
    """The systems that a start asks for the end of earlier imports: kept as long as it waits, which may be for hours,
    so that no login and no token is needed at each look."""

    generation: int
    systems: Systems
    _servers: dict[str, Sftp] = field(default_factory=dict)  #: by name of the load, where no configuration leads there

    def server(self, load: Load) -> Sftp:
        """Where its files are, whatever the configuration says now; if it leads there, with what it says of the way."""
        connection = SftpConnection.model_validate(load.facts["server"])
        now = self.systems.sftp
        if now is not None and now.about == Sftp(connection).about:
            return now
        if load.name not in self._servers:
            self._servers[load.name] = Sftp(connection)
        return self._servers[load.name]

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
        self.systems.close()


@dataclass
class Runtime:
    settings: Settings
    store: Store
    stopping: Callable[[], bool] = lambda: False  #: whether this process is about to end
    _running: dict[str, Running] = field(default_factory=dict)
    _awaiting: dict[str, Awaiting] = field(default_factory=dict)

    @classmethod
    def build(cls, settings: Settings, stopping: Callable[[], bool] = lambda: False) -> "Runtime":
        store = Store(connect(settings.effective_redis_url), settings.instance, seal_of(settings), settings.high_water)
        return cls(settings, store, stopping)

    def workflow(self, name: str) -> WorkflowStore:
        return self.store.workflow(name)

    def piece(self) -> Slice:
        return Slice(self.settings.slice_seconds, self.stopping)

    def streams(self, workflow: str, generation: int) -> dict[str, Stream]:
        """The workflow's streams as this generation runs them, by name.

        Made ready once per process, generation and version of the schemas, with those that were kept: no system is
        asked, so that an outage of one does not keep a fresh process from working with the other.
        Raises NotConfigured, Misfitting.
        """
        running = self._running.get(workflow)
        version = self.workflow(workflow).schemas_version(generation)
        if running is None or (running.generation, running.schemas_version) != (generation, version):
            self.forget(workflow)
            running = self._running[workflow] = self._connect(workflow, generation, version)
        return running.streams

    def _connect(self, workflow: str, generation: int, version: int) -> Running:
        store = self.workflow(workflow)
        document, known = active_document(store), kept_schemas(store, generation)
        systems = Systems(document.connections, self.store, REFUSAL_PATIENCE, goes_first=workflow == FIRST)
        streams = workflow_named(workflow).connect(document, known, systems, store, self.settings.read_page_size)
        return Running(generation, version, systems, {stream.name: stream for stream in streams})

    def forget(self, workflow: str) -> None:
        """Ends the workflow's connections in this process."""
        running = self._running.pop(workflow, None)
        if running is not None:
            running.systems.close()

    def awaiting(self, workflow: str, generation: int) -> Awaiting:
        """The same one for each look in this process, until `end_awaiting`. Raises NotConfigured."""
        awaiting = self._awaiting.get(workflow)
        if awaiting is None or awaiting.generation != generation:
            self.end_awaiting(workflow)
            systems = Systems(active_document(self.workflow(workflow)).connections, self.store)
            awaiting = self._awaiting[workflow] = Awaiting(generation, systems)
        return awaiting

    def end_awaiting(self, workflow: str) -> None:
        """The start waits for no import any more."""
        awaiting = self._awaiting.pop(workflow, None)
        if awaiting is not None:
            awaiting.close()


def active_document(workflow: WorkflowStore) -> WorkflowDocument:
    """The configuration under which the workflow runs. Raises NotConfigured, also for one that only another version
    reads."""
    revision = workflow.lifecycle.read().revision
    try:
        document = document_of(workflow, revision)
    except ConfigProblems as unread:
        raise NotConfigured(_not_read(revision, unread)) from None
    if document is None:
        raise NotConfigured(NotConfigured.__doc__)
    return document


def _not_read(revision: int | None, unread: ConfigProblems) -> str:
    first, more = unread.problems[0], len(unread.problems) - 1
    what = ": ".join(part for part in (first.path, first.sentence.removesuffix(".")) if part)
    if more:
        what += f", and {more} more"
    return (
        f"This version does not read revision {revision} of the configuration: {what}. "
        "Go on with the version that saved it, or save there what this one reads: d365acs config apply FILE"
    )


def kept_schemas(workflow: WorkflowStore, generation: int) -> bytes:
    """What this generation knows of both systems' schemas. Raises NotConfigured."""
    kept = workflow.schemas(generation)
    if kept is None:
        raise NotConfigured("The schemas of this run are gone from Redis; stop the workflow and start it again.")
    return kept


def seal_of(settings: Settings) -> PayloadSeal:
    keys = settings.sealing_keys()
    return AesSeal(keys) if keys else NoSeal()
