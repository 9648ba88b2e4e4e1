"""Saves, exports and compares configurations. Saving changes nothing that runs: the next start takes the newest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from config.connections import Connections
from config.document import Document, WorkflowDocument, diff, dump
from config.ingress import IngressConfig, TableMapping
from config.load import load_file
from control.consent.polarity import doubtful_pairs
from control.errors import ControlError, NoConfiguration, PairChanged, PairedTwice
from control.opening import workflow_of
from control.together import check_beside, check_together, newest_ingress, newest_optinout, nothing_moves
from control.words import listed
from store.lifecycle import State
from store.store import Store, WorkflowStore
from sync.egress import STREAM
from sync.optinout import STREAM as CONSENT
from sync.workflow import document_of
from sync.workflows import NAMES

#: Where events are read, in the words of a sentence.
_SOURCES = {"journal": "the journal in place of files", "files": "files in place of the journal"}


@dataclass(frozen=True, slots=True)
class Applied:
    workflow: str
    revision: int  #: the newest one now
    changed: bool  #: False: what was to be saved was saved already
    waits: bool  #: True: the workflow runs under another revision until it is stopped and started again
    warnings: tuple[str, ...] = ()  #: sentences: what the next start brings that people may not expect


@dataclass(frozen=True, slots=True)
class Difference:
    workflow: str
    old: str  #: what is on the left
    new: str
    text: str  #: a unified diff, empty if both are equal
    warnings: tuple[str, ...] = ()  #: sentences: what the change brings that people may not expect


def validate(path: Path) -> Document:
    """Reads a file without any connection. Raises ConfigProblems with every mistake."""
    return load_file(path)


def apply(
    store: Store, document: Document, by: str, why: str = "", seen: Mapping[str, int] | None = None
) -> list[Applied]:
    """Saves a revision for each workflow whose part has changed.

    `seen`: by workflow, the revision that the document was made from; without it the newest of now.
    Raises PairChanged, PairedTwice, ControlError for a file that configures no workflow, EditedMeanwhile.
    """
    parts = _parts(document)
    if not parts:
        raise ControlError(f"The file configures no workflow; add a part: {', '.join(NAMES)}.")
    before = {name: (seen or {}).get(name, store.workflow(name).revisions.newest()) for name in parts}
    for name, part in parts.items():
        check_pairs(name, document_of(store.workflow(name), before[name]), part)
    ingress = newest_ingress(store, parts)
    check_together(ingress, newest_optinout(store, parts))
    applied = [save(store.workflow(name), part, before[name], by, why, ingress) for name, part in parts.items()]
    # Once all are saved: what is to be done with one of them may depend on what is saved of the other.
    return [replace(one, warnings=(*one.warnings, *_refusals(store, one))) for one in applied]


def _refusals(store: Store, applied: Applied) -> Iterator[str]:
    """Why what was saved cannot be started yet."""
    try:
        check_beside(store, applied.workflow, applied.revision)
    except PairedTwice as error:
        yield str(error)


def _parts(document: Document) -> dict[str, WorkflowDocument]:
    """By workflow, each with the connections that it may use: another workflow's are no change of this one."""
    return {name: _lean(name, part) for name, part in document.workflows().items()}


#: The sources of Campaign for which each workflow may have a connection.
_READ_FROM = {"egress": ("journal", "sftp"), "optinout": ("sftp",)}


def _lean(name: str, part: WorkflowDocument) -> WorkflowDocument:
    unused = [source for source in ("journal", "sftp") if source not in _READ_FROM.get(name, ())]
    imports = part.ingress is not None and any(table.file_import for table in part.ingress.tables)
    if part.connections.sftp and (part.connections.sftp.logs or imports) and "sftp" in unused:
        unused.remove("sftp")  # its logs are written there, or files are left there for Campaign
    return part.model_copy(update={"connections": part.connections.model_copy(update=dict.fromkeys(unused))})


