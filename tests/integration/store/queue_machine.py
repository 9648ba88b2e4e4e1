"""A hypothesis state machine: put, feed, lease, renew, settle with any batch ever given, unpark, reap, revive, drop,
stop and start.

Every step is played against the real server and against the model; after every step the server's own keys must keep the
invariants of the queue, and agree with the model.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar
from unittest import mock

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from redis import Redis

from store import record_queue
from store.cursors import read_cursor
from store.keys import InstanceKeys
from store.ledger import Entry, Standing
from store.lifecycle import Lifecycle
from store.record_queue import (
    Change,
    CursorMoved,
    DeadLetter,
    GenerationOver,
    Lane,
    Outcome,
    Parent,
    Parked,
    QueueFull,
    Reason,
    RecordQueue,
)
from store.statistics import read_statistics
from tests.integration.store.queue_model import DIED, QueueModel
from tests.integration.store.queue_steps import (
    DEATHS,
    HIGH_WATER,
    IDS,
    LEASE_MS,
    STREAM,
    Writer,
    lanes,
    pages,
    steps,
)
from tests.integration.store.server_state import Server

T = TypeVar("T")


class QueueMachine(RuleBasedStateMachine):
    def __init__(self, redis: Redis, planted: AbstractContextManager[None] | None = None) -> None:
        super().__init__()
        redis.flushdb()
        self._undo = ExitStack()
        self._undo.enter_context(mock.patch.object(record_queue, "DEATHS_TOO_MANY", DEATHS))
        keys = InstanceKeys("test").workflow("contacts")
        with planted or ExitStack():
            self.queue = RecordQueue(redis, keys.stream(STREAM), high_water=HIGH_WATER)
        self.lifecycle = Lifecycle(redis, keys)
        self.lifecycle.add_streams([STREAM])
        self.redis = redis
        self.model = QueueModel(STREAM, HIGH_WATER, DEATHS)
        self.writers: list[Writer] = []
        self.now = 1_700_000_000_000
        self.newest_put: dict[str, int] = {}
        self.before = Server.read(redis, self.queue)
        self.ledger: dict[str, Entry] = {}
        self.letters: dict[str, DeadLetter] = {}

    def teardown(self) -> None:
        self._undo.close()

    @initialize(page=pages, lane=lanes)
    def begin(self, page: list[tuple[str, int]], lane: Lane) -> None:
        self.start()
        self.run()
        self.put(page, lane)

    @rule(step=steps)
    def play(self, step: tuple[str, dict[str, Any]]) -> None:
        name, arguments = step
        self.now += 1
        getattr(self, name)(**arguments)

    def put(
        self,
        page: Sequence[tuple[str, int]],
        lane: Lane,
        generation: int = 0,
        cursor: int = 0,
        moves_cursor: bool = True,
        filtered: int = 0,
    ) -> None:
        """`moves_cursor` False: one part of a longer page, whose reader dies before the last part."""
        changes = self._changes(page)
        generation, cursor = self.model.generation + generation, self.model.cursor + cursor
        next_cursor = f"page {self.model.cursor + 1}" if moves_cursor else ""
        stored = self._both(
            lambda: tuple(
                self.queue._put_part(generation, cursor, changes, next_cursor, lane, self.now, HIGH_WATER, filtered)
            ),
            lambda: self.model.put(self.now, generation, cursor, changes, lane, moves_cursor, filtered),
        )
        if stored:
            self._note(changes)

    def feed(self, page: Sequence[tuple[str, int]], lane: Lane, generation: int) -> None:
        changes, generation = self._changes(page), self.model.generation + generation
        if changes:  # without any, the server is not asked
            stored = self._both(
                lambda: tuple(self.queue.feed(generation, changes, lane, self.now)),
                lambda: self.model.feed(self.now, generation, changes, lane),
            )
            if stored:
                self._note(changes)

    def _changes(self, page: Sequence[tuple[str, int]]) -> list[Change]:
        # The time tells apart what was read twice in one version.
        return [
            Change(i, version, f"{i} in version {version} at {self.now} ".encode() + b"\0\xff") for i, version in page
        ]

    def _note(self, changes: Sequence[Change]) -> None:
        for record_id, version, _ in changes:
            self.newest_put[record_id] = max(version, self.newest_put.get(record_id, 0))

    def change_again(self, which: int, lane: Lane) -> None:
        if waiting := sorted(self.model.records):
            record_id = waiting[which % len(waiting)]
            self.put([(record_id, self.model.records[record_id].version + 1)], lane)

    def lease(self, how_many: int, slip: int = 0) -> None:
        generation = self.model.generation + slip
        batch = self._both(
            lambda: self.queue.lease(generation, how_many, LEASE_MS, self.now),
            lambda: self.model.check_generation(generation),
            compare=False,
        )
        if batch:
            expected = self.model.lease(self.now, generation, how_many, LEASE_MS, batch.number)
            assert batch.records == expected
            entries = self.queue.ledger.entries([record.id for record in expected])
            held = {record.id: record for record in expected}
            assert all(batch.number != writer.number for writer in self.writers), "a number was given twice"
            if held:
                self.writers.append(Writer(batch.number, held, dict(zip(held, entries, strict=True))))

    def lease_and_die(self, how_many: int) -> None:
        self.lease(how_many)
        self.now += LEASE_MS
        self.reap()

    def work(self, how_many: int, overtaken: int, deeds: list[str]) -> None:
        """A writer's ordinary turn; meanwhile a newer version may come of one of the records in flight."""
        self.lease(how_many)
        in_flight = sorted(self.model.ids(lambda record: record.hold is not None))
        if overtaken < len(in_flight):
            record_id = in_flight[overtaken]
            self.put([(record_id, self.model.records[record_id].version + 1)], Lane.LIVE)
        self.settle((True, 0), deeds, {})

    def family(self, which: int, comes: str | None, lane: Lane, children: set[str]) -> None:
        """Some records are parked for one that is not there; perhaps it comes, or is deleted, in the same breath."""
        absent = [i for i in IDS if not self.model.is_present(Parent(STREAM, i))]
        if not absent:
            return
        parent = absent[which % len(absent)]
        self.feed([(i, self.newest_put.get(i, 0) + 1) for i in sorted(children | {parent})], lane, 0)
        self.lease(len(IDS))
        if self.writers:
            writer = self.writers[-1]
            outcomes: list[Outcome] = [Parked(i, Parent(STREAM, parent)) for i in writer.held if i != parent]
            if comes and parent in writer.held:
                outcomes.append(writer.outcome(parent, comes, self.now))
            self._settle(writer, outcomes)

    def renew(self, speaker: tuple[bool, int], slip: int) -> None:
        if writer := self._writer(speaker):
            generation = self.model.generation + slip
            self._both(
                lambda: self.queue.renew(generation, writer.number, LEASE_MS, self.now),
                lambda: self.model.renew(self.now, generation, writer.number, LEASE_MS),
            )

    def sending(self, speaker: tuple[bool, int], comes: set[str], leaves: set[str]) -> None:
        self._sending(speaker, sorted(comes), sorted(leaves - comes))

    def changing(self, speaker: tuple[bool, int], changes: set[str]) -> None:
        self._sending(speaker, changing=sorted(changes))

    def _sending(
        self,
        speaker: tuple[bool, int],
        coming: Sequence[str] = (),
        leaving: Sequence[str] = (),
        changing: Sequence[str] = (),
    ) -> None:
        if writer := self._writer(speaker):
            self._both(
                lambda: self.queue.sending(writer.number, coming, leaving, changing, self.now),
                lambda: self.model.sending(self.now, writer.number, coming, leaving, changing),
            )

    def settle(self, speaker: tuple[bool, int], deeds: list[str], others: dict[str, str]) -> None:
        if writer := self._writer(speaker):
            told = {**others, **dict(zip(writer.held, deeds, strict=False))}
            outcomes = [writer.outcome(record_id, deed, self.now) for record_id, deed in told.items()]
            self._settle(writer, outcomes)

    def _settle(self, writer: Writer, outcomes: list[Outcome]) -> None:
        self._both(
            lambda: self.queue.settle(writer.number, outcomes, self.now),
            lambda: self.model.settle(self.now, writer.number, outcomes),
        )

    def _writer(self, speaker: tuple[bool, int]) -> Writer | None:
        holding, number = speaker
        numbers = {record.hold.batch for record in self.model.records.values() if record.hold}
        writers = [writer for writer in self.writers if not holding or writer.number in numbers]
        return writers[-1 - number % len(writers)] if writers else None

    def advance_time(self, by: int) -> None:
        self.now += by

    def reap(self) -> None:
        self._both(lambda: self.queue.reap(self.now), lambda: self.model.reap(self.now))

    def unpark(self, some: set[str] | None, reason: Reason | None) -> None:
        """None: all that are parked."""
        chosen = sorted(self.model.ids(lambda record: record.parked is not None) if some is None else some)
        self._both(
            lambda: self.queue.unpark(chosen, reason, self.now),
            lambda: self.model.unpark(self.now, chosen, reason),
        )

    def rearm(self, some: set[str]) -> None:
        self._both(lambda: self.queue.rearm(some, self.now), lambda: self.model.rearm(self.now, some))

    def revive(self, some: set[str] | None) -> None:
        """None: all dead letters."""
        chosen = sorted(self.model.dead if some is None else some)
        self._both(
            lambda: tuple(self.queue.revive(chosen)),
            lambda: self.model.revive(chosen),
        )

    def retry(self, refused: set[str], lane: Lane, meanwhile: set[str]) -> None:
        """Some records are set aside; others come, and an operator retries all dead letters."""
        self.feed([(i, self.newest_put.get(i, 0) + 1) for i in sorted(refused)], lane, 0)
        self.lease(len(IDS))
        if self.writers:
            writer = self.writers[-1]
            self._settle(writer, [writer.outcome(i, "refused", self.now) for i in writer.held])
        self.now += 1
        self.feed([(i, self.newest_put.get(i, 0) + 1) for i in sorted(meanwhile - refused)], Lane.LIVE, 0)
        self.revive(None)

    def drop(self, some: set[str] | None, slip: int) -> None:
        """None: all dead letters. With a slip, those that were looked at are others by now."""
        chosen = self.model.dead.keys() if some is None else self.model.dead.keys() & some
        seen = {record_id: self.model.dead[record_id].dead_ms - slip for record_id in sorted(chosen)}
        self._both(lambda: self.queue.drop(seen), lambda: self.model.drop(seen))

    def start(self) -> None:
        self.lifecycle.start("ann", "", 1, self.now)
        self.model.start()

    def run(self) -> None:
        if self.model.state == "STARTING":
            assert self.lifecycle.run(self.model.generation, "worker", "", self.now) == self.model.run(self.now)

    def start_and_run(self) -> None:
        self.start()
        self.run()

    def stop(self) -> None:
        self.lifecycle.stop("ann", "", self.now)
        self.model.stop()

    def _both(self, real: Callable[[], T], model: Callable[[], object], compare: bool = True) -> T | None:
        """The answer of both, or None if both refused for the same reason; then nothing may have changed."""
        try:
            expected, refusal = model(), None
        except (GenerationOver, CursorMoved, QueueFull) as error:
            expected, refusal = None, type(error)
            before = Server.read(self.redis, self.queue)
        try:
            answer = real()
        except (GenerationOver, CursorMoved, QueueFull) as error:
            assert type(error) is refusal
            assert Server.read(self.redis, self.queue) == before, "a refused call changed something"
            return None
        assert refusal is None, f"{refusal} was due"
        assert not compare or answer == expected
        return answer

    # -- invariants

    @invariant()
    def the_invariants_hold(self) -> None:
        now, before = Server.read(self.redis, self.queue), self.before
        self.before = now
        # Conservation: every record is in exactly one place.
        places = [*now.ready, *now.replay, *now.delayed, *now.leases, *now.parked]
        assert sorted(places) == sorted(now.records)
        # A leased record has a batch, a batch a leased record; only behind a leased record can a newer version wait.
        assert set(now.leases.values()) == now.batches.keys()
        assert now.followed <= now.leases.keys()
        # Versions never decrease, neither in the queue nor in the ledger.
        assert all(now.records[i][0] >= old[0] for i, old in before.records.items() if i in now.records)
        found = dict(zip(IDS, self.queue.ledger.entries(IDS), strict=True))
        ledger = {i: entry for i, entry in found.items() if entry}
        assert all(i in ledger and ledger[i].version >= old.version for i, old in self.ledger.items())
        self.ledger = ledger
        # No loss: the newest version ever stored waits, or is confirmed, or is set aside.
        self.letters = letters = {letter.id: letter for letter in self.queue.dead_letters()}
        for record_id, newest in self.newest_put.items():
            waits = now.records[record_id][0] if record_id in now.records else 0
            confirmed = ledger[record_id].version if record_id in ledger else 0
            aside = letters[record_id].version if record_id in letters else 0
            let_go = max(self.model.filtered.get(record_id, 0), self.model.dropped.get(record_id, 0))
            assert max(waits, confirmed, aside, let_go) >= newest, f"version {newest} of {record_id} is lost"
        assert not letters.keys() & now.records.keys()
        # Who is parked has a parent, and both indexes know it; a parent that is there has released its children.
        assert now.parked.keys() == now.awaits.keys() and not now.parked.keys() & now.tried.keys()
        assert now.by_parent == {(parent, record_id) for record_id, parent in now.awaits.items()}
        for parent in now.awaits.values():
            entry = ledger.get(parent.id) if parent.stream == STREAM else None
            if entry and entry.standing is Standing.PRESENT:
                assert (STREAM, parent) in now.released, f"the wake-up of {parent} is lost"
        # Bounded deaths, and nothing is kept of records that are gone.
        assert all(int(text.split()[1]) < DEATHS for text in now.attempts.values())
        assert now.attempts.keys() | now.tried.keys() <= now.records.keys()

    @invariant()
    def the_server_agrees_with_the_model(self) -> None:
        server, model = self.before, self.model
        assert server.records == {i: (r.version, r.queued, r.lane, r.payload) for i, r in model.records.items()}
        assert server.ready == model.ready
        assert server.replay.keys() == model.replay
        assert server.delayed == {i: r.due for i, r in model.records.items() if r.due is not None}
        holds = {i: r.hold for i, r in model.records.items() if r.hold}
        assert server.leases == {i: hold.batch for i, hold in holds.items()}
        assert server.batches == {hold.batch: model.ends(hold) for hold in holds.values()}
        # The mark says what a comparison of arrivals says.
        assert server.followed == model.ids(lambda record: record.newer)
        assert server.parked == {i: r.parked for i, r in model.records.items() if r.parked is not None}
        assert server.awaits == {i: r.parent for i, r in model.records.items() if r.parent is not None}
        assert server.awaited == {parent.id: {STREAM} for parent in model.awaited if parent.stream == STREAM}
        assert server.released == {(STREAM, parent) for parent in model.released}
        assert self.ledger == model.ledger

    @invariant()
    def what_people_see_agrees_with_the_model(self) -> None:
        model, backlog = self.model, self.queue.backlog()
        assert backlog.total == len(model.records)
        assert backlog.leased == len(model.ids(lambda r: r.hold is not None))
        assert backlog.delayed == len(model.ids(lambda r: r.due is not None))
        assert backlog.parked == len(model.ids(lambda r: r.parked is not None))
        assert backlog.waiting == len(model.ids(lambda r: r.hold is None and r.parked is None))
        parked = sorted((r.parked, i.encode(), r.parent) for i, r in model.records.items() if r.parked is not None)
        told = self.queue.parked(self.now, len(IDS))
        assert [(record.since_ms, record.id.encode(), record.parent) for record in told] == parked
        assert self.queue.waiting([*IDS, "nobody"]) == model.records.keys()
        assert backlog.dead == len(model.dead)
        assert backlog.oldest_ms == model.oldest
        assert backlog.lanes_ms == model.next_in_lanes
        letters = self.letters
        assert letters.keys() == model.dead.keys()
        for record_id, expected in model.dead.items():
            letter = letters[record_id]
            assert letter.reason == expected.reason or letter.reason.kind == expected.reason.kind == DIED
            assert (letter.version, letter.attempts, letter.queued_ms) == (
                expected.version, expected.attempts, expected.queued_ms,
            )  # fmt: skip
            assert (letter.dead_ms, letter.payload) == (expected.dead_ms, expected.payload)
        # The cursor moved with its page, and only with it.
        cursor = read_cursor(self.redis, self.queue.keys)
        assert cursor.number == model.cursor
        assert cursor.value == (f"page {model.cursor}" if model.cursor else "")
        totals = read_statistics(self.redis, self.queue.keys, self.now).totals
        assert totals == {what: model.counts[what] for what in totals}
