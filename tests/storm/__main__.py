"""`make storm`: one storm for each seed, a table, and a file with everything that is known of them.

Without `--without` the storms must show no violation; with it a guard of the product is taken away, and they must.
"""

import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NoReturn

import click

from tests.sandboxes import Sandbox
from tests.storm import storm
from tests.storm.storm import LONG_STORM, SHORT_STORM, Result

#: The guards that are taken away, one after the other, in the negative controls. The names are those of `application`.
#: By each the kinds of violations that show it; what is unfinished, idle or broken off shows nothing of a guard.
GUARDS = {
    "deadline": ("order", "configuration"),
    "gate": ("configuration",),
    "token": ("lost",),
    "seal": ("secrecy",),
    "hold": ("order",),
}
#: In so many storms everything must have come that may befall anybody.
MANY = 20
#: With a guard away, so many seeds are tried until one of them shows it.
TRIES = 6

_sandbox: Sandbox | None = None


def seeds_of(text: str) -> list[int]:
    """`20` are the first twenty, `40-60` those, `7,40-60` these. Raises BadParameter for what names no seed."""
    parts = [f"1-{text}"] if text.isdecimal() else text.split(",")
    seeds: list[int] = []
    for part in parts:
        ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        found = range(int(ends[1]), int(ends[2] or ends[1]) + 1) if ends else ()
        if not found:
            raise click.BadParameter(f"{part!r} names no seeds; write 20, 40-60, or 7,40-60.")
        seeds.extend(found)
    return seeds


def one_storm(seed: int, without: str, short: bool, keep: Path | None) -> Result:
    """In a process of its own, which has a sandbox of its own."""
    try:
        sandbox = _opened_sandbox()
        return storm.run(sandbox, seed, SHORT_STORM if short else LONG_STORM, without, keep and keep / f"{seed}")
    except SystemExit:
        os._exit(1)  # everything is ended; the pool would wait for another storm
    except Exception:
        return Result(seed, without, violations=[f"the storm broke off: {traceback.format_exc()}"])


def _opened_sandbox() -> Sandbox:
    global _sandbox
    if _sandbox is None:
        _sandbox = storm.open_sandbox()
    return _sandbox


def _begin_process() -> None:
    """Ended from outside, or left alone, it takes its servers along. The variables of whoever runs this must not reach
    them."""
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_stay_with, args=(os.getppid(),), daemon=True).start()
    for name in [name for name in os.environ if name.startswith("D365ACS_")]:
        del os.environ[name]
    # Hundreds of processes: what they run is compiled once, whatever the environment says.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _stay_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing must cut short what is ended here
    _end_process()
    raise SystemExit(1)


def _end_process(*_: object) -> None:
    global _sandbox
    if _sandbox is not None:
        _sandbox.close()
        _sandbox = None


def storms(seeds: Sequence[int], jobs: int, without: str, short: bool, keep: Path | None) -> Iterator[Result]:
    """As they end, several at a time."""
    with ProcessPoolExecutor(jobs, initializer=_begin_process) as pool:
        for done in as_completed([pool.submit(one_storm, seed, without, short, keep) for seed in seeds]):
            yield done.result()
        for ended in [pool.submit(_end_process) for _ in range(jobs * 4)]:
            ended.result()


def line_of(result: Result) -> str:
    work, blows = result.work, result.blows
    kills = sum(count for what, count in blows.items() if what.startswith("SIGKILL"))
    sleeps = sum(count for what, count in blows.items() if what.startswith("SIGSTOP"))
    redis = sum(count for what, count in blows.items() if "redis" in what)
    turns = sum(blows.get(what, 0) for what in ("stop and start", "edit", "replay"))
    done = [work.get(what, 0) for what in ("writes", "rows imported", "activities", "flags written")]
    befell = [sum(result.faults.values()), kills, sleeps, redis, turns, len(result.violations)]
    columns = zip((5, 7.1, 8, 8, 7, 6, 7, 6, 6, 6, 6, 11), (result.seed, result.seconds, *done, *befell), strict=True)
    return " ".join(f"{value:{width}{'f' if isinstance(value, float) else ''}}" for width, value in columns)


