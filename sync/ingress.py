"""Ingress: contacts and custom tables, from Dynamics to Campaign.

streams   one per mapped table; a record waits until the records that it links to are written
reads     Dynamics, a full read first, then changes (change tracking)
rules     the table's filter, mapping and links; deletions only where the mapping applies them
writes    Campaign, addressed by the mapping's key; Dynamics wins; many new records at once in files, where configured
"""

from collections.abc import Collection

from config.document import WorkflowDocument
from config.ingress import IngressConfig, TableMapping
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.errors import TableMissing, TrackingOff
from connectors.sftp import Sftp
from store.store import WorkflowStore
from sync.apart import require_apart
from sync.fitting.drift import differences
from sync.fitting.judgement import require_fit
from sync.loading import loader
from sync.loading.loader import FileLoader
from sync.mapping.mapper import Mapper
from sync.schemas import Schemas, dump, load, read_schema, read_schemas
from sync.streams import Stream
from sync.systems import Systems
from sync.tables.links import Links
from sync.tables.relatives import Orphanage
from sync.tables.resource_target import ResourceTarget
from sync.tables.source import TableSource
from sync.workflow import CHECK_SECONDS, SCHEMA_SECONDS, Watched


def stream_names(document: WorkflowDocument) -> list[str]:
    return [mapping.stream for mapping in _config(document).tables]


def check(document: WorkflowDocument, systems: Systems) -> None:
    require_apart(systems.store, "ingress", document)
    systems.dynamics.who_am_i(CHECK_SECONDS)
    systems.campaign.ping(CHECK_SECONDS)
    for mapping in _config(document).tables:
        if mapping.file_import is not None and systems.sftp is not None:
            loader.check(mapping, systems.sftp, systems.campaign, CHECK_SECONDS)


def learn(document: WorkflowDocument, systems: Systems) -> bytes:
    return dump(read_schemas(_config(document), systems.dynamics, systems.campaign, SCHEMA_SECONDS))


def admit(document: WorkflowDocument, known: bytes, systems: Systems) -> None:
    for name, schema in load(known).tables.items():
        systems.dynamics.scan(schema.table(name), "", (), timeout=SCHEMA_SECONDS, page_size=1)


def connect(
    document: WorkflowDocument, known: bytes, systems: Systems, store: WorkflowStore, page_size: int
) -> list[Stream]:
    return connect_streams(
        _config(document),
        load(known),
        systems.dynamics,
        systems.campaign,
        page_size,
        document.connections.campaign.concurrency,
        systems.sftp,
    )


def watch(document: WorkflowDocument, known: bytes, systems: Systems, streams: Collection[str] | None) -> Watched:
    kept = load(known)
    tables, held, wider = dict(kept.tables), {}, []
    for mapping in _config(document).tables:
        if streams is not None and mapping.stream not in streams:
            continue
        try:
            live = read_schema(mapping, systems.dynamics, systems.campaign, SCHEMA_SECONDS)
        except (TableMissing, TrackingOff) as error:
            held[mapping.stream] = [error.sentence]
            continue
        drift = differences(mapping, kept.tables[mapping.table], live)
        if drift.breaking:
            held[mapping.stream] = drift.breaking
        elif drift.harmless:
            tables[mapping.table] = live
            wider.append(mapping.stream)
    return Watched(dump(Schemas(tables, kept.token_days)) if wider else known, held, wider)


def connect_streams(
    config: IngressConfig,
    schemas: Schemas,
    dynamics: Dynamics,
    campaign: Campaign,
    page_size: int,
    concurrency: int,
    sftp: Sftp | None = None,
) -> list[Stream]:
    """The streams of this configuration, without asking anybody. `sftp`: through which files are left for Campaign's
    import; None: each record is written singly. Raises Misfitting where mappings do not fit."""
    by_table = {mapping.table: mapping for mapping in config.tables}
    require_fit(config, schemas)
    streams = []
    for mapping in config.tables:
        schema = schemas.tables[mapping.table]
        mapper = Mapper(mapping, schema)
        links = Links(mapping, schema.columns, schema.fields)
        source = TableSource(dynamics, schema, mapping, mapper, links, page_size)
        loads = mapping.file_import
        streams.append(
            Stream(
                mapping.stream,
                source,
                ResourceTarget(campaign, mapping, mapper, links, by_table, concurrency),
                records=source,
                keeper=Orphanage if mapping.links else None,
                loader=FileLoader(mapping, loads, sftp, campaign) if loads and sftp else None,
                parents=tuple(dict.fromkeys(link.table for link in mapping.links)),
                requires=tuple(dict.fromkeys(link.table for link in mapping.links if link.required)),
                children=tuple(other.stream for other in config.tables if _links_to(other, mapping)),
                park_limit_s=config.park_limit_seconds,
            )
        )
    return streams


def _links_to(child: TableMapping, parent: TableMapping) -> bool:
    return child.table != parent.table and any(link.table == parent.table for link in child.links)


def _config(document: WorkflowDocument) -> IngressConfig:
    assert document.ingress is not None
    return document.ingress
