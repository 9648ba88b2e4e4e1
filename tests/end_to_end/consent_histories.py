"""What each flag must be in the end, told once more from docs/consent.md. It shares nothing with the product.

A history is what the sandbox says people did, and what an operator demanded meanwhile. When the product looked is not
known: it may have looked after any of it, or not. So a history leads to one value or to both, and what is found must be
one of these. At a rest everything was looked at, and what is found there is judged, and is known from then on.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tests.end_to_end.consent_truth import NEVER, Plain, Row, second, sides_of, winner, wire

#: How long a look may take, in seconds: whoever is opted in said so in Campaign at most so long before.
LOOK_SECONDS = 3.0

#: Campaign decides, and is not written.
ONE_WAY = "one_way"


class Rules(NamedTuple):
    """What an operator demanded from a moment on: by flag the policies, several while nobody knows which one counts;
    none for a pair that is not there."""

    seq: int
    policies: Mapping[str, frozenset[str]]


class Rest(NamedTuple):
    """A moment at which everything had been looked at, and how both sides stood."""

    seq: int
    rows: Mapping[str, Row]


class Past(NamedTuple):
    """One thing that happened to a contact."""

    seq: int
    #: dynamics, campaign: people changed something there; made, gone: a profile; ours: we wrote to Dynamics.
    kind: str
    flag: str = ""  #: by its name in Campaign; of another one the record was changed all the same
    out: bool = False
    second: str = NEVER  #: by that system's own clock
    at: float = 0.0  #: by the sandbox's clock
    flags: frozenset[str] = frozenset()  #: which a profile was made with


class Told(NamedTuple):
    """What Campaign has said."""

    out: bool
    second: str
    until: float = math.inf  #: when it said something else, or was gone


class Sides(NamedTuple):
    """One flag of one contact."""

    there: bool  #: Dynamics
    record: str  #: the second in which the record was changed last, our own writing apart
    here: bool | None  #: Campaign; None: there is no profile
    changed: str  #: the second in which that came about
    told: tuple[Told, ...]  #: what Campaign has said since the last look, in order: all of it may be on its way


class Judgement(NamedTuple):
    wrong: list[str]
    judged: int  #: flags, at all rests
    certain: int  #: those of which the history leaves no choice
    newest: int  #: those of them that are decided by the later change, and were changed


def judge(
    pairs: Sequence[Plain],
    begun: Mapping[str, Row],
    demanded: Sequence[Rules],
    rests: Sequence[Rest],
    pasts: Mapping[str, Sequence[Past]],
    uncertain: set[str],
) -> Judgement:
    """Which flags are not as they must be at one of the rests, the last of which is the end.

    `begun`: both sides before anything happened; `uncertain`: contacts of which an answer of Dynamics was lost. Whoever
    is no contact any more, or has no profile at a rest, is not judged there.
    """
    wrong: list[str] = []
    judged = certain = newest = 0
    for id_, row in begun.items():
        past = pasts.get(id_, ())
        for pair in pairs:
            flag = wire(pair["campaign"])
            states, before, seq = {_beginning(pair, row)}, row, -1
            for rest in rests:
                found = rest.rows.get(id_)
                if found is None or found["dynamics"] is None:
                    break
                part = [one for one in past if seq < one.seq <= rest.seq]
                rules = [one for one in demanded if one.seq <= rest.seq]
                states = _lived(flag, states, part, rules, seq, id_ in uncertain)
                if found["profiles"]:
                    may = {state.there for state in states if state.here is not None}
                    strict = _newest(flag, pair, before, part, rules, seq, id_ in uncertain)
                    if strict is not None:
                        may = strict
                    judged, certain = judged + 1, certain + (len(may) == 1)
                    newest += bool(strict and len(strict) == 1 and any(one.flag == flag for one in part))
                    there, here = sides_of(pair, found)
                    if not {there, here} <= may:
                        wrong.append(_told(pair, id_, (there, here), may, before, part, rules))
                    states = _at_rest(pair, states, found, knows=strict is None)
                before, seq = found, rest.seq
    return Judgement(wrong, judged, certain, newest)


def histories(
    pairs: Sequence[Plain], changes: Sequence[Row], made: Sequence[Row], profiles: Sequence[Row]
) -> dict[str, list[Past]]:
    """What happened to each contact, in order: `changes` by people, what was `made` through the APIs, and `profiles`
    that people made and deleted."""
    names = {pair["dynamics"]: wire(pair["campaign"]) for pair in pairs}
    found: dict[str, list[Past]] = {}

    def note(row: Row, kind: str, flag: str = "", out: bool = False, flags: Iterable[str] = ()) -> None:
        past = Past(row["seq"], kind, flag, out, second(row["stamp"]), row["at"], frozenset(flags))
        found.setdefault(row["id"], []).append(past)

    for one in changes:
        note(one, one["side"], names.get(str(one["flag"]), str(one["flag"])), one["opted_out"])
    for one in made:
        if one["side"] == "dynamics":
            note(one, "ours")
        elif one["method"] == "POST":
            note(one, "made", flags=(flag for flag, out in one["flags"].items() if out))
    for one in profiles:
        note(one, "made" if one["made"] else "gone", flags=(flag for flag, out in one["flags"].items() if out))
    return {id_: sorted(past) for id_, past in found.items()}


def _beginning(pair: Plain, row: Row) -> Sides:
    """How a flag stands before anything happens."""
    there, here = sides_of(pair, row)
    times = row["profiles"][0]["times"] if row["profiles"] else {}
    changed = second(times.get(f"{wire(pair['campaign'])}LastModified", NEVER))
    return Sides(there, second(row["modifiedon"]), here, changed, () if here is None else (Told(here, changed),))


def _at_rest(pair: Plain, states: set[Sides], row: Row, knows: bool) -> set[Sides]:
    """Those with the values that were found, and nothing on its way. `knows`: whether the times in them can be trusted.

    Those of the row may be of our own writing.
    """
    there, here = sides_of(pair, row)
    assert here is not None
    found = {
        state._replace(told=(Told(here, state.changed),))
        for state in states
        if state.there is there and state.here is here
    }
    return found if found and knows else found | {_beginning(pair, row)}


def _lived(
    flag: str, states: set[Sides], past: Sequence[Past], demanded: Sequence[Rules], since: int, unanswered: bool
) -> set[Sides]:
    """How the flag may stand behind all that, once somebody has looked at it."""
    turns = [Past(one.seq, "turn") for one in demanded if one.seq > since]
    at = 0.0
    for happened in sorted([*past, *turns]):
        states = _looked(_policies(flag, demanded, happened.seq - 1), states, at)
        at = max(at, happened.at)
        states = {after for state in states for after in _after(state, flag, happened, unanswered)}
    # In the end somebody looks, at what is there.
    policies = _policies(flag, demanded, math.inf)
    ends = {end for state in _looked(policies, states, at) for policy in policies for end in _end(policy, state)}
    return ends or states


def _policies(flag: str, demanded: Sequence[Rules], seq: float) -> frozenset[str]:
    return [one.policies for one in demanded if one.seq <= seq][-1].get(flag, frozenset())


def _after(state: Sides, flag: str, happened: Past, unanswered: bool) -> Iterable[Sides]:
    over = (*state.told[:-1], *(one._replace(until=min(one.until, happened.at)) for one in state.told[-1:]))
    match happened.kind:
        case "dynamics":
            there = happened.out if happened.flag == flag else state.there
            yield state._replace(there=there, record=happened.second)
        case "campaign" if happened.flag == flag:
            told = (*over, Told(happened.out, happened.second))
            yield state._replace(here=happened.out, changed=happened.second, told=told)
        case "made":
            out = flag in happened.flags
            changed = happened.second if out else NEVER
            yield state._replace(here=out, changed=changed, told=(*over, Told(out, changed)))
        case "gone":
            yield state._replace(here=None, told=over)
        case "ours" if unanswered:
            yield state
            yield state._replace(record=max(state.record, happened.second))
        case _:
            yield state


def _looked(policies: Iterable[str], states: set[Sides], at: float) -> set[Sides]:
    """These, and what becomes of them if somebody looks, once or more often."""
    found = set(states)
    left = list(states)
    while left:
        state = left.pop()
        for policy in policies:
            for after in _look(policy, state, at):
                if after not in found:
                    found.add(after)
                    left.append(after)
    return found


def _look(policy: str, state: Sides, at: float) -> Iterable[Sides]:
    """Dynamics may be opted out on the word of a profile that says something else by now; nobody is opted in by it, and
    Campaign is never written by it."""
    for number, one in enumerate(state.told):
        out = winner(policy, state.there, state.record, one.out, one.second)
        if out is not state.there and (out or at - one.until <= LOOK_SECONDS):
            yield state._replace(there=out, told=state.told[number:])
    if state.here is not None:
        yield from _end(policy, state)


def _end(policy: str, state: Sides) -> Iterable[Sides]:
    """What a look at what is there leads to."""
    if state.here is None:
        yield state
        return
    out = winner(policy, state.there, state.record, state.here, state.changed)
    if out is state.here:
        yield state._replace(there=out, told=(Told(out, state.changed),))
    elif policy != ONE_WAY:
        # What we wrote goes back to a change in Dynamics, and is as old as that.
        yield state._replace(there=out, here=out, changed=state.record, told=(Told(out, state.record),))
    else:
        yield state


def _newest(
    flag: str,
    pair: Plain,
    before: Row,
    past: Sequence[Past],
    demanded: Sequence[Rules],
    since: int,
    unanswered: bool,
) -> set[bool] | None:
    """What the later change demands, strictly where the times leave no doubt; None: another policy counts.

    When a flag changed in Dynamics is known in part: after the row was last seen, and not after it was changed last.
    Where an answer was lost, nobody knows whether the flag was written and set back when something else was changed.
    """
    known = [_policies(flag, demanded, seq) for seq in [since, *(one.seq for one in demanded if one.seq > since)]]
    if not any("newest" in policies for policies in known):
        return None
    there, here = sides_of(pair, before)
    said = [one for one in past if one.flag == flag]
    lives = [one for one in past if one.kind in ("made", "gone")]
    if any(policies != {"newest"} for policies in known) or here is (not there):
        return {True, False}
    if any(flag in one.flags for one in lives if one.kind == "made"):
        return {True, False}
    if not said:
        return {there}
    if (not lives and here is None) or (lives and lives[-1].seq > said[0].seq):
        return {True, False}
    record = second(before["modifiedon"])
    # A profile that was just made says nothing.
    changed = NEVER if lives else second(before["profiles"][0]["times"].get(f"{flag}LastModified", NEVER))
    in_dynamics = [one for one in said if one.kind == "dynamics"]
    in_campaign = [one.second for one in said if one.kind == "campaign"]
    last = said[-1]
    if last.kind == "campaign":
        # Whatever else was changed in the row may make the flag's change look as late as that.
        others = [one.second for one in past if one.kind == "dynamics"] if in_dynamics or unanswered else []
        is_later = last.second > max(record, changed, *others) and last.second == max(in_campaign)
        return {last.out} if is_later else {True, False}
    is_later = last.second > max(record, changed, *in_campaign)
    # There and back may not have been seen, nor that Campaign had spoken before.
    seen = len(in_dynamics) == 1 and (last.out or not in_campaign)
    return {last.out} if is_later and seen else {True, False}


def _told(
    pair: Plain,
    id_: str,
    found: tuple[bool, bool | None],
    may: set[bool],
    before: Row,
    past: Sequence[Past],
    rules: Sequence[Rules],
) -> str:
    flag = wire(pair["campaign"])
    lines = [
        f"{flag} of {id_} is {found}, must be {may}; {[sorted(one.policies.get(flag, ())) for one in rules]}",
        f"  before: {sides_of(pair, before)}, record {before['modifiedon']}, "
        f"{[one['times'].get(f'{flag}LastModified') for one in before['profiles']]}",
    ]
    lines += [f"  {one.seq} {one.at:.2f} {one.kind} {one.flag} {one.out} {one.second}" for one in past]
    return "\n".join(lines)
