"""Made-up events as the journal and as files have them."""

from datetime import UTC, datetime
from typing import Any

from config.egress import EgressConfig
from sync.events.event import Event, Understanding

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONTACT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def journal_event(kind: str = "open", /, **data: object) -> dict[str, Any]:
    """One event of the journal; `id` and `type` are its own, everything else is in its data. None: left out."""
    envelope = {"id": data.pop("id", "e1"), "type": data.pop("type", f"com.adobe.campaign.email.{kind}")}
    told: dict[str, object] = {
        "externalId": CONTACT,
        "eventDate": "2026-11-22T08:30:00Z",
        "campaignName": "2026Spring",
        "deliveryName": "DM190",
        "mirrorPageUrl": "https://mirror.example.com/1",
        **data,
    }
    value = {**envelope, "data": {name: one for name, one in told.items() if one is not None}}
    return {name: one for name, one in value.items() if one is not None}


def row(**cells: str) -> dict[str, Any]:
    """One line of a file of logs."""
    told = {"id": "17", "type": "send", "externalId": CONTACT, "eventDate": "2026-11-22 08:30:00.000Z"}
    return {**told, "campaignName": "2026Spring", "deliveryName": "DM190", **cells}


def rules(**config: Any) -> Understanding:
    found = EgressConfig.model_validate(config)
    return Understanding(found, found.source)


def understood(value: dict[str, Any], **config: Any) -> Event:
    """The event, which must be one that appears."""
    found = rules(**config).understand(value, NOW)
    assert isinstance(found, Event)
    return found
