"""Which column of a contact and which flag of a profile mean the same, and how both stand now."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sandbox.campaign.instance import Instance
from sandbox.campaign.profile import FLAGS, STAMPS_OF_FLAG
from sandbox.campaign.resource import Record
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.tables import Row

#: A profile is a contact's by this field.
KEY = "externalId"


class Pair(NamedTuple):
    """`opted_out`: the value of the column that means opted out."""

    dynamics: str
    campaign: str
    opted_out: bool


_USUAL = (
    Pair("donotemail", "blackListEmail", True),
    Pair("donotphone", "blackListPhone", True),
    Pair("donotfax", "blackListFax", True),
    Pair("donotpostalmail", "blackListPostalMail", True),
)


def pairs_of(given: object, organization: Organization) -> tuple[Pair, ...]:
    """`[{"dynamics", "campaign", "opted_out"}]`; the usual four for None. ValueError."""
    if given is None:
        return _USUAL
    columns = organization.contacts.flags
    found = []
    for one in given if isinstance(given, list) and given else [None]:
        if not isinstance(one, dict) or not {"dynamics", "campaign"} <= one.keys() <= {*Pair._fields}:
            raise ValueError("pairs is a list of objects with dynamics, campaign and, where it is not true, opted_out.")
        pair = Pair(str(one["dynamics"]), str(one["campaign"]), one.get("opted_out", True))
        if pair.dynamics not in columns:
            raise ValueError(f"{pair.dynamics} is not a Boolean column of contacts.")
        if pair.campaign not in FLAGS:
            raise ValueError(f"{pair.campaign} is not a consent flag; there are {', '.join(FLAGS)}.")
        if not isinstance(pair.opted_out, bool):
            raise ValueError(f"opted_out of {pair.dynamics} must be true or false.")
        found.append(pair)
    return tuple(found)


def profiles_of(instance: Instance, contact: str) -> list[Record]:
    """The profiles that carry the contact's id, oldest first."""
    profiles = instance.resources["profile"]
    if profiles.is_indexed(KEY):
        return profiles.by_field(KEY, contact)
    return [record for record in profiles.by_number.values() if record.values.get(KEY) == contact]


def both_sides(
    organization: Organization, instance: Instance, columns: tuple[str, ...], only: str | None
) -> Iterator[dict[str, Any]]:
    """Contacts in the order of their ids, then profiles without one: both as they are now. `only`: one contact."""
    profiles: dict[str, list[Record]] = {}
    for record in instance.resources["profile"].by_number.values():
        profiles.setdefault(str(record.values.get(KEY, "")), []).append(record)
    contacts = organization.contacts.rows
    ids = sorted({*contacts}) + sorted(key for key in profiles if key not in contacts)
    for id_ in ids if only is None else [only]:
        row = contacts.get(id_)
        if row is not None or id_ in profiles:
            yield {"id": id_, **_contact(row, columns), "profiles": [_profile(one) for one in profiles.get(id_, [])]}


def _contact(row: Row | None, columns: tuple[str, ...]) -> dict[str, Any]:
    if row is None:
        return {"dynamics": None, "modifiedon": None, "etag": None}
    flags = {name: row.values.get(name) for name in columns}
    return {"dynamics": flags, "modifiedon": row.values.get("modifiedon"), "etag": f'W/"{row.version}"'}


def _profile(record: Record) -> dict[str, Any]:
    values = record.values
    return {
        "pkey": record.pkey,
        "flags": {flag: bool(values.get(flag, False)) for flag in FLAGS},
        "times": {stamp: values.get(stamp, "") for flag in FLAGS for stamp in STAMPS_OF_FLAG[flag]},
        "lastModified": values["lastModified"],
    }
