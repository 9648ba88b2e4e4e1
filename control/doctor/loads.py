"""Loads through Campaign's file import: can files be left and results be read, and does the workflow run that takes
them?"""

from collections.abc import Iterator

from config.file_import import FileImport
from config.ingress import IngressConfig
from config.secrets import SecretMissing
from connectors.campaign_workflows import Standing, WorkflowState
from connectors.errors import ConnectorError
from connectors.sftp import Sftp
from control.doctor.checks import Check, Colour
from control.words import finished
from sync.loading.loader import workflows_of
from sync.systems import Systems

_SINGLY = "Until then records are written singly."


def load_checks(workflow: str, config: IngressConfig, systems: Systems, seconds: float) -> Iterator[Check]:
    """Leaves an empty file in each folder for a moment, and nothing behind."""
    for mapping in config.tables:
        settings = mapping.file_import
        if settings is None or systems.sftp is None:
            continue
        name = f"{workflow} import of {mapping.table}"
        try:
            yield from _folder_checks(name, settings, systems.sftp, seconds)
            state = workflows_of(systems.campaign, mapping.table).state(settings.workflow, seconds)
            yield workflow_check(name, settings, state)
        except (ConnectorError, SecretMissing) as error:
            yield Check(name, Colour.RED, finished(str(error)), _SINGLY)


def _folder_checks(name: str, settings: FileImport, sftp: Sftp, seconds: float) -> Iterator[Check]:
    """Results are taken away once they are read: that folder, too, is to be written to."""
    for folder in (settings.folder, settings.results_folder):
        if sftp.try_folder(folder, seconds):
            yield Check(name, Colour.GREEN, f"Files can be left in {folder}, and taken away.")
        else:
            yield Check(name, Colour.YELLOW, f"{folder} is not there yet, and can be made.", "The first load makes it.")


def workflow_check(name: str, settings: FileImport, state: WorkflowState) -> Check:
    """Whether Campaign's workflow takes a file, as things stand."""
    which = f"The workflow {settings.workflow} of Campaign"
    if settings.trigger == "signal" and settings.signal not in state.signals:
        there = ", ".join(state.signals) or "none"
        return Check(
            name,
            Colour.RED,
            f"{which} has no external signal {settings.signal}; it has: {there}.",
            "Correct file_import.signal, or the name of the activity in Campaign.",
        )
    match state.standing:
        case Standing.RUNNING:
            return Check(name, Colour.GREEN, f"{which} runs.")
        case Standing.STOPPED if settings.trigger == "start":
            return Check(name, Colour.GREEN, f"{which} is there; it is started for each file.")
        case Standing.STOPPED | Standing.PAUSED:
            verb = "Start" if state.standing is Standing.STOPPED else "Resume"
            sentence = f"{which} is {state.standing.value}, and imports nothing. {_SINGLY}"
            return Check(name, Colour.RED, sentence, f"{verb} it there.")
        case Standing.UNKNOWN:
            told = f"says {state.state}" if state.state else "does not say how it stands"
            return Check(name, Colour.YELLOW, f"{which} {told}.", "Look at it in Campaign.")
