"""Rows that were asked for apart from reading, as they wait on the queue."""

from connectors.dynamics_pages import Row
from store.record_queue import Change
from sync.streams import FILTERED_OUT, in_version
from sync.tables.position import Position


def fetched(row: Row, payload: bytes, position: Position) -> Change:
    """A row, with what its table makes of it; the reading position was looked at before it was asked for.

    One that reading has not come to yet waits under an older version than it has, so that its deletion counts.
    """
    assert row.version is not None
    version = position.fetched_version(row.version)
    ahead = position.row_version(row.version) > version and payload is not FILTERED_OUT
    return Change(row.id, version, as_it_is(row, payload) if ahead else payload)


def as_it_is(row: Row, payload: bytes) -> bytes:
    """What a table makes of a row that travels, with the row's version, which the ledger is to have once it is written:
    a page that was read before, and is stored only now, does not count then."""
    assert row.version is not None
    return in_version(Position.row_version(row.version), payload)
