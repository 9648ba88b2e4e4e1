"""d365acs config: what flows, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.output import draw, say, table, warn, write
from control.words import ago, iso

if TYPE_CHECKING:
    from control.configuration import Applied, Difference

_file = click.argument("file", type=click.Path(path_type=Path, allow_dash=False))
_why = option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")


@click.group(cls=Group, example="d365acs config apply d365acs.yaml")
def config() -> None:
    """Save, export, check, compare and take back what the workflows do."""


@config.command(example="d365acs config export > d365acs.yaml\nd365acs config export egress --active")
@click.argument("workflow_name", metavar="[WORKFLOW]", required=False)
@option("--active", is_flag=True, help="What runs, instead of what was saved last.")
@option("--revision", type=click.IntRange(min=1), metavar="N", help="An earlier revision; needs a WORKFLOW.")
@output_option("yaml", "json")
@pass_context
def export(context: Context, workflow_name: str | None, active: bool, revision: int | None, output: str) -> None:
    """Print the saved configuration as the file that `config apply` takes back; of one WORKFLOW, or of all."""
    from config.document import dump, plain
    from control import configuration

    if revision and (active or workflow_name is None):
        raise click.UsageError(
            "--revision goes with a WORKFLOW and without --active: config export ingress --revision 1"
        )
    document = configuration.export(context.store, workflow_name, revision, active)
    if workflow_name is None:
        _warn_of_differences(context, "; these are those that were saved last")
    if output == "yaml":
        click.echo(dump(document), nl=False)
    else:
        write(plain(document), output)


def _warn_of_differences(context: Context, remark: str = "") -> None:
    from control.configuration import differing_connections

    if differing := differing_connections(context.store):
        names = " and ".join(f"connections.{system}" for system in differing)
        warn(f"The workflows are saved with different {names}{remark}. Apply one file for all, and they have the same.")


@config.command(example="d365acs config validate d365acs.yaml\nd365acs config validate d365acs.yaml --live")
@_file
@option("--live", is_flag=True, help="Hold it against the live systems, too.")
@output_option("table", "json", "jsonl", "yaml")
@pass_context
def validate(context: Context, file: Path, live: bool, output: str) -> None:
    """Check a file: every mistake at once, each with its line. Exit code 1 if there is one.

    Without --live no connection is needed.
    """
    from cli.problems import tell_found, tell_good
    from config.problems import ConfigProblems
    from control import configuration

    try:
        document = configuration.validate(file)
    except ConfigProblems as found:
        tell_found(found.problems, [], output)
        raise click.exceptions.Exit(1) from None
    if live:
        from cli.judging import judge_file

        judge_file(context, file, document, output)
        return
    tell_good(f"{file}: good; it configures {', '.join(document.workflows()) or 'no workflow'}.", output)


@config.command(example='d365acs config apply d365acs.yaml --why "map the phone number"')
@_file
@_why
@output_option()
@pass_context
def apply(context: Context, file: Path, why: str, output: str) -> None:
    """Save a file as the next revision of each workflow whose part has changed.

    What runs goes on unchanged; the next stop and start takes the newest revision. A workflow that the file does not
    configure stays as it is saved.
    """
    from control import configuration

    document = configuration.validate(file)
    tell_applied(configuration.apply(context.store, document, context.settings.actor, why), output)
    _say_untouched(configuration.untouched(context.store, document))
    _warn_of_differences(context)


def _say_untouched(names: list[str]) -> None:
    for name in names:
        say(f"{name} is not in this file and stays as it is saved.")


def tell_applied(applied: list[Applied], output: str) -> None:
    """What was saved, and what still runs under an earlier revision."""
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
        for sentence in one.warnings:
            warn(sentence)
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
    untouched: list[str] = []
    if file is not None:
        document = configuration.validate(file)
        found = configuration.compare_with_file(context.store, document)
        untouched = configuration.untouched(context.store, document)
    else:
        found = configuration.compare_with_active(context.store)
    for sentence in [sentence for one in found for sentence in one.warnings]:
        warn(sentence)
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
    _say_untouched(untouched)
    if not found and file is None:
        say("No workflow was ever started; compare a file with: d365acs config diff FILE")
    elif not found:
        say("The file configures no workflow.")


@config.command(example="d365acs config history\nd365acs config history ingress -o json")
@click.argument("workflow_name", metavar="[WORKFLOW]", required=False)
@option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many, newest first."
)
@output_option()
@pass_context
def history(context: Context, workflow_name: str | None, limit: int, output: str) -> None:
    """List the revisions of a workflow, or of all: when, by whom, from where, why."""
    from control.history import history as entries

    found = entries(context.store, workflow_name, limit)
    if output != "table":
        write(
            [
                {
                    "workflow": one.workflow,
                    "revision": one.revision.number,
                    "at": iso(one.revision.at_ms),
                    "by": one.revision.by,
                    "origin": one.revision.origin or None,
                    "why": one.revision.why,
                    "active": one.active,
                    "newest": one.newest,
                }
                for one in found
            ],
            output,
        )
        return
    if not found:
        lacking = f"{workflow_name} has no" if workflow_name else "No workflow has a"
        say(f"{lacking} configuration yet; save one with: d365acs config apply FILE")
        return
    now_ms = context.store.now_ms()
    rows = [
        (
            one.workflow,
            str(one.revision.number),
            "active" if one.active else "",
            ago(one.revision.at_ms, now_ms),
            one.revision.by,
            one.revision.origin or "-",
            one.revision.why or "-",
        )
        for one in found
    ]
    columns = [
        ("WORKFLOW", "left"),
        ("REVISION", "right"),
        ("", "left"),
        ("SAVED", "left"),
        ("BY", "left"),
        ("ORIGIN", "left"),
        ("WHY", "left"),
    ]
    draw(table(columns, rows))


@config.command(example='d365acs config rollback ingress 3 --why "the filter was wrong"')
@click.argument("workflow_name", metavar="WORKFLOW")
@click.argument("revision", type=click.IntRange(min=1))
@_why
@output_option()
@pass_context
def rollback(context: Context, workflow_name: str, revision: int, why: str, output: str) -> None:
    """Save what an earlier revision says as the next one; it takes effect with the next stop and start."""
    from control.history import rollback as back

    tell_applied([back(context.store, workflow_name, revision, context.settings.actor, why)], output)


@config.command(example="d365acs config schema > d365acs.schema.json")
def schema() -> None:
    """Print the JSON Schema of configuration files, by which editors check and complete them."""
    from config.reference import schema as described

    click.echo(described(), nl=False)
