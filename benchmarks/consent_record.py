"""What a decision about consent costs: bytes, and the time to explain a contact, export a day and trim a day.

100,000 decisions about 30,000 contacts over 100 days. What we use, a stream in which each decision names the contact's
one before it, is compared with two other ways to keep the same, built here as plainly as they can be:

- bucketed: all decisions of a contact in one field of a hash, in buckets like the ledger's;
- numbered: decisions by their number in hashes of 256, and in such buckets the numbers of each contact.

Bytes are what the server counts beyond the contacts' memories; times are those that a caller sees.
"""

import random
import struct
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from redis import Redis

from benchmarks.harness import Figure, ratio, say, take_turns
from benchmarks.stage import stage
from store.consent import Confirmed, ConsentStore, Decision
from store.decisions import pack_closing, pack_open, unpack_closed
from store.keys import LEDGER_BUCKETS
from store.ledger import bucket_number, field_of
from store.sealing import AesSeal, NoSeal

DECISIONS, PER_CONTACT = 100_000, 10 / 3
SEALED_DECISIONS = 20_000
DAYS, DAY_MS, BEGAN_MS = 100, 86_400_000, 1_780_000_000_000
EXPORTED_DAY = 90
EXPLAINED = 200

#: A memory of two flags takes about as much.
MEMORY = bytes(48)

_CLOSING = len(pack_closing(Confirmed.ANSWER, 0))
_CHUNK = 256
_BUCKETS_AT_ONCE = 1024


class Way(Protocol):
    """One way to keep decisions."""

    def keep(self, decisions: list[Decision]) -> None: ...

    def explain(self, contact: str) -> list[Decision]: ...

    def export(self, since_ms: int, until_ms: int) -> list[Decision]: ...

    def trim(self, before_ms: int) -> None: ...


def run(rounds: int) -> list[Figure]:
    with stage(name="optinout") as here:
        decisions = _decisions(DECISIONS)
        store = ConsentStore(here.redis, here.workflow.keys)
        _remember(store, decisions)
        ways: dict[str, Way] = {
            "stream": _Stream(store),
            "bucketed": _Bucketed(here.redis),
            "numbered": _Numbered(here.redis),
        }
        sizes = {name: _size(here.redis, way, decisions) for name, way in ways.items()}
        contacts = sorted({decision.contact for decision in decisions})
        times = take_turns(rounds, *(_Turns(name, way, contacts).play for name, way in ways.items()))
    with stage(name="optinout") as here:
        decisions = _decisions(SEALED_DECISIONS)
        store = ConsentStore(here.redis, here.workflow.keys, AesSeal([bytes(32)]))
        _remember(store, decisions)
        sizes["sealed"] = _size(here.redis, _Stream(store), decisions)
    return [
        _bytes("a decision", sizes["stream"], None, 100),
        _bytes("a sealed decision", sizes["sealed"], None, 135),
        *(_bytes(f"a decision, {name}", sizes[name], sizes["stream"], None) for name in ("bucketed", "numbered")),
        *(
            ratio(f"{what}, stream against {name}", "ms", times[f"stream {what}"], times[f"{name} {what}"], None)
            for what in ("explain", "export", "trim")
            for name in ("bucketed", "numbered")
        ),
    ]


class _Stream:
    """What we use."""

    def __init__(self, store: ConsentStore) -> None:
        self._store = store

    def keep(self, decisions: list[Decision]) -> None:
        for one in decisions:
            numbers = self._store.decide(one.contact, MEMORY, [one])
            self._store.confirm(one.contact, MEMORY, numbers, "answer", one.decided_ms + 80, now_ms=one.decided_ms + 90)

    def explain(self, contact: str) -> list[Decision]:
        return self._store.of_contact(contact)

    def export(self, since_ms: int, until_ms: int) -> list[Decision]:
        return list(self._store.between(since_ms, until_ms))

    def trim(self, before_ms: int) -> None:
        while self._store.trim(before_ms):
            pass


