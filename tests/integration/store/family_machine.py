"""A second state machine: three streams, some of whose records have a parent in another, and several workers.

A worker does what the write step does: it leases a batch, looks once at the ledger for the parents, and then sends and
settles record by record, while others lease, park, confirm, or die in between. The target is what would be in Campaign.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from redis import Redis

from store.keys import InstanceKeys
from store.ledger import Entry, Standing
from store.lifecycle import Lifecycle
from store.record_queue import Change, Lane, Outcome, Parent, Parked, RecordQueue, Unchanged, Written
from tests.integration.store.server_state import Server

#: One name is the beginning of another, on purpose.
STREAMS = ["account", "contact", "contactpoint"]
LEASE_MS = 100
#: Likewise, and with what separates names elsewhere.
NAMES = ["1", "1 1", "11", "2"]

names = st.sampled_from(NAMES)
lanes = st.sampled_from(list(Lane))
workers = st.integers(0, 2)
streams = st.sampled_from(STREAMS)


def parents_of(stream: str) -> st.SearchStrategy[Parent | None]:
    """Accounts have none or another account, contacts an account, contact points an account or a contact."""
    above = {"account": ["account"], "contact": ["account"], "contactpoint": ["account", "contact"]}[stream]
    real = st.builds(Parent, st.sampled_from(above), names)
    return st.none() | real if stream == "account" else real


def reads(stream: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    several = st.dictionaries(names, parents_of(stream), min_size=1)
    return st.tuples(
        st.just("read"), st.fixed_dictionaries({"stream": st.just(stream), "found": several, "lane": lanes})
    )


def step(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


_STEPS = [
    (3, st.sampled_from(STREAMS).flatmap(reads)),
    (4, step("take", worker=workers, stream=streams, how_many=st.integers(1, 4))),
    (4, step("go_on", worker=workers, many=st.integers(1, 4))),
    (1, step("die", worker=workers)),
    (1, step("drain")),
]
steps = st.sampled_from([strategy for often, strategy in _STEPS for _ in range(often)]).flatmap(lambda chosen: chosen)


@dataclass
class Worker:
    stream: str = ""
    batch: int = 0
    todo: list[tuple[Outcome, Parent | None]] = field(default_factory=list)


class FamilyMachine(RuleBasedStateMachine):
    def __init__(self, redis: Redis, planted: AbstractContextManager[None] | None = None) -> None:
        super().__init__()
        redis.flushdb()
        keys = InstanceKeys("test").workflow("contacts")
        with planted or ExitStack():
            self.queues = {stream: RecordQueue(redis, keys.stream(stream)) for stream in STREAMS}
        lifecycle = Lifecycle(redis, keys)
        lifecycle.add_streams(STREAMS)
        lifecycle.start("ann", "", 1, 0)
        assert lifecycle.run(1, "worker", "", 0)
        self.redis = redis
        self.workers = [Worker() for _ in range(3)]
        self.now, self.version = 1_700_000_000_000, 0
        self.newest: dict[Parent, tuple[int, Parent | None]] = {}  #: what was read last: version, parent
        self.target: dict[Parent, int] = {}  #: what Campaign holds, in which version

    @initialize(found=st.dictionaries(names, parents_of("contact"), min_size=2), lane=lanes)
    def begin(self, found: dict[str, Parent | None], lane: Lane) -> None:
        self.read("contact", found, lane)

    @rule(step=steps)
    def play(self, step: tuple[str, dict[str, Any]]) -> None:
        name, arguments = step
        self.now += 1
        getattr(self, name)(**arguments)
        self.no_wake_up_is_lost()

    def read(self, stream: str, found: dict[str, Parent | None], lane: Lane) -> None:
        changes = []
        for name, parent in found.items():
            record = Parent(stream, name)
            # An account under itself or under one below it would wait for ever, and rightly so.
            if parent and parent.stream == stream and parent.id >= record.id:
                parent = None
            self.version += 1
            self.newest[record] = self.version, parent
            payload = f"{parent.stream} {parent.id}" if parent else ""
            changes.append(Change(record.id, self.version, payload.encode()))
        self.queues[stream].feed(1, changes, lane, self.now)

    def take(self, worker: int, stream: str, how_many: int) -> None:
        if not self.workers[worker].todo:
            self.workers[worker] = self._taken(stream, how_many)

    def _taken(self, stream: str, how_many: int) -> Worker:
        """A batch, and what is to become of each of its records as the ledger stands now."""
        batch = self.queues[stream].lease(1, how_many, LEASE_MS, self.now)
        own = self.queues[stream].ledger.entries([record.id for record in batch.records])
        todo: list[tuple[Outcome, Parent | None]] = []
        for record, entry in zip(batch.records, own, strict=True):
            above, _, parent_id = record.payload.decode().partition(" ")
            parent = Parent(above, parent_id) if above else None
            if parent and not self._is_present(parent):
                todo.append((Parked(record.id, parent), None))
            elif entry and entry.version >= record.version:
                todo.append((Unchanged(record.id, entry), None))
            else:
                entry = Entry(Standing.PRESENT, record.version, self.now // 1000, record.version.to_bytes(16))
                todo.append((Written(record.id, entry), parent))
        return Worker(stream, batch.number, todo)

    def _is_present(self, parent: Parent) -> bool:
        [entry] = self.queues[parent.stream].ledger.entries([parent.id])
        return entry is not None and entry.standing is Standing.PRESENT

    def go_on(self, worker: int, many: int) -> None:
        """Sends and settles some of what the worker holds, while its lease runs."""
        hand = self.workers[worker]
        self._send_and_settle(hand, hand.todo[:many])
        hand.todo = hand.todo[many:]

    def _send_and_settle(self, hand: Worker, some: Iterable[tuple[Outcome, Parent | None]]) -> None:
        outcomes = []
        for outcome, parent in some:
            if isinstance(outcome, Written) and outcome.entry:
                record = Parent(hand.stream, outcome.id)
                assert parent is None or parent in self.target, f"{record} was sent before {parent}"
                assert outcome.entry.version >= self.target.get(record, 0), f"{record} became older"
                self.target[record] = outcome.entry.version
            outcomes.append(outcome)
        if outcomes:
            doubted = self.queues[hand.stream].settle(hand.batch, outcomes, self.now)
            assert not doubted

    def die(self, worker: int) -> None:
        """Its last request was sent, and nobody was told. The leases of the others run out with it."""
        hand = self.workers[worker]
        for outcome, _ in hand.todo[:1]:
            if isinstance(outcome, Written) and outcome.entry:
                self.target[Parent(hand.stream, outcome.id)] = outcome.entry.version
        self.workers = [Worker() for _ in self.workers]
        self.now += LEASE_MS
        for queue in self.queues.values():
            queue.reap(self.now)

    def drain(self) -> None:
        """Work until nothing is ready: then everybody is there whose parents, and theirs, were read."""
        for number in range(len(self.workers)):
            self.go_on(number, 4)
        busy, rounds = True, 0
        while busy:
            busy, rounds = False, rounds + 1
            assert rounds < 100, "it goes round and round"
            for stream in STREAMS:
                hand = self._taken(stream, 3)
                busy = busy or bool(hand.todo)
                self._send_and_settle(hand, hand.todo)
                self.no_wake_up_is_lost()
        for record, (version, parent) in self.newest.items():
            if parent is None or parent in self.target:
                assert self.target.get(record) == version, f"{record} was forgotten"
        for stream, queue in self.queues.items():
            backlog = queue.backlog()
            lacking = {record for record, (version, _) in self.newest.items() if self.target.get(record) != version}
            assert backlog.parked == backlog.total == len([record for record in lacking if record.stream == stream])

    def no_wake_up_is_lost(self) -> None:
        """Whoever is parked, its parent is not there, or has told the stream that it came."""
        for stream, queue in self.queues.items():
            server = Server.read(self.redis, queue)
            for record_id, parent in server.awaits.items():
                told = (stream, parent) in server.released
                assert told or not self._is_present(parent), f"{record_id} waits for {parent}, which is there"
