"""What people do with an import of which nobody will ever know the end: its records are taken back from it."""

from dataclasses import dataclass

from connectors.sftp_writing import hidden
from control.errors import ControlError
from control.together import INGRESS
from store.lifecycle import State
from store.loads import Load
from store.store import Store
from sync.loading.concluding import return_batches
from sync.loading.names import file_of
from sync.loading.troubles import workflow_of


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An import that is under way."""

    table: str
    records: int
    file: str  #: the path on the SFTP server where Campaign takes it
    hidden: str  #: the path where it lies until then
    placed: bool  #: whether it is known to have come to where Campaign takes it
    workflow: str  #: of Campaign, by its ID


def under_way(store: Store, table: str) -> UnderWay:
    """Raises ControlError where there is none, or none that can be abandoned now."""
    return _shown(table, _load(store, table))


def abandon(store: Store, table: str, by: str, why: str = "") -> UnderWay:
    """Its records wait again, and nobody looks for its end any more. What was announced to Campaign is written one by
    one then; of a file that has never come into its place, records may travel in the next one.

    Nothing is done on the SFTP server or in Campaign: whoever abandons an import has seen to it that the file is not
    taken any more. Raises ControlError where none is under way, or its file may be on its way into its place.
    """
    workflow = store.workflow(INGRESS)
    # The writer in the first seat puts files into place; after a stop it may be at its last one.
    with workflow.writing_right(table, 0) as nobody_else:
        load = _load(store, table)
        if load.is_hidden and not nobody_else:
            raise ControlError(f"Writers of {table} are about to end, and may be at its import; try again in a minute")
        return_batches(workflow, table, load.batches)
        if not workflow.loads(table).forget(load):
            raise ControlError(
                f"The import of {table} has ended meanwhile; see how it stands with: d365acs workflow show"
            )
    workflow.acts.note("abandon import", by, why, table)
    return _shown(table, load)


def _load(store: Store, table: str) -> Load:
    load = store.workflow(INGRESS).loads(table).read()
    if load is None:
        raise ControlError(f"No import of {table} is under way; see what is with: d365acs workflow show {INGRESS}")
    if load.is_hidden and store.workflow(INGRESS).lifecycle.read().state in (State.STARTING, State.RUNNING):
        # Nothing holds back a writer that has looked for the last time and is about to rename it.
        raise ControlError(
            f"The import of {table} cannot be given up now, since its file can come into its place at any moment while "
            f"{INGRESS} is on; first do: d365acs workflow stop {INGRESS}"
        )
    return load


def _shown(table: str, load: Load) -> UnderWay:
    file = file_of(load)
    return UnderWay(table, load.count, file, hidden(file), not load.is_hidden, workflow_of(load))
