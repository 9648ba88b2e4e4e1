"""Loads through Campaign's file import: can files be left and results be read, does the workflow run that takes them,
and is anything left of loads that nobody knows any more?"""

from collections.abc import Iterator
from datetime import UTC, datetime

from config.file_import import FileImport
from config.ingress import IngressConfig, TableMapping
from config.secrets import SecretMissing
from connectors.campaign_workflows import Standing, WorkflowState
from connectors.errors import ConnectorError, TableMissing, TryAgain
from connectors.sftp import Sftp
from control.doctor.checks import Check, Colour
from control.words import counted, duration, finished, listed
from store.lifecycle import State
from store.loads import Load
from store.store import WorkflowStore
from sync.loading.loader import workflows_of
from sync.loading.names import our_file
from sync.loading.tidying import names_under_way
from sync.loading.timing import LEFT_MS, LONG_MS
from sync.loading.troubles import workflow_of
from sync.systems import Systems

#: So many files are named.
_NAMED = 3


def load_checks(store: WorkflowStore, config: IngressConfig, systems: Systems, seconds: float) -> Iterator[Check]:
    """Leaves an empty file in each folder for a moment, and nothing behind."""
    workflow = store.name
    for mapping in config.tables:
        settings = mapping.file_import
        if settings is None or systems.sftp is None:
            continue
        name = f"{workflow} import of {mapping.table}"
        load = store.loads(mapping.stream).read()
        try:
            if load is not None:
                yield _under_way(name, store, load)
            yield from _folder_checks(name, settings, systems.sftp, seconds)
            yield from _left_checks(name, mapping, settings, store, systems.sftp, seconds)
            state = workflows_of(systems.campaign, mapping.table).state(settings.workflow, seconds)
            yield workflow_check(name, workflow, mapping.table, settings, state, load)
        except TryAgain as error:
            yield Check(name, Colour.RED, finished(str(error)), _meanwhile(load))
        except (ConnectorError, SecretMissing) as error:
            # Of a workflow that is not there nobody imports any more: what is in a file comes back.
            waits = None if isinstance(error, TableMissing) else load
            yield Check(name, Colour.RED, finished(str(error)), _start_fails(workflow, waits))


def _meanwhile(load: Load | None) -> str:
    return f"Until then {_singly(load)}."


def _start_fails(workflow: str, load: Load | None) -> str:
    return f"Until then a start fails; while {workflow} runs, {_singly(load)}."


def _singly(load: Load | None) -> str:
    """`load`: of which nothing can be known until then; None: there is none."""
    if load is None or load.ended_ms:
        return "records are written singly"
    return f"the {counted(load.count, 'record')} in a file wait, and others are written singly"


def _folder_checks(name: str, settings: FileImport, sftp: Sftp, seconds: float) -> Iterator[Check]:
    """Results are taken away once they are read: that folder, too, is to be written to."""
    for folder in (settings.folder, settings.results_folder):
        if sftp.try_folder(folder, seconds):
            yield Check(name, Colour.GREEN, f"Files can be left in {folder}, and taken away.")
        else:
            yield Check(name, Colour.YELLOW, f"{folder} is not there yet, and can be made.", "The first load makes it.")


def _under_way(name: str, store: WorkflowStore, load: Load) -> Check:
    age_ms = store.now_ms() - load.committed_ms
    many, age = counted(load.count, "record"), duration(age_ms / 1000)
    if load.is_hidden and store.lifecycle.read().state is not State.RUNNING:
        finding = (
            f"An import of {many} was begun {age} ago; its file is not in its place, and is given up at the next start."
        )
        if age_ms > LEFT_MS:
            remedy = f"It holds personal data, and lies there until then: d365acs workflow start {store.name}"
            return Check(name, Colour.YELLOW, finding, remedy)
        return Check(name, Colour.GREEN, finding)
    finding = f"An import of {many} has been under way for {age}."
    if age_ms > LONG_MS:
        return Check(name, Colour.YELLOW, finding, f"Look at the workflow {workflow_of(load)} in Campaign.")
    return Check(name, Colour.GREEN, finding)


def _left_checks(
    name: str, mapping: TableMapping, settings: FileImport, store: WorkflowStore, sftp: Sftp, seconds: float
) -> Iterator[Check]:
    """Files that we have named, and that no load is about any more."""
    before = datetime.fromtimestamp((store.now_ms() - LEFT_MS) / 1000, UTC)
    known = names_under_way(store, mapping.stream)
    for folder in (settings.folder, settings.results_folder):
        if sftp.file(folder, seconds) is None:
            continue
        names = [file.name for file in sftp.files(folder, seconds)]
        found = [(file, our_file(file, mapping.resource, store.instance)) for file in names]
        left = sorted(file for file, of in found if of and of.load not in known and of.made < before)
        if left:
            more = f" and {len(left) - _NAMED:,} more" if len(left) > _NAMED else ""
            yield Check(
                name,
                Colour.YELLOW,
                f"In {folder} lies what no import of this installation is about: {listed(left[:_NAMED])}{more}.",
                "Delete it there, unless another installation uses this folder: it holds personal data.",
            )


def workflow_check(
    name: str, workflow: str, table: str, settings: FileImport, state: WorkflowState, load: Load | None
) -> Check:
    """Whether Campaign's workflow takes a file, as things stand. `workflow`: ours. `load`: that is under way."""
    which = f"The workflow {settings.workflow} of Campaign"
    if settings.trigger == "signal" and state.signals and settings.signal not in state.signals:
        return Check(
            name,
            Colour.RED,
            f"{which} has no external signal {settings.signal}; it has: {', '.join(state.signals)}. "
            f"{_start_fails(workflow, load)}",
            f"Correct ingress.tables[{table}].file_import.signal, or the name of the activity in Campaign.",
        )
    match state.standing:
        case Standing.RUNNING if settings.trigger == "signal" and not state.signals:
            sentence = f"{which} runs, and does not say which external signals it has."
            return Check(name, Colour.YELLOW, sentence, f"See to it in Campaign that it has {settings.signal}.")
        case Standing.RUNNING:
            return Check(name, Colour.GREEN, f"{which} runs.")
        case Standing.STOPPED if settings.trigger == "start":
            return Check(name, Colour.GREEN, f"{which} is there; it is started for each file.")
        case Standing.STOPPED | Standing.PAUSED:
            # Of one that is stopped the file is taken back.
            waits = load if state.standing is Standing.PAUSED else None
            verb = "Start" if state.standing is Standing.STOPPED else "Resume"
            sentence = f"{which} is {state.standing.value}, and imports nothing. {_meanwhile(waits)}"
            return Check(name, Colour.RED, sentence, f"{verb} it there.")
        case Standing.UNKNOWN:
            told = f"says {state.state}" if state.state else "does not say how it stands"
            return Check(name, Colour.YELLOW, f"{which} {told}.", "Look at it in Campaign.")
