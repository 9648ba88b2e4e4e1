"""The systems that the configured workflows use, with the secrets of this shell: do they answer, and does what is
configured fit them. Each is asked once, however many workflows use it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from config.connections import Connections
from config.document import WorkflowDocument
from config.egress import EgressConfig
from config.ingress import IngressConfig
from config.secrets import SecretMissing, resolve
from connectors.errors import ConnectorError, Malformed, System, TryAgain, Unreachable
from control.doctor.checks import Check, Colour, Tell, file_check
from control.doctor.clocks import clock_check
from control.doctor.consent import consent_checks
from control.doctor.loads import load_checks
from control.doctor.logs import exporters, log_check
from control.doctor.rights import needs_of, right_check
from control.events import activity_misfits, ask_folder, ask_source
from control.kinds import kind_of
from control.mappings.judging import judge_mappings
from control.mappings.live import systems_of
from control.sampling import sample
from control.together import newest_ingress
from control.words import counted, finished, to_a_person
from store.store import Store
from sync.systems import Systems

#: Seconds that one of the systems is given to answer, its token included.
SYSTEM_SECONDS = 10.0

_NAMES: dict[System, str] = {"dynamics": "Dynamics", "campaign": "Campaign", "journal": "Journal", "sftp": "SFTP"}


@dataclass(frozen=True, slots=True)
class Asking:
    """One system, as the connections of some workflows lead there."""

    name: str
    system: System
    workflows: tuple[str, ...]
    secrets: Mapping[str, str]  #: where each is kept -> its name
    connection: object


def system_checks(store: Store, documents: Mapping[str, WorkflowDocument], tell: Tell) -> Iterator[Check]:
    """A token and one read of each; then whether the configurations, by workflow, fit.

    A system is not asked where a secret of it cannot be read, or not from here.
    """
    askings = _askings(documents)
    secrets: dict[str, str] = {}
    for one in askings:
        secrets |= {kept: name for kept, name in one.secrets.items() if kept not in secrets}
    unreadable = set()
    for kept, name in secrets.items():
        if check := _secret_check(name, kept):
            yield check
            if check.colour is Colour.RED or not _is_file(kept):
                unreadable.add(kept)
    good = set()
    with ExitStack() as stack:
        systems = {
            name: stack.enter_context(systems_of(document.connections, store)) for name, document in documents.items()
        }
        for one in askings:
            if unreadable.isdisjoint(one.secrets):
                first = one.workflows[0]
                answer = _asked(one, documents[first], systems[first], tell)
                yield answer
                if answer.colour is Colour.GREEN:
                    good.add(one.name)
        for name, document in documents.items():
            # Whether a configuration fits is told by systems that have schemas.
            needed = {one.name for one in askings if name in one.workflows and one.system in ("dynamics", "campaign")}
            if needed <= good:
                ingress = newest_ingress(store, documents)
                yield from _fit_checks(store, name, document, systems[name], ingress, tell)
                yield from _right_checks(name, document, systems[name], tell)
            source = {one.name for one in askings if name in one.workflows and one.system in ("journal", "sftp")}
            if document.egress and source <= good:
                tell(f"Looking at some events of {name}.")
                yield from _sample_checks(f"{name} sample", document.egress, systems[name])
        for one in askings:
            if one.name in good and (check := _clock_check(one, [systems[name] for name in one.workflows])):
                yield check
    failed = {one.connection for one in askings if one.name not in good}
    yield from _log_checks(documents, secrets, unreadable, failed, tell)


def _log_checks(
    documents: Mapping[str, WorkflowDocument],
    seen: Mapping[str, str],
    unreadable: set[str],
    failed: set[object],
    tell: Tell,
) -> Iterator[Check]:
    """Whether logs can be exported. Not tried where the server, or a secret of it, has failed a check of its own."""
    found = exporters(documents)
    for connection, workflows in found.items():
        name = "Log export" if len(found) == 1 else f"{workflows[0]} log export"
        if connection in failed:
            continue
        secrets = _secrets("SFTP", "sftp", documents[workflows[0]].connections)
        kept_back = not unreadable.isdisjoint(secrets)
        for kept, secret in secrets.items():
            if kept not in seen and (check := _secret_check(secret, kept)):
                yield check
                kept_back = kept_back or check.colour is Colour.RED or not _is_file(kept)
        if not kept_back:
            tell("Trying whether logs can be exported.")
            yield log_check(name, connection, SYSTEM_SECONDS)


def _askings(documents: Mapping[str, WorkflowDocument]) -> list[Asking]:
    """In the order in which the workflows name them."""
    users: dict[System, dict[object, list[str]]] = {}
    for workflow, document in documents.items():
        for system in kind_of(workflow).systems(document):
            connection = _connection(document.connections, system)
            users.setdefault(system, {}).setdefault(connection, []).append(workflow)
    found = []
    for system, connections in users.items():
        for workflows in connections.values():
            name = _NAMES[system] if len(connections) == 1 else f"{workflows[0]} {_NAMES[system]}"
            secrets = _secrets(name, system, documents[workflows[0]].connections)
            found.append(Asking(name, system, tuple(workflows), secrets, connection))
    return found


def _connection(connections: Connections, system: System) -> object:
    return connections.journal_access if system == "journal" else getattr(connections, system)


def _secrets(name: str, system: System, connections: Connections) -> dict[str, str]:
    """Where the system's secrets are kept, with names for them."""
    access, sftp = connections.journal_access, connections.sftp
    if system == "sftp" and sftp:
        passphrase = {sftp.passphrase: f"{name} passphrase"} if sftp.passphrase else {}
        return {sftp.private_key: f"{name} private key", **passphrase}
    if system == "journal" and access:
        return {access.client_secret: f"{name} secret"}
    connection = connections.dynamics if system == "dynamics" else connections.campaign
    return {connection.client_secret: f"{name} secret"}


