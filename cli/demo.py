"""d365acs demo: see it work, on this machine, against pretend systems."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.commands import Command, option, output_option
from cli.output import console, draw, say, table, write
from cli.signals import interrupt_on_signals
from control.words import counted, rate

if TYPE_CHECKING:
    from control.demo.stage import Demo, Part, Watch
    from control.status.workflow import WorkflowStatus

#: Calls to Campaign that the hosted app spends on an insert, an update and a delete.
THEIRS = {"insert": "1", "update": "2", "delete": "1"}

#: Seconds that the part with the changes may take at most; the first run may take as long for each 1,000 contacts.
PATIENCE = 60.0


@click.command(cls=Command, example="d365acs demo\nd365acs demo --contacts 20000 --keep")
@option(
    "--contacts",
    type=click.IntRange(min=400),
    default=5000,
    show_default=True,
    metavar="N",
    help="Contacts that the pretend Dynamics begins with; memberships, invoices and lines in proportion.",
)
@option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, and keep the folder.")
@output_option("table", "json", "yaml")
def demo(contacts: int, keep: bool, output: str) -> None:
    """See it work: real processes against a pretend Dynamics and a pretend Campaign on this machine.

    Copies contacts, memberships, invoices and invoice lines, parents before children; then changes and deletes some in
    Dynamics, waits until Campaign agrees, and compares both systems record by record. Exit code 0 only if all agree.
    """
    interrupt_on_signals()
    # /tmp or the like: the path must stay short, a Unix socket stands in it.
    home = Path(tempfile.mkdtemp(prefix="d365acs-demo-"))
    say(f"Logs and data: {home}")
    good = False
    try:
        good = _run(home, contacts, keep, output)
    finally:
        if good and not keep:
            # Kept after a failure: the logs say why.
            shutil.rmtree(home, ignore_errors=True)
        else:
            say(f"Logs and data are kept in {home}")
    if not good:
        raise click.exceptions.Exit(1)


def _run(home: Path, contacts: int, keep: bool, output: str) -> bool:
    from control.demo import stage
    from control.demo.changes import CHANGED, DELETED

    began = time.monotonic()
    with stage.demo(home, contacts, say) as running:
        say("Starting ingress: contacts flow for the first time, then what links to them, parents before children.")
        with _live() as watch:
            first = running.first_run(watch, PATIENCE * max(1.0, contacts / 1000))
        say(f"First run: {first.records:,} records in {first.seconds:.1f} s. {first.agreement.sentence()}")
        if not first.agreement.agrees:
            return False
        changed = sum(CHANGED.values())
        say(f"Changing {changed} rows and deleting {DELETED} contacts with all that hangs on them in Dynamics.")
        with _live() as watch:
            then = running.changes(watch, PATIENCE)
        say(f"Changes: Campaign agreed {then.seconds:.1f} s later. {then.agreement.sentence()}")
        good = then.agreement.agrees
        _report(first, then, time.monotonic() - began, output)
        if keep:
            _stay(running, home)
    if good and output == "table":
        _next_steps()
    return good


@contextmanager
def _live() -> Iterator[Watch]:
    """A live line on a terminal, a line now and then elsewhere; on stderr, because it is not the answer."""
    from rich.live import Live

    from cli.watch_table import watch_table

    screen = console(stderr=True)
    if screen.is_terminal:
        with Live(console=screen, auto_refresh=False, transient=True) as live:
            yield lambda status: live.update(watch_table([status], screen.width), refresh=True)
        return
    told = [0.0]

    def tell(status: WorkflowStatus) -> None:
        if time.monotonic() - told[0] >= 2:
            told[0] = time.monotonic()
            written, backlog = status.total("written"), status.backlog
            parked = f", {status.parked:,} parked" if status.parked else ""
            say(f"  {status.state}: {written:,} written, {backlog:,} waiting{parked}, {rate(status.rate('written'))}/s")
            for stream in status.streams:
                if stream.hold:
                    say(f"  held {stream.stream}: {stream.hold.sentence}")
            for trouble in status.told_troubles:
                say(f"  waits at {trouble.where}: {trouble.sentence}")

    yield tell


def _report(first: Part, then: Part, seconds: float, output: str) -> None:
    if output != "table":
        write(
            {
                "agree": then.agreement.agrees,
                "seconds": round(seconds, 1),
                "first_run": _part_data(first),
                "changes": _part_data(then),
            },
            output,
        )
        return
    rows = [
        ("insert", f"{first.inserts:,}", _calls(first.calls["POST"], first.inserts), THEIRS["insert"]),
        ("update", f"{then.updates:,}", _calls(then.calls["PATCH"], then.updates), THEIRS["update"]),
        ("delete", f"{then.deletes:,}", _calls(then.calls["DELETE"], then.deletes), THEIRS["delete"]),
        # Custom resources take no key in the address, and links take a PKey: Campaign is asked for it.
        (
            "look-up",
            f"{first.records + then.records:,}",
            _calls(_lookups(first, then), first.records + then.records),
            "-",
        ),
    ]
    columns = [("WHAT", "left"), ("RECORDS", "right"), ("CALLS EACH", "right"), ("HOSTED APP", "right")]
    draw("", table(columns, rows), "")
    click.echo(f"First run     {rate(first.per_second)} records/s, {counted(first.reads, 'call')} to Dynamics")
    click.echo(f"Changes       in Campaign {then.seconds:.1f} s after they were made in Dynamics")
    click.echo(f"Comparison    {then.agreement.sentence()}")
    click.echo(f"Whole demo    {seconds:.0f} s")


def _lookups(*parts: Part) -> int:
    return sum(part.calls["GET"] for part in parts)


def _calls(calls: int, records: int) -> str:
    return f"{calls / records:.2f}" if records else "-"


def _part_data(part: Part) -> dict[str, Any]:
    return {
        "inserts": part.inserts,
        "updates": part.updates,
        "deletes": part.deletes,
        "seconds": round(part.seconds, 2),
        "records_per_second": round(part.per_second, 1),
        "campaign_calls": part.calls,
        "dynamics_calls": part.reads,
        "tables": [
            {
                "table": one.table,
                "dynamics": one.wanted,
                "campaign": one.found,
                "missing": len(one.missing),
                "orphaned": len(one.orphaned),
                "doubled": len(one.doubled),
                "hidden": len(one.hidden),
                "differing": len(one.differing),
            }
            for one in part.agreement.comparisons
        ],
    }


def _stay(running: Demo, home: Path) -> None:
    prefix = f"d365acs --home {home} --instance demo"
    say("Everything stays up until Ctrl-C. In another terminal:")
    say(f"  {prefix} workflow watch")
    say(f"  {prefix} workflow stop ingress")
    say(f"  {prefix} config export")
    say(f"  curl -X POST -d '{{\"count\": 50}}' {running.sandbox.info['admin']['url']}/dynamics/change")
    try:
        while True:
            running.look_after()
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


def _next_steps() -> None:
    say("")
    say("Next:")
    say("  d365acs demo --keep             the same, left running to play with")
    say("  d365acs sandbox up              the pretend systems alone")
    say("  d365acs up                      worker, beat, dashboard and Redis for your own systems")
    say("  d365acs config apply FILE       tell it what flows; docs/examples has a file to begin with")
    say("  d365acs mapping add             draft a mapping of your own tables")
    say("  d365acs workflow start ingress  begin")
