"""What the record queue promises, as a few lines of plain Python. The machine plays both and compares.

The model knows nothing of Redis. It decides whether something newer is waiting by comparing what came with what is
held, where the scripts trust a mark; it keeps the beginning of every wait, where the scripts derive the oldest from
three places; it looks through all parked records for the children of a parent, where the scripts keep two indexes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from store.ledger import Entry, Standing
from store.record_queue import (
    Again,
    Change,
    CursorMoved,
    DeadLetter,
    Filtered,
    GenerationOver,
    Lane,
    Leased,
    Outcome,
    Parent,
    Parked,
    QueueFull,
    Reason,
    Refused,
    Unchanged,
    Unsent,
    Written,
)

DIED = "holders-died"


@dataclass
class Hold:
    """A record in somebody's hands."""

    batch: int
    version: int
    arrival: int
    newer_since: int | None = None  #: when the first newer version came meanwhile


@dataclass
class Waiting:
    """A record that is not confirmed."""

    version: int
    payload: bytes
    arrival: int  #: counts what was stored
    lane: Lane
    queued: int  #: what the record itself says
    begun: int  #: since when the target has lacked it: what the age of the backlog counts from
    tries: int = 0
    deaths: int = 0
    due: int | None = None
    hold: Hold | None = None
    parked: int | None = None  #: since when
    parent: Parent | None = None

    @property
    def newer(self) -> bool:
        """Whether something came while it was held."""
        return self.hold is not None and self.arrival > self.hold.arrival