def _is_file(kept: str) -> bool:
    return kept.startswith("${file:")


def _secret_check(name: str, kept: str) -> Check | None:
    """A secret in a file: whether others can read it. One in the environment: whether this shell has it, too."""
    if _is_file(kept):
        return file_check(name, Path(kept.removeprefix("${file:").removesuffix("}")))
    try:
        resolve(kept)
    except SecretMissing as error:
        return Check(
            name,
            Colour.YELLOW,
            f"{error} The workers may have it; what needs it is not asked from here.",
            "Set it in this shell too, or keep the secret in a file: ${file:/path}",
        )
    return None


def _asked(asking: Asking, document: WorkflowDocument, systems: Systems, tell: Tell) -> Check:
    tell(f"Asking {asking.name}, for {SYSTEM_SECONDS:g} s at most.")
    began = time.perf_counter()
    try:
        good, more = _ask(asking.system, document, systems)
    except TryAgain as error:
        return Check(asking.name, Colour.RED, finished(to_a_person(error.sentence)), _remedy(error))
    except (ConnectorError, SecretMissing) as error:
        return Check(asking.name, Colour.RED, finished(str(error)))
    took = f"{good}, in {time.perf_counter() - began:.1f} s"
    return Check(asking.name, Colour.GREEN, finished(f"{took}; {more}" if more else took))


def _remedy(error: TryAgain) -> str:
    if isinstance(error, Unreachable):
        return "Look at the network between here and there."
    if isinstance(error, Malformed):
        return "Look whether that address is the right one, and at what stands between here and there, such as a proxy."
    return "It answers, and is in trouble or busy itself: wait, or ask whoever runs it. The workflow goes on by itself."


