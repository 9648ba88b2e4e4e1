"""What every benchmark shares: rounds in which the contestants take turns, medians of the ratios, and how they spread.

This machine's speed changes from second to second. A figure is therefore a ratio of two things that ran within the
same second or two, and what is printed is the median over all rounds.
"""

import gc
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

#: A contestant runs once and answers what it measured, by name: rates, times, whatever is compared.
Contestant = Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what was measured, against what, and what we promise."""

    name: str
    unit: str
    ours: float  #: median over the rounds
    floor: float | None  #: the same of what it is compared with
    value: float  #: what the target speaks of: the median of the rounds' ratios, or a size
    low: float  #: the middle half of the rounds lies between low and high
    high: float
    target: float | None  #: None: shown for comparison only
    sense: Literal["at least", "at most"] = "at least"

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.sense == "at least" else self.value <= self.target


def take_turns(rounds: int, *contestants: Contestant) -> dict[str, list[float]]:
    """Runs each contestant once per round, the order turned round each time. A first round warms up and is dropped."""
    results: dict[str, list[float]] = {}
    order = list(contestants)
    for number in range(rounds + 1):
        for contestant in order:
            gc.collect()
            for name, value in contestant().items():
                if number:
                    results.setdefault(name, []).append(value)
        order.reverse()
    return results


def ratio(
    name: str,
    unit: str,
    ours: list[float],
    floor: list[float],
    target: float | None,
    sense: Literal["at least", "at most"] = "at least",
) -> Figure:
    """The median of ours / floor, round by round."""
    ratios = [mine / other for mine, other in zip(ours, floor, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return Figure(
        name,
        unit,
        statistics.median(ours),
        statistics.median(floor),
        median,
        low,
        high,
        target,
        sense,
    )


def say(sentence: str) -> None:
    """Progress, beside the figures."""
    print(sentence, file=sys.stderr, flush=True)
