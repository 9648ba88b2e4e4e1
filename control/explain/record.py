"""One record of a mapped table, from Dynamics to Campaign, step by step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from config.ingress import IngressConfig, TableMapping
from config.secrets import SecretMissing
from connectors.dynamics_pages import Row
from connectors.errors import ConnectorError
from control.explain import differing
from control.explain import mapping as steps
from control.explain.awaited import awaited
from control.explain.explanation import Awaited, Found, Held, Part, Standing
from control.explain.mapping import Show
from control.explain.naming import ASK_SECONDS
from control.explain.standing import standing, with_past
from control.explain.verdict import Case, judged, standing_alone
from control.live_streams import InUse, Live
from control.words import finished, listed
from store.record_queue import Change, Lane, Leased, Outcome
from store.sealing import UnknownKey
from store.store import Store, WorkflowStore
from sync.deciding import decision_on
from sync.mapping.mapper import Mapper, Unmappable
from sync.schemas import TableSchema, load
from sync.streams import DELETED, FILTERED_OUT, FOLLOWS, PARENT_LEFT, Link, Send, Stream, kind_of, leaving, read_under
from sync.tables.going import concerned
from sync.tables.links import Links
from sync.tables.position import Phase, Position
from sync.tables.relatives import awaiting_parents

#: When a row was last changed, where its table has the column.
MODIFIED = "modifiedon"
#: Why somebody could not be asked.
CannotAsk = (ConnectorError, SecretMissing)


def bare(store: Store, use: InUse, stream: str, record_id: str, why: str) -> Part:
    """What is kept of it, while the systems cannot be asked. `why`: a sentence."""
    kept = with_past(standing(store, use.workflow, stream, record_id), use.workflow, stream, record_id)
    name = use.workflow.name
    verdict, action = standing_alone(name, use.life, kept)
    return Part(
        name,
        stream,
        record_id,
        use.life.state.value,
        use.revision,
        verdict,
        action,
        kept,
        awaited=awaited_by(store, use.workflow, kept),
        troubles=(finished(why),),
        next=commands(name, stream, record_id, kept),
    )


def awaited_by(
    store: Store, workflow: WorkflowStore, kept: Standing, streams: Mapping[str, Stream] | None = None
) -> Awaited | None:
    """The record that this one is parked for, if it is one of the same workflow. `streams`: see `awaited`."""
    parent = kept.waits.parent if kept.waits else None
    if parent is None or parent.stream not in workflow.lifecycle.streams():
        return None
    return awaited(store, workflow, parent, streams)


def row_of(live: Live, table: str, record_id: str) -> Row | None:
    """The record as it is in Dynamics now, with what the mapping asks for. Raises ConnectorError."""
    return live.streams[table].table.row(record_id, ASK_SECONDS)


def explained(store: Store, live: Live, table: str, record_id: str, show: Show) -> Part:
    """`table`: a mapped one. What cannot be asked is left out, and why is among the troubles."""
    return _Explainer(store, live, table, record_id, show).part()


class _Explainer:
    def __init__(self, store: Store, live: Live, table: str, record_id: str, show: Show) -> None:
        ingress = live.use.document.ingress
        assert ingress is not None
        self._ingress: IngressConfig = ingress
        self._store, self._live, self._id, self._show = store, live, record_id, show
        self._workflow = live.use.workflow
        self._mapping: TableMapping = next(one for one in ingress.tables if one.table == table)
        self._schema: TableSchema = load(live.known).tables[table]
        self._stream: Stream = live.streams[table]
        self._troubles: list[str] = []

    def part(self) -> Part:
        use, mapping = self._live.use, self._mapping
        kept = with_past(
            standing(self._store, self._workflow, mapping.stream, self._id), self._workflow, mapping.stream, self._id
        )
        try:
            row = row_of(self._live, mapping.table, self._id)
        except CannotAsk as error:
            return bare(self._store, use, mapping.stream, self._id, str(error))
        # The filter, and whoever queues a row, may use up its values.
        values = {**(row.values or {}), self._schema.primary_id: self._id} if row else {}
        position = Position.load(self._workflow.cursor(mapping.stream).value)
        mapped = read_under(position.mapping, b"{}")
        anew = bool(position.mapping) and self._stream.table.is_outdated(mapped)
        decision = self._decision(row, position, anew, kept)
        awaiting = None
        if isinstance(decision, Send) and decision.update is not None and self._stream.parents:
            awaiting = awaiting_parents(self._workflow, [decision])
        passes = row is None or self._passes(row)
        held = self._held(row, decision, passes)
        clauses = steps.clauses(mapping, self._schema, values, self._show) if row else ()
        hold = self._workflow.holds.get(mapping.stream, use.life.generation) if use.is_on else None
        case = Case(
            self._workflow.name, mapping, use.life, hold, position, anew, kept,
            row.version if row else None, passes, decision, awaiting, held, clauses,
            self._first(),
        )  # fmt: skip
        verdict, action = judged(case)
        part = Part(
            self._workflow.name, mapping.stream, self._id, use.life.state.value, use.revision, verdict, action, kept,
            source=Found(row is not None, self._modified(row)),
            held=held,
            awaited=awaited_by(self._store, self._workflow, kept, self._live.streams),
        )  # fmt: skip
        if row is not None:
            part = replace(
                part,
                every=mapping.filter.every if mapping.filter else True,
                clauses=clauses,
                lines=steps.lines(mapping, self._schema, values, self._show),
                links=steps.links(mapping, self._schema, values, self._store, self._workflow),
            )
        next_ = commands(self._workflow.name, mapping.stream, self._id, kept)
        return replace(part, troubles=tuple(self._troubles), next=next_)

    def _passes(self, row: Row) -> bool:
        return self._stream.table.payload(_copied(row)) is not FILTERED_OUT

    def _decision(
        self, row: Row | None, position: Position, anew: bool, kept: Standing
    ) -> Send | Outcome | Unmappable | None:
        """What the writer would decide if the record came to it as it is now; None where reading would pass it over."""
        now_ms = self._store.now_ms()
        waiting = self._waiting() if kept.waits is not None else b""
        if kept.waits is not None and kind_of(waiting) == PARENT_LEFT:
            # If it is too old to count, it is told once more until it does.
            version = max(kept.waits.version, kept.entry.version if kept.entry else 0)
            left = Leased(self._id, version, now_ms, kept.waits.lane, waiting, 0, 0)
            return decision_on(self._stream.target, left, kept.entry)
        if row is None or row.version is None:
            # Newer than everything that was read of it, as deletions are.
            version = max(position.deletion_version, kept.entry.version if kept.entry else 0)
            payload = DELETED
        else:
            version, payload = position.row_version(row.version), self._stream.table.payload(_copied(row))
        if payload in (DELETED, FILTERED_OUT):
            change = Change(self._id, version, payload)
            queue, deletes = self._workflow.queue(self._stream.name), self._stream.table.deletes_filtered_out
            if not concerned(queue, [change], deletes):
                return None
            payload = leaving(payload, now_ms)
        elif waiting.startswith(FOLLOWS):
            payload = FOLLOWS + payload
        # What a full read brings is written with the fields whose changes are not applied.
        in_full = Lane.REPLAY if anew or position.phase is Phase.FULL else Lane.LIVE
        lane = kept.waits.lane if kept.waits is not None else in_full
        record = Leased(self._id, version, now_ms, lane, payload, 0, 0)
        try:
            return decision_on(self._stream.target, record, kept.entry, kept.repeats)
        except Unmappable as wrong:
            return wrong

    def _first(self) -> str:
        """What a deletion comes after: children that cannot be in Campaign without it."""
        if trouble := self._workflow.troubles.get(f"{self._stream.name}.deletions"):
            return trouble.sentence[0].lower() + trouble.sentence[1:].rstrip(".")
        streams, name = self._live.streams, self._stream.name
        children = [one for one in self._stream.children if one in streams and name in streams[one].requires]
        return (
            f"what was changed in {listed(children)} by then, whose records link to it, goes first" if children else ""
        )

    def _waiting(self) -> bytes:
        """What waits of it on the queue; nothing where that is sealed with a key that is not known here."""
        try:
            return self._workflow.queue(self._stream.name).peek(self._id) or b""
        except UnknownKey:
            return b""

    def _held(self, row: Row | None, decision: object, passes: bool) -> Held | None:
        whole: dict[str, object] | None = None
        links: tuple[Link, ...] = ()
        if row is not None and row.values is not None and passes and not isinstance(decision, Unmappable):
            resolved, links = Links(self._mapping, self._schema.columns, self._schema.fields).resolve(row.values)
            whole = {**Mapper(self._mapping, self._schema).map(self._id, row.values).whole, **resolved}
        tables = {one.table: one for one in self._ingress.tables}
        campaign = self._live.systems.campaign
        with self._trying():
            return differing.held(campaign, self._mapping, tables, self._schema, self._id, whole, links, self._show)
        return None

    def _modified(self, row: Row | None) -> str | None:
        if row is None or MODIFIED not in self._schema.columns:
            return None
        table = self._schema.table(self._mapping.table)
        with self._trying():
            found = self._live.systems.dynamics.row(table, self._id, (MODIFIED,), timeout=ASK_SECONDS)
            value = found.values.get(MODIFIED) if found and found.values else None
            return value if isinstance(value, str) else None
        return None

    @contextmanager
    def _trying(self) -> Iterator[None]:
        try:
            yield
        except CannotAsk as error:
            self._troubles.append(finished(str(error)))


def _copied(row: Row) -> Row:
    """Whoever queues a row may use up its values."""
    return row._replace(values=dict(row.values or {}))


def commands(workflow: str, stream: str, record_id: str, kept: Standing) -> tuple[str, ...]:
    """Commands that lead on."""
    if kept.waits is not None and kept.waits.parent is not None:
        return (f"d365acs record explain {kept.waits.parent.id}",)
    if kept.set_aside is not None:
        return f"d365acs dlq show {workflow} {record_id}", f"d365acs dlq retry {workflow} {record_id}"
    return ()
