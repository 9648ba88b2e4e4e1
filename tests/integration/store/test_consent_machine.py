"""The consent record against a small model: writers that decide, confirm, die and come back, in every order.

The model is two lists and a dictionary. A writer reads a contact's memory and decides; what was left open there it
closes by reading first, as whoever takes a contact over does. It may die at any point, or sleep and go on as if nothing
had happened while another one has taken the contact over.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis import Redis

from store.consent import Confirmed, ConsentStore, Decision, MemoryMoved
from store.keys import InstanceKeys
from store.sealing import AesSeal
from tests.integration.store.planting import planted

CONTACTS = ["5d6c7f1e-0f0b-4b0e-9a58-000000000001", "C-1047"]
FLAGS = ["blackList", "blackListEmail", "ccpaOptOut"]

contacts = st.sampled_from(CONTACTS)
writers = st.integers(0, 1)
ends = st.sampled_from(Confirmed)
several = st.lists(st.sampled_from(FLAGS), max_size=3, unique=True)


@dataclass
class Writer:
    contact: str = ""
    memory: bytes | None = None  #: as it was read, or as it was kept last
    numbers: list[int] = field(default_factory=list)


class ConsentMachine(RuleBasedStateMachine):
    def __init__(self, redis: Redis, plant: tuple[str, str, str] | None = None) -> None:
        super().__init__()
        redis.flushdb()
        self.redis = redis
        with planted(*plant) if plant else ExitStack():
            self.consent = ConsentStore(redis, InstanceKeys("test").workflow("optinout"), AesSeal([bytes(32)]))
        self.writers = [Writer() for _ in range(2)]
        self.now, self.latest, self.last_number, self.said = 1_790_000_000_000, 0, 0, 0
        self.memories: dict[str, bytes] = {}
        self.open: dict[int, Decision] = {}
        self.closed: list[Decision] = []

    @rule(writer=writers, contact=contacts)
    def take(self, writer: int, contact: str) -> None:
        """A new writer in that seat, where the one before has died. What was left open is closed by reading."""
        [memory] = self.consent.memories([contact])
        [left] = self.consent.open_of([contact])
        self.writers[writer] = taken = Writer(contact, memory, [one.number for one in left])
        if left:
            self.confirm(writer, Confirmed.READING, len(left))
        assert not taken.numbers

    @rule(
        writer=writers,
        flags=st.lists(st.sampled_from(FLAGS), max_size=3, unique=True),
        doubts=st.sets(st.sampled_from(FLAGS)),
    )
    def decide(self, writer: int, flags: list[str], doubts: set[str]) -> None:
        if not self.writers[writer].contact:
            self.take(writer, CONTACTS[writer])
        taken = self.writers[writer]
        made = [self._decision(taken.contact, flag, "" if flag in doubts else "dynamics") for flag in flags]
        memory = self._memory()
        if taken.memory != self.memories.get(taken.contact):
            with pytest.raises(MemoryMoved):
                self.consent.decide(taken.contact, memory, made, taken.memory, self.now)
            self.writers[writer] = Writer()
            return
        numbers = self.consent.decide(taken.contact, memory, made, taken.memory, self.now)
        # Numbers grow, and are never given twice.
        assert len(numbers) == len(made) and all(number > self.last_number for number in numbers)
        self.last_number = max([self.last_number, *numbers])
        for number, one in zip(numbers, made, strict=True):
            if one.written_to:
                self.open[number] = one._replace(number=number)
            else:
                self.latest = max(self.latest, self.now)
                self.closed.append(one._replace(number=number, closed_ms=self.latest))
        self.memories[taken.contact] = taken.memory = memory
        taken.numbers += numbers

    @rule(writer=writers, how=ends, many=st.integers(0, 3))
    def confirm(self, writer: int, how: Confirmed, many: int) -> None:
        """Some of what a writer has open; another one may have closed it meanwhile."""
        taken = self.writers[writer]
        numbers, taken.numbers = taken.numbers[:many], taken.numbers[many:]
        if not taken.contact:
            return
        memory = self._memory()
        ending = [number for number in sorted(numbers) if number in self.open]
        before = taken.memory
        closed = self.consent.confirm(taken.contact, memory, numbers, how, self.now, self.now, before)
        assert closed == len(ending)
        if ending:
            self.memories[taken.contact] = taken.memory = memory
            self.latest = max(self.latest, self.now)
        for number in ending:
            written_ms = self.now if how in (Confirmed.ANSWER, Confirmed.READING) else None
            self.closed.append(
                self.open.pop(number)._replace(confirmed=how, written_ms=written_ms, closed_ms=self.latest)
            )

    @rule(by=st.sampled_from([-50, 1, 10, 1000]))
    def advance_time(self, by: int) -> None:
        self.now += by

    @rule(ago=st.sampled_from([0, 20, 1000]), most=st.integers(1, 4))
    def trim(self, ago: int, most: int) -> None:
        old = [one for one in self.closed if (one.closed_ms or 0) < self.now - ago]
        forgotten = self.consent.trim(self.now - ago, most)
        assert forgotten == min(most, len(old))
        del self.closed[:forgotten]

    @invariant()
    def the_store_agrees_with_the_model(self) -> None:
        assert self.consent.memories(CONTACTS) == [self.memories.get(contact) for contact in CONTACTS]
        for contact, still_open in zip(CONTACTS, self.consent.open_of(CONTACTS), strict=True):
            assert still_open == list(self._about(contact, self.open.values()))
            closed = list(self._about(contact, self.closed))
            assert self.consent.of_contact(contact) == [*still_open[::-1], *closed[::-1]]
        told = list(self.consent.between(0, 2**45))
        assert told[: len(self.closed)] == self.closed
        assert sorted(told[len(self.closed) :]) == sorted(self.open.values())
        assert self.consent.stats()[:2] == (len(self.closed), len(self.open))

    def _about(self, contact: str, decisions: Iterable[Decision]) -> Iterator[Decision]:
        return (one for one in decisions if one.contact == contact)

    def _memory(self) -> bytes:
        self.said += 1
        return b"memory %d" % self.said

    def _decision(self, contact: str, flag: str, to: str) -> Decision:
        sides = (False, self.now - 7), (True, None)
        return Decision(contact, flag, *sides, None, "documented", "in-doubt", "campaign", to, self.now)


SOUND = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
PLANTED = settings(SOUND, max_examples=200, derandomize=True, phases=[Phase.generate])

PLANTS = {
    "a writer that comes late overwrites the memory": (
        "confirm",
        "if #closes == 0 then return {0, 0} end",
        "if #closes == 0 then redis.call('HSET', memories, contact, '\\0' .. memory) return {0, 0} end",
    ),
    "one decision of a contact closes the others": (
        "confirm",
        "local list = named[number] and closes or left",
        "local list = closes",
    ),
    "what stays open is not found by its contact any more": ("confirm", "if #left > 0 then", "if false then"),
    "what is closed stays open": ("confirm", "redis.call('HDEL', open, unpack(closes))", ""),
    "a closing keeps no memory": (
        "confirm",
        "place .. (kept and memory or before)",
        "place",
    ),
    "a contact's decisions are not tied together": (
        "confirm",
        "local before = #place > 1 and",
        "local before = false and",
    ),
    "the record follows a clock that was set back": ("confirm", "if now > last_ms then", "if now ~= last_ms then"),
    "a decision hides the open ones before it": (
        "decide",
        "local numbers = {redis.call('HGET', contacts, contact) or nil}",
        "local numbers = {}",
    ),
    "a decision cuts a contact off from those before it": (
        "decide",
        "redis.call('HSET', memories, contact, place .. memory)",
        "redis.call('HSET', memories, contact, '\\0' .. memory)",
    ),
    "a decision is kept without its memory": ("decide", "redis.call('HSET', memories, contact, place .. memory)", ""),
}


def test_nothing_that_was_decided_is_lost_or_told_twice(redis: Redis) -> None:
    class Machine(ConsentMachine):
        def __init__(self) -> None:
            super().__init__(redis)

    run_state_machine_as_test(Machine, settings=SOUND)


@pytest.mark.parametrize("redis_url", ["embedded"], indirect=True)
@pytest.mark.parametrize("bug", PLANTS)
def test_the_machine_finds_a_planted_bug(redis: Redis, bug: str) -> None:
    # Given a verb with a bug in it
    class Machine(ConsentMachine):
        def __init__(self) -> None:
            super().__init__(redis, PLANTS[bug])

    # When the same machine plays with it, Then it fails
    with pytest.raises(Exception) as failure:
        run_state_machine_as_test(Machine, settings=PLANTED)
    # And not because the plant itself is stale
    assert "renew this plant" not in str(failure.value)