def save(
    workflow: WorkflowStore,
    part: WorkflowDocument,
    seen: int,
    by: str,
    why: str,
    ingress: IngressConfig | None = None,
) -> Applied:
    """Saves one workflow's part as its next revision, unless it says what revision `seen` says.

    `ingress`: what is known of it, for what is to be said of other workflows.
    Raises EditedMeanwhile if `seen` is not the newest one.
    """
    before = document_of(workflow, seen)
    changed = part != before
    revision = workflow.revisions.save(seen, dump(part), by, why) if changed else seen
    life = workflow.lifecycle.read()
    waits = life.state in (State.STARTING, State.RUNNING) and life.revision != revision
    return Applied(workflow.name, revision, changed, waits, _warnings(workflow, before, part, ingress))


def _warnings(
    workflow: WorkflowStore, old: WorkflowDocument | None, new: WorkflowDocument, ingress: IngressConfig | None
) -> tuple[str, ...]:
    still = nothing_moves(new.optinout, ingress) if new.optinout else None
    turned = (
        doubtful_pairs(new.optinout.flags, old.optinout.flags if old and old.optinout else ()) if new.optinout else ()
    )
    if still:
        return still, *turned
    return (
        *turned,
        *_mapping_warnings(old, new),
        *_source_warnings(workflow, old, new),
        *_pair_warnings(workflow, old, new),
    )


def _mapping_warnings(old: WorkflowDocument | None, new: WorkflowDocument) -> tuple[str, ...]:
    """Whoever applies a file that was written before mappings were added takes them away."""
    if old is None or old.ingress is None or new.ingress is None:
        return ()
    kept = {mapping.table for mapping in new.ingress.tables}
    gone = [mapping.table for mapping in old.ingress.tables if mapping.table not in kept]
    if not gone:
        return ()
    return (
        f"No longer mapped: {listed(gone)}. From the next start on nothing of {'it' if len(gone) == 1 else 'them'} "
        f"travels; what is in Campaign stays there as it is.",
    )


def _source_warnings(workflow: WorkflowStore, old: WorkflowDocument | None, new: WorkflowDocument) -> tuple[str, ...]:
    """Another source of events has other ids for them: who changes it sees some of them twice."""
    if old is None or old.egress is None or new.egress is None or old.egress.source == new.egress.source:
        return ()
    if not workflow.cursor(STREAM).number:
        return ()
    if new.egress.source == "files":
        again = "events that were read from the journal appear again when files hold them, under other ids"
    else:
        again = (
            "events of the last day that were read from files appear again when the journal has them, under other ids"
        )
    return (f"The next start of {workflow.name} reads {_SOURCES[new.egress.source]}: {again}.",)


def _pair_warnings(workflow: WorkflowStore, old: WorkflowDocument | None, new: WorkflowDocument) -> tuple[str, ...]:
    """Where consent is read in files alone, and one way, nobody says again what was said of a new pair before."""
    if old is None or old.optinout is None or new.optinout is None or not workflow.cursor(CONSENT).number:
        return ()
    config, before = new.optinout, {(pair.dynamics, pair.campaign, pair.opted_out) for pair in old.optinout.flags}
    if config.poll is not None or config.direction != "campaign_to_dynamics":
        return ()
    pairs = [pair for pair in config.flags if (pair.dynamics, pair.campaign, pair.opted_out) not in before]
    if not pairs:
        return ()
    names = ", ".join(pair.campaign for pair in pairs)
    return (
        f"Files that were read already are not read again for pairs that are new or turned round ({names}); have them "
        f"read with: d365acs replay create {workflow.name}",
    )


def check_pairs(workflow: str, old: WorkflowDocument | None, new: WorkflowDocument) -> None:
    """Raises PairChanged if a saved mapping leads to another resource, or by another key."""
    if old is None or old.ingress is None or new.ingress is None:
        return
    saved = {mapping.table: mapping for mapping in old.ingress.tables}
    for mapping in new.ingress.tables:
        before = saved.get(mapping.table)
        if before is not None and _pair(before) != _pair(mapping):
            raise PairChanged(
                f"{workflow}: the mapping of {mapping.table} leads to {before.resource} by {before.key.field}, and "
                f"that cannot be edited: delete it, then add the new one: d365acs mapping delete {mapping.table}"
            )


