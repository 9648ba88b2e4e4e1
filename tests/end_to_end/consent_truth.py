"""What consent must be, told once more from docs/consent.md and Adobe's rule. It shares nothing with the product.

A history is what the sandbox says people did. When the product looked is not known: it may have looked after any
change, or not. So a history leads to one value or to both, and what is found must be one of these.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Row = dict[str, Any]
Plain = Mapping[str, Any]

#: Earlier than every change.
NEVER = ""


class Past(NamedTuple):
    """One thing that happened to a contact."""

    seq: int
    kind: str  #: dynamics, campaign: people changed something there; profile: it was made; ours: we wrote to Dynamics
    flag: str = (
        ""  #: by its name in Campaign; another than that which is asked for: the record was changed all the same
    )
    out: bool = False
    second: str = NEVER


class Sides(NamedTuple):
    """One flag of one contact."""

    there: bool  #: Dynamics
    record: str  #: the second in which the record was changed last, our own writing apart
    here: bool | None  #: Campaign; None: nobody has a profile yet
    changed: str  #: the second in which that came about
    told: frozenset[tuple[bool, str]]  #: what Campaign has said since the last look: all of it may be on its way


def wire(flag: str) -> str:
    """As it stands in Campaign."""
    return flag.replace("denyList", "blackList")


def bare(pair: Plain) -> dict[str, Any]:
    """Which column and which flag, and nothing else."""
    return {name: value for name, value in pair.items() if name in ("dynamics", "campaign", "opted_out")}


def second(stamp: str) -> str:
    """`2026-11-22 05:30:06` of either system's form; times of one form can be compared as texts."""
    return stamp[:19].replace("T", " ")


def winner(policy: str, there: bool, record: str, here: bool, changed: str) -> bool:
    """The rule: whether the contact has opted out in the end."""
    if policy == "dynamics":
        return there
    if policy == "campaign":
        return here
    if policy == "documented" and changed > record:
        return here
    return there or here


def differences(part: Plain, rows: Mapping[str, Row]) -> list[str]:
    """Where the two sides disagree; of `rows` those with a contact and exactly one profile."""
    found = []
    for id_, row in rows.items():
        if row["dynamics"] is None or len(row["profiles"]) != 1:
            continue
        for pair in part["flags"]:
            there, here = sides_of(pair, row)
            if there is not here:
                found.append(f"{pair['campaign']} of {id_}: Dynamics {there}, Campaign {here}")
    return found


def sides_of(pair: Plain, row: Row) -> tuple[bool, bool | None]:
    """Whether the contact has opted out in Dynamics, and in Campaign; None without a profile."""
    profiles = row["profiles"]
    there = row["dynamics"][pair["dynamics"]] is pair.get("opted_out", True)
    return there, profiles[0]["flags"][wire(pair["campaign"])] if profiles else None


def beginning(pair: Plain, row: Row) -> Sides:
    """How a flag stands before anything happens."""
    there, here = sides_of(pair, row)
    times = row["profiles"][0]["times"] if row["profiles"] else {}
    changed = second(times.get(f"{wire(pair['campaign'])}LastModified", NEVER))
    told = frozenset() if here is None else frozenset([(here, changed)])
    return Sides(there, second(row["modifiedon"]), here, changed, told)


def possible(policy: str, flag: str, begun: Sides, past: Sequence[Past], unanswered: bool = False) -> set[bool]:
    """Whether the contact may have opted out in the end: one value, or both where it depends on when we looked.

    `unanswered`: an answer of Dynamics was lost, so that our own writing may have been taken for somebody's. Empty:
    there is no profile.
    """
    states = {begun}
    for happened in past:
        states = _looked(policy, states)
        states = {after for state in states for after in _after(state, flag, happened, unanswered)}
    # In the end somebody looks, at what is there.
    return {
        winner(policy, state.there, state.record, state.here, state.changed)
        for state in _looked(policy, states)
        if state.here is not None
    }


def _after(state: Sides, flag: str, happened: Past, unanswered: bool) -> Iterable[Sides]:
    told = state.told | {(happened.out, happened.second)}
    match happened.kind:
        case "dynamics":
            there = happened.out if happened.flag == flag else state.there
            yield state._replace(there=there, record=max(state.record, happened.second))
        case "campaign" if happened.flag == flag:
            yield state._replace(here=happened.out, changed=happened.second, told=told)
        case "profile":
            yield state._replace(here=False, changed=NEVER, told=frozenset([(False, NEVER)]))
        case "ours" if unanswered:
            yield state
            yield state._replace(record=max(state.record, happened.second))
        case _:
            yield state


def _looked(policy: str, states: set[Sides]) -> set[Sides]:
    """These, and what becomes of them if somebody looks, once or more often."""
    found = set(states)
    left = list(states)
    while left:
        for after in _look(policy, left.pop()):
            if after not in found:
                found.add(after)
                left.append(after)
    return found


def _look(policy: str, state: Sides) -> Iterable[Sides]:
    """Dynamics may be written on the word of a profile that has changed since; Campaign never is."""
    if state.here is None:
        return
    for here, changed in state.told:
        out = winner(policy, state.there, state.record, here, changed)
        if out is not state.there:
            later = frozenset(one for one in state.told if one[1] >= changed)
            yield state._replace(there=out, told=later)
    out = winner(policy, state.there, state.record, state.here, state.changed)
    if out is state.here is state.there:
        yield state._replace(told=frozenset([(state.here, state.changed)]))
    elif out is not state.here:
        # What we wrote goes back to a change in Dynamics, and is as old as that.
        yield state._replace(here=out, changed=state.record, told=frozenset([(out, state.record)]))
