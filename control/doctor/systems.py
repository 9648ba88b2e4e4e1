"""Both systems, with the secrets of this shell: do they answer, and does every mapping fit their schemas."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from config.document import WorkflowDocument
from config.ingress import IngressConfig
from config.secrets import SecretMissing, resolve
from connectors.errors import ConnectorError, TryAgain
from control.doctor.checks import Check, Colour, Tell, file_check
from control.mappings.judging import judge
from control.mappings.live import systems_of
from control.words import counted
from store.store import Store
from sync.systems import Systems

#: Seconds that one of the two systems is given to answer, its token included.
SYSTEM_SECONDS = 10.0


def _references(document: WorkflowDocument) -> dict[str, str]:
    connections = document.connections
    return {"Dynamics": connections.dynamics.client_secret, "Campaign": connections.campaign.client_secret}


def _unset(document: WorkflowDocument) -> dict[str, str]:
    """Systems whose secret this process cannot read from its environment, with the reason."""
    found = {}
    for system, reference in _references(document).items():
        if not reference.startswith("${file:"):
            try:
                resolve(reference)
            except SecretMissing as error:
                found[system] = str(error)
    return found


def _secret_checks(document: WorkflowDocument) -> Iterator[Check]:
    """Secrets in files: whether others can read them. Those in the environment: whether this shell has them too."""
    for system, reference in _references(document).items():
        if reference.startswith("${file:"):
            yield file_check(f"{system} secret", Path(reference.removeprefix("${file:").removesuffix("}")))
    for system, reason in _unset(document).items():
        yield Check(
            f"{system} secret",
            Colour.YELLOW,
            f"{reason} The workers may have it; without it neither system is asked from here.",
            "Set it in this shell too, or keep the secret in a file: ${file:/path}",
        )


def system_checks(store: Store, workflow: str, document: WorkflowDocument, tell: Tell) -> Iterator[Check]:
    """A token and one read of each; then whether the mappings fit their schemas.

    Nothing is asked where a secret cannot be read, or not from here.
    """
    secrets = list(_secret_checks(document))
    yield from secrets
    if any(check.colour is Colour.RED for check in secrets) or _unset(document):
        return
    with systems_of(document.connections, store) as systems:
        answers = [
            _asked("Dynamics", lambda: systems.dynamics.who_am_i(SYSTEM_SECONDS), tell),
            _asked("Campaign", lambda: systems.campaign.ping(SYSTEM_SECONDS), tell),
        ]
        yield from answers
        if all(answer.colour is Colour.GREEN for answer in answers) and document.ingress and document.ingress.tables:
            tell(f"Holding the mappings of {workflow} against both schemas.")
            yield from _mapping_checks(workflow, document.ingress, systems)


def _asked(system: str, ask: Callable[[], object], tell: Tell) -> Check:
    tell(f"Asking {system}, for {SYSTEM_SECONDS:g} s at most.")
    began = time.perf_counter()
    try:
        ask()
    except TryAgain as error:
        return Check(system, Colour.RED, _finished(error.sentence), "Look at the network between here and there.")
    except (ConnectorError, SecretMissing) as error:
        return Check(system, Colour.RED, _finished(str(error)))
    return Check(system, Colour.GREEN, f"Token and one read are good, in {time.perf_counter() - began:.1f} s.")


def _mapping_checks(workflow: str, config: IngressConfig, systems: Systems) -> Iterator[Check]:
    """Also whether Campaign has the filters by which the keys are looked up."""
    name = f"{workflow} mapping"
    try:
        found = judge(config, systems)
    except (ConnectorError, SecretMissing) as error:
        yield Check(name, Colour.RED, _finished(str(error)))
        return
    for misfit in found.errors:
        yield Check(name, Colour.RED, misfit.sentence)
    if found.warnings:
        finding = f"{counted(len(found.warnings), 'warning')}, such as: {found.warnings[0].sentence}"
        yield Check(name, Colour.YELLOW, finding, "See them all with: d365acs mapping validate")
    if found.fits:
        count = len(config.tables)
        fits = "The table fits" if count == 1 else f"{counted(count, 'table')} fit"
        yield Check(name, Colour.GREEN, f"{fits} both schemas.")


def _finished(sentence: str) -> str:
    return f"{sentence.rstrip('.')}."
