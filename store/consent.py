"""What a writer of consent keeps: of each contact what it remembers, and what it decides before it sends anything.

    decide -> open -> confirm: answered | found by reading | refused -> the record, until it is trimmed
               '----- known: found again with the memory, if the writer died

Memories are bytes of the caller's making; they stand in buckets like the ledger's entries. With payload keys, memories
and decisions are sealed, and only whose they are can be seen in Redis.
"""

from collections.abc import Sequence
from types import EllipsisType
from typing import NamedTuple, cast

from redis import Redis

from store.client import server_time_ms, text
from store.consent_record import ConsentRecord, ConsentStats
from store.decisions import Confirmed, Decision, Unreadable, pack_closing, pack_open
from store.keys import WorkflowKeys
from store.ledger import field_of
from store.scripts import clock_argument, script
from store.sealing import Altered, PayloadSeal, UnknownKey

#: The record and all its words, from one door.
__all__ = ["Answered", "Confirmed", "ConsentStats", "ConsentStore", "Decision", "Known", "MemoryMoved", "Unreadable"]

#: The layout of a memory; a letter, since a seal begins with the byte 1.
_LAYOUT = b"A"
#: How long it is told of contacts whose consent somebody keeps setting back. Milliseconds.
ANSWERED_MS = 86_400_000
#: What a memory that has moved already is compared with: nothing that is stored begins like this.
_MOVED = b"!"


class Known(NamedTuple):
    """Of one contact."""

    memory: bytes | None
    open: list[Decision]  #: oldest first


class Answered(NamedTuple):
    """Contacts whose consent somebody has kept setting back within a time."""

    many: int
    contact: str  #: the one it was noticed of last
    last_ms: int  #: when that was; ms since 1970


class MemoryMoved(Exception):
    """Another writer has kept a memory of this contact meanwhile; read it and both systems again."""