class _Bucketed:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def keep(self, decisions: list[Decision]) -> None:
        by_contact: dict[bytes, list[bytes]] = defaultdict(list)
        for number, one in enumerate(decisions):
            by_contact[field_of(one.contact)].append(_packed(one._replace(contact=""), number))
        self._store(by_contact)

    def _store(self, by_contact: Mapping[bytes, list[bytes]]) -> None:
        with _pipelined(self._redis) as pipeline:
            for field, packed in by_contact.items():
                pipeline.hset(_bucket("by-contact", field), field, b"".join(map(_framed, packed)))

    def explain(self, contact: str) -> list[Decision]:
        field = field_of(contact)
        return [_unpacked(one) for one in _parts(_reply(self._redis.hget(_bucket("by-contact", field), field)))]

    def export(self, since_ms: int, until_ms: int) -> list[Decision]:
        found = (_unpacked(one) for _, packed in self._walk() for one in packed)
        return sorted(
            (one for one in found if since_ms <= one.decided_ms < until_ms), key=lambda decision: decision.decided_ms
        )

    def trim(self, before_ms: int) -> None:
        left = {
            field: stay
            for field, packed in self._walk()
            if len(stay := [one for one in packed if _unpacked(one).decided_ms >= before_ms]) < len(packed)
        }
        self._store(left)

    def _walk(self) -> Iterator[tuple[bytes, list[bytes]]]:
        for first in range(0, LEDGER_BUCKETS, _BUCKETS_AT_ONCE):
            pipeline = self._redis.pipeline(transaction=False)
            for bucket in range(first, first + _BUCKETS_AT_ONCE):
                pipeline.hgetall(f"by-contact:{bucket:04x}")
            for found in pipeline.execute():
                for field, packed in found.items():
                    yield field, list(_parts(packed))


