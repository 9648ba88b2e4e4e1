"""d365acs demo: see it work, on this machine, against pretend systems."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import Command, option, output_option
from cli.output import console, say
from cli.signals import interrupt_on_signals
from control.words import rate

if TYPE_CHECKING:
    from cli.demo_report import Conflicts
    from control.demo.campaign import Told
    from control.demo.consent import Settled
    from control.demo.stage import Demo, Part, Watch
    from control.status.workflow import WorkflowStatus

#: Seconds that each part may take at most; the first run may take as long for each 1,000 contacts.
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
    Dynamics, waits until Campaign agrees, and compares both systems record by record. Then a campaign of 2,000 email
    events appears on the timelines of contacts, each event once, though many are delivered twice. In the end people opt
    in and out on both sides; two of the decisions are explained. Exit code 0 only if all agree.
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
    from cli.demo_report import Result, report
    from control.demo import consent, stage

    began = time.monotonic()
    with stage.demo(home, contacts, consent.CONFIG, say) as running:
        records = _records(running, contacts)
        events = _events(running) if records else None
        settled = _consent(running) if events else None
        if not records or not events or not settled:
            return False
        looked, changed, conflicts = settled
        result = Result(*records, *events, looked, changed, conflicts, time.monotonic() - began)
        report(result, output)
        if keep:
            _stay(running, home)
    if result.agrees and output == "table":
        _next_steps()
    return result.agrees


def _records(running: Demo, contacts: int) -> tuple[Part, Part] | None:
    """From Dynamics to Campaign; None if they do not agree in the end."""
    from control.demo.changes import CHANGED, DELETED

    say("Starting ingress: contacts, then what links to them, parents before children.")
    with _live() as watch:
        first = running.first_run(watch, PATIENCE * max(1.0, contacts / 1000))
    say(f"First run: {first.records:,} records in {first.seconds:.1f} s. {first.agreement.sentence()}")
    if not first.agreement.agrees:
        return None
    changed = sum(CHANGED.values())
    say(f"Changing {changed} rows in Dynamics, deleting {DELETED} contacts with all that hangs on them.")
    with _live() as watch:
        then = running.changes(watch, PATIENCE)
    say(f"Changes: Campaign agreed {then.seconds:.1f} s later. {then.agreement.sentence()}")
    return (first, then) if then.agreement.agrees else None


def _events(running: Demo) -> tuple[Told, Told] | None:
    """From Campaign to Dynamics; None if they do not agree in the end."""
    from control.demo import campaign

    sent = campaign.send_emails(running)
    say(f"A campaign of {sent.emails:,} emails has led to {len(sent.events):,} events in Campaign's journal.")
    say("Starting egress: events become activities on the timelines of contacts.")
    with _live() as watch:
        first = campaign.first_time(running, sent, watch, PATIENCE)
    say(f"Events: {first.created:,} activities in {first.seconds:.1f} s. {first.timelines.sentence()}")
    if not first.timelines.agrees:
        return None
    say(f"Half of the journal comes again, and {campaign.LATE} emails that were sent days ago come back.")
    with _live() as watch:
        again = campaign.once_more(running, sent, watch, PATIENCE)
    say(f"Again: {again.delivered:,} events, {again.created:,} new activities. {again.timelines.sentence()}")
    return (first, again) if again.timelines.agrees else None


def _consent(running: Demo) -> tuple[Settled, Settled, Conflicts] | None:
    """Both ways; None if both systems do not agree in the end."""
    from control.demo import consent

    conflicts = consent.disagree(running)
    say("Two people change their minds, each in both systems. Nobody looks yet.")
    say("Starting optinout: consent becomes the same in both systems.")
    with _live() as watch:
        first = consent.first_look(running, watch, PATIENCE)
    say(f"Consent: both systems agreed {first.seconds:.1f} s later. {first.consents.sentence()}")
    if not first.consents.agrees:
        return None
    say(f"People change their minds {consent.CHANGES} times, in either system, some in both at once.")
    with _live() as watch:
        then = consent.changes(running, watch, PATIENCE)
    say(f"Minds: both systems agreed {then.seconds:.1f} s later. {then.consents.sentence()}")
    if not then.consents.agrees:
        return None
    one, other = conflicts
    return first, then, ((one, consent.explained(running, one)), (other, consent.explained(running, other)))


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
    from control.status.waiting import wish

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
                say(f"  waits {wish(trouble.where)}: {trouble.sentence}")

    yield tell


def _stay(running: Demo, home: Path) -> None:
    prefix = f"d365acs --home {home} --instance demo"
    say("Everything stays up until Ctrl-C. In another terminal:")
    say(f"  {prefix} workflow watch")
    say(f"  {prefix} workflow stop ingress")
    say(f"  {prefix} config export")
    admin = running.sandbox.info["admin"]["url"]
    say(f"  curl -X POST -d '{{\"count\": 50}}' {admin}/dynamics/change")
    say(f"  curl -X POST -d '{{\"sends\": 500}}' {admin}/events/campaign")
    say(f"  curl -X POST -d '{{\"changes\": 50}}' {admin}/consent/changes")
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
    say("  d365acs up                      all processes, for your own systems")
    say("  d365acs config apply FILE       tell it what flows; see docs/examples")
    say("  d365acs mapping add             draft a mapping of your own tables")
    say("  d365acs workflow start ingress  begin; egress and optinout likewise")