HEAD = " seed seconds   writes imported  events  flags  faults  kills sleeps  redis  turns  violations"


@click.command()
@click.option(
    "--seeds",
    default="20",
    show_default=True,
    callback=lambda context, parameter, text: seeds_of(text),
    help="20: the first twenty; 40-60: those; 7,40-60: these.",
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 8), help="Storms at a time.")
@click.option("--json", "file", default="build/storm.json", show_default=True, type=click.Path(path_type=Path))
@click.option("--without", default="", type=click.Choice(["", *GUARDS]), help="Take a guard of the product away.")
@click.option("--controls/--no-controls", default=True, show_default=True, help="The storms that must show violations.")
@click.option("--short", is_flag=True, help="As short as in make test.")
@click.option("--keep", type=click.Path(path_type=Path), help="Leave the logs of all processes in this folder.")
def main(seeds: list[int], jobs: int, file: Path, without: str, controls: bool, short: bool, keep: Path | None) -> None:
    """Exit code 1 if a storm shows violations, or if one does not that must."""
    results: list[Result] = []
    file.parent.mkdir(parents=True, exist_ok=True)
    click.echo(HEAD)
    for result in storms(seeds, jobs, without, short, keep):
        results.append(result)
        click.echo(line_of(result))
        for violation in result.violations[:10] if not without else []:
            click.echo(f"      {violation[:1500]}")
        if result.violations and not without:
            click.echo(
                f"      once more: make storm SEEDS={result.seed}-{result.seed}{' SHORT=1' if short else ''} CONTROLS="
            )
        file.write_text(json.dumps([one.as_json() for one in results], indent=1))
    _tell_sums(results)
    bad = [one.seed for one in results if (not shows(one) if without else one.violations)]
    if not without and not short and len(results) >= MANY and (never := storm.never_came(results)):
        click.echo(f"In none of these storms: {', '.join(never)}.")
        bad.append(0)
    shown = _controls(seeds[0], jobs, file) if controls and not without and not short else True
    sys.exit(1 if bad or not shown else 0)


def shows(result: Result) -> bool:
    """Whether a storm without one of the guards shows what it is for."""
    return any(violation.startswith(GUARDS[result.without]) for violation in result.violations)


def _tell_sums(results: Sequence[Result]) -> None:
    for title, counts in (
        ("faults of the systems", Counter(_sum([one.faults for one in results]))),
        ("blows, turns and changes", Counter(_sum([one.blows for one in results]))),
        ("work", Counter(_sum([one.work for one in results]))),
    ):
        click.echo(f"\n{title}")
        for what, count in sorted(counts.items()):
            click.echo(f"  {what:30} {count:8}")
    wrong = {one.seed: len(one.violations) for one in results if one.violations}
    where = f" (in {', '.join(map(str, wrong))})" if wrong else ""
    click.echo(f"\nSeeds: {len(results)}. Violations: {sum(wrong.values())}{where}.")


def _sum(counts: Sequence[dict[str, int]]) -> Counter[str]:
    return sum((Counter(one) for one in counts), Counter())


def _controls(first: int, jobs: int, file: Path) -> bool:
    """Whether a storm without each of the guards shows it, within a few seeds."""
    click.echo("\nThe same storms without a guard, which must show violations:\n" + HEAD)
    all_shown, results = True, []
    for guard in GUARDS:
        shown = False
        for seed in range(first, first + TRIES):
            [result] = storms([seed], 1, guard, False, None)
            results.append(result)
            kinds = Counter(violation.partition(":")[0] for violation in result.violations)
            click.echo(f"{line_of(result)}  without the {guard}: {dict(kinds)}")
            if shown := shows(result):
                break
        if not shown:
            again = f"python -m tests.storm --without {guard} --seeds {first}-{first}"
            click.echo(
                f"No seed from {first} to {first + TRIES - 1} shows what the {guard} is for; try one again: {again}"
            )
        all_shown = all_shown and shown
    file.with_suffix(".controls.json").write_text(json.dumps([one.as_json() for one in results], indent=1))
    return all_shown


if __name__ == "__main__":
    main()
