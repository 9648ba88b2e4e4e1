"""Which record an id means: one of Dynamics, a key or a PKey of Campaign, or the id of an event."""

from dataclasses import dataclass

from config.event_fields import KINDS, Kind
from config.ingress import IngressConfig
from connectors.campaign import Campaign
from connectors.errors import System
from control.errors import UnknownRecord
from control.words import listed
from sync.events.event import activity_id
from sync.guid import guid_of

#: Seconds that one question may take.
ASK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Named:
    id: str  #: by which a record is known here; of an event's id, that id
    table: str = ""  #: the table it must be of; empty: any
    sentences: tuple[str, ...] = ()

    @property
    def activities(self) -> dict[Kind, str]:
        """By kind, the id of the activity that an event with this id becomes."""
        return {kind: activity_id(kind, self.id) for kind in KINDS}


def is_pkey(text: str) -> bool:
    return text.startswith("@")


def named(text: str, system: System | None) -> Named:
    """Without asking anybody; `text` is no PKey. Raises UnknownRecord."""
    found = guid_of(text)
    if found:
        return Named(found)
    if system is not None:
        raise UnknownRecord(
            f"{text} is not the id of a record; one looks like 5d6c7f1e-0f0b-4b0e-9a58-000000000001, and it is the key "
            "in Campaign, too. A PKey of Campaign begins with @."
        )
    return Named(text, sentences=("It is no id of Dynamics, so it is taken for the id of an event of Campaign.",))


def by_pkey(pkey: str, config: IngressConfig, campaign: Campaign) -> Named:
    """Asks each mapped resource. Raises UnknownRecord, ConnectorError."""
    for mapping in config.tables:
        record = campaign.record(mapping.resource, pkey, ASK_SECONDS)
        if record is None:
            continue
        key = str(record.get(mapping.key.field) or "")
        found = guid_of(key)
        if not found:
            raise UnknownRecord(
                f"The {mapping.resource} with this PKey has {'another' if key else 'no'} {mapping.key.field}: it did "
                "not come from Dynamics."
            )
        sentence = f"It is the PKey of a {mapping.resource} with {mapping.key.field} {found}."
        return Named(found, mapping.table, (sentence,))
    resources = listed(list(dict.fromkeys(mapping.resource for mapping in config.tables))) if config.tables else "none"
    raise UnknownRecord(
        f"No record of Campaign has this PKey, or it is hidden; resources that are mapped: {resources}. A PKey is one "
        "instance's own."
    )
