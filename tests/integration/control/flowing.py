"""Ingress on its way against the sandbox, with the pieces of the workers and without their processes."""

from collections.abc import Collection

from control.live_streams import in_use, live
from store.store import Store
from sync.reading import read_slice
from sync.streams import ReadEnd, Slice
from sync.writing import WriteEnd, write_slice

#: Plenty: a slice ends when all is read or written.
PIECE = Slice(60.0, lambda: False)
_TABLES = ("contact", "new_membership", "new_invoice", "new_invoiceline")


def run_ingress(store: Store) -> int:
    """Ingress runs, under what is saved. Answers its generation."""
    workflow = store.workflow("ingress")
    assert workflow.lifecycle.start("ann", "", workflow.revisions.newest())
    generation = workflow.lifecycle.read().generation
    use = in_use(store, "ingress")
    assert use is not None
    with live(store, use) as found:
        workflow.keep_schemas(generation, found.known)
        workflow.lifecycle.add_streams(list(found.streams))
    assert workflow.lifecycle.run(generation, "start-up checks", "both systems answer")
    return generation


def flow(store: Store, tables: Collection[str] = _TABLES, write: bool = True) -> None:
    """These tables are read as far as they go and, unless that is not wanted, written; parents first."""
    workflow = store.workflow("ingress")
    generation = workflow.lifecycle.read().generation
    use = in_use(store, "ingress")
    assert use is not None
    with live(store, use, kept=True) as found:
        for table in (name for name in _TABLES if name in tables and name in found.streams):
            stream = found.streams[table]
            for _ in range(2):  # everything, then what has changed since
                assert read_slice(stream, workflow, generation, PIECE) is ReadEnd.CAUGHT_UP
            if write:
                end = write_slice(stream, found.streams, workflow, generation, 0, PIECE, 60.0, 200)
                assert end is WriteEnd.DRAINED
