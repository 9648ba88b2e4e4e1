"""A Campaign resource as a stream writes it: never more requests than needed.

nothing to send   0   the ledger knows that Campaign holds exactly this
insert            1   POST, where the instance enforces the key; else a look-up before it
update, delete    1   where the key can stand in the address; else a look-up before it
a link by PKey   +1   a look-up of the parent, remembered for a minute
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock

import orjson

from config.ingress import CampaignKey, TableMapping
from connectors.campaign import Campaign
from connectors.errors import AlreadyExists, LinkMissing, Malformed, NotFound, Refused
from store.ledger import Entry, Standing
from store.record_queue import Filtered, Lane, Leased, Outcome, Unchanged
from sync.mapping.mapper import Mapper, fingerprint
from sync.streams import DELETED, FILTERED_OUT, FOLLOWS, PARENT_LEFT, Allowance, Answer, Calls, Send, kind_of, values_of
from sync.tables.links import Links
from sync.tables.pairs import pair_of
from sync.tables.parent_keys import ParentKeys

#: What a deletion leaves in the ledger in place of a fingerprint.
_NOTHING = bytes(8)
#: In place of the mark of fields that are written on initial load and replay only: they still have to be written.
_NOT_LOADED = bytes(8)


class ResourceTarget:
    together = 1  # Campaign has no batches
    remembers = True

    def __init__(
        self,
        campaign: Campaign,
        mapping: TableMapping,
        mapper: Mapper,
        links: Links,
        tables: Mapping[str, TableMapping],
        concurrency: int,
    ) -> None:
        self.concurrency = concurrency
        self._campaign = campaign
        self._resource = mapping.resource
        self._key = mapping.key
        self._mapper = mapper
        self._links = links
        self._tables = tables
        self._parents = ParentKeys(campaign)
        self._deletes = mapping.apply_deletes
        self._deletes_filtered_out = mapping.delete_filtered_out
        # What was written to another resource or under another key says nothing about this one.
        self._salt = bytes.fromhex(pair_of(mapping))
        initial = sorted([rule.source, rule.target] for rule in mapping.fields if not mapping.updates(rule))
        # Says which fields the initial load has written; empty where every field is also updated.
        self._loaded = blake2b(orjson.dumps(initial), digest_size=8).digest() if initial else b""
        self._tally = Tally()

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        """Raises Unmappable for a value that does not fit."""
        present = entry is not None and entry.standing is Standing.PRESENT
        if kind := kind_of(record.payload):
            return self._departure(kind, record, entry, present)
        follows = record.payload.startswith(FOLLOWS)
        values = values_of(record.payload)
        mapped = self._mapper.map(record.id, values)
        linked, links = self._links.resolve(values)
        whole = {**mapped.whole, **linked}
        update = whole if mapped.update is mapped.whole else {**mapped.update, **linked}
        print_ = fingerprint(update, self._salt)
        read_at = record.queued_ms // 1000
        # Empty for a record that is replayed: it is to be written again.
        believed = entry.fingerprint if present and entry is not None else b""
        mark = believed[8:]
        # A live change that overtakes the replay of its record takes its place.
        again = (record.lane is Lane.REPLAY and not follows) or not believed
        load = not present or bool(self._loaded and again and mark != self._loaded)
        if believed[:8] == print_ and not load and not follows:
            return Unchanged(record.id, Entry(Standing.PRESENT, record.version, read_at, believed))
        if self._loaded:
            print_ += self._loaded if load else (mark or _NOT_LOADED)
        after = Entry(Standing.PRESENT, record.version, read_at, print_)
        returns = entry is not None and entry.was_confirmed and not present
        return Send(record, whole if load else update, whole, after, present, links, returns)

    def _departure(self, kind: bytes, record: Leased, entry: Entry | None, present: bool) -> Send | Outcome:
        """A record that was deleted in Dynamics, or that its filter or its parent's does not let travel (any more)."""
        wanted = {DELETED: self._deletes, FILTERED_OUT: self._deletes_filtered_out, PARENT_LEFT: True}[kind]
        # A version between the ledger's and this one may have been written, and its confirmation lost. So may one that
        # followed its parent: it may bear the version that left.
        gone = entry is not None and not entry.perhaps_present and entry.version >= record.version
        gone = gone and kind != PARENT_LEFT
        if not wanted or (gone and kind != DELETED):
            return Filtered(record.id)
        after = Entry(Standing.DELETED, record.version, record.queued_ms // 1000, _NOTHING)
        if gone:
            return Unchanged(record.id, after)
        return Send(record, None, None, after, present)

    def send(self, sends: Sequence[Send], allowance: Allowance) -> list[Answer]:
        return [self._send(send, allowance) for send in sends]

    def _send(self, send: Send, allowance: Allowance) -> bool:
        """Whether it was inserted."""
        if send.update is None or send.insert is None:
            self._delete(send.record.id, allowance)
            return False
        if not self._links.references:
            return self._write(send.record.id, send.update, send.insert, send.known, allowance)
        return self._write_linked(send, send.update, send.insert, allowance)

    def take_calls(self) -> Calls:
        return self._tally.take()

    def _write_linked(
        self, send: Send, update: dict[str, object], insert: dict[str, object], allowance: Allowance
    ) -> bool:
        """With the PKeys of the parents; a remembered one may be out of date, and is then asked for anew."""
        pkeys, remembered = self._pkeys(update, allowance)
        try:
            return self._write(send.record.id, {**update, **pkeys}, {**insert, **pkeys}, send.known, allowance)
        except LinkMissing:
            if not remembered:
                raise
        for parent, *_ in send.links:
            self._parents.forget(self._tables[parent.stream].resource, parent.id)
        pkeys, _ = self._pkeys(update, allowance)
        return self._write(send.record.id, {**update, **pkeys}, {**insert, **pkeys}, send.known, allowance)

    def _pkeys(self, body: Mapping[str, object], allowance: Allowance) -> tuple[dict[str, object], bool]:
        """The link fields with their PKeys, and whether any of these was remembered rather than asked for."""
        found: dict[str, object] = {}
        remembered = False
        for target, link in self._links.references.items():
            parent_id = body.get(target)
            if not isinstance(parent_id, str):
                continue
            parent = self._tables[link.table]
            pkey = self._parents.remembered(parent.resource, parent_id)
            if pkey is None:
                self._tally.count("lookups")
                pkey = self._parents.ask(parent.resource, parent.key, parent_id, allowance)
            else:
                remembered = True
            found[target] = {"PKey": pkey}
        return found, remembered

    def _write(
        self, key: str, update: dict[str, object], insert: dict[str, object], known: bool, allowance: Allowance
    ) -> bool:
        """Whether it was inserted."""
        if (known or not self._key.unique) and self._updated(key, update, allowance):
            return False
        # New, or somebody deleted it in Campaign: Dynamics is the source of truth.
        try:
            self._campaign.create(self._resource, insert, allowance())
            self._tally.count("inserts")
            return True
        except AlreadyExists as error:
            # The confirmation of an earlier write was lost, or the record is older than our ledger.
            if not self._updated(key, insert, allowance):
                if error.field and not _is_key(self._key, error.field.lower()):
                    raise  # another unique field is taken: that is the record's own fault
                raise Malformed(
                    "campaign",
                    f"{self._resource}: the key is taken, yet no record with this key is found; a record whose "
                    "required parent is missing is hidden",
                ) from None
            return False

    def _updated(self, key: str, body: dict[str, object], allowance: Allowance) -> bool:
        """False if no record with this key is there."""
        # The key is not sent along: it does not change, and Campaign refuses a key that differs from the address.
        changes = {name: value for name, value in body.items() if name != self._key.field}
        for reference in self._references(key, allowance):
            try:
                self._campaign.update(self._resource, reference, changes, allowance())
                self._tally.count("updates")
                return True
            except NotFound:
                continue
        return False

    def _delete(self, key: str, allowance: Allowance) -> None:
        for reference in self._references(key, allowance):
            try:
                self._campaign.delete(self._resource, reference, allowance())
                self._tally.count("deletes")
            except NotFound:
                continue  # gone already, which is what was wanted

    def _references(self, key: str, allowance: Allowance) -> list[str]:
        """How the record with this key is addressed; empty if a look-up finds none."""
        if self._key.address == "uri":
            return [key]
        self._tally.count("lookups")
        found = self._campaign.find(self._resource, self._key, key, allowance())
        if len(found) > 1:
            raise Refused(
                "campaign",
                f"{self._resource}: {len(found)} records carry this record's key; merge them in Campaign, then retry "
                "this record",
                code="doubles",
            )
        return found


def _is_key(key: CampaignKey, column: str) -> bool:
    """Whether a column or constraint of Campaign's database is the key's; its type's letter stands before it."""
    return key.field.lower() in (column[1:], column.rpartition("_")[2])


@dataclass
class Tally:
    """Counts requests; many threads of one writer do."""

    _counts: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def count(self, kind: str) -> None:
        with self._lock:
            self._counts[kind] += 1

    def take(self) -> Calls:
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return Calls(**taken)
