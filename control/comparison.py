"""Compares contacts with profiles, record by record, from what both systems hold.

On purpose it shares nothing with the mapping that wrote them: it would share its mistakes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Comparison:
    contacts: int  #: records in Dynamics
    profiles: int  #: records in Campaign that carry a contact's id
    missing: list[str] = field(default_factory=list)  #: ids of contacts without a profile
    orphaned: list[str] = field(default_factory=list)  #: ids on profiles whose contact is gone
    doubled: list[str] = field(default_factory=list)  #: ids that several profiles carry
    differing: dict[str, list[str]] = field(default_factory=dict)  #: id -> Campaign fields with another value

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.orphaned or self.doubled or self.differing)

    def sentence(self) -> str:
        """What was found; ids and values are left out."""
        if self.agrees:
            return f"All {self.contacts:,} records agree."
        found = [
            f"{len(self.missing):,} missing in Campaign" if self.missing else "",
            f"{len(self.orphaned):,} left over in Campaign" if self.orphaned else "",
            f"{len(self.doubled):,} doubled in Campaign" if self.doubled else "",
            f"{len(self.differing):,} with other values" if self.differing else "",
        ]
        fields = sorted({name for names in self.differing.values() for name in names})
        where = f" (in {', '.join(fields)})" if fields else ""
        return f"The systems differ: {', '.join(one for one in found if one)}{where}."


def compare(
    contacts: Iterable[Mapping[str, Any]], profiles: Iterable[Mapping[str, Any]], pairs: Mapping[str, str]
) -> Comparison:
    """`pairs`: Dynamics column -> Campaign field, dotted where nested. Profiles without an externalId are not ours."""
    wanted = {str(contact["contactid"]).lower(): contact for contact in contacts}
    found: dict[str, Mapping[str, Any]] = {}
    result = Comparison(len(wanted), 0)
    for profile in profiles:
        key = str(profile.get("externalId") or "").lower()
        if not key:
            continue
        result.profiles += 1
        if key in found:
            result.doubled.append(key)
        found[key] = profile
    result.missing = sorted(wanted.keys() - found.keys())
    result.orphaned = sorted(found.keys() - wanted.keys())
    for key in wanted.keys() & found.keys():
        wrong = [
            target
            for column, target in pairs.items()
            if _same_emptiness(wanted[key].get(column)) != _same_emptiness(_at(found[key], target))
        ]
        if wrong:
            result.differing[key] = wrong
    return result


def _at(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _same_emptiness(value: Any) -> Any:
    """Nothing is null, an absent column, or empty text, as each system pleases."""
    return None if value == "" else value
