"""The record of decisions, as it is read and trimmed; `store/consent.py` writes it.

Closed decisions stand in one Redis stream, in the order in which they were closed. Each names the contact's one before
it, and the place of the last one stands in front of the contact's memory: explaining a contact follows that chain.
Open decisions stand in a small hash until their end is known, since an entry of a stream never changes.

Measured with 100,000 decisions about 30,000 contacts over 100 days (`python -m benchmarks consent_record`):

                                             bytes each   explain a contact   export a day   trim a day
    this                                             77             0.3 ms          14 ms       0.4 ms
    a contact's decisions in one field               95             0.1 ms       1,700 ms     1,700 ms
    hashes by number, numbers by contact             83             0.2 ms          30 ms        40 ms

Fields of buckets know no time: every window and every trimming walks through all of them, and a contact with several
decisions leaves the compact encoding (`hash-max-listpack-value`), as every one does under a seal. Numbered hashes come
near, but what they forget must be taken out of each contact's numbers. A stream forgets from its end whole blocks at a
time, and a chain whose end is gone just ends there. The price is one question per decision explained. Sealed, a
decision takes 115 bytes; two years of 10,000 a day take 560 MB, or 840 MB sealed.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast

from redis import Redis

from store.client import text
from store.decisions import (
    Closed,
    Confirmed,
    Decision,
    Unreadable,
    place_of,
    sealed_part,
    unpack_closed,
    unpack_open,
)
from store.keys import WorkflowKeys
from store.ledger import bucket_number, field_of
from store.numbered import Numbered
from store.sealing import NoSeal, PayloadSeal, is_under_another_key

#: Decisions that one command answers.
PAGE = 500

#: Decisions that one call of `trim` forgets.
TRIMMED_AT_ONCE = 10_000


class ConsentStats(NamedTuple):
    kept: int  #: closed decisions in the record
    open: int  #: decisions whose end is not known yet
    open_contacts: int  #: the contacts they are about
    oldest_ms: int | None  #: when the oldest kept one was closed; ms since 1970
    decided_ms: int | None  #: when a decision was made last
    decided: int  #: ever made, trimmed ones included
    confirmed: dict[str, int]  #: of those: how many came to which end
    rules: dict[str, int]  #: of those: how many by which rule


class ConsentRecord:
    def __init__(self, redis: Redis, keys: WorkflowKeys, seal: PayloadSeal | None = None) -> None:
        self._redis = redis
        self._keys = keys
        self._seal = seal or NoSeal()
        self._columns = Numbered(redis, keys.paired_columns)

    def open_of(self, contacts: Sequence[str]) -> list[list[Decision]]:
        """The open decisions of each contact, in the order given, oldest first: made by writers at work, or by writers
        that died before they could say how it ended."""
        if not contacts:
            return []
        found = self._redis.hmget(self._keys.open_contacts, [cast(str, field_of(contact)) for contact in contacts])
        numbers = [text(value).split() for value in found]
        wanted = [number for of_one in numbers for number in of_one]
        packed = self._redis.hmget(self._keys.open_decisions, wanted) if wanted else []
        found_open = zip(wanted, packed, strict=True)
        # None: closed between the two questions.
        return [
            [self._read_open(number, one) for number, one in islice(found_open, len(of_one)) if one is not None]
            for of_one in numbers
        ]

    def of_contact(self, contact: str, limit: int = 1000) -> list[Decision]:
        """The contact's last decisions, newest first: the open ones, then the closed ones, the last closed in front."""
        # In this order: one that is closed between the two questions is found by the second.
        still_open = self.open_of([contact])[0]
        closed: list[Decision] = []
        place = self._last_place(contact)
        while place is not None and len(closed) < limit:
            found = self._redis.xrange(self._keys.decisions, place, place)
            if not found:
                break  # trimmed, with all before it
            decision, place = self._read_closed(found[0])
            closed.append(decision)
        known = {decision.number for decision in closed}
        return [*(one for one in reversed(still_open) if one.number not in known), *closed][:limit]

    def between(self, since_ms: int, until_ms: int) -> Iterator[Decision]:
        """Every decision closed from `since_ms` to before `until_ms` by the store's clock, in that order; after them
        those made in that time that are still open.

        Read page by page, however many there are. Windows that follow one another tell each closed decision once, late
        ones too. One that is closed while this runs may be told twice, open and then closed: the last word counts.
        """
        start = str(since_ms)
        for place, decision in self._closed(start, until_ms):
            start = f"({place}"
            yield decision
        for number, packed in self._redis.hscan_iter(self._keys.open_decisions, count=PAGE):
            decision = self._read_open(text(number), packed)
            if since_ms <= decision.decided_ms < until_ms:
                yield decision
        yield from (decision for _, decision in self._closed(start, until_ms))

    def has_record(self) -> bool:
        """Whether any closed decision is kept."""
        return bool(self._redis.xlen(self._keys.decisions))

    def under_another_key_since(self) -> int | None:
        """When the oldest closed decision was closed, if it is sealed with another key than the first; ms since 1970.
        Those after it may be, too."""
        first: Any = self._redis.xrange(self._keys.decisions, count=1)
        if not first or not is_under_another_key(self._seal, sealed_part(first[0][1][b"d"])):
            return None
        return _ms_of(text(first[0][0]))

    def trim(self, before_ms: int, most: int = TRIMMED_AT_ONCE) -> int:
        """Forgets decisions that were closed before that time, the oldest first, at most `most` of them.

        Answers how many; call again until that is 0. Open decisions and memories stay.
        """
        key = self._keys.decisions
        # The server keeps about fifty of them in one block, and gives whole blocks back at next to no cost.
        whole = int(self._redis.xtrim(key, minid=before_ms, approximate=True, limit=most))
        if whole:
            return whole
        part = self._redis.xrange(key, "-", f"({before_ms}-0", count=most)
        if not part:
            return 0
        ms, _, number = text(part[-1][0]).partition("-")
        return int(self._redis.xtrim(key, minid=f"{ms}-{int(number) + 1}", approximate=False))

    def stats(self) -> ConsentStats:
        pipeline = self._redis.pipeline()
        pipeline.xlen(self._keys.decisions)
        pipeline.hlen(self._keys.open_decisions)
        pipeline.hlen(self._keys.open_contacts)
        pipeline.xrange(self._keys.decisions, count=1)
        pipeline.hgetall(self._keys.consent_tallies)
        kept, still_open, contacts, first, raw = pipeline.execute()
        tallies = {text(name): int(value) for name, value in raw.items()}
        return ConsentStats(
            kept,
            still_open,
            contacts,
            _ms_of(text(first[0][0])) if first else None,
            tallies.get("decided_ms"),
            tallies.get("decided", 0),
            {how.value: tallies.get(how.value, 0) for how in Confirmed},
            {name[len("rule:") :]: many for name, many in tallies.items() if name.startswith("rule:")},
        )

    def _closed(self, start: str, until_ms: int) -> Iterator[tuple[str, Decision]]:
        while page := self._redis.xrange(self._keys.decisions, start, f"({until_ms}-0", count=PAGE):
            for entry in page:
                yield text(entry[0]), self._read_closed(entry).decision
            start = f"({text(page[-1][0])}"

    def _read_open(self, number: str, packed: Any) -> Decision:
        try:
            return unpack_open(packed, self._keys.prefix, self._seal, self._columns.name)
        except Unreadable as error:
            raise Unreadable(f"Entry {number} of {self._keys.open_decisions}: {error}") from None

    def _read_closed(self, entry: Any) -> Closed:
        place, fields = text(entry[0]), entry[1]
        try:
            return unpack_closed(fields[b"d"], place, self._keys.prefix, self._seal, self._columns.name)
        except Unreadable as error:
            raise Unreadable(f"Entry {place} of {self._keys.decisions}: {error}") from None

    def _last_place(self, contact: str) -> str | None:
        field = field_of(contact)
        value = cast(bytes | None, self._redis.hget(self._bucket(field), cast(str, field)))
        return place_of(value[1 : 1 + value[0]]) if value and value[0] else None

    def _bucket(self, field: bytes) -> str:
        return self._keys.memories(bucket_number(field))


def _ms_of(place: str) -> int:
    return int(place.partition("-")[0])
