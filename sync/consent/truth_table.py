"""The rule as a table in Markdown, made by asking it: python -m sync.consent.truth_table

With --check docs/consent.md it only says whether that page holds the table as it is now.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from config.consent_flags import POLICIES
from sync.consent.rule import NEVER_MS, Ruling, Seen, decide, one_way

#: Any moment; the other one is a second away from it.
_NOW, _EARLIER = 1_700_000_001_000, 1_700_000_000_000

#: Which change is later -> the times of Dynamics and of Campaign.
_TIMES: tuple[tuple[str, int | None, int | None], ...] = (
    ("Campaign", _EARLIER, _NOW),
    ("Dynamics", _NOW, _EARLIER),
    ("same second", _NOW, _NOW),
    ("not told", None, None),
)
_VALUES: tuple[bool | None, ...] = (True, False, None)
_WORDS = {True: "out", False: "in", None: "not told"}
#: The same of Campaign, and its time, where that is always the same.
_IN_CAMPAIGN: tuple[tuple[str, bool | None, int | None], ...] = (
    ("out", True, None),
    ("in", False, None),
    ("in, untouched", False, NEVER_MS),
    ("not told", None, None),
)
_ANSWERS = {True: "**out**", False: "in", None: "nothing"}
_HEAD = ("Dynamics", "Campaign", "later change", *(f"`{policy}`" for policy in POLICIES), "one way")


def table() -> str:
    """The whole table. Rows that differ in nothing but the times are one row."""
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    for in_dynamics in _VALUES:
        for word, in_campaign, always_ms in _IN_CAMPAIGN:
            lines += [
                _line([_WORDS[in_dynamics], word, when, *answers])
                for when, answers in _rows(in_dynamics, in_campaign, always_ms)
            ]
    return "\n".join(lines) + "\n"


def _rows(in_dynamics: bool | None, in_campaign: bool | None, always_ms: int | None) -> Iterator[tuple[str, list[str]]]:
    by_answers: dict[tuple[str, ...], list[str]] = {}
    possible = [one for one in _TIMES if always_ms is None or one[0] in ("Dynamics", "not told")]
    for when, dynamics_ms, campaign_ms in possible:
        dynamics = Seen(in_dynamics, dynamics_ms)
        campaign = Seen(in_campaign, campaign_ms if always_ms is None else always_ms)
        rulings = [decide(policy, dynamics, campaign) for policy in POLICIES] + [one_way(dynamics, campaign)]
        by_answers.setdefault(tuple(map(_cell, rulings)), []).append(when)
    for answers, times in by_answers.items():
        yield "any" if len(times) == len(possible) else ", ".join(times), list(answers)


def _cell(ruling: Ruling) -> str:
    return f"{_ANSWERS[ruling.opted_out]} ({ruling.rule})"


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> None:
    """Writes the table; with --check FILE exits with a sentence if FILE holds another."""
    if arguments[:1] != ["--check"]:
        sys.stdout.write(table())
    elif any(table() not in Path(file).read_text() for file in arguments[1:]):
        sys.exit(f"{' '.join(arguments[1:])} is not fresh; put in what python -m sync.consent.truth_table writes")


if __name__ == "__main__":
    main(sys.argv[1:])
