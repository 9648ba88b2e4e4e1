"""Egress: email events, from Campaign to the contact's timeline in Dynamics.

streams   one, of events
reads     the I/O Events journal, or log export files on SFTP
rules     which kinds of events appear, hard bounces only; an event whose contact is missing waits for it
writes    the activity tables of Dynamics, many in one request; an activity whose id is there already is not written
"""

from collections.abc import Collection

from config.document import WorkflowDocument
from config.egress import ORIGINS, EgressConfig, FileEvents
from connectors.journal import Journal
from connectors.sftp import Sftp
from store.store import WorkflowStore
from sync.digest import digest
from sync.events import shapes
from sync.events.activity import ActivityMapper
from sync.events.activity_target import ActivityTarget
from sync.events.event import Understanding
from sync.events.journal_source import JournalSource
from sync.events.payload import place_of
from sync.events.reading import EventStreamSource
from sync.files.rows import Columns
from sync.files.source import FileSource
from sync.fitting.findings import Misfitting
from sync.pages import RawSource
from sync.streams import Keeper, Stream, Streams
from sync.systems import Systems
from sync.unknown_contacts import UnknownContacts
from sync.workflow import CHECK_SECONDS, SCHEMA_SECONDS, Watched

STREAM = "events"

#: Parts of an event that every file must have a column for.
NEEDED = ("fields.id", "fields.type", "fields.contact", "fields.time")


def stream_names(document: WorkflowDocument) -> list[str]:
    return [STREAM]


def check(document: WorkflowDocument, systems: Systems) -> None:
    systems.dynamics.who_am_i(CHECK_SECONDS)
    config = _config(document)
    if config.source == "journal":
        _journal(systems).first(CHECK_SECONDS, limit=1)
    else:
        _sftp(systems).files(config.files.folder, CHECK_SECONDS)


def learn(document: WorkflowDocument, systems: Systems) -> bytes:
    return shapes.dump(shapes.read_shapes(_config(document), systems.dynamics, SCHEMA_SECONDS))


def admit(document: WorkflowDocument, known: bytes, systems: Systems) -> None:
    pass  # what is read was read in `check`


def connect(
    document: WorkflowDocument, known: bytes, systems: Systems, store: WorkflowStore, page_size: int
) -> list[Stream]:
    config = _config(document)
    # Events that were read elsewhere may still wait when the source is changed.
    rules = {origin: Understanding(config, origin) for origin in ORIGINS}
    source, place = _source(config, systems, store)
    target = ActivityTarget(
        systems.dynamics,
        rules,
        ActivityMapper(config.activities, shapes.load(known)),
        config.batch_size,
        document.connections.dynamics.concurrency,
        waits=config.contact_limit_seconds > 0,
    )

    def keeper(stream: Stream, _streams: Streams, _store: WorkflowStore, _generation: int) -> Keeper:
        limit_s, limit = config.contact_limit_seconds, "egress.contact_limit_seconds"
        return UnknownContacts(systems.dynamics, limit_s, limit, "events", stream, store)

    only_new = config.source == "journal" and config.journal.begin == "latest"
    events = EventStreamSource(source, config.source, place, rules[config.source], only_new)
    return [Stream(STREAM, events, target, keeper=keeper, place_of=place_of)]


def watch(document: WorkflowDocument, known: bytes, systems: Systems, streams: Collection[str] | None) -> Watched:
    try:
        live = learn(document, systems)
    except Misfitting as error:
        return Watched(known, {STREAM: error.sentences}, [])
    return Watched(live, {}, [STREAM] if live != known else [])


def _source(config: EgressConfig, systems: Systems, store: WorkflowStore) -> tuple[RawSource, str]:
    """Where events are read, and what stands for it: a reading goes on only where it began."""
    if config.source == "journal":
        journal = _journal(systems)
        return JournalSource(journal, config.journal.page_size), digest(["journal", journal.url])
    sftp, files = _sftp(systems), store.files(STREAM)
    source = FileSource(sftp, config.files, file_columns(config.files), files)
    return source, digest(["files", sftp.about, config.files.folder])


def file_columns(files: FileEvents) -> Columns:
    """The columns in which the parts of an event stand."""
    named = {f"fields.{key}": column for key, column in files.fields.model_dump().items() if column is not None}
    return Columns("egress.files", named, NEEDED)


def _journal(systems: Systems) -> Journal:
    assert systems.journal is not None
    return systems.journal


def _sftp(systems: Systems) -> Sftp:
    assert systems.sftp is not None
    return systems.sftp


def _config(document: WorkflowDocument) -> EgressConfig:
    assert document.egress is not None
    return document.egress
