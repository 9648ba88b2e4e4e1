"""The revisions of a configuration, and the way back to one of them: itself a new revision."""

from dataclasses import dataclass

from control.configuration import Applied, check_pairs, save
from control.errors import NoConfiguration
from control.opening import workflow_of
from control.together import check_together, newest_ingress, newest_optinout
from store.revisions import Revision
from store.store import Store
from sync.workflow import document_of
from sync.workflows import NAMES


@dataclass(frozen=True, slots=True)
class Entry:
    workflow: str
    revision: Revision
    active: bool  #: it is what the workflow runs under, or ran under last
    newest: bool  #: the next start takes it


def history(store: Store, workflow: str | None, limit: int) -> list[Entry]:
    """Of one workflow or of all, the newest first, `limit` at most. Raises UnknownWorkflow."""
    found = [entry for name in ([workflow] if workflow else NAMES) for entry in _entries(store, name, limit)]
    # Sorting is stable: what was saved with one file stays in the order of the workflows.
    return sorted(found, key=lambda entry: entry.revision.at_ms, reverse=True)[:limit]


def _entries(store: Store, workflow: str, limit: int) -> list[Entry]:
    one = workflow_of(store, workflow)
    active = one.lifecycle.read().revision
    revisions = one.revisions.all(limit)
    newest = revisions[0].number if revisions else 0
    return [Entry(workflow, each, each.number == active, each.number == newest) for each in revisions]


def rollback(store: Store, workflow: str, revision: int, by: str, why: str = "") -> Applied:
    """Saves what an earlier revision says as the next one.

    Raises UnknownWorkflow, NoConfiguration for a number that is not there, PairChanged, PairedTwice,
    EditedMeanwhile.
    """
    one = workflow_of(store, workflow)
    newest = one.revisions.newest()
    document = document_of(one, revision)
    if document is None:
        raise NoConfiguration(f"{workflow} has no revision {revision}; the newest is {newest}.")
    check_pairs(workflow, document_of(one, newest), document)
    parts = {workflow: document}
    ingress = newest_ingress(store, parts)
    check_together(ingress, newest_optinout(store, parts))
    return save(one, document, newest, by, why or f"back to revision {revision}", ingress)
