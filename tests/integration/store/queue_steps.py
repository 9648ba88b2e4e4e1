"""What the state machine of the queue may do next, how often and with what: the steps, and the writers taking them."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from store.ledger import Entry, Standing
from store.record_queue import (
    Again,
    Filtered,
    Lane,
    Leased,
    Outcome,
    Parent,
    Parked,
    Reason,
    Refused,
    Unchanged,
    Unsent,
    Written,
)

IDS = ["ann", "bob", "ann bob", "5d6c7f1e-0f0b-4b0e-9a58-000000000001", "dée", "eve", "fay"]
HIGH_WATER = 5
DEATHS = 3
LEASE_MS = 100
STREAM = "contact"
#: Parents: two of the stream itself, which may come, and one of another stream, which never does.
PARENTS = {"ann": Parent(STREAM, "ann"), "bob": Parent(STREAM, "bob"), "acme": Parent("account", "acme of old")}
ORPHAN = Reason("orphan", "Its parent never came.")
REFUSED = Reason("refused", "Campaign refused a field.", "campaign")

ids = st.sampled_from(IDS)
pages = st.lists(st.tuples(ids, st.integers(1, 9)), max_size=4)
lanes = st.sampled_from(list(Lane))
#: Mostly the present generation and cursor, now and then another.
slips = st.sampled_from([0] * 18 + [-1, 1])
deeds = st.sampled_from(
    ["sent", "sent", "sent", "again", "again uncounted", "refused", "unsent", "deleted", "filtered",
     "parked ann", "parked ann", "parked bob", "parked acme"]
)  # fmt: skip
some_deeds = st.lists(deeds, min_size=1, max_size=4)
#: Which writer speaks: mostly one that holds records, now and then any other that ever held some.
speakers = st.tuples(st.sampled_from([True, True, True, False]), st.integers(0, 5))


def step(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


#: One drawn step instead of many rules: hypothesis leaves out a random part of the rules in every run, and few runs
#: would get as far as a settled lease. The number says how often.
_STEPS = [
    (
        3,
        step(
            "put",
            page=pages,
            lane=lanes,
            generation=slips,
            cursor=slips,
            moves_cursor=st.integers(0, 3).map(bool),
            filtered=st.sampled_from([0, 0, 0, 2]),
        ),
    ),
    (1, step("feed", page=pages, lane=lanes, generation=slips)),
    (3, step("change_again", which=st.integers(0, 5), lane=lanes)),
    (5, step("lease", how_many=st.integers(1, 4), slip=slips)),
    (4, step("renew", speaker=speakers, slip=slips)),
    (3, step("sending", speaker=speakers, comes=st.sets(ids, max_size=3), leaves=st.sets(ids, max_size=3))),
    (1, step("changing", speaker=speakers, changes=st.sets(ids, max_size=3))),
    (4, step("settle", speaker=speakers, deeds=some_deeds, others=st.dictionaries(ids, deeds, max_size=2))),
    (4, step("advance_time", by=st.sampled_from([1, 50, LEASE_MS - 1, LEASE_MS, LEASE_MS + 50]))),
    (2, step("reap")),
    (2, step("unpark", some=st.none() | st.sets(ids, min_size=1), reason=st.sampled_from([None, ORPHAN]))),
    (1, step("rearm", some=st.sets(ids, min_size=1))),
    (2, step("revive", some=st.none() | st.sets(ids, min_size=1))),
    (2, step("retry", refused=st.sets(ids, min_size=1), lane=lanes, meanwhile=st.sets(ids))),
    (1, step("drop", some=st.none() | st.sets(ids, min_size=1), slip=st.sampled_from([0, 0, 1]))),
    (1, step("lease_and_die", how_many=st.integers(1, 4))),
    (6, step("work", how_many=st.integers(1, 4), overtaken=st.integers(0, 3), deeds=some_deeds)),
    (
        3,
        step(
            "family",
            which=st.integers(0, 9),
            comes=st.sampled_from([None, "sent", "deleted"]),
            lane=lanes,
            children=st.sets(ids, min_size=3),
        ),
    ),
    (1, step("stop")),
    (1, step("start")),
    (1, step("run")),
    (4, step("start_and_run")),
]
steps = st.sampled_from([strategy for often, strategy in _STEPS for _ in range(often)]).flatmap(lambda chosen: chosen)


@dataclass
class Writer:
    """One batch and what its holder makes of it: the ledger is read when the batch is leased, as a worker does."""

    number: int
    held: dict[str, Leased]
    confirmed: dict[str, Entry | None]

    def outcome(self, record_id: str, deed: str, now: int) -> Outcome:
        match deed:
            case "again":
                return Again(record_id, 50, counts=True)
            case "again uncounted":
                return Again(record_id, 150, counts=False)
            case "refused":
                return Refused(record_id, REFUSED)
            case "unsent":
                return Unsent(record_id)
            case "filtered":
                return Filtered(record_id)
            case "parked ann" | "parked bob" | "parked acme":
                return Parked(record_id, PARENTS[deed.split()[1]])
        version = self.held[record_id].version if record_id in self.held else 1
        entry = self.confirmed.get(record_id)
        if entry and entry.version >= version:
            return Unchanged(record_id, entry)
        standing = Standing.DELETED if deed == "deleted" else Standing.PRESENT
        return Written(record_id, Entry(standing, version, now // 1000, version.to_bytes(8)))
