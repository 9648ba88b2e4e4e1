"""A Dynamics table as a stream of ingress reads it."""

from collections.abc import Iterator, Sequence

import orjson

from config.ingress import TableMapping
from connectors.dynamics import MOST_IDS, MOST_LINKED, Dynamics
from connectors.dynamics_pages import LARGEST_PAGE, Page, Row
from store.replays import Only
from store.store import WorkflowStore
from sync.digest import digest
from sync.mapping import filters, written
from sync.mapping.mapper import Mapper
from sync.schemas import TableSchema
from sync.streams import FILTERED_OUT, Allowance, LinkedPage, Reader, Slice, Stream, mapping_of, read_under
from sync.tables.links import Links
from sync.tables.pairs import pair_of
from sync.tables.position import Position
from sync.tables.reading import TableReader
from sync.tables.table import Test

#: Rows of a page of children that go with their parent: few, so that several pages fit into the shortest slice.
FOLLOWING = 500


class TableSource:
    def __init__(
        self,
        dynamics: Dynamics,
        schema: TableSchema,
        mapping: TableMapping,
        mapper: Mapper,
        links: Links,
        page_size: int,
    ) -> None:
        self._dynamics = dynamics
        self._table = schema.table(mapping.table)
        self._shapes = schema.columns
        self.page_size = page_size
        self._admits = filters.admits(mapping.filter, schema.columns) if mapping.filter else None
        kept = dict.fromkeys([*mapper.columns, *links.columns])
        asked = filters.columns(mapping.filter) if mapping.filter else ()
        self._columns = tuple(column for column in dict.fromkeys([*kept, *asked]) if column != schema.primary_id)
        self._labels = mapper.labelled
        self._several_tables = links.several_tables
        self._links = mapping.links
        # What only the filter asks for does not wait on the queue.
        self._dropped = tuple(column for column in self._columns if column not in kept)
        self.wants_deletions = mapping.apply_deletes
        self.deletes_filtered_out = mapping.delete_filtered_out
        self.pair = pair_of(mapping)
        # A mapping that reads or writes something else must reach the records that were read before it, too.
        self.mapping = digest(
            [
                self.pair,
                sorted(
                    [rule.source, rule.target, rule.source in mapper.labelled and not mapping.technical(rule),
                     sorted((old, new) for old, new in rule.replace.items())]
                    for rule in mapping.fields
                ),
                sorted([link.source, link.target, link.table] for link in mapping.links),
                mapping.filter.model_dump(mode="json") if mapping.filter else None,
                mapping.filter is not None and mapping.delete_filtered_out,
            ]
        )  # fmt: skip

    def reader(self, stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> Reader:
        return TableReader(self, stream, store, generation, piece)

    def may_write(self, cursor: str) -> bool:
        # With another pair, the reader has yet to forget what was written elsewhere.
        return Position.load(cursor).pair in ("", self.pair)

    def count(self) -> int | None:
        return self._dynamics.count(self._table.name, timeout=30)

    def first_page(self, timeout: float) -> Page:
        return self._dynamics.first_page(
            self._table,
            self._columns,
            labels=self._labels,
            tables=self._several_tables,
            timeout=timeout,
            page_size=self.page_size,
        )

    def follow(self, link: str, timeout: float) -> Page:
        return self._dynamics.follow(
            self._table,
            link,
            self._columns,
            labels=self._labels,
            tables=self._several_tables,
            timeout=timeout,
            page_size=self.page_size,
        )

    def follow_deletions(self, link: str, timeout: float) -> Page:
        return self._dynamics.follow(self._table, link, (), timeout=timeout, page_size=self.page_size)

    def test_of(self, where: Sequence[str]) -> Test:
        holds, columns = written.all_of(where, self._shapes)
        only_here = tuple(column for column in columns if column not in self._columns)

        def test(row: Row) -> bool:
            values = row.values
            assert values is not None
            held = holds({**values, self._table.primary_id: row.id})
            for column in only_here:
                values.pop(column, None)
            return held

        return test

    def scan(self, only: Only, link: str, page_size: int, timeout: float) -> Page:
        return self._dynamics.scan(
            self._table,
            link,
            self._with(only.where),
            since_ms=only.since_ms,
            until_ms=only.until_ms,
            labels=self._labels,
            tables=self._several_tables,
            timeout=timeout,
            page_size=page_size,
        )

    def _with(self, where: Sequence[str]) -> tuple[str, ...]:
        """The columns that are read, and those that only these conditions look at."""
        _, columns = written.all_of(where, self._shapes)
        asked = dict.fromkeys([*self._columns, *columns])
        return tuple(column for column in asked if column != self._table.primary_id)

    def picked(self, ids: Sequence[str], timeout: float) -> list[Row]:
        return list(self._leading_to(self._table.primary_id, ids, lambda: timeout))

    def payload(self, row: Row) -> bytes:
        values = row.values
        assert values is not None
        if self._admits is not None and not self._admits({**values, self._table.primary_id: row.id}):
            return FILTERED_OUT
        for column in self._dropped:
            values.pop(column, None)
        return read_under(self.mapping, orjson.dumps(values))

    def row(self, record_id: str, timeout: float) -> Row | None:
        return self._dynamics.row(
            self._table, record_id, self._columns, labels=self._labels, tables=self._several_tables, timeout=timeout
        )

    def is_outdated(self, payload: bytes) -> bool:
        return mapping_of(payload) not in (None, self.mapping)

    def rows(self, record_ids: Sequence[str], allowance: Allowance) -> dict[str, Row]:
        return {row.id: row for row in self._leading_to(self._table.primary_id, record_ids, allowance)}

    def linked_page(
        self, table: str, record_ids: Sequence[str], required: bool, place: str, allowance: Allowance
    ) -> LinkedPage:
        lookups = [link.source for link in self._links if link.table == table and (link.required or not required)]
        number, _, link = place.partition(" ")
        at = int(number or 0)
        if at >= len(lookups):
            return LinkedPage([], "", True)
        page = self._linked(lookups[at], record_ids, link, FOLLOWING, allowance)
        leading = [(str((row.values or {}).get(lookups[at])), row) for row in page.rows]
        rows = [(parent, row) for parent, row in leading if parent in record_ids]
        if page.next_link:
            return LinkedPage(rows, f"{at} {page.next_link}", False)
        return LinkedPage(rows, f"{at + 1} " if at + 1 < len(lookups) else "", True)

    def existing(self, record_ids: Sequence[str], allowance: Allowance) -> set[str]:
        there: set[str] = set()
        for part in _parts(record_ids, MOST_IDS):
            there |= self._dynamics.existing(self._table, part, allowance())
        return there

    def _leading_to(self, column: str, record_ids: Sequence[str], allowance: Allowance) -> Iterator[Row]:
        """The rows in which a column holds one of these ids."""
        for part in _parts(record_ids, MOST_LINKED):
            link: str | None = ""
            while link is not None:
                page = self._linked(column, part, link, LARGEST_PAGE, allowance)
                yield from page.rows
                link = page.next_link

    def _linked(self, column: str, record_ids: Sequence[str], link: str, page_size: int, allowance: Allowance) -> Page:
        return self._dynamics.linked(
            self._table,
            column,
            record_ids,
            self._columns,
            link,
            labels=self._labels,
            tables=self._several_tables,
            timeout=allowance(),
            page_size=page_size,
        )


def _parts(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
