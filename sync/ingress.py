"""Ingress: contacts and custom tables, from Dynamics to Campaign.

streams   one per mapped table
reads     Dynamics, a full read first, then changes (change tracking)
rules     the table's mapping; deletions only where the mapping applies them
writes    Campaign, addressed by the mapping's key; Dynamics wins
"""

from hashlib import blake2b

import orjson

from config.ingress import IngressConfig, TableMapping
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.dynamics_pages import Page
from connectors.errors import AlreadyExists, Malformed, NotFound, Refused
from store.ledger import Entry, Standing
from store.record_queue import Leased, Outcome, Unchanged
from sync.mapping import Mapper, fingerprint
from sync.schemas import Schemas, TableSchema
from sync.streams import Allowance, Send, Stream


def _pair(mapping: TableMapping) -> list[str]:
    return [mapping.table, mapping.resource, mapping.key.field]


#: What a deletion leaves in the ledger in place of a fingerprint.
_NOTHING = bytes(8)


def connect_streams(
    config: IngressConfig,
    schemas: Schemas,
    dynamics: Dynamics,
    campaign: Campaign,
    page_size: int,
    concurrency: int,
) -> list[Stream]:
    """The streams of this configuration, without asking anybody. Raises Misfitting where a mapping does not fit."""
    streams = []
    for mapping in config.tables:
        schema = schemas[mapping.table]
        mapper = Mapper(mapping, schema.types, schema.fields, schema.primary_id)
        source = TableSource(dynamics, schema, mapping, mapper.columns, page_size)
        streams.append(Stream(mapping.stream, source, ResourceTarget(campaign, mapping, mapper, concurrency)))
    return streams


class TableSource:
    """A Dynamics table as a stream reads it."""

    def __init__(
        self, dynamics: Dynamics, schema: TableSchema, mapping: TableMapping, columns: tuple[str, ...], page_size: int
    ) -> None:
        self._dynamics = dynamics
        self._table = schema.table(mapping.table)
        self._columns = columns
        self._page_size = page_size
        self._deletions = mapping.apply_deletes
        # A mapping that reads or writes something else must reach the records that were read before it, too.
        self.mapping = blake2b(
            orjson.dumps([_pair(mapping), sorted((rule.source, rule.target) for rule in mapping.fields)]), digest_size=8
        ).hexdigest()

    def count(self) -> int | None:
        return self._dynamics.count(self._table.name, timeout=30)

    def first_page(self, timeout: float) -> Page:
        return self._dynamics.first_page(self._table, self._columns, timeout=timeout, page_size=self._page_size)

    def follow(self, link: str, timeout: float) -> Page:
        return self._dynamics.follow(self._table, link, self._columns, timeout=timeout, page_size=self._page_size)

    def follow_deletions(self, link: str, timeout: float) -> Page:
        return self._dynamics.follow(self._table, link, (), timeout=timeout, page_size=self._page_size)

    def wants_deletions(self) -> bool:
        return self._deletions


class ResourceTarget:
    """A Campaign resource as a stream writes it: never more requests than needed.

    nothing to send   0   the ledger knows that Campaign holds exactly this
    insert            1   POST, where the instance enforces the key; else a look-up before it
    update, delete    1   where the key can stand in the address; else a look-up before it
    """

    def __init__(self, campaign: Campaign, mapping: TableMapping, mapper: Mapper, concurrency: int) -> None:
        self.concurrency = concurrency
        self._campaign = campaign
        self._resource = mapping.resource
        self._key = mapping.key
        self._mapper = mapper
        # What was written to another resource or under another key says nothing about this one.
        self._pair = blake2b(orjson.dumps(_pair(mapping)), digest_size=16).digest()

    def prepare(self, record: Leased, entry: Entry | None, now_ms: int) -> Send | Outcome:
        """Raises Unmappable for a value that does not fit."""
        values = orjson.loads(record.payload)
        if values is None:
            after = Entry(Standing.DELETED, record.version, now_ms // 1000, _NOTHING)
            if entry is not None and entry.standing is Standing.DELETED:
                return Unchanged(record.id, after)
            return Send(record, None, after, entry is not None)
        body = self._mapper.map(record.id, values)
        after = Entry(Standing.PRESENT, record.version, now_ms // 1000, fingerprint(body, self._pair))
        present = entry is not None and entry.standing is Standing.PRESENT
        if present and entry is not None and entry.fingerprint == after.fingerprint:
            return Unchanged(record.id, after)
        return Send(record, body, after, present)

    def send(self, send: Send, allowance: Allowance) -> None:
        key, body = send.record.id, send.body
        if body is None:
            self._delete(key, allowance)
            return
        if (send.known or not self._key.unique) and self._updated(key, body, allowance):
            return
        # New, or somebody deleted it in Campaign: Dynamics is the source of truth.
        try:
            self._campaign.create(self._resource, body, allowance())
        except AlreadyExists as error:
            # The confirmation of an earlier write was lost, or the record is older than our ledger.
            if not self._updated(key, body, allowance):
                if error.field and not self._is_key(error.field.lower()):
                    raise  # another unique field is taken: that is the record's own fault
                raise Malformed(
                    "campaign", f"{self._resource}: the key is taken, yet no record with this key is found"
                ) from None

    def _is_key(self, column: str) -> bool:
        """Whether a column or constraint of Campaign's database is the key's; its type's letter stands before it."""
        return self._key.field.lower() in (column[1:], column.rpartition("_")[2])

    def _updated(self, key: str, body: dict[str, object], allowance: Allowance) -> bool:
        """False if no record with this key is there."""
        # The key is not sent along: it does not change, and Campaign refuses a key that differs from the address.
        changes = {name: value for name, value in body.items() if name != self._key.field}
        for reference in self._references(key, allowance):
            try:
                self._campaign.update(self._resource, reference, changes, allowance())
                return True
            except NotFound:
                continue
        return False

    def _delete(self, key: str, allowance: Allowance) -> None:
        for reference in self._references(key, allowance):
            try:
                self._campaign.delete(self._resource, reference, allowance())
            except NotFound:
                continue  # gone already, which is what was wanted

    def _references(self, key: str, allowance: Allowance) -> list[str]:
        """How the record with this key is addressed; empty if a look-up finds none."""
        if self._key.address == "uri":
            return [key]
        found = self._campaign.find(self._resource, self._key, key, allowance())
        if len(found) > 1:
            raise Refused(
                "campaign",
                f"{self._resource}: {len(found)} records carry this record's key; merge them in Campaign, then retry",
                code="doubles",
            )
        return found
