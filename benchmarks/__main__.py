"""python -m benchmarks [NAME...]: measures what we claim about speed and memory."""

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from benchmarks import (
    backlog,
    consent,
    consent_record,
    events,
    first_load,
    first_run,
    freshness,
    ledger,
    memory,
    million_events,
    naive,
    peers,
    queue,
    reading,
    reading_cost,
    replay,
    scaling,
    worker_memory,
    writing,
)
from benchmarks.harness import Figure, say

BENCHMARKS: dict[str, Callable[[int], list[Figure]]] = {
    "queue": queue.run,
    "reading": reading.run,
    "reading_cost": reading_cost.run,
    "writing": writing.run,
    "scaling": scaling.run,
    "events": events.run,
    "naive": naive.run,
    "peers": peers.run,
    "memory": memory.run,
    "ledger": ledger.run,
    "worker_memory": worker_memory.run,
    "freshness": freshness.run,
    "consent_record": consent_record.run,
    "consent": consent.run,
    "backlog": backlog.run,
    "first_run": first_run.run,
    "first_load": first_load.run,
    "replay": replay.run,
    "million_events": million_events.run,
}

RESULTS = Path(__file__).parent / "results"


@click.command(epilog=f"Names: {', '.join(BENCHMARKS)}.")
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(BENCHMARKS)))
@click.option(
    "--rounds",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Turns each contestant takes; short ones take several a round.",
)
@click.option("-o", "--output", default="table", show_default=True, type=click.Choice(["table", "json"]))
@click.option("--save", metavar="NAME", help="Keep the result as results/NAME.json, to be committed.")
def main(names: tuple[str, ...], rounds: int, output: str, save: str | None) -> None:
    """Measure what we claim about speed and memory; without names, all of it.

    A figure is the median of ratios measured in one run. Nothing fails here: the table says what is met.

    \b
    Example:
      python -m benchmarks queue memory --rounds 9 -o json
    """
    figures: dict[str, list[Figure]] = {}
    for name in dict.fromkeys(names or BENCHMARKS):
        say(f"measuring {name}")
        begun = time.monotonic()
        figures[name] = BENCHMARKS[name](rounds)
        say(f"measured {name} in {time.monotonic() - begun:.0f} s")
    result = report(figures, rounds)
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2)
    for file in {"latest", save or "latest"}:
        (RESULTS / f"{file}.json").write_text(text + "\n")
    click.echo(text if output == "json" else table(figures))


def report(figures: dict[str, list[Figure]], rounds: int) -> dict[str, Any]:
    """The result for programs."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "d365acs": version("d365acs"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
        "benchmarks": {name: [{**asdict(line), "met": line.met} for line in lines] for name, lines in figures.items()},
    }


def table(figures: dict[str, list[Figure]]) -> str:
    """The result for people."""
    rows = [("", "ours", "floor", "figure", "middle half", "target", "")]
    for line in (line for lines in figures.values() for line in lines):
        rows.append(
            (
                f"{line.name} ({line.unit})",
                _number(line.ours),
                _number(line.floor),
                _number(line.value),
                f"{_number(line.low)} - {_number(line.high)}",
                f"{line.sense} {_number(line.target)}" if line.target is not None else "",
                {True: "met", False: "NOT MET", None: ""}[line.met],
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, 5, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    main()