@dataclass
class QueueModel:
    stream: str
    high_water: int
    deaths_too_many: int
    state: str = "STOPPED"
    generation: int = 0
    cursor: int = 0
    records: dict[str, Waiting] = field(default_factory=dict)
    ready: list[str] = field(default_factory=list)
    replay: set[str] = field(default_factory=set)
    dead: dict[str, DeadLetter] = field(default_factory=dict)
    ledger: dict[str, Entry] = field(default_factory=dict)
    lease_ends: dict[int, int] = field(default_factory=dict)  #: of every batch that ever was
    counts: Counter[str] = field(default_factory=Counter)
    arrivals: int = 0
    awaited: set[Parent] = field(default_factory=set)  #: somebody was parked for them, and they did not come since
    released: set[Parent] = field(default_factory=set)  #: they came, and their children are still parked
    filtered: dict[str, int] = field(default_factory=dict)  #: the newest version that was filtered out
    dropped: dict[str, int] = field(default_factory=dict)  #: the newest version that was given up
    buried_from: dict[str, Lane] = field(default_factory=dict)  #: the lane of each record that was set aside

    def check_generation(self, generation: int) -> None:
        if self.state != "RUNNING" or generation != self.generation:
            raise GenerationOver

    def put(
        self,
        now: int,
        generation: int,
        cursor: int,
        page: Sequence[Change],
        lane: Lane,
        moves_cursor: bool,
        filtered: int,
    ) -> tuple[int, int, int]:
        self.check_generation(generation)
        if cursor != self.cursor:
            raise CursorMoved
        if len(self.records) >= self.high_water:
            raise QueueFull
        stored = self.feed(now, generation, page, lane)
        self.cursor += moves_cursor
        self.counts["read"] += filtered
        self.counts["filtered"] += filtered
        return stored

    def feed(self, now: int, generation: int, page: Sequence[Change], lane: Lane) -> tuple[int, int, int]:
        self.check_generation(generation)
        known = set(self.records)
        answers = Counter(self._put_one(now, change, lane) for change in page)
        for record_id in dict.fromkeys(change.id for change in page):
            if record_id in self.records and record_id not in known:
                self._enter_lane(record_id, at_front=False)
        self.counts["read"] += len(page)
        return answers["queued"], answers["replaced"], answers["skipped"]

    def _put_one(self, now: int, change: Change, lane: Lane) -> str:
        record_id, version, payload = change
        letter, record = self.dead.get(record_id), self.records.get(record_id)
        if record is None:
            if letter and (letter.version > version or (letter.version == version and lane is Lane.LIVE)):
                return "skipped"
            self.dead.pop(record_id, None)
            self.records[record_id] = Waiting(version, payload, self._arrival(), lane, queued=now, begun=now)
            return "queued"
        if version < record.version or (version == record.version and lane is Lane.LIVE):
            return "skipped"
        record.version, record.payload, record.arrival = version, payload, self._arrival()
        if record.hold and record.hold.newer_since is None:
            record.hold.newer_since = record.queued = now
        if record.lane is Lane.REPLAY and lane is Lane.LIVE:
            record.lane = Lane.LIVE
            if record_id in self.replay:
                self.replay.remove(record_id)
                self.ready.append(record_id)
        if record.due is not None:
            record.due, record.tries, record.deaths = None, 0, 0
            self._enter_lane(record_id, at_front=False)
        if record.parked is not None:
            record.tries = record.deaths = 0
            self._end_parking(record_id)
        return "replaced"

    def _arrival(self) -> int:
        self.arrivals += 1
        return self.arrivals

    def lease(self, now: int, generation: int, how_many: int, lease_ms: int, batch: int) -> list[Leased]:
        self.check_generation(generation)
        due = sorted(
            (record.due, i) for i, record in self.records.items() if record.due is not None and record.due <= now
        )
        for _, record_id in due[:how_many]:
            self.records[record_id].due = None
            self._enter_lane(record_id, at_front=False)
        self._take_back(how_many)
        live, self.ready = self.ready[:how_many], self.ready[how_many:]
        replayed = sorted(self.replay, key=lambda i: (self.records[i].queued, i))[: how_many - len(live)]
        self.replay -= set(replayed)
        leased = []
        self.lease_ends[batch] = now + lease_ms
        for record_id in [*live, *replayed]:
            r = self.records[record_id]
            r.hold = Hold(batch, r.version, r.arrival)
            leased.append(Leased(record_id, r.version, r.queued, r.lane, r.payload, r.tries, r.deaths))
        return leased

    def _take_back(self, how_many: int) -> None:
        """Children of released parents return to their lane, no more at a time than are wanted."""
        left = how_many
        for parent in sorted(self.released, key=lambda p: f"{p.stream} {p.id}".encode())[:how_many]:
            children = sorted((i for i, record in self.records.items() if record.parent == parent), key=str.encode)
            for record_id in children[:left]:
                self._end_parking(record_id)
            left -= len(children[:left])
            if not left:
                break
            self.released.remove(parent)

    def _end_parking(self, record_id: str) -> None:
        record = self.records[record_id]
        record.parked = record.parent = None
        self._enter_lane(record_id, at_front=False)

    def unpark(self, now: int, ids: Iterable[str], reason: Reason | None) -> int:
        moved = 0
        for record_id in ids:
            record = self.records.get(record_id)
            if record is None or record.parent is None:
                continue
            if reason is None or record.parent in self.released:
                self._end_parking(record_id)
                moved += reason is None
            else:
                self._bury(record_id, record, reason, record.tries, now)
                self.counts["refused"] += 1
                del self.records[record_id]
                moved += 1
        return moved

    def rearm(self, now: int, ids: Iterable[str]) -> None:
        for record_id in ids:
            if (record := self.records.get(record_id)) and record.parked is not None:
                record.parked = now

    def is_present(self, parent: Parent) -> bool:
        entry = self.ledger.get(parent.id) if parent.stream == self.stream else None
        return entry is not None and entry.standing is Standing.PRESENT

    def renew(self, now: int, generation: int, batch: int, lease_ms: int) -> bool:
        self.check_generation(generation)
        held = any(self._held(now, batch, record_id) for record_id in self.records)
        if held:
            self.lease_ends[batch] = now + lease_ms
        return held

    def sending(
        self, now: int, batch: int, coming: Iterable[str], leaving: Iterable[str], changing: Iterable[str]
    ) -> int:
        if (coming or leaving or changing) and not self._runs(now, batch):
            return -1
        before = dict(self.ledger)
        for record_id in coming:
            if self._held(now, batch, record_id):
                entry = self.ledger.get(record_id, Entry(Standing.COMING, 0, 0, bytes(8)))
                self.ledger[record_id] = entry._replace(standing=Standing.COMING)
        for record_id in leaving:
            if self._held(now, batch, record_id) and self.is_present(Parent(self.stream, record_id)):
                self.ledger[record_id] = self.ledger[record_id]._replace(standing=Standing.LEAVING)
        for record_id in changing:
            if self._held(now, batch, record_id) and self.is_present(Parent(self.stream, record_id)):
                entry = self.ledger[record_id]
                self.ledger[record_id] = entry._replace(fingerprint=bytes(8) + entry.fingerprint[8:])
        return sum(entry != before.get(record_id) for record_id, entry in self.ledger.items())

    def settle(self, now: int, batch: int, outcomes: Sequence[Outcome]) -> set[str]:
        doubted = set()
        for outcome in outcomes:
            if self._held(now, batch, outcome.id):
                self._settle_one(now, outcome)
            else:
                doubted.add(outcome.id)
        for outcome in outcomes:
            if isinstance(outcome, Written | Unchanged) and outcome.id not in doubted:
                parent = Parent(self.stream, outcome.id)
                if parent in self.awaited and self.is_present(parent):
                    self.awaited.remove(parent)
                    self.released.add(parent)
        return doubted

    def _held(self, now: int, batch: int, record_id: str) -> bool:
        record = self.records.get(record_id)
        hold = record.hold if record else None
        return hold is not None and hold.batch == batch and self.ends(hold) > now

    def _runs(self, now: int, batch: int) -> bool:
        holds = (record.hold for record in self.records.values() if record.hold)
        return any(hold.batch == batch and self.ends(hold) > now for hold in holds)

    def ends(self, hold: Hold) -> int:
        return self.lease_ends[hold.batch]

    def _settle_one(self, now: int, outcome: Outcome) -> None:
        record_id = outcome.id
        record = self.records[record_id]
        newer = record.newer
        hold, record.hold = record.hold, None
        assert hold is not None
        match outcome:
            case Unsent():
                self._enter_lane(record_id, at_front=True)
                return
            case Parked(_, parent) if newer or self.is_present(parent):
                self._enter_lane(record_id, at_front=True)
                return
            case Parked(_, parent):
                self.counts["parked"] += 1
                record.parked, record.parent = now, parent
                self.awaited.add(parent)
                return
            case Filtered():
                self.counts["filtered"] += 1
                self.filtered[record_id] = max(self.filtered.get(record_id, 0), hold.version)
            case Again(_, wait_ms, counts):
                self.counts["again"] += 1
                if newer:
                    record.tries = record.deaths = 0
                    self._enter_lane(record_id, at_front=False)
                else:
                    record.tries += counts
                    record.due = now + wait_ms
                return
            case Unchanged(_, entry) if entry is not None and self._is_disbelieved_since(record_id, entry):
                self._enter_lane(record_id, at_front=True)
                return
            case Written(_, entry) | Unchanged(_, entry):
                self.counts["written" if isinstance(outcome, Written) else "unchanged"] += 1
                assert entry is not None
                self.ledger[record_id] = entry
            case Refused(_, reason):
                self.counts["refused"] += 1
                if not newer:
                    self._bury(record_id, record, reason, record.tries + 1, now)
        if newer:
            assert hold.newer_since is not None
            record.tries = record.deaths = 0
            record.begun = hold.newer_since
            self._enter_lane(record_id, at_front=False)
        else:
            del self.records[record_id]

    def _is_disbelieved_since(self, record_id: str, entry: Entry) -> bool:
        if entry.standing is not Standing.PRESENT or not self.is_present(Parent(self.stream, record_id)):
            return False
        return entry.fingerprint[:8] != bytes(8) == self.ledger[record_id].fingerprint[:8]

    def reap(self, now: int) -> int:
        expired = sorted((self.ends(r.hold), i) for i, r in self.records.items() if r.hold and self.ends(r.hold) <= now)
        for _, record_id in expired:
            record = self.records[record_id]
            record.hold = None
            record.deaths += 1
            if record.deaths >= self.deaths_too_many:
                self._bury(record_id, record, Reason(DIED, ""), record.tries, now)
                self.counts["refused"] += 1
                del self.records[record_id]
            else:
                self._enter_lane(record_id, at_front=True)
        return len(expired)

    def revive(self, ids: Iterable[str]) -> tuple[list[str], list[str]]:
        """Nothing is superseded: who waits has no letter."""
        back = [record_id for record_id in ids if record_id in self.dead]
        for record_id in back:
            letter, lane = self.dead.pop(record_id), self.buried_from[record_id]
            self.records[record_id] = Waiting(
                letter.version, letter.payload, self._arrival(), lane, letter.queued_ms, letter.queued_ms
            )
            self._enter_lane(record_id, at_front=False)
        return back, []

    def drop(self, seen: Mapping[str, int]) -> list[str]:
        given_up = [i for i, dead_ms in seen.items() if i in self.dead and self.dead[i].dead_ms == dead_ms]
        for record_id in given_up:
            self.dropped[record_id] = max(self.dropped.get(record_id, 0), self.dead.pop(record_id).version)
        return given_up

    def _bury(self, record_id: str, r: Waiting, reason: Reason, attempts: int, now: int) -> None:
        self.buried_from[record_id] = r.lane
        self.dead[record_id] = DeadLetter(record_id, r.version, reason, attempts, r.queued, now, r.payload)

    def _enter_lane(self, record_id: str, at_front: bool) -> None:
        if self.records[record_id].lane is Lane.REPLAY:
            self.replay.add(record_id)
        else:
            self.ready.insert(0 if at_front else len(self.ready), record_id)

    def start(self) -> None:
        if self.state in ("STOPPED", "FAILED"):
            self.state, self.generation = "STARTING", self.generation + 1

    def stop(self) -> None:
        if self.state != "STOPPED":
            self.state, self.generation = "STOPPED", self.generation + 1

    def run(self, now: int) -> bool:
        """Only called in the present generation, while STARTING."""
        if self.ids(lambda r: r.hold is not None and self.ends(r.hold) > now):
            return False
        self.state = "RUNNING"
        return True

    def ids(self, where: Callable[[Waiting], bool]) -> set[str]:
        return {record_id for record_id, record in self.records.items() if where(record)}

    @property
    def next_in_lanes(self) -> int | None:
        """Since when the record waits that is the next in its lane."""
        return min((self.records[record_id].queued for record_id in [*self.ready[:1], *self.replay]), default=None)

    @property
    def oldest(self) -> int | None:
        """Since when the record that has waited longest waits; parked ones are shown apart."""
        return min((record.begun for record in self.records.values() if record.parked is None), default=None)
