"""d365acs config: what flows, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.output import counted, draw, say, table, warn, write

if TYPE_CHECKING:
    from control.configuration import Difference

_file = click.argument("file", type=click.Path(path_type=Path, allow_dash=False))


@click.group(cls=Group, example="d365acs config apply d365acs.yaml")
def config() -> None:
    """Save, show, check and compare what the workflows do."""


@config.command(example="d365acs config show > d365acs.yaml\nd365acs config show --active")
@click.argument("workflow_name", metavar="[WORKFLOW]", required=False)
@option("--active", is_flag=True, help="What runs, instead of what was saved last.")
@option("--revision", type=click.IntRange(min=1), metavar="N", help="An earlier revision; needs a WORKFLOW.")
@output_option("yaml", "json")
@pass_context
def show(context: Context, workflow_name: str | None, active: bool, revision: int | None, output: str) -> None:
    """Show the saved configuration as a file that `config apply` takes back."""
    from config.document import dump
    from control import configuration

    if revision and (active or workflow_name is None):
        raise click.UsageError("--revision goes with a WORKFLOW and without --active: config show ingress --revision 1")
    document = configuration.show(context.store, workflow_name, revision, active)
    if output == "yaml":
        click.echo(dump(document), nl=False)
    else:
        write(document.model_dump(mode="json", exclude_none=True), output)


@config.command(example="d365acs config validate d365acs.yaml")
@_file
@output_option("table", "json", "jsonl", "yaml")
def validate(file: Path, output: str) -> None:
    """Check a file, without any connection: every mistake at once, each with its line. Exit code 1 if there is one."""
    from config.problems import ConfigProblems
    from control import configuration

    try:
        document = configuration.validate(file)
    except ConfigProblems as found:
        if output == "table":
            for problem in found.problems:
                click.echo(str(problem))
            say(f"{counted(len(found.problems), 'mistake')} found.")
        else:
            write([problem._asdict() for problem in found.problems], output)
        raise click.exceptions.Exit(1) from None
    if output == "table":
        configured = ", ".join(document.workflows()) or "no workflow"
        say(f"{file}: good; it configures {configured}.")
    else:
        write([], output)


@config.command(example='d365acs config apply d365acs.yaml --why "map the phone number"')
@_file
@option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")
@output_option()
@pass_context
def apply(context: Context, file: Path, why: str, output: str) -> None:
    """Save a file as the next revision of each workflow whose part has changed.

    What runs goes on unchanged; the next stop and start takes the newest revision.
    """
    from control import configuration

    document = configuration.validate(file)
    applied = configuration.apply(context.store, document, context.settings.actor, why)
    if output != "table":
        write(
            [
                {"workflow": one.workflow, "revision": one.revision, "changed": one.changed, "waits": one.waits}
                for one in applied
            ],
            output,
        )
    else:
        rows = [(one.workflow, str(one.revision), "saved" if one.changed else "unchanged") for one in applied]
        draw(table([("WORKFLOW", "left"), ("REVISION", "right"), ("RESULT", "left")], rows))
    for one in applied:
        if one.waits:
            warn(
                f"{one.workflow} runs under an earlier revision; apply the changes with: "
                f"d365acs workflow restart {one.workflow}"
            )


@config.command(example="d365acs config diff d365acs.yaml\nd365acs config diff")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@output_option("diff", "json", "jsonl", "yaml")
@pass_context
def diff(context: Context, file: Path | None, output: str) -> None:
    """Show what applying a file would change; without a file, what the next stop and start would change."""
    from control import configuration

    found: list[Difference]
    if file is not None:
        found = configuration.compare_with_file(context.store, configuration.validate(file))
    else:
        found = configuration.compare_with_active(context.store)
    if output != "diff":
        write([{"workflow": d.workflow, "old": d.old, "new": d.new, "diff": d.text} for d in found], output)
        return
    for one in found:
        if one.text:
            # The diff itself names its sides old and new; what they are is said here.
            say(f"{one.workflow}: {one.old} -> {one.new}")
            click.echo(one.text, nl=False)
        else:
            say(f"{one.workflow}: no difference between {one.old} and {one.new}.")
    if not found:
        say("No workflow was ever started; compare a file with: d365acs config diff FILE")
