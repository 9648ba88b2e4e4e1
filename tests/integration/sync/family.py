"""Three linked tables on their way: contact <- new_membership <- new_invoice, both systems in memory, the store real.

The streams are the product's own, from the mapping to the requests. Ids are short words made into guids, so that a test
reads well: `the("ann")`.
"""

import uuid
from collections.abc import Mapping
from typing import Any, cast

from redis import Redis

from config.ingress import IngressConfig
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from store import ledger
from store.keys import LEDGER_BUCKETS
from store.record_queue import DeadLetter
from store.store import Store, WorkflowStore
from sync.ingress import connect_streams
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.reading import read_slice
from sync.schemas import Schemas, TableSchema
from sync.streams import DELETED, FILTERED_OUT, ReadEnd, Slice, Stream, kind_of, leaving, words_of
from sync.writing import WriteEnd, write_slice
from tests.integration.sync.pretend_campaign import PretendCampaign
from tests.integration.sync.pretend_dynamics import PretendDynamics

CONTACT, MEMBERSHIP, INVOICE = "contact", "new_membership", "new_invoice"
TABLES = (CONTACT, MEMBERSHIP, INVOICE)
RESOURCE = {CONTACT: "profile", MEMBERSHIP: "cusMembership", INVOICE: "cusInvoice"}

TEXT, WHOLE = ColumnShape("String", 100), ColumnShape("Integer")

SCHEMAS = Schemas(
    {
        CONTACT: TableSchema(
            "contacts",
            "contactid",
            {
                "contactid": ColumnShape("Uniqueidentifier"),
                "lastname": TEXT,
                "jobtitle": TEXT,
                "statecode": ColumnShape("State", options={0: "Active", 1: "Inactive"}),
                "new_referrerid": ColumnShape("Lookup", targets=("contact",)),
            },
            {
                "externalId": FieldShape("string", 100),
                "lastName": FieldShape("string", 100),
                "cusJobTitle": FieldShape("string", 100),
                "referrer": FieldShape("link", target="profile"),
            },
        ),
        MEMBERSHIP: TableSchema(
            "new_memberships",
            "new_membershipid",
            {
                "new_membershipid": ColumnShape("Uniqueidentifier"),
                "new_name": TEXT,
                "new_points": WHOLE,
                "new_contactid": ColumnShape("Customer", targets=("account", "contact")),
                "new_sponsorid": ColumnShape("Lookup", targets=("contact",)),
            },
            {
                "crmId": FieldShape("string", 100),
                "number": FieldShape("string", 100),
                "points": FieldShape("long"),
                "holder": FieldShape("link", target="profile"),
                "sponsor": FieldShape("link", target="profile"),
            },
        ),
        INVOICE: TableSchema(
            "new_invoices",
            "new_invoiceid",
            {
                "new_invoiceid": ColumnShape("Uniqueidentifier"),
                "new_name": TEXT,
                "new_membershipid": ColumnShape("Lookup", targets=("new_membership",)),
            },
            {
                "crmId": FieldShape("string", 100),
                "number": FieldShape("string", 100),
                "membershipId": FieldShape("string", 100),
            },
        ),
    }
)

KEY = {"field": "crmId", "unique": True, "filter": "byCrmId", "parameter": "crmId_parameter"}

#: What a file would say of each table.
MAPPINGS: Mapping[str, dict[str, Any]] = {
    CONTACT: {
        "table": CONTACT,
        "resource": "profile",
        "key": {"field": "externalId", "unique": True, "address": "uri"},
        "apply_deletes": True,
        "fields": [{"from": "lastname", "to": "lastName"}],
    },
    MEMBERSHIP: {
        "table": MEMBERSHIP,
        "resource": "cusMembership",
        "key": KEY,
        "apply_deletes": True,
        "fields": [{"from": "new_name", "to": "number"}],
        "links": [
            {"from": "new_contactid", "to": "holder", "table": CONTACT, "required": True},
            {"from": "new_sponsorid", "to": "sponsor", "table": CONTACT},
        ],
    },
    INVOICE: {
        "table": INVOICE,
        "resource": "cusInvoice",
        "key": KEY,
        "apply_deletes": True,
        "fields": [{"from": "new_name", "to": "number"}],
        "links": [{"from": "new_membershipid", "to": "membershipId", "table": MEMBERSHIP, "required": True}],
    },
}

FOREVER = Slice(60, lambda: False)

#: Of contacts, those that are not deactivated.
ACTIVE = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}


