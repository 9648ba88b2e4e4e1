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
    events: tuple[str, ...] = ()  #: the id as an event of Campaign may spell it; empty: it is none of an event

    @property
    def activities(self) -> dict[str, Kind]:
        """Ids of the activities that an event with this id becomes: one for each kind, and each spelling."""
        return {activity_id(kind, event): kind for event in self.events for kind in KINDS}


def is_pkey(text: str) -> bool:
    return text.startswith("@")


def named(text: str, system: System | None) -> Named:
    """Without asking anybody; `text` is no PKey. A GUID may be a record's, an activity's, or an event's: Campaign's
    events have such ids, too. Raises UnknownRecord."""
    found = guid_of(text)
    if found:
        return Named(found, events=() if system == "dynamics" else tuple(dict.fromkeys((text, found))))
    if system is not None:
        raise UnknownRecord(
            f"{text} is not the id of a record; one looks like 5d6c7f1e-0f0b-4b0e-9a58-000000000001, and it is the key "
            "in Campaign, too. A PKey of Campaign begins with @."
        )
    sentence = "It is no id of Dynamics, so it is taken for the id of an event of Campaign."
    return Named(text, sentences=(sentence,), events=(text,))


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
