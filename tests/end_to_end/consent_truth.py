"""What consent must be, told once more from docs/consent.md and Adobe's rule. It shares nothing with the product."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

Row = dict[str, Any]
Plain = Mapping[str, Any]

#: Earlier than every change.
NEVER = ""


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
    if policy in ("campaign", "one_way"):
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


def unrecorded(pairs: Sequence[Plain], made: Sequence[Row], decisions: Sequence[Row]) -> list[str]:
    """Writes that no decision stands for, and decisions that say they were written and were not.

    A decision stands for one write of its value to its side, which came after it was made and before it was closed.
    """
    left: dict[tuple[str, str, str, bool], list[Row]] = {}
    for decision in sorted(decisions, key=lambda one: str(one["closed"] or "9")):
        if decision["written_to"] and decision["confirmed"] != "refused":
            name = decision["contact"], decision["written_to"], decision["flag"], decision["opted_out"]
            left.setdefault(name, []).append(decision)
    found = []
    for write in made:
        for name in _opted(pairs, write):
            fitting = [one for one in left.get(name, ()) if _moment(one["decided"]) <= write["at"] + 0.001
                       and (not one["closed"] or write["at"] <= _moment(one["closed"]) + 0.001)]  # fmt: skip
            if fitting:
                left[name].remove(fitting[0])
            else:
                found.append(f"{name} was written at {write['at']}, and nobody decided it")
    for name, decided in left.items():
        found += [f"{name} was decided {one['decided']} and never written" for one in decided
                  if one["confirmed"] == "answer"]  # fmt: skip
    return found


def echoes(decisions: Sequence[Row], made: Sequence[Row], changes: Sequence[Row]) -> list[str]:
    """Decisions that took our own writing to Dynamics for a change of the record, where no answer was lost."""
    people = {(one["id"], second(one["stamp"])) for one in changes if one["side"] == "dynamics"}
    ours = {(one["id"], second(one["stamp"])) for one in made if one["side"] == "dynamics"}
    lost = {one["contact"] for one in decisions if one["confirmed"] in ("reading", "unknown")}
    return [
        f"{one['flag']} of {one['contact']} was decided {one['decided']} against {one['dynamics_changed']}, our writing"
        for one in decisions
        if one["policy"] == "documented" and one["contact"] not in lost and one["dynamics_changed"]
        and (one["contact"], second(one["dynamics_changed"])) in ours - people
    ]  # fmt: skip


def _opted(pairs: Sequence[Plain], write: Row) -> Iterable[tuple[str, str, str, bool]]:
    """What a write says: of whom, to which side, by its name in Campaign, and whether that means opted out."""
    if write["method"] != "POST":
        for pair in pairs:
            flag = wire(pair["campaign"])
            name, out = (pair["dynamics"], pair.get("opted_out", True)) if write["side"] == "dynamics" else (flag, True)
            if name in write["flags"]:
                yield write["id"], write["side"], flag, write["flags"][name] is out


def _moment(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def causes(
    pairs: Sequence[Plain],
    begun: Mapping[str, Row],
    changes: Sequence[Row],
    made: Sequence[Row],
    profiles: Sequence[Row] = (),
) -> Iterable[tuple[str, str]]:
    """Why a flag may have had to be written, one after the other: whose, and which. Once each is enough."""
    names = {pair["dynamics"]: wire(pair["campaign"]) for pair in pairs}
    yield from ((one["id"], names.get(str(one["flag"]), str(one["flag"]))) for one in changes)
    yield from ((one["id"], flag) for one in made if one["method"] == "POST" for flag in names.values())
    yield from ((one["id"], flag) for one in profiles if one["made"] for flag in names.values())
    for id_, row in begun.items():
        if row["profiles"]:
            yield from ((id_, wire(pair["campaign"])) for pair in pairs if len({*sides_of(pair, row)}) > 1)