def _pair(mapping: TableMapping) -> tuple[str, str]:
    return mapping.resource, mapping.key.field


def export(store: Store, workflow: str | None = None, revision: int | None = None, active: bool = False) -> Document:
    """What is saved (the newest, a numbered revision, or the active one), as one file would say it.

    Where workflows were saved with other connections, see `differing_connections`, those that were saved last count.
    Raises NoConfiguration, UnknownWorkflow.
    """
    found = {}
    for name in [workflow] if workflow else NAMES:
        one = workflow_of(store, name)
        number = (one.lifecycle.read().revision or 0) if active else (revision or one.revisions.newest())
        if part := document_of(one, number):
            found[name] = (_saved_ms(one, number), part)
        elif revision:
            raise NoConfiguration(f"{name} has no revision {revision}; the newest is {one.revisions.newest()}.")
    if not found:
        which = "was ever started" if active else "is saved"
        what = f"of {workflow} {which}" if workflow else which
        raise NoConfiguration(f"No configuration {what}; save one with: d365acs config apply FILE")
    documents = [part for _, part in sorted(found.values(), key=lambda one: one[0], reverse=True)]
    parts = {name: getattr(part, name) for name, (_, part) in found.items()}
    # Revisions that were never the newest ones together may clash, and are shown all the same.
    return Document.model_construct(connections=_together([part.connections for part in documents]), **parts)


def _saved_ms(workflow: WorkflowStore, revision: int) -> int:
    found = workflow.revisions.get(revision)
    return found.at_ms if found else 0


def _together(connections: list[Connections]) -> Connections:
    """The first of these, with what it does not name as the next one has it."""
    first, *others = connections
    sources = {
        name: next((found for one in connections if (found := getattr(one, name)) is not None), None)
        for name in ("journal", "sftp", "alerts")
    }
    return first.model_copy(update=sources) if others else first


def differing_connections(store: Store) -> list[str]:
    """Systems whose connections the saved configurations of the workflows do not have in common."""
    saved = [document.connections for name in NAMES if (document := newest_document(store.workflow(name)))]
    return [
        system
        for system in ("dynamics", "campaign")
        if any(getattr(one, system) != getattr(saved[0], system) for one in saved)
    ]


def untouched(store: Store, document: Document) -> list[str]:
    """Workflows that are configured, and that this file says nothing of: they stay as they are."""
    others = [name for name in NAMES if name not in document.workflows()]
    return [name for name in others if store.workflow(name).revisions.newest()]


def compare_with_file(store: Store, document: Document) -> list[Difference]:
    """What applying this file would change, workflow by workflow."""
    differences = []
    parts = _parts(document)
    ingress = newest_ingress(store, parts)
    for name, part in parts.items():
        one = store.workflow(name)
        newest = one.revisions.newest()
        old = document_of(one, newest)
        saved = f"revision {newest}" if newest else "nothing saved"
        differences.append(Difference(name, saved, "file", diff(old, part), _warnings(one, old, part, ingress)))
    return differences


def compare_with_active(store: Store) -> list[Difference]:
    """What the next stop and start would change, workflow by workflow; workflows never started are left out."""
    differences = []
    ingress = newest_ingress(store)
    for name in NAMES:
        one = store.workflow(name)
        active, newest = one.lifecycle.read().revision, one.revisions.newest()
        old, new = document_of(one, active), document_of(one, newest)
        if old is not None and new is not None:
            sides = f"revision {active} (active)", f"revision {newest}"
            differences.append(Difference(name, *sides, diff(old, new), _warnings(one, old, new, ingress)))
    return differences


def newest_document(workflow: WorkflowStore) -> WorkflowDocument | None:
    return document_of(workflow, workflow.revisions.newest())
