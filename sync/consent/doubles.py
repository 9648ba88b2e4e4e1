"""Several profiles of one contact: what they say together. Whoever has opted out in one of them has opted out."""

from collections.abc import Sequence

from config.consent_flags import FLAGS, WireFlag
from connectors.errors import Refused
from sync.consent.fitting import PROFILE
from sync.consent.rule import Seen
from sync.consent.states import ProfileState


def as_one(profiles: Sequence[ProfileState]) -> ProfileState:
    """Of each flag the latest opt-out; else what is not told; else the latest change. Not sure, and marked as doubles.

    `profiles`: at least two, all looked up, or told before.
    """
    flags: dict[WireFlag, Seen] = {}
    for name in FLAGS:
        found = [state.flags[name] for state in profiles if name in state.flags]
        if found:
            flags[name] = max(found, key=_weight)
    times = [state.modified_ms for state in profiles if state.modified_ms is not None]
    spelt = next((state.spelt for state in profiles if state.spelt), "")
    who = sum({state.who for state in profiles}) & 0xFFFF_FFFF
    return profiles[0]._replace(
        flags=flags, modified_ms=max(times, default=None), doubles=True, spelt=spelt, who=who, is_sure=False
    )


def refusal() -> Refused:
    """Why the change of a contact with two profiles is set aside, once its opt-outs are written."""
    return Refused(
        "campaign",
        f"{PROFILE}: two profiles carry this contact's key, perhaps in two spellings; an opt-out of either goes to "
        "Dynamics, and nothing else is written: merge them in Campaign, then retry this record",
        code="doubles",
    )


def _weight(seen: Seen) -> tuple[int, int]:
    return (1 if seen.opted_out is None else 2 * seen.opted_out), seen.at_ms or 0
