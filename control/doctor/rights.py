"""Whether the application user may read and write in Dynamics what the workflows do there: its privileges are asked,
nothing is tried."""

from collections.abc import Iterator
from dataclasses import dataclass

from config.document import WorkflowDocument
from config.egress import EgressConfig
from config.event_fields import KINDS
from config.secrets import SecretMissing
from connectors.dynamics import Dynamics
from connectors.dynamics_rights import Reach, Right
from connectors.errors import ConnectorError
from control.doctor.checks import Check, Colour
from control.words import finished, listed

_CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Need:
    """A right that the work takes. `others`: of rows that may belong to anybody, not of the application user's own."""

    table: str
    right: Right
    others: bool


def needs_of(document: WorkflowDocument) -> list[Need]:
    """What the work in Dynamics takes under this configuration; nothing where there is none."""
    if document.ingress:
        return [Need(mapping.table, "Read", others=True) for mapping in document.ingress.tables]
    if document.egress:
        return _needs_of_events(document.egress)
    if document.optinout and document.optinout.reads_campaign:
        return [Need(_CONTACT, "Read", others=True), Need(_CONTACT, "Write", others=True)]
    return []


def _needs_of_events(config: EgressConfig) -> list[Need]:
    tables = dict.fromkeys(config.activities.of(kind).table for kind in KINDS if config.events.on(kind))
    rights: tuple[Right, ...] = ("Create", "Append")
    found = [Need(table, right, others=False) for table in tables for right in rights]
    # Contacts that events wait for are looked for.
    return [*found, Need(_CONTACT, "AppendTo", others=True), Need(_CONTACT, "Read", others=True)] if found else []


def right_check(name: str, document: WorkflowDocument, dynamics: Dynamics, seconds: float) -> Check | None:
    """None where nothing is done there. `seconds`: for each question."""
    needs = needs_of(document)
    if not needs:
        return None
    try:
        missing, narrow = _lacking(needs, dynamics, seconds)
    except (ConnectorError, SecretMissing) as error:
        return Check(name, Colour.YELLOW, f"Not checked: {finished(str(error))}")
    if missing:
        which = f"privilege{'s' if len(missing) > 1 else ''} {listed(missing)}"
        return Check(
            name,
            Colour.RED,
            f"The application user has not the {which}: what takes that is refused.",
            "Give its security role that at organization level (Power Platform admin center, Security roles).",
        )
    if narrow:
        return Check(
            name,
            Colour.YELLOW,
            f"The application user has {listed(narrow)}, but not at organization level: rows beyond its reach are "
            "neither seen nor written.",
            "Give its security role that at organization level (Power Platform admin center, Security roles).",
        )
    may = "read and change every contact"
    if document.ingress:
        may = f"read {listed(list(dict.fromkeys(need.table for need in needs)))}"
    elif document.egress:
        may = "create activities and append them to every contact"
    return Check(name, Colour.GREEN, f"The application user may {may}.")


def _lacking(needs: list[Need], dynamics: Dynamics, seconds: float) -> tuple[list[str], list[str]]:
    """Privileges that are missing, and those that reach too few rows. Raises ConnectorError, SecretMissing."""
    wanted = dict(_named(needs, dynamics, seconds))
    user = dynamics.who_am_i(seconds)
    reaches = {privilege: dynamics.reach(user, privilege, seconds) for privilege in wanted}
    missing = [privilege for privilege, reach in reaches.items() if reach is Reach.NOBODY]
    narrow = [privilege for privilege, reach in reaches.items() if reach < Reach.ALL and wanted[privilege]]
    return missing, narrow


def _named(needs: list[Need], dynamics: Dynamics, seconds: float) -> Iterator[tuple[str, bool]]:
    """Each privilege, and whether it must reach the rows of others."""
    known: dict[str, dict[str, str]] = {}
    for need in needs:
        if need.table not in known:
            known[need.table] = dynamics.privileges(need.table, seconds)
        # A right that a table does not know takes no privilege there.
        if need.right in known[need.table]:
            yield known[need.table][need.right], need.others