class ConsentStore(ConsentRecord):
    def __init__(self, redis: Redis, keys: WorkflowKeys, seal: PayloadSeal | None = None) -> None:
        super().__init__(redis, keys, seal)
        self._decide = script(redis, "decide")
        self._confirm = script(redis, "confirm")
        self._known = script(redis, "known")

    def known(self, contacts: Sequence[str]) -> list[Known | UnknownKey | Unreadable]:
        """What is remembered of each contact and its open decisions, in the order given, all of one moment: a memory
        and the decisions that were made with it are told together or not at all. In the place of what cannot be read
        stands why, so that one contact's trouble is no other's."""
        if not contacts:
            return []
        fields = [field_of(contact) for contact in contacts]
        buckets = [self._bucket(field) for field in fields]
        found = self._known(keys=[self._keys.open_decisions, self._keys.open_contacts, *buckets], args=["", *fields])
        return [self._known_of(contact, *of_one) for contact, of_one in zip(contacts, found, strict=True)]

    def _known_of(
        self, contact: str, memory: bytes | None, still_open: Sequence[tuple[bytes, bytes]]
    ) -> Known | UnknownKey | Unreadable:
        try:
            decisions = [self._read_open(text(number), one) for number, one in still_open]
            return Known(self._opened(contact, memory), decisions)
        except (UnknownKey, Unreadable) as error:
            return error

    def memories(self, contacts: Sequence[str]) -> list[bytes | None]:
        """What is remembered of each contact, in the order given; None where nothing is, and where it is damaged, of
        which `known` tells. Raises UnknownKey."""
        pipeline = self._redis.pipeline(transaction=False)
        for contact in contacts:
            field = field_of(contact)
            pipeline.hget(self._bucket(field), field)
        return [self._legible(*pair) for pair in zip(contacts, pipeline.execute(), strict=True)]

    def decide(
        self,
        contact: str,
        memory: bytes,
        decisions: Sequence[Decision] = (),
        before: bytes | EllipsisType | None = ...,
        now_ms: int | None = None,
    ) -> list[int]:
        """Keeps what is remembered of a contact from now on and what was decided about it, in one step, before any
        request is sent. Answers the numbers of the decisions. They are open until `confirm` closes them, but for those
        with nothing to write (`written_to` empty), which are in the record at once.

        `before`: the memory that this was made from, as `memories` told it; raises MemoryMoved if it is another by now.
        Left out, nothing is compared. Without decisions the memory alone is kept.
        """
        field, tallies = field_of(contact), self._keys.consent_tallies
        bucket, many = self._bucket(field), len(decisions)
        # Taken beforehand, so that the step can be repeated when its answer is lost. A gap does no harm.
        last = int(self._redis.hincrby(tallies, "number", many)) if many else 0
        numbers = range(last - many + 1, last + 1)
        answer = self._decide(
            keys=[bucket, self._keys.open_decisions, self._keys.open_contacts, tallies, self._keys.decisions],
            args=[
                clock_argument(now_ms),
                field,
                self._sealed(contact, memory),
                b"*" if isinstance(before, EllipsisType) else self._made_from(contact, field, before),
                many,
                *numbers,
                *(self._packed(*pair) for pair in zip(decisions, numbers, strict=True)),
                *(decision.rule for decision in decisions),
                *(b"" if decision.written_to else pack_closing(None, 0) for decision in decisions),
            ],
        )
        if answer == -1:
            raise MemoryMoved(MemoryMoved.__doc__)
        return list(numbers)

    def confirm(
        self,
        contact: str,
        memory: bytes,
        numbers: Sequence[int],
        how: Confirmed | str,
        at_ms: int,
        now_ms: int | None = None,
        before: bytes | EllipsisType | None = ...,
    ) -> int:
        """Closes open decisions of a contact and keeps its new memory, in one step. Answers how many were closed.

        `at_ms`: when the system answered, or when the value was found there. 0 closed: another writer has closed them,
        or an earlier try of this call whose answer was lost. The memory is left as it is then; nothing is to be done.
        `before`: the memory that the new one was made from; raises MemoryMoved if it is another by now. That one stays,
        and the decisions are closed all the same: how they ended is known. Left out, nothing is compared.
        """
        field, how = field_of(contact), Confirmed(how)
        closed, kept = self._confirm(
            keys=[
                self._bucket(field),
                self._keys.open_decisions,
                self._keys.open_contacts,
                self._keys.consent_tallies,
                self._keys.decisions,
            ],
            args=[
                clock_argument(now_ms),
                field,
                self._sealed(contact, memory),
                pack_closing(how, at_ms),
                how.value,
                self._compared_with(contact, field, before),
                *numbers,
            ],
        )
        if closed and not kept:
            raise MemoryMoved(MemoryMoved.__doc__)
        return int(closed)

    def now_ms(self) -> int:
        """The server's clock, the one that every process shares; ms since 1970."""
        return server_time_ms(self._redis)

    def note_skew(self, skew_ms: int, now_ms: int) -> None:
        """How far Campaign's clock is ahead of that of Dynamics, as measured just now."""
        self._redis.hset(self._keys.consent_tallies, mapping={"skew_ms": skew_ms, "skew_at_ms": now_ms})

    def skew(self) -> tuple[int, int] | None:
        """How far Campaign's clock was ahead of that of Dynamics, and when that was measured last; ms."""
        skew_ms, at_ms = self._redis.hmget(self._keys.consent_tallies, ["skew_ms", "skew_at_ms"])
        return None if skew_ms is None or at_ms is None else (int(skew_ms), int(at_ms))

    def note_answered(self, contact: str, now_ms: int) -> None:
        """That somebody keeps setting back what is written of this contact's consent."""
        pipeline = self._redis.pipeline()
        pipeline.zremrangebyscore(self._keys.answered, 0, now_ms - ANSWERED_MS)
        pipeline.zadd(self._keys.answered, {contact: now_ms})
        pipeline.execute()

    def note_keyless(self, profiles: Sequence[int]) -> None:
        """Profiles that have opted out and carry no key, by digests: nobody can say whose they are."""
        if profiles:
            self._redis.pfadd(self._keys.keyless, *profiles)

    def keyless(self) -> int:
        """About how many of them there were, each counted once."""
        return int(self._redis.pfcount(self._keys.keyless))

    def answered(self, now_ms: int) -> Answered | None:
        """Whose consent was kept being set back within the last day; None: nobody's."""
        pipeline = self._redis.pipeline()
        pipeline.zcount(self._keys.answered, now_ms - ANSWERED_MS, "+inf")
        pipeline.zrevrange(self._keys.answered, 0, 0, withscores=True)
        many, last = pipeline.execute()
        return Answered(many, text(last[0][0]), int(last[0][1])) if many else None

    def _compared_with(self, contact: str, field: bytes, before: bytes | EllipsisType | None) -> bytes:
        """As `confirm.lua` takes it."""
        if isinstance(before, EllipsisType):
            return b"*"
        try:
            return self._made_from(contact, field, before)
        except MemoryMoved:
            return _MOVED

    def _packed(self, decision: Decision, number: int) -> bytes:
        return pack_open(decision, number, self._keys.prefix, self._seal, self._columns.number(decision.column))

    def _made_from(self, contact: str, field: bytes, before: bytes | None) -> bytes:
        """What the script compares with: under a seal, equal memories do not look the same."""
        value = cast(bytes | None, self._redis.hget(self._bucket(field), cast(str, field)))
        if self._opened(contact, value) != before:
            raise MemoryMoved(MemoryMoved.__doc__)
        return b"-" if value is None else b"=" + memory_of(value)

    def _sealed(self, contact: str, memory: bytes) -> bytes:
        return self._seal.seal(memory_owner(self._keys.prefix, contact), _LAYOUT + memory)

    def _legible(self, contact: str, value: bytes | None) -> bytes | None:
        try:
            return self._opened(contact, value)
        except (Altered, Unreadable):
            return None

    def _opened(self, contact: str, value: bytes | None) -> bytes | None:
        if value is None:
            return None
        memory = self._seal.open(memory_owner(self._keys.prefix, contact), memory_of(value))
        if not memory.startswith(_LAYOUT):
            raise Unreadable(
                f"A contact is remembered in the layout {memory[:1]!r}, which this version does not know; "
                "use the version of d365acs that wrote it, or a later one."
            )
        return memory[1:]


def memory_owner(prefix: str, contact: str) -> str:
    """Whose a memory is, as its seal has it."""
    return f"{prefix}memory:{contact}"


def memory_of(value: bytes) -> bytes:
    """What stands behind the place of the contact's last closed decision; `common.lua` says how."""
    return value[1 + value[0] :] if value else b""
