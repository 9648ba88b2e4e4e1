"""What must be true in the end, judged from the sandbox's own data by code that shares nothing with the product."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import yaml

#: Dynamics column, Campaign field (dotted: nested), and what Campaign shows where nothing is set.
FIELDS: tuple[tuple[str, str, object], ...] = (
    ("emailaddress1", "email", ""),
    ("firstname", "firstName", ""),
    ("lastname", "lastName", ""),
    ("birthdate", "birthDate", ""),
    ("telephone1", "phone", ""),
    ("mobilephone", "mobilePhone", ""),
    ("address1_city", "location.city", ""),
    ("address1_postalcode", "location.zipCode", ""),
    ("jobtitle", "cusJobTitle", ""),
    ("donotbulkemail", "blackListEmail", False),
    ("numberofchildren", "cusLoyaltyPoints", 0),
    ("annualincome", "cusIncome", 0),
)

PAIRS = tuple((column, field) for column, field, _ in FIELDS)

#: The key stands in the address: one call for each record.
BY_ADDRESS: dict[str, Any] = {"field": "externalId", "unique": True, "address": "uri"}
#: The instance enforces nothing: every write begins with a look-up.
BY_FILTER: dict[str, Any] = {"field": "externalId"}


def differences(contacts: dict[str, dict[str, Any]], profiles: Iterable[dict[str, Any]]) -> list[str]:
    """Where the two sides disagree: contacts by id against profiles by external id. Empty if they are equal."""
    profiles = list(profiles)
    found = [
        f"{count} profiles carry {key!r}"
        for key, count in Counter(profile["externalId"] for profile in profiles).items()
        if count > 1
    ]
    by_key = {profile["externalId"]: profile for profile in profiles}
    found += [f"contact {key} has no profile" for key in contacts.keys() - by_key.keys()]
    found += [f"profile {key!r} has no contact" for key in by_key.keys() - contacts.keys()]
    for key in contacts.keys() & by_key.keys():
        for column, field, blank in FIELDS:
            wanted = contacts[key].get(column, blank)
            shown: Any = by_key[key]
            for part in field.split("."):
                shown = shown[part]
            if shown != wanted:
                found.append(f"contact {key}: {column} is {wanted!r}, but {field} is {shown!r}")
    return found


def configuration(
    info: dict[str, dict[str, str]],
    secrets: dict[str, str],
    key: dict[str, Any] = BY_ADDRESS,
    fields: Iterable[tuple[str, str]] = PAIRS,
) -> str:
    """The YAML of a configuration for this sandbox; `secrets` holds the references to the client secrets."""
    dynamics, campaign = info["dynamics"], info["campaign"]
    document = {
        "connections": {
            "dynamics": {
                **{name: dynamics[name] for name in ("url", "tenant", "client_id", "token_url")},
                "client_secret": secrets["dynamics"],
            },
            "campaign": {
                **{name: campaign[name] for name in ("url", "client_id", "org_id", "token_url")},
                "client_secret": secrets["campaign"],
            },
        },
        "ingress": {
            "tables": [
                {
                    "table": "contact",
                    "resource": "profile",
                    "key": key,
                    "apply_deletes": True,
                    "fields": [{"from": column, "to": field} for column, field in fields],
                }
            ]
        },
    }
    return yaml.safe_dump(document, sort_keys=False)
