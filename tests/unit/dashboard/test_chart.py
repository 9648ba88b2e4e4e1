"""The backlog as a line: where its points are."""

from dashboard.chart import HEIGHT, WIDTH, chart_of
from store.samples import EVERY_MS, KEPT, Sample

NOW = 10 * KEPT * EVERY_MS


def samples(*backlogs: int, before: int = 0) -> list[Sample]:
    """The last of them `before` half minutes ago."""
    ages = range(before + len(backlogs) - 1, before - 1, -1)
    return [Sample(NOW - age * EVERY_MS, backlog) for age, backlog in zip(ages, backlogs, strict=True)]


def points(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in line.split())]


def test_a_line_goes_from_its_age_to_now_and_from_nothing_to_the_peak() -> None:
    # Given an hour of samples that rises to 200, and 50 that wait now
    chart = chart_of([samples(*range(0, KEPT * 2, 2), before=0)], 50, NOW)
    [line] = chart.lines
    found = points(line)
    # Then it ends at the right edge with what waits now, and its peak is near the upper edge
    assert found[-1][0] == WIDTH and 0 <= found[0][0] < WIDTH / 50
    assert min(y for _, y in found) == 2 and found[0][1] == HEIGHT - 2
    assert chart.peak == 2 * (KEPT - 1)
    assert found[-1][1] == round(HEIGHT - 2 - 50 / chart.peak * (HEIGHT - 4), 1)
    assert chart.words == f"Backlog of the last hour: {chart.peak} at most, 50 now"


def test_nothing_but_zeros_lie_flat_on_the_ground() -> None:
    chart = chart_of([samples(0, 0, 0)], 0, NOW)
    assert {y for _, y in points(chart.lines[0])} == {HEIGHT - 2}


def test_a_gap_parts_the_line_and_an_old_one_does_not_reach_to_now() -> None:
    chart = chart_of([samples(1, 2, before=30), samples(3, 4, before=10)], 9, NOW)
    assert len(chart.lines) == len(chart.areas) == 2
    assert points(chart.lines[-1])[-1][0] < WIDTH and chart.peak == 4


def test_without_two_samples_there_is_no_line() -> None:
    assert chart_of([], 7, NOW).is_empty
    assert chart_of([samples(5, before=20)], 7, NOW).is_empty