def _ask(system: System, document: WorkflowDocument, systems: Systems) -> tuple[str, str]:
    """What is good now, and what else was seen. Raises ConnectorError, SecretMissing."""
    answered = "Token and one read are good"
    if system == "dynamics":
        systems.dynamics.who_am_i(SYSTEM_SECONDS)
        return answered, ""
    if system == "campaign":
        systems.campaign.ping(SYSTEM_SECONDS)
        writes = document.ingress or (document.optinout and document.optinout.both_ways)
        # Its API acts as an administrator unless Adobe has it otherwise, and there is no question that tells.
        return answered, "whether it lets us write is not checked, since only a write tells" if writes else ""
    if document.ingress is not None:
        assert systems.sftp is not None
        folders = [table.file_import.folder for table in document.ingress.tables if table.file_import]
        systems.sftp.file(folders[0], SYSTEM_SECONDS)
        return "Host key, login and one look are good", ""
    if document.egress is not None:
        seen = ask_source(document.egress, systems, SYSTEM_SECONDS)
    else:
        assert document.optinout is not None
        assert document.optinout.files is not None
        assert systems.sftp is not None
        seen = ask_folder(document.optinout.files, systems.sftp, SYSTEM_SECONDS)
    return answered if system == "journal" else "Host key, login and one look are good", seen


def _fit_checks(
    store: Store,
    workflow: str,
    document: WorkflowDocument,
    systems: Systems,
    ingress: IngressConfig | None,
    tell: Tell,
) -> Iterator[Check]:
    if document.ingress and document.ingress.tables:
        tell(f"Holding the mappings of {workflow} against both schemas.")
        yield from _mapping_checks(f"{workflow} mapping", document.ingress, systems)
        yield from load_checks(store.workflow(workflow), document.ingress, systems, SYSTEM_SECONDS)
    if document.egress:
        tell(f"Looking for the activity tables of {workflow}.")
        yield from _activity_checks(f"{workflow} activities", document.egress, systems)
    if document.optinout:
        tell(f"Holding the pairs of {workflow} against both schemas.")
        yield from consent_checks(workflow, document.optinout, systems, ingress)


def _right_checks(workflow: str, document: WorkflowDocument, systems: Systems, tell: Tell) -> Iterator[Check]:
    if needs_of(document):
        tell(f"Asking Dynamics what {workflow} may do there.")
    if check := right_check(f"{workflow} rights", document, systems.dynamics, SYSTEM_SECONDS):
        yield check


def _clock_check(asking: Asking, all_systems: list[Systems]) -> Check | None:
    """By the answers to what was asked before."""
    now = time.time()
    if asking.system == "dynamics":
        return clock_check(asking.name, [one.dynamics.clock for one in all_systems], now)
    if asking.system == "campaign":
        return clock_check(asking.name, [one.campaign.clock for one in all_systems], now)
    return None


def _mapping_checks(name: str, config: IngressConfig, systems: Systems) -> Iterator[Check]:
    """Also whether Campaign has the filters by which the keys are looked up."""
    try:
        found = judge_mappings(config, systems)
    except (ConnectorError, SecretMissing) as error:
        yield Check(name, Colour.RED, finished(str(error)))
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


def _sample_checks(name: str, config: EgressConfig, systems: Systems) -> Iterator[Check]:
    """Whether events that are there would appear, under the configuration that is saved."""
    try:
        found = sample(config, systems, SYSTEM_SECONDS)
    except (ConnectorError, SecretMissing) as error:
        yield Check(name, Colour.RED, finished(str(error)))
        return
    for misfit in found.errors:
        yield Check(name, Colour.RED, misfit.sentence, "Correct it with: d365acs workflow edit egress")
    for misfit in found.warnings:
        yield Check(name, Colour.YELLOW, misfit.sentence, "Correct it with: d365acs workflow edit egress")
    if not (found.errors or found.warnings):
        yield Check(name, Colour.GREEN, finished(found.seen[0].upper() + found.seen[1:]))


def _activity_checks(name: str, config: EgressConfig, systems: Systems) -> Iterator[Check]:
    try:
        wrong = list(activity_misfits(config, systems))
    except (ConnectorError, SecretMissing) as error:
        yield Check(name, Colour.RED, finished(str(error)))
        return
    for misfit in wrong:
        yield Check(name, Colour.RED, misfit.sentence, "See those there are with: d365acs schema activities")
    if not wrong:
        yield Check(
            name,
            Colour.GREEN,
            "The activity tables are there with their columns.",
        )
