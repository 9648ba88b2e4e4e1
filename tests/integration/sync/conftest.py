"""A running workflow in a real store, and a source and a target whose behaviour a test decides."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import pytest
from redis import Redis

from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.dynamics_pages import Page, Row
from connectors.http import NoThrottle
from store.ledger import Entry, Standing
from store.record_queue import Leased, Outcome, Unchanged
from store.replays import Only
from store.store import Store, WorkflowStore
from sync.loading import timing
from sync.mapping.mapper import fingerprint
from sync.streams import FILTERED_OUT, Allowance, Answer, Calls, LinkedPage, Reader, Send, Slice, Stream
from sync.tables import deletions
from sync.tables.position import Position
from sync.tables.reading import TableReader
from sync.tables.table import Test
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection, tell_secrets
from tests.integration.sync.consent_readers import ConsentReaders
from tests.integration.sync.consent_stage import ConsentStage
from tests.integration.sync.family import Family
from tests.integration.sync.loading_stage import LoadStage
from tests.sandboxes import Sandbox


class ScriptedSource:
    """Answers with the pages it was given, by link; an exception in place of a page is raised."""

    def __init__(self) -> None:
        self.pages: dict[str, Page | Exception] = {}
        self.asked: list[str] = []
        self.mapping = "m1"
        self.pair = "p1"
        self.wants_deletions = True
        self.deletes_filtered_out = False
        self.unwanted: set[str] = set()  #: ids that the filter does not let travel
        self.there: dict[str, Row] = {}  #: what is found by id

    def reader(self, stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> Reader:
        return TableReader(self, stream, store, generation, piece)

    def may_write(self, cursor: str) -> bool:
        return Position.load(cursor).pair in ("", self.pair)

    def count(self) -> int | None:
        return 7

    def first_page(self, timeout: float) -> Page:
        return self.follow("", timeout)

    def follow(self, link: str, timeout: float) -> Page:
        self.asked.append(link)
        answer = self.pages[link]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def follow_deletions(self, link: str, timeout: float) -> Page:
        return self.follow(link, timeout)

    page_size = 5000

    def test_of(self, where: Sequence[str]) -> Test:
        return lambda row: True

    def scan(self, only: Only, link: str, page_size: int, timeout: float) -> Page:
        return self.follow(link or "walk", timeout)

    def picked(self, ids: Sequence[str], timeout: float) -> list[Row]:
        return [self.there[record_id] for record_id in ids if record_id in self.there]

    def payload(self, row: Row) -> bytes:
        return FILTERED_OUT if row.id in self.unwanted else orjson.dumps(row.values)

    def row(self, record_id: str, timeout: float) -> Row | None:
        return self.there.get(record_id)

    def linked_page(
        self, table: str, record_ids: Sequence[str], required: bool, place: str, allowance: Allowance
    ) -> LinkedPage:
        return LinkedPage([], "", True)

    def existing(self, record_ids: Sequence[str], allowance: Allowance) -> set[str]:
        return {record_id for record_id in record_ids if record_id in self.there}

    def is_outdated(self, payload: bytes) -> bool:
        return False

    def rows(self, record_ids: Sequence[str], allowance: Allowance) -> dict[str, Row]:
        raise AssertionError("nothing here is outdated")


class ScriptedTarget:
    """Notes what it was sent; `before` runs first and may raise, wait, or change the world."""

    remembers = True

    def __init__(self) -> None:
        self.concurrency = 1
        self.together = 1
        self.sent: list[str] = []
        self.before: Callable[[Send], None] = lambda send: None
        self.calls = Calls()

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        body: dict[str, object] = {"payload": record.payload.decode()}
        after = Entry(Standing.PRESENT, record.version, record.queued_ms // 1000, fingerprint(body))
        if entry is not None and entry.fingerprint == after.fingerprint:
            return Unchanged(record.id, after)
        return Send(record, body, body, after, entry is not None)

    def send(self, sends: Sequence[Send], allowance: Allowance) -> list[Answer]:
        allowance()
        for send in sends:
            self.before(send)
            self.sent.append(send.record.id)
        return [False] * len(sends)

    def take_calls(self) -> Calls:
        taken, self.calls = self.calls, Calls()
        return taken


@pytest.fixture
def store(redis: Redis) -> Store:
    return Store(redis, "test")


@pytest.fixture
def workflow(store: Store) -> WorkflowStore:
    """Ingress, RUNNING in generation 1, with the stream `contact`."""
    found = store.workflow("ingress")
    found.lifecycle.add_streams(["contact"])
    found.lifecycle.start("a test", "", 1)
    assert found.lifecycle.run(1, "a test", "")
    return found


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource()


@pytest.fixture
def target() -> ScriptedTarget:
    return ScriptedTarget()


@pytest.fixture
def stream(source: ScriptedSource, target: ScriptedTarget) -> Stream:
    return Stream("contact", source, target, records=source)


@pytest.fixture
def piece() -> Slice:
    return Slice(10, lambda: False)


def row(record_id: str, version: int) -> Row:
    return Row(record_id, version, {"lastname": record_id})


def gone(record_id: str) -> Row:
    return Row(record_id, None, None)


@pytest.fixture
def family(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Family:
    """Contacts, memberships and invoices between two systems in memory; not started yet."""
    # The pretended changes show at once.
    monkeypatch.setattr(deletions, "DELAY_MS", 0)
    return Family(redis)


@pytest.fixture
def secrets(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the sandbox's systems."""
    tell_secrets(sandbox, monkeypatch)


@pytest.fixture
def readers(secrets: None, sandbox: Sandbox, store: Store) -> Iterator[ConsentReaders]:
    readers = ConsentReaders(sandbox, store)
    yield readers
    readers.close()


@pytest.fixture
def stage(secrets: None, sandbox: Sandbox, store: Store) -> Iterator[ConsentStage]:
    """Opt-in/out on the sandbox, and one contact with two flags."""
    sandbox.admin.put("/switches", {"profile_key": ""})
    dynamics = Dynamics(dynamics_connection(sandbox), NoThrottle())
    campaign = Campaign(campaign_connection(sandbox), NoThrottle())
    stage = ConsentStage(dynamics, campaign, sandbox.admin, store.workflow("optinout"))
    stage.contact(stage.ids[0], donotemail=False, followemail=True)
    stage.wait(10)
    yield stage
    dynamics.close()
    campaign.close()


@pytest.fixture
def loading(
    redis: Redis, sandbox: Sandbox, secrets: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoadStage]:
    """Contacts that travel in files once twenty wait; what waits for a while is looked at at once."""
    for name in ("SURE_MS", "STATE_EVERY_MS", "STOPPED_MS", "AGAIN_MS"):
        monkeypatch.setattr(timing, name, 0)
    stage = LoadStage(redis, sandbox, tmp_path)
    stage.configure()
    yield stage
    stage.close()
