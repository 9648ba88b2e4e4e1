"""What would become of records, page by page: asked of those who would write them, and sent by nobody."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from config.ingress import TableMapping
from connectors.dynamics_pages import Row
from control.live_streams import Live
from control.rehearsal.counting import Fate, Tally, requests_of
from control.rehearsal.parents import Parents
from control.rehearsal.rows import Reading
from store.record_queue import Change, Filtered, Lane, Leased, Outcome, Unchanged
from store.whereabouts import Head
from sync.deciding import counts_anyway, decision_on
from sync.mapping.mapper import Unmappable
from sync.reading import PAGE_SECONDS
from sync.streams import DELETED, FILTERED_OUT, Send, Stream, kind_of, leaving
from sync.tables.going import concerned
from sync.tables.position import Position
from sync.tables.relatives import awaiting_parents


class Judge:
    """Of one rehearsal. Tables are to come parents first."""

    def __init__(self, live: Live, now_ms: int) -> None:
        ingress = live.use.document.ingress
        assert ingress is not None
        self._live = live
        self._workflow = live.use.workflow
        self._now_ms = now_ms
        self._mappings = {mapping.table: mapping for mapping in ingress.tables}
        self._parents = Parents()
        self._read = Parents()  # what was looked at, of tables of which records wait
        self._read_whole: set[str] = set()  # tables of which all parents are known that would be written

    def in_order(self, tables: Sequence[str]) -> list[str]:
        """Parents first."""
        ordered: list[str] = []

        def place(table: str) -> None:
            if table not in ordered:
                for parent in self._live.streams[table].parents:
                    if parent != table and parent in tables:
                        place(parent)
                ordered.append(table)

        for table in tables:
            place(table)
        return ordered

    def note_whole(self, table: str) -> None:
        """Everything of the table was looked at."""
        self._read_whole.add(table)

    def page(self, tally: Tally, rows: Sequence[Row], reading: Reading) -> list[tuple[Row, Send]]:
        """Counts what would become of these; answers those that would be written, with their rows."""
        stream = self._live.streams[tally.table]
        tally.rows += len(rows)
        by_id = {row.id: row for row in rows}
        if tally.waiting:
            self._read.add(stream.name, list(by_id))
        written = self._decided(stream, tally, self._records(stream, tally, rows, reading), reading)
        return [(by_id[send.record.id], send) for send in written]

    def waiting(self, tally: Tally, heads: Sequence[Head], reading: Reading) -> None:
        """The same of records that wait on the queue, but for those that were read just now. Raises UnknownKey."""
        stream = self._live.streams[tally.table]
        left = [head for head in heads if not self._read.has(stream.name, head.id)]
        self._read.add(stream.name, [head.id for head in left])
        payloads = self._workflow.queue(stream.name).payloads([head.id for head in left])
        records: list[Leased] = []
        outdated: list[str] = []
        for head in left:
            payload = payloads.get(head.id)
            # Where everything is read, what waits is read again, but for what is not there any more.
            if payload is None or (reading.is_everything and kind_of(payload) != DELETED):
                continue
            if stream.table.is_outdated(payload):
                outdated.append(head.id)
            else:
                records.append(Leased(*head, payload, 0, 0))
        tally.queued += len(records) + len(outdated)
        tally.rows += len(records)
        self._decided(stream, tally, records, reading)
        if outdated:
            rows = stream.table.rows(outdated, lambda: PAGE_SECONDS)
            self.page(tally, list(rows.values()), reading)

    def _decided(self, stream: Stream, tally: Tally, records: Sequence[Leased], reading: Reading) -> list[Send]:
        """Counts what would become of these; answers what would be sent."""
        ids = [record.id for record in records]
        entries = self._workflow.queue(stream.name).ledger.entries(ids)
        repeats = self._workflow.repeats(stream.name).among(ids)
        sends: list[Send] = []
        for record, entry in zip(records, entries, strict=True):
            known, again = entry if reading.trusts else None, reading.replays or record.id in repeats
            if known is not None and counts_anyway(record, again):
                # However old it seems: the writer asks Dynamics how it is now.
                record = record._replace(version=max(record.version, known.version))
            try:
                decision = decision_on(stream.target, record, known, again)
            except Unmappable as wrong:
                tally.count(Fate.INVALID, record.id, wrong.sentence)
                continue
            if isinstance(decision, Send):
                sends.append(decision)
            else:
                tally.count(_fate(decision), record.id)
        written = self._with_parents(stream, tally, sends, reading)
        if stream.children or stream.name in stream.parents:
            self._parents.add(stream.name, [send.record.id for send in written if send.update is not None])
        for send in written:
            self._count(tally, self._mappings[tally.table], send)
        return written

    def _count(self, tally: Tally, mapping: TableMapping, send: Send) -> None:
        fate = Fate.DELETE if send.update is None else Fate.UPDATE if send.known else Fate.CREATE
        tally.count(fate, send.record.id)
        tally.requests += requests_of(mapping, fate, len(send.links))

    def _records(self, stream: Stream, tally: Tally, rows: Sequence[Row], reading: Reading) -> list[Leased]:
        """As a writer would get them; what goes without anything to end is counted here."""
        position, table = Position.load(self._workflow.cursor(stream.name).value), stream.table
        going: list[Change] = []
        changes: list[Change] = []
        for row in rows:
            if row.version is None:
                if self._mappings[tally.table].apply_deletes:
                    going.append(Change(row.id, position.deletion_version, DELETED))
                continue
            payload = table.payload(_copied(row))
            (going if payload is FILTERED_OUT else changes).append(
                Change(row.id, position.row_version(row.version), payload)
            )
        concerning = concerned(self._workflow.queue(stream.name), going, table.deletes_filtered_out)
        goes = {change.id for change in concerning} if reading.trusts else set()
        for change in going:
            if change.id not in goes and change.payload is FILTERED_OUT:
                tally.count(Fate.FILTERED, change.id)
        left = [
            change._replace(payload=leaving(change.payload, self._now_ms)) for change in concerning if change.id in goes
        ]
        lane = Lane.LIVE if reading.is_live else Lane.REPLAY
        return [Leased(one.id, one.version, self._now_ms, lane, one.payload, 0, 0) for one in (*changes, *left)]

    def _with_parents(self, stream: Stream, tally: Tally, sends: list[Send], reading: Reading) -> list[Send]:
        """Without those that would wait for a parent."""
        if not stream.parents:
            return sends
        self._ask_for(stream, sends, reading)
        # What is written in the same run is there by then; of a table that links to itself, all that is read is.
        left = [
            replace(
                send,
                links=tuple(
                    link
                    for link in send.links
                    if not (link.parent.stream == stream.name and reading.is_everything)
                    and not self._parents.has(link.parent.stream, link.parent.id)
                ),
            )
            for send in sends
        ]
        missing = awaiting_parents(self._workflow, left).missing
        for record_id, parent in missing.items():
            tally.count(Fate.WAITS, record_id, f"The {parent.stream} that it links to would not be in Campaign.")
        return [send for send in sends if send.record.id not in missing]

    def _ask_for(self, stream: Stream, sends: list[Send], reading: Reading) -> None:
        """Parents that are not in Campaign yet, and whose tables were not looked at as a whole: Dynamics is asked."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for send in sends:
            for link in send.links:
                table, record_id = link.parent.stream, link.parent.id
                itself = table == stream.name and reading.is_everything
                if not itself and table not in self._read_whole and not self._parents.has(table, record_id):
                    wanted[table].add(record_id)
        for table, ids in wanted.items():
            parent = self._live.streams.get(table)
            unknown = sorted(ids - self._workflow.queue(table).ledger.present(sorted(ids)))
            if parent is None or not unknown:
                continue
            rows = parent.table.rows(unknown, lambda: PAGE_SECONDS)
            travelling = [row.id for row in rows.values() if parent.table.payload(_copied(row)) is not FILTERED_OUT]
            self._parents.add(table, travelling)


def _copied(row: Row) -> Row:
    """Whoever queues a row may use up its values."""
    return row._replace(values=dict(row.values or {}))


def _fate(outcome: Outcome) -> Fate:
    match outcome:
        case Unchanged():
            return Fate.UNCHANGED
        case Filtered():
            return Fate.FILTERED
    raise AssertionError(f"{type(outcome).__name__} is no outcome of a target that asks nobody")