class _Numbered:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._first, self._end = 0, 0

    def keep(self, decisions: list[Decision]) -> None:
        numbers: dict[bytes, list[int]] = defaultdict(list)
        with _pipelined(self._redis) as pipeline:
            for number, one in enumerate(decisions):
                pipeline.hset(f"chunk:{number // _CHUNK}", str(number % _CHUNK), _packed(one, number))
                numbers[field_of(one.contact)].append(number)
            for field, of_contact in numbers.items():
                pipeline.hset(_bucket("numbers", field), field, struct.pack(f">{len(of_contact)}I", *of_contact))
        self._end = len(decisions)

    def explain(self, contact: str) -> list[Decision]:
        field = field_of(contact)
        pipeline = self._redis.pipeline(transaction=False)
        for (number,) in struct.iter_unpack(">I", _reply(self._redis.hget(_bucket("numbers", field), field))):
            pipeline.hget(f"chunk:{number // _CHUNK}", str(number % _CHUNK))
        return [_unpacked(packed) for packed in pipeline.execute() if packed]

    def export(self, since_ms: int, until_ms: int) -> list[Decision]:
        first, end = self._place(since_ms), self._place(until_ms)
        found: list[Decision] = []
        for chunk in range(first // _CHUNK, (end - 1) // _CHUNK + 1):
            found += [_unpacked(_reply(packed)) for packed in self._redis.hvals(f"chunk:{chunk}")]
        return [one for one in found if since_ms <= one.decided_ms < until_ms]

    def trim(self, before_ms: int) -> None:
        """Whole chunks, and their numbers out of every contact's."""
        end = self._place(before_ms) // _CHUNK * _CHUNK
        for chunk in range(self._first // _CHUNK, end // _CHUNK):
            fields = {field_of(_unpacked(_reply(packed)).contact) for packed in self._redis.hvals(f"chunk:{chunk}")}
            asking = self._redis.pipeline(transaction=False)
            for field in fields:
                asking.hget(_bucket("numbers", field), field)
            with _pipelined(self._redis) as pipeline:
                for field, packed in zip(fields, asking.execute(), strict=True):
                    numbers = [number for (number,) in struct.iter_unpack(">I", packed) if number // _CHUNK > chunk]
                    pipeline.hset(_bucket("numbers", field), field, struct.pack(f">{len(numbers)}I", *numbers))
                pipeline.unlink(f"chunk:{chunk}")
        self._first = max(self._first, end)

    def _place(self, at_ms: int) -> int:
        """The first number of a decision that is not older, by bisection."""
        low, high = self._first, self._end
        while low < high:
            middle = (low + high) // 2
            packed = _reply(self._redis.hget(f"chunk:{middle // _CHUNK}", str(middle % _CHUNK)))
            if packed and _unpacked(packed).decided_ms < at_ms:
                low = middle + 1
            else:
                high = middle
        return low


class _Turns:
    """Each turn explains other contacts and trims another day."""

    def __init__(self, name: str, way: Way, contacts: list[str]) -> None:
        self._name, self._way, self._contacts = name, way, contacts
        self._turn = 0

    def play(self) -> dict[str, float]:
        self._turn += 1
        begun = time.perf_counter()
        for contact in random.Random(self._turn).sample(self._contacts, EXPLAINED):
            self._way.explain(contact)
        explained = time.perf_counter()
        since_ms = BEGAN_MS + EXPORTED_DAY * DAY_MS
        assert len(self._way.export(since_ms, since_ms + DAY_MS)) > DECISIONS / DAYS / 2
        exported = time.perf_counter()
        self._way.trim(BEGAN_MS + self._turn * DAY_MS)
        trimmed = time.perf_counter()
        return {
            f"{self._name} explain": (explained - begun) * 1000 / EXPLAINED,
            f"{self._name} export": (exported - explained) * 1000,
            f"{self._name} trim": (trimmed - exported) * 1000,
        }


def _decisions(many: int) -> list[Decision]:
    """In the order of time, about contacts taken at random."""
    chance = random.Random(5)
    contacts = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(int(many / PER_CONTACT))]
    step_ms = DAYS * DAY_MS // many
    return [
        Decision(
            contact=chance.choice(contacts),
            flag=chance.choice(["blackListEmail", "blackListMobile"]),
            dynamics=(False, at_ms - chance.randrange(30 * DAY_MS)),
            campaign=(True, at_ms - chance.randrange(60_000)),
            skew_ms=chance.randrange(-2000, 2000),
            policy="documented",
            rule="campaign-newer",
            winner="campaign",
            written_to="dynamics",
            decided_ms=at_ms,
            column="donotemail",
        )
        for at_ms in range(BEGAN_MS, BEGAN_MS + many * step_ms, step_ms)
    ]


def _remember(store: ConsentStore, decisions: list[Decision]) -> None:
    for contact in {decision.contact for decision in decisions}:
        store.decide(contact, MEMORY)


def _size(redis: Redis, way: Way, decisions: list[Decision]) -> float:
    say(f"keeping {len(decisions):,} decisions: {type(way).__name__[1:].lower()}")
    before = _used(redis)
    way.keep(decisions)
    return (_used(redis) - before) / len(decisions)


def _used(redis: Redis) -> int:
    memory = redis.info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"])


def _bytes(name: str, size: float, floor: float | None, target: float | None) -> Figure:
    return Figure(f"memory, {name}", "bytes", size, floor, size / (floor or 1), size, size, target, "at most")


def _packed(decision: Decision, number: int) -> bytes:
    """As we keep it, without the place of the one before it, which only the stream needs."""
    return pack_closing(Confirmed.ANSWER, decision.decided_ms + 80) + pack_open(decision, number, "", NoSeal())


def _unpacked(packed: bytes) -> Decision:
    closing, rest = packed[:_CLOSING], packed[_CLOSING:]
    return unpack_closed(closing + bytes(10) + rest, "1-0", "", NoSeal()).decision


def _framed(packed: bytes) -> bytes:
    return bytes([len(packed)]) + packed


def _parts(packed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(packed):
        yield packed[at + 1 : at + 1 + packed[at]]
        at += 1 + packed[at]


def _reply(reply: object) -> bytes:
    return reply if isinstance(reply, bytes) else b""


def _bucket(name: str, field: bytes) -> str:
    return f"{name}:{bucket_number(field):04x}"


@contextmanager
def _pipelined(redis: Redis) -> Iterator[Redis]:
    """What is asked for in it is sent at its end."""
    with redis.pipeline(transaction=False) as pipeline:
        yield pipeline
        pipeline.execute()
