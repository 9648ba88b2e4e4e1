"""A running workflow in a real store, and a source and a target whose behaviour a test decides."""

from collections.abc import Callable

import pytest
from redis import Redis

from connectors.dynamics_pages import Page, Row
from store.ledger import Entry, Standing
from store.record_queue import Leased, Outcome, Unchanged
from store.store import Store, WorkflowStore
from sync.mapping import fingerprint
from sync.streams import Allowance, Send, Slice, Stream


class ScriptedSource:
    """Answers with the pages it was given, by link; an exception in place of a page is raised."""

    def __init__(self) -> None:
        self.pages: dict[str, Page | Exception] = {}
        self.asked: list[str] = []
        self.deletions = True
        self.mapping = "m1"

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

    def wants_deletions(self) -> bool:
        return self.deletions


class ScriptedTarget:
    """Notes what it was sent; `before` runs first and may raise, wait, or change the world."""

    def __init__(self) -> None:
        self.concurrency = 1
        self.sent: list[str] = []
        self.before: Callable[[Send], None] = lambda send: None

    def prepare(self, record: Leased, entry: Entry | None, now_ms: int) -> Send | Outcome:
        body: dict[str, object] = {"payload": record.payload.decode()}
        after = Entry(Standing.PRESENT, record.version, now_ms // 1000, fingerprint(body))
        if entry is not None and entry.fingerprint == after.fingerprint:
            return Unchanged(record.id, after)
        return Send(record, body, after, entry is not None)

    def send(self, send: Send, allowance: Allowance) -> None:
        allowance()
        self.before(send)
        self.sent.append(send.record.id)


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
    return Stream("contact", source, target)


@pytest.fixture
def piece() -> Slice:
    return Slice(10, lambda: False)


def row(record_id: str, version: int) -> Row:
    return Row(record_id, version, {"lastname": record_id})


def gone(record_id: str) -> Row:
    return Row(record_id, None, None)
