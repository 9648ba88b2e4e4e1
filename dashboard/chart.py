"""The backlog of the last hour as a line: what an SVG of this size needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from control.status.samples import GAP_MS, SPAN_MS
from control.words import number
from store.samples import Sample

WIDTH, HEIGHT = 240, 48
#: Left free above the highest point and below the lowest, so that no line is cut.
EDGE = 2


@dataclass(frozen=True, slots=True)
class Chart:
    lines: tuple[str, ...]  #: points of a polyline each; a new one begins where nobody had looked
    areas: tuple[str, ...]  #: points of the polygon below each of them
    peak: int
    words: str  #: for those who do not see it

    @property
    def is_empty(self) -> bool:
        return not self.lines


def chart_of(runs: Sequence[Sequence[Sample]], backlog: int, now_ms: int) -> Chart:
    """`backlog`: that of now, with which the line ends if somebody has looked lately."""
    drawn = [list(run) for run in runs]
    if drawn and now_ms - drawn[-1][-1].at_ms <= GAP_MS:
        drawn[-1].append(Sample(now_ms, backlog))
    peak = max((sample.backlog for run in drawn for sample in run), default=0)
    lines = tuple(_points(run, peak, now_ms) for run in drawn if len(run) > 1)
    areas = tuple(
        f"{_x(run[0], now_ms)},{HEIGHT} {line} {_x(run[-1], now_ms)},{HEIGHT}"
        for run, line in zip([run for run in drawn if len(run) > 1], lines, strict=True)
    )
    return Chart(lines, areas, peak, f"Backlog of the last hour: {number(peak)} at most, {number(backlog)} now")


def _points(run: Sequence[Sample], peak: int, now_ms: int) -> str:
    return " ".join(f"{_x(sample, now_ms)},{_y(sample, peak)}" for sample in run)


def _x(sample: Sample, now_ms: int) -> float:
    return round(WIDTH * (1 - (now_ms - sample.at_ms) / SPAN_MS), 1)


def _y(sample: Sample, peak: int) -> float:
    share = sample.backlog / peak if peak else 0
    return round(HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE), 1)
