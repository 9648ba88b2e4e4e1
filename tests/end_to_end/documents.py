"""Configurations of these tests, as plain data: what an architect would write, and nothing of the product's models."""

from collections.abc import Iterable
from typing import Any

import yaml

Plain = dict[str, Any]

#: Dynamics column, Campaign field: the contacts' mapping where a test asks for no other.
PAIRS = (
    ("emailaddress1", "email"),
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("birthdate", "birthDate"),
    ("telephone1", "phone"),
    ("mobilephone", "mobilePhone"),
    ("address1_city", "location.city"),
    ("address1_postalcode", "location.zipCode"),
    ("jobtitle", "cusJobTitle"),
    ("donotbulkemail", "blackListEmail"),
    ("numberofchildren", "cusLoyaltyPoints"),
    ("annualincome", "cusIncome"),
)

#: The key stands in the address: one call for each record.
BY_ADDRESS: Plain = {"field": "externalId", "unique": True, "address": "uri"}
#: The instance enforces nothing: every write begins with a look-up.
BY_FILTER: Plain = {"field": "externalId"}
#: Custom resources are found by their own filter.
BY_CRM_ID: Plain = {"field": "crmId", "unique": True, "filter": "byCrmId", "parameter": "crmId_parameter"}


def fields(pairs: Iterable[tuple[str, str]]) -> list[Plain]:
    return [{"from": column, "to": field} for column, field in pairs]


def contacts(key: Plain = BY_ADDRESS, pairs: Iterable[tuple[str, str]] = PAIRS, **more: object) -> Plain:
    """A mapping of contacts; `more` are further members of it, or others."""
    return {
        "table": "contact",
        "resource": "profile",
        "key": key,
        "apply_deletes": True,
        "fields": fields(pairs),
    } | more


def memberships(**more: object) -> Plain:
    """Linked to profiles twice: no membership without its holder, many without a sponsor."""
    return {
        "table": "new_membership",
        "resource": "cusMembership",
        "key": BY_CRM_ID,
        "apply_deletes": True,
        "technical_values": False,
        "links": [
            {"from": "new_contactid", "to": "holder", "table": "contact", "required": True},
            {"from": "new_sponsorid", "to": "sponsor", "table": "contact"},
        ],
        "fields": [
            {"from": "new_number", "to": "number"},
            {
                "from": "new_tier",
                "to": "tier",
                "replace": {"Bronze": "bronze", "Silver": "silver", "Gold": "gold", "": "none"},
            },
            {"from": "new_interests", "to": "interests", "technical_value": True},
            *fields(
                (f"new_{name}", name) for name in ("since", "points", "active", "discount", "score")
            ),
        ],
    } | more  # fmt: skip


def invoices(**more: object) -> Plain:
    """Linked to memberships by a text field, by which Campaign joins."""
    return {
        "table": "new_invoice",
        "resource": "cusInvoice",
        "key": BY_CRM_ID,
        "apply_deletes": True,
        "links": [{"from": "new_membershipid", "to": "membershipId", "table": "new_membership", "required": True}],
        "fields": fields(
            [("new_name", "number"), ("new_total", "total"), ("new_issuedon", "issued"), ("new_paid", "paid")]
        ),
    } | more


def lines(**more: object) -> Plain:
    """Linked to invoices: the third level below contacts."""
    names = [("new_name", "label"), *((f"new_{name}", name) for name in ("quantity", "price", "weight", "note"))]
    return {
        "table": "new_invoiceline",
        "resource": "cusInvoiceLine",
        "key": BY_CRM_ID,
        "apply_deletes": True,
        "links": [{"from": "new_invoiceid", "to": "invoice", "table": "new_invoice", "required": True}],
        "fields": fields(names),
    } | more


def ingress(*tables: Plain, **more: object) -> Plain:
    """The ingress part with these tables; children first, so that nothing is owed to the order of a file."""
    return {"tables": list(reversed(tables)), **more}


def egress(**more: object) -> Plain:
    """The egress part, from the journal unless another source is said."""
    return {"source": "journal", **more}


def files(**more: object) -> Plain:
    """The egress part from files, each taken for whole as soon as it is seen."""
    return {"source": "files", "files": {"settled_seconds": 0, **more}}


#: The pairs where a test asks for no others; followemail says the opposite.
FLAGS: tuple[Plain, ...] = (
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "donotphone", "campaign": "blackListPhone"},
    {"dynamics": "followemail", "campaign": "blackListMobile", "opted_out": False},
)


def optinout(direction: str = "bidirectional", flags: Iterable[Plain] = FLAGS, **more: object) -> Plain:
    """The opt-in/out part; Campaign is polled unless `more` says otherwise."""
    return {"direction": direction, "flags": list(flags), **more}


def event(number: int, kind: str, contact: str, **data: object) -> Plain:
    """An event of the journal; `data` are further members of its inner part, or others."""
    inner = {
        "externalId": contact,
        "email": "jo@example.com",
        "campaignName": "2026Camp",
        "deliveryName": "DM1",
        "eventDate": "2026-11-01T12:00:00.500Z",
        "mirrorPageUrl": "https://t.example.com/mirror?id=1",
    }
    return {"id": f"event-{number}", "type": f"com.adobe.campaign.email.{kind}", "data": inner | data}


def configuration(info: dict[str, dict[str, str]], secrets: dict[str, str], **parts: Plain) -> str:
    """The YAML of a configuration for this sandbox: workflows by name, and the connections that `secrets` has
    references for."""
    known = {
        "dynamics": ("url", "tenant", "client_id", "token_url"),
        "campaign": ("url", "client_id", "org_id", "token_url"),
        "journal": ("url", "org_id", "client_id", "token_url"),
        "sftp": ("host", "user", "host_key"),
    }
    connections: Plain = {
        system: {
            **{name: info[system][name] for name in known[system]},
            "private_key" if system == "sftp" else "client_secret": reference,
        }
        for system, reference in secrets.items()
    }
    if "sftp" in connections:
        connections["sftp"]["port"] = int(info["sftp"]["port"])
    return yaml.safe_dump({"connections": connections, **parts}, sort_keys=False)
