"""What the next start of egress, or a replay, would do with the events of the journal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from connectors.dynamics import MOST_IDS, Dynamics
from connectors.dynamics_metadata import DynamicsTable
from control.errors import ControlError, NoConfiguration
from control.live_streams import Live, in_use, live, saved
from control.rehearsal.counting import Fate, Look, Rehearsal, Tally
from control.rehearsal.parents import Parents
from control.words import window
from store.record_queue import Filtered, Lane, Leased
from store.replays import Only
from store.store import Store
from sync.deciding import decision_on
from sync.egress import STREAM
from sync.events.activity_target import CreateActivity
from sync.events.event import Event
from sync.events.payload import keep
from sync.events.position import Backfill, EventPosition
from sync.events.reading import VERSION, EventStreamSource, is_within
from sync.mapping.mapper import Unmappable
from sync.pages import RawRecord
from sync.reading import PAGE_SECONDS
from sync.unknown_contacts import CONTACTS


def rehearse_events(store: Store, page_size: int, limit: int | None, look: Look) -> Rehearsal:
    """Under the saved configuration. Reading a journal uses nothing up; files are put away when they are read, so those
    cannot be rehearsed. Raises as `rehearse_start` does."""
    use = saved(store, "egress")
    config = use.document.egress
    assert config is not None
    if config.source == "files":
        raise ControlError(
            "egress reads files, and reading puts them away: it cannot be rehearsed; see that the newest one fits "
            "with: d365acs config validate FILE --live"
        )
    with live(store, use, page_size) as found:
        return Rehearsal((_Events(store, found).tally(limit, look),), None)


def rehearse_replay_of_events(store: Store, page_size: int, only: Only, look: Look) -> Rehearsal:
    """Of a window of the journal, under the active configuration, or the saved one while egress is off. Raises as
    `rehearse_replay` does."""
    use = in_use(store, "egress")
    if use is None or use.document.egress is None:
        raise NoConfiguration("egress has no configuration yet; save one with: d365acs config apply FILE")
    if use.document.egress.source == "files":
        raise ControlError(
            "egress reads files, and reading puts them away: a replay of it cannot be rehearsed; what Dynamics shows "
            "already is not shown twice, so begin with a small window: d365acs replay create egress --since TIME "
            "--until TIME"
        )
    window = Backfill("", only.since_ms, only.until_ms)
    with live(store, use, page_size, kept=True) as found:
        return Rehearsal((_Events(store, found).tally(None, look, window),), None)


class _Events:
    def __init__(self, store: Store, found: Live) -> None:
        source = found.streams[STREAM].source
        assert isinstance(source, EventStreamSource)
        self._source, self._target = source, found.streams[STREAM].target
        self._dynamics: Dynamics = found.systems.dynamics
        self._workflow = found.use.workflow
        self._now_ms = store.now_ms()
        self._seen = Parents()
        config = found.use.document.egress
        assert config is not None
        self._config = config

    def tally(self, limit: int | None, look: Look, window_: Backfill | None = None) -> Tally:
        """Of what is next to be read, or of a window once more."""
        source, position = self._source, EventPosition.load(self._workflow.cursor(STREAM).value)
        goes_on = position.place == source.place and position.next
        if window_ is not None:
            at = source.source.beginning(window_.since_ms or 0)
            words = f"the journal, {window(window_.since_ms, window_.until_ms) or 'from its beginning'}"
        else:
            at = position.next if goes_on else source.after(position.read_ms)
            words = "the journal, from where reading stands" if goes_on else "the journal, from its beginning"
        tally = Tally(STREAM, "timeline", words, calls_engine=False, waiting=self._workflow.queue(STREAM).total())
        if tally.waiting:
            tally.notes.append(f"{tally.waiting:,} more wait on the queue already, and were not looked at.")
        while True:
            page = source.source.fetch(at, PAGE_SECONDS)
            records = page.records if limit is None else page.records[: limit - tally.rows]
            if window_ is not None:
                records = [raw for raw in records if self._is_within(window_, raw)]
            self._page(tally, records)
            look(tally.rows, 0)
            if page.missed:
                tally.notes.append(page.missed)
            if limit is not None and tally.rows >= limit:
                tally.is_whole = not page.more and len(records) == len(page.records)
                return tally
            if not page.more:
                return tally
            at = page.behind

    def _is_within(self, window_: Backfill, raw: RawRecord) -> bool:
        try:
            found = self._source.rules.understand(raw.value, datetime.now(UTC)) if raw.value is not None else None
        except Unmappable:
            found = None
        return is_within(window_, raw, found if isinstance(found, Event) else None, self._source.rules)

    def _page(self, tally: Tally, records: Sequence[RawRecord]) -> None:
        tally.rows += len(records)
        creates: dict[str, CreateActivity] = {}
        for raw in records:
            record = self._record(raw)
            if record is None:
                tally.count(Fate.FILTERED, self._source.rules.activity_id(raw.value or {}))
                continue
            try:
                decision = decision_on(self._target, record, None)
            except Unmappable as wrong:
                tally.count(Fate.INVALID, record.id, wrong.sentence)
                continue
            if isinstance(decision, Filtered):
                tally.count(Fate.FILTERED, record.id)
            elif isinstance(decision, CreateActivity) and record.id not in creates:
                creates[record.id] = decision
            else:
                tally.count(Fate.UNCHANGED, record.id)
        self._count(tally, creates)

    def _record(self, raw: RawRecord) -> Leased | None:
        """As it would wait on the queue; None: it does not appear."""
        found = None
        if raw.value is not None:
            try:
                understood = self._source.rules.understand(raw.value, datetime.now(UTC))
            except Unmappable:
                pass  # it is set aside by whoever would write it
            else:
                if not isinstance(understood, Event):
                    return None
                found = understood
        kept = keep(raw, self._source.origin, self._source.rules, found)
        return Leased(kept.record_id, VERSION, self._now_ms, Lane.LIVE, kept.payload, 0, 0)

    def _count(self, tally: Tally, creates: dict[str, CreateActivity]) -> None:
        """An event is there already, waits for its contact, or would be shown."""
        contacts = self._existing(CONTACTS, sorted({create.contact for create in creates.values()}))
        by_table: dict[str, list[str]] = {}
        for record_id, create in creates.items():
            assert create.create is not None
            by_table.setdefault(create.create.set_name, []).append(record_id)
        for set_name, ids in by_table.items():
            # learn.microsoft.com, Activity tables: the primary key of each is activityid.
            table = DynamicsTable(set_name, set_name, "activityid", change_tracking=False, columns={})
            there = self._existing(table, ids)
            for record_id in ids:
                if record_id in there or self._seen.has(STREAM, record_id):
                    tally.count(Fate.UNCHANGED, record_id)
                elif creates[record_id].contact in contacts:
                    tally.count(Fate.CREATE, record_id)
                else:
                    tally.count(Fate.WAITS, record_id, "Dynamics does not have its contact.")
            self._seen.add(STREAM, ids)

    def _existing(self, table: DynamicsTable, ids: Sequence[str]) -> set[str]:
        there: set[str] = set()
        for start in range(0, len(ids), MOST_IDS):
            there |= self._dynamics.existing(table, ids[start : start + MOST_IDS], PAGE_SECONDS)
        return there
