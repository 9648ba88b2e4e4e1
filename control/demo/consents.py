"""Compares the consent of both systems, contact by contact, from what both of them hold.

Like the other comparisons it shares nothing with what wrote them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.consent_flags import FlagPair


@dataclass(frozen=True, slots=True)
class FlagComparison:
    flag: str  #: its name in Campaign
    column: str  #: of Dynamics
    contacts: int  #: with one profile each
    opted_out: int  #: in both systems
    differing: tuple[str, ...]  #: ids of contacts of which the systems say different things


@dataclass(frozen=True, slots=True)
class Consents:
    """All pairs together."""

    flags: tuple[FlagComparison, ...]

    @property
    def agrees(self) -> bool:
        return not any(one.differing for one in self.flags)

    def sentence(self) -> str:
        if not self.agrees:
            told = [f"{one.flag} of {len(one.differing):,}" for one in self.flags if one.differing]
            return f"The systems differ: {', '.join(told)} of {self.flags[0].contacts:,} contacts."
        return f"All {self.flags[0].contacts:,} contacts have the same consent in both systems."


def compare_consents(pairs: Sequence[FlagPair], rows: Iterable[Mapping[str, Any]]) -> Consents:
    """`rows`: both sides of each contact, as the sandbox tells them; those without a profile, or without a contact, are
    nobody's disagreement."""
    both = [row for row in rows if row["dynamics"] is not None and len(row["profiles"]) == 1]
    return Consents(tuple(_compared(pair, both) for pair in pairs))


def _compared(pair: FlagPair, rows: Sequence[Mapping[str, Any]]) -> FlagComparison:
    sides = {
        row["id"]: (row["dynamics"][pair.dynamics] is pair.opted_out, row["profiles"][0]["flags"][pair.campaign])
        for row in rows
    }
    return FlagComparison(
        pair.campaign,
        pair.dynamics,
        contacts=len(sides),
        opted_out=sum(in_dynamics and in_campaign for in_dynamics, in_campaign in sides.values()),
        differing=tuple(id_ for id_, (in_dynamics, in_campaign) in sides.items() if in_dynamics is not in_campaign),
    )
