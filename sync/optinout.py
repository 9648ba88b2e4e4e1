"""Opt-in/out: consent flags, from Campaign to Dynamics or both ways.

streams   one, of contacts: whichever side has changed, one writer at a time looks at both
reads     Campaign's changed profiles, by polling and from its export files; both ways, the changes of Dynamics, too
rules     flag by flag: who changed it later, and when in doubt opted out; each decision is kept
writes    Dynamics and Campaign, only what differs, and a contact only in the version that was read
"""

from collections.abc import Collection

from config.document import WorkflowDocument
from config.optinout import OptinoutConfig
from store.store import WorkflowStore
from sync.apart import require_apart
from sync.consent import fitting
from sync.consent.reading import ConsentSource
from sync.consent.target import ConsentTarget
from sync.fitting.findings import Misfitting
from sync.streams import Keeper, Stream, Streams
from sync.systems import Systems
from sync.unknown_contacts import UnknownContacts
from sync.workflow import CHECK_SECONDS, SCHEMA_SECONDS, Watched

STREAM = "consent"


def stream_names(document: WorkflowDocument) -> list[str]:
    return [STREAM] if _config(document).reads_campaign else []


def check(document: WorkflowDocument, systems: Systems) -> None:
    config = _config(document)
    if not config.reads_campaign:
        return
    require_apart(systems.store, "optinout", document)
    systems.dynamics.who_am_i(CHECK_SECONDS)
    systems.campaign.ping(CHECK_SECONDS)
    if config.files is not None:
        assert systems.sftp is not None
        systems.sftp.files(config.files.folder, CHECK_SECONDS)


def learn(document: WorkflowDocument, systems: Systems) -> bytes:
    return fitting.dump(fitting.read_shapes(_config(document), systems.dynamics, systems.campaign, SCHEMA_SECONDS))


def admit(document: WorkflowDocument, known: bytes, systems: Systems) -> None:
    if _config(document).reads_campaign:
        systems.dynamics.scan(fitting.load(known).table(), "", (), timeout=SCHEMA_SECONDS, page_size=1)


def connect(
    document: WorkflowDocument, known: bytes, systems: Systems, store: WorkflowStore, page_size: int
) -> list[Stream]:
    config = _config(document)
    if not config.reads_campaign:
        return []
    shapes = fitting.load(known)
    source = ConsentSource(config, shapes, systems, store, page_size)
    target = ConsentTarget(
        systems.dynamics,
        systems.campaign,
        shapes.table(),
        config,
        store.consent,
        document.connections.dynamics.concurrency,
    )

    def keeper(stream: Stream, _streams: Streams, _store: WorkflowStore, _generation: int) -> Keeper:
        limit_s, limit = config.contact_limit_seconds, "optinout.contact_limit_seconds"
        return UnknownContacts(systems.dynamics, limit_s, limit, "changes", stream, store)

    return [Stream(STREAM, source, target, keeper=keeper)]


def watch(document: WorkflowDocument, known: bytes, systems: Systems, streams: Collection[str] | None) -> Watched:
    try:
        live = learn(document, systems)
    except Misfitting as error:
        return Watched(known, {STREAM: error.sentences}, [])
    return Watched(live, {}, [STREAM] if live != known else [])


def _config(document: WorkflowDocument) -> OptinoutConfig:
    assert document.optinout is not None
    return document.optinout
