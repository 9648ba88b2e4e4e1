"""A running egress workflow in a real store, between events and timelines whose behaviour a test decides."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
from redis import Redis

from config.egress import ORIGINS, EgressConfig
from config.event_fields import KINDS
from connectors.dynamics import Dynamics
from connectors.dynamics_creates import Create
from connectors.dynamics_metadata import DynamicsTable
from connectors.errors import ConnectorError, Refused, RelatedMissing, Unavailable
from store.record_queue import DeadLetter, RecordQueue
from store.store import Store, WorkflowStore
from sync.egress import STREAM
from sync.events.activity import ActivityMapper, ActivityShape
from sync.events.activity_target import ActivityTarget
from sync.events.event import Understanding
from sync.events.payload import place_of
from sync.events.position import EventPosition
from sync.events.reading import EventStreamSource
from sync.pages import RawPage, RawRecord, RawSource
from sync.reading import read_slice
from sync.streams import ReadEnd, Slice, Stream
from sync.unknown_contacts import UnknownContacts
from sync.writing import WriteEnd, write_slice

ANN, BOB = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
FOREVER = Slice(60, lambda: False)
NOW = datetime.now(UTC)


def event(number: int, kind: str = "open", contact: str = ANN, days_ago: float = 0, **data: object) -> dict[str, Any]:
    """One event as the journal has it."""
    time = (NOW - timedelta(days=days_ago)).isoformat()
    data = {"externalId": contact, "eventDate": time, "campaignName": "Camp", "deliveryName": "DM1", **data}
    return {"id": f"e{number}", "type": f"com.adobe.campaign.email.{kind}", "data": data}


class ScriptedEvents:
    """A source that answers with its pages, one after the other, by number; the last one leads to itself."""

    def __init__(self) -> None:
        self.pages: list[RawPage | Exception] = []
        self.asked: list[str] = []
        self.since: list[int | None] = []

    def add(self, *events: dict[str, Any] | RawRecord, more: bool = True, wait: float = 0.0, missed: str = "") -> None:
        raw = [one if isinstance(one, RawRecord) else RawRecord(one) for one in events]
        self.pages.append(RawPage(raw, str(len(self.pages) + 1), more, wait, missed))

    def beginning(self, since_ms: int | None) -> str:
        self.since.append(since_ms)
        return "0"

    def fetch(self, position: str, timeout: float) -> RawPage:
        self.asked.append(position)
        if int(position) >= len(self.pages):
            return RawPage([], position, False, 60.0)
        page = self.pages[int(position)]
        if isinstance(page, Exception):
            raise page
        return page


class Timelines:
    """Contacts and their activities; in place of Dynamics."""

    def __init__(self) -> None:
        self.contacts = {ANN, BOB}
        self.activities: dict[str, dict[str, Any]] = {}
        self.created = 0
        self.breaking = ""  #: the same for a request that ends in 500
        self.denied: dict[str, ConnectorError] = {}  #: by contact, why nothing may be added to it
        self.spoilt = ""  #: the id of an activity because of which a request is refused as a whole
        self.requests: list[int] = []
        self.asked: list[Sequence[str]] = []
        self.failing: list[ConnectorError] = []  #: what the next requests end in, once their effect is there
        self.down: list[ConnectorError] = []  #: the same, without any effect

    def create_absent(self, creates: Sequence[Create], timeout: float) -> list[bool | ConnectorError]:
        self.requests.append(len(creates))
        if self.down:
            raise self.down.pop(0)
        if self.breaking in {create.id for create in creates}:
            raise Unavailable("dynamics", "the service is in trouble (500)")
        if self.spoilt in {create.id for create in creates}:
            raise Refused("dynamics", "the request is not valid (400)")
        answers = [self._create(create) for create in creates]
        if self.failing:
            raise self.failing.pop(0)
        return answers

    def _create(self, create: Create) -> bool | ConnectorError:
        body = orjson.loads(create.body)
        [contact] = [value[10:-1] for name, value in body.items() if name.endswith("@odata.bind")]
        if create.id in self.activities:
            return False
        if contact in self.denied:
            return self.denied[contact]
        if contact not in self.contacts:
            return RelatedMissing("dynamics", "the contact is not there")
        self.created += 1
        self.activities[create.id] = {**body, "set": create.set_name, "contact": contact}
        return True

    def existing(self, table: DynamicsTable, ids: Sequence[str], timeout: float) -> set[str]:
        self.asked.append(ids)
        return self.contacts & set(ids)


class Egress:
    """`config`: parts of egress; the events are the source's, the activities the timelines'."""

    def __init__(self, redis: Redis, high_water: int = 100_000) -> None:
        self.redis = redis
        self.events = ScriptedEvents()
        self.timelines = Timelines()
        self.workflow: WorkflowStore = Store(redis, "test", high_water=high_water).workflow("egress")
        self.generation = 0
        self.start()

    def start(self, place: str = "here", **config: Any) -> None:
        """Starts, or stops and starts again, under this configuration; a pending replay begins."""
        lifecycle = self.workflow.lifecycle
        lifecycle.stop("a test", "")
        lifecycle.start("a test", "", 1)
        self.generation = lifecycle.read().generation
        lifecycle.add_streams([STREAM])
        self.workflow.replays.begin(self.workflow.now_ms())
        assert lifecycle.run(self.generation, "a test", "")
        self.stream = self._stream(EgressConfig.model_validate(config), place)

    def _stream(self, config: EgressConfig, place: str) -> Stream:
        dynamics = cast(Dynamics, self.timelines)
        rules = {origin: Understanding(config, origin) for origin in ORIGINS}
        shapes = {kind: ActivityShape(f"{kind}s", f"regarding_{kind}", {"subject": 200}) for kind in KINDS}
        limit_s = config.contact_limit_seconds
        only_new = config.source == "journal" and config.journal.begin == "latest"
        return Stream(
            STREAM,
            EventStreamSource(self.events, config.source, place, rules[config.source], only_new),
            ActivityTarget(
                dynamics, rules, ActivityMapper(config.activities, shapes), config.batch_size, 1, limit_s > 0
            ),
            keeper=lambda stream, _streams, store, _generation: UnknownContacts(
                dynamics, limit_s, "egress.contact_limit_seconds", "events", stream, store
            ),
            place_of=place_of,
        )

    def source_of(self, source: RawSource) -> EventStreamSource:
        """The stream's, but for another source of events."""
        now = cast(EventStreamSource, self.stream.source)
        return EventStreamSource(source, now.origin, now.place, now.rules, now.only_new)

    @property
    def queue(self) -> RecordQueue:
        return self.workflow.queue(STREAM)

    @property
    def position(self) -> EventPosition:
        return EventPosition.load(self.workflow.cursor(STREAM).value)

    def read(self, piece: Slice = FOREVER) -> ReadEnd:
        return read_slice(self.stream, self.workflow, self.generation, piece)

    def write(self) -> WriteEnd:
        return write_slice(self.stream, {STREAM: self.stream}, self.workflow, self.generation, 0, FOREVER, 60.0, 100)

    def carry(self) -> None:
        self.read()
        self.write()

    def let_time_pass(self) -> None:
        """What waits for its next try need not wait any longer."""
        keys = self.queue.keys
        for record_id in cast(list[bytes], self.redis.zrange(keys.delayed, 0, -1)):
            self.redis.zadd(keys.delayed, {record_id: 0})
        self.workflow.troubles.clear_all()

    def queue_earlier(self, hours: int) -> None:
        """What waits was queued so many hours earlier."""
        key = self.queue.keys.records
        for record_id, packed in cast(dict[bytes, bytes], self.redis.hgetall(key)).items():
            version, queued, rest = packed.split(b" ", 2)
            self.redis.hset(key, record_id.decode(), b"%b %d %b" % (version, int(queued) - hours * 3_600_000, rest))

    def letters(self) -> list[DeadLetter]:
        return list(self.queue.dead_letters())

    def totals(self) -> dict[str, int]:
        """Counts that are not 0."""
        totals = self.workflow.statistics(STREAM, self.workflow.now_ms()).totals
        return {what: count for what, count in totals.items() if count}
