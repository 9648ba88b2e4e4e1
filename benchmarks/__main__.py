"""python -m benchmarks [NAME...]: measures what we claim about speed and memory."""

import json
import os
import platform
import sys
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
    clients,
    consent,
    consent_record,
    events,
    first_load,
    first_run,
    freshness,
    ledger,
    load_memory,
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
    "clients": clients.run,
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
    "load_memory": load_memory.run,
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

    A figure is the median of ratios measured in one run. A target that is missed is no failure: the table says so. Each
    benchmark's figures are kept as soon as it has ended; one that breaks is named, the others go on, and the exit code
    is 1.

    \b
    Example:
      python -m benchmarks queue memory --rounds 9 -o json
    """
    figures: dict[str, list[Figure]] = {}
    failed: dict[str, str] = {}
    for name in dict.fromkeys(names or BENCHMARKS):
        say(f"measuring {name}")
        begun = time.monotonic()
        try:
            figures[name] = BENCHMARKS[name](rounds)
        except Exception as error:
            failed[name] = " ".join(f"{type(error).__name__}: {error}".split())
            say(f"{name} broke: {failed[name]}")
        else:
            say(f"measured {name} in {time.monotonic() - begun:.0f} s")
        text = json.dumps(report(figures, failed, rounds), indent=2)
        RESULTS.mkdir(exist_ok=True)
        for file in {"latest", save or "latest"}:
            (RESULTS / f"{file}.json").write_text(text + "\n")
    click.echo(text if output == "json" else table(figures))
    if failed:
        sys.exit(1)


def report(figures: dict[str, list[Figure]], failed: dict[str, str], rounds: int) -> dict[str, Any]:
    """The result for programs; `failed`: by the name of a benchmark that broke, the kind of error and its message."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "d365acs": version("d365acs"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
        "benchmarks": {name: [{**asdict(line), "met": line.met} for line in lines] for name, lines in figures.items()},
        "failed": failed,
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