def the(name: str) -> str:
    """The id of a record that a test calls by this name."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


class Family:
    """A running workflow of these tables; `tables` overrides parts of their mappings, None leaves a table out."""

    def __init__(self, redis: Redis, page_size: int = 1000, high_water: int = 100_000) -> None:
        self.redis = redis
        self.dynamics = PretendDynamics(page_size)
        self.campaign = PretendCampaign()
        self.workflow: WorkflowStore = Store(redis, "test", high_water=high_water).workflow("ingress")
        self.generation = 0
        self.streams: dict[str, Stream] = {}
        self.mappings = dict(MAPPINGS)

    def start(self, **tables: dict[str, Any] | None) -> "Family":
        """Starts, or stops and starts again, with these changes of the mappings; pending replays begin."""
        lifecycle = self.workflow.lifecycle
        for table, changes in tables.items():
            if changes is None:
                self.mappings.pop(table, None)
            else:
                self.mappings[table] = {**self.mappings.get(table, MAPPINGS[table]), **changes}
        lifecycle.stop("a test", "")
        lifecycle.start("a test", "", 1)
        self.generation = lifecycle.read().generation
        lifecycle.add_streams(list(self.mappings))
        self.workflow.replays.begin(self.workflow.now_ms())
        assert lifecycle.run(self.generation, "a test", "")
        self.connect()
        return self

    def start_anew(self, table: str, name: str = "nobody") -> "Family":
        """Starts again under a mapping of the table that lets the same records travel: all of it is read again. With
        each `name` it is another one."""
        nobody = {"field": SCHEMAS.tables[table].primary_id, "is": "not_equals", "value": the(name)}
        return self.start(**{table: {"filter": {"all": [nobody]}}})

    def connect(self) -> None:
        """The streams as a process of this run makes them ready."""
        config = IngressConfig.model_validate({"tables": list(self.mappings.values())})
        connected = connect_streams(
            config,
            SCHEMAS,
            cast(Dynamics, self.dynamics),
            cast(Campaign, self.campaign),
            page_size=5000,
            concurrency=1,
        )
        self.streams = {stream.name: stream for stream in connected}

    def read(self, table: str, piece: Slice = FOREVER) -> ReadEnd:
        return read_slice(self.streams[table], self.workflow, self.generation, piece)

    def write(self, table: str, seat: int = 0, batch_size: int = 100) -> WriteEnd:
        return write_slice(
            self.streams[table], self.streams, self.workflow, self.generation, seat, FOREVER, 60.0, batch_size
        )

    def carry(self, *tables: str) -> None:
        """Reads, then writes, these tables in this order."""
        for table in tables:
            self.read(table)
            self.write(table)

    def settle(self) -> None:
        """Reads and writes until nothing waits except for a parent that does not come."""
        quiet = 0
        for _ in range(40):
            for table in self.mappings:
                self.read(table)
            backlogs = [self.workflow.queue(table).backlog() for table in self.mappings]
            quiet = 0 if any(backlog.waiting + backlog.leased for backlog in backlogs) else quiet + 1
            # A round may end with the full read, and the next one bring what changed meanwhile.
            if quiet == 2:
                return
            for table in self.mappings:
                self.hurry(table)
                self.write(table)
        raise AssertionError("the queues do not become empty")

    def hurry(self, table: str) -> None:
        """What is to be tried again later is due now."""
        keys = self.workflow.queue(table).keys
        for record_id in cast(list[bytes], self.redis.zrange(keys.delayed, 0, -1)):
            self.redis.zadd(keys.delayed, {record_id: 0}, xx=True)

    def let_limit_pass(self, table: str) -> None:
        """What is parked has waited for longer than the limit."""
        keys = self.workflow.queue(table).keys
        for record_id in cast(list[bytes], self.redis.zrange(keys.parked, 0, -1)):
            self.redis.zadd(keys.parked, {record_id: 0}, xx=True)

    def age(self, table: str, record_id: str, seconds: float) -> None:
        """A waiting record was read so much earlier than it was."""
        records = self.workflow.queue(table).keys.records
        version, queued, lane, payload = cast(bytes, self.redis.hget(records, record_id)).split(b" ", 3)
        earlier = int(queued) - int(seconds * 1000)
        if kind_of(payload) in (DELETED, FILTERED_OUT):
            payload = leaving(kind_of(payload), earlier, *words_of(payload)[1:])
        self.redis.hset(records, record_id, b"%b %d %b %b" % (version, earlier, lane, payload))

    def forget_when(self, table: str) -> None:
        """What the ledger has confirmed so far was read long ago. It knows seconds, which a test is too fast for."""
        entries = self.workflow.queue(table).ledger
        for record_id, entry in entries.scan(0, LEDGER_BUCKETS):
            field = ledger.field_of(record_id)
            self.redis.hset(entries.bucket_of(field), field, entry._replace(read_at=1).pack())

    def parked(self, table: str) -> set[str]:
        return {record.id for record in self.workflow.queue(table).parked(1 << 52)}

    def dead(self, table: str) -> dict[str, DeadLetter]:
        return {letter.id: letter for letter in self.workflow.queue(table).dead_letters()}

    def counts(self, table: str) -> dict[str, int]:
        return self.workflow.statistics(table, 0).totals

    def held(self, table: str) -> dict[str, dict[str, Any]]:
        """What Campaign holds of a table, by id."""
        return self.campaign.held(RESOURCE[table])

    def writes(self, table: str) -> list[tuple[str, str]]:
        return self.campaign.writes(RESOURCE[table])

    def orphaned(self) -> list[tuple[str, ...]]:
        """What still led to a record when it was deleted in Campaign."""
        return [event.orphaned for event in self.campaign.events if event.orphaned]


def sponsored_family(family: Family) -> None:
    """Ann and her membership, which Bob sponsors, are in Campaign; a contact that is not active is deleted there."""
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, the("ann"), lastname="Ann", statecode=0)
    family.dynamics.put(CONTACT, the("bob"), lastname="Bob", statecode=0)
    family.dynamics.put(MEMBERSHIP, the("gold"), new_contactid=the("ann"), new_sponsorid=the("bob"))
    family.settle()


def sponsor_matches_again(family: Family) -> None:
    """Bob has left Campaign, Ann's membership stayed; that he matches again is not read yet."""
    sponsored_family(family)
    family.dynamics.put(CONTACT, the("bob"), statecode=1)
    family.settle()
    family.dynamics.put(CONTACT, the("bob"), statecode=0)
