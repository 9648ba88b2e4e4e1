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
        # A flag that nobody has ever touched says nothing.
        return here if here or changed != NEVER else there
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


def written(part: Plain, writes: Iterable[Row]) -> list[tuple[str, str, str]]:
    """Each paired flag that came through an API: whose, into which system, by its name in Campaign; in order.

    What made a profile is not among them.
    """
    names = {pair["dynamics"]: wire(pair["campaign"]) for pair in part["flags"]}
    names |= {flag: flag for flag in names.values()}
    return [
        (write["id"], write["side"], names[name])
        for write in writes
        if write["method"] != "POST"
        for name in write["flags"]
        if name in names
    ]


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


def judged(
    pairs: Sequence[Plain],
    begun: Mapping[str, Row],
    rows: Mapping[str, Row],
    changes: Sequence[Row],
    made: Sequence[Row],
    uncertain: set[str],
) -> tuple[list[str], int]:
    """Which flags are not as they must be, and of how many the history leaves no choice.

    `begun`, `rows`: both sides before and after `changes` by people and what was `made` through the APIs; `uncertain`:
    contacts of which an answer of Dynamics was lost.
    """
    pasts = histories(pairs, changes, made)
    wrong, certain = [], 0
    for id_, row in rows.items():
        past = pasts.get(id_, [])
        for pair in pairs:
            flag, policy = wire(pair["campaign"]), pair.get("policy", "documented")
            sides = beginning(pair, begun[id_])
            may = _newest(flag, past) if policy == "newest" else possible(policy, flag, sides, past, id_ in uncertain)
            certain += len(may) == 1
            found = sides_of(pair, row)
            if found[0] not in may or found[1] not in may:
                told = [f"{one.second} {one.kind} {one.out}" for one in past if one.flag in (flag, "")]
                wrong.append(f"{flag} ({policy}) of {id_} is {found}, must be {may}: {sides[:4]}, {told}")
    return wrong, certain


def histories(pairs: Sequence[Plain], changes: Sequence[Row], made: Sequence[Row]) -> dict[str, list[Past]]:
    """What happened to each contact, in order."""
    names = {pair["dynamics"]: wire(pair["campaign"]) for pair in pairs}
    found: dict[str, list[Past]] = {}
    for one in changes:
        flag = names.get(str(one["flag"]), str(one["flag"]))
        past = Past(one["seq"], one["side"], flag, one["opted_out"], second(one["stamp"]))
        found.setdefault(one["id"], []).append(past)
    for one in made:
        if one["side"] == "dynamics" or one["method"] == "POST":
            kind = "ours" if one["side"] == "dynamics" else "profile"
            found.setdefault(one["id"], []).append(Past(one["seq"], kind, second=second(one["stamp"])))
    return {id_: sorted(past) for id_, past in found.items()}


def _newest(flag: str, past: Sequence[Past]) -> set[bool]:
    """Opted in only where that was the last word. When a flag changed in Dynamics is known in part: in doubt, out."""
    said = [one for one in past if one.flag == flag]
    changed_back = sum(one.kind == "dynamics" for one in said) > 1  # nobody may have seen it
    return {True} if said and said[-1].out and not changed_back else {True, False}


def needless(part: Plain, made: Sequence[Row], changes: Sequence[Row]) -> list[str]:
    """What was written although it was so already.

    Campaign cannot be written under a condition: what people said between our look and our writing does not count.
    """
    names = {pair["dynamics"] for pair in part["flags"]} | {wire(pair["campaign"]) for pair in part["flags"]}
    found = []
    for one in made:
        for name in (names & one["flags"].keys()) - {*one["changed"]}:
            moments = [change["at"] for change in changes if (change["id"], change["flag"]) == (one["id"], name)]
            meanwhile = one["side"] == "campaign" and any(0 <= one["at"] - at < 5 for at in moments)
            if one["method"] != "POST" and not meanwhile:
                found.append(f"{name} of {one['id']} in {one['side']}, {one['stamp']}")
    return found


def causes(
    pairs: Sequence[Plain], begun: Mapping[str, Row], changes: Sequence[Row], made: Sequence[Row]
) -> Iterable[tuple[str, str]]:
    """Why a flag may have had to be written, one after the other: whose, and which. Once each is enough."""
    names = {pair["dynamics"]: wire(pair["campaign"]) for pair in pairs}
    yield from ((one["id"], names.get(str(one["flag"]), str(one["flag"]))) for one in changes)
    yield from ((one["id"], flag) for one in made if one["method"] == "POST" for flag in names.values())
    for id_, row in begun.items():
        if row["profiles"]:
            yield from ((id_, wire(pair["campaign"])) for pair in pairs if len({*sides_of(pair, row)}) > 1)
