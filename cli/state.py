"""d365acs state: how far reading has come, shown, kept in a file, and put back."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from cli.commands import Group, option, output_option
from cli.confirming import confirm
from cli.context import Context, pass_context
from cli.output import draw, say, table, write
from control.words import ago, counted, iso, number

if TYPE_CHECKING:
    from control.positions import StreamPosition

_why = option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")
_yes = option("--yes", is_flag=True, help="Do not ask.")
_file = click.argument("file", type=click.File("r", encoding="utf-8"))


@click.group(cls=Group, example="d365acs state get ingress\nd365acs state export > positions.json")
def state() -> None:
    """See how far each stream was read, keep it in a file, put it back.

    A reading position says from where Dynamics, the journal or the files are asked for what is new. It holds no record.
    What waits on the queues, and what is known to be written, is not part of it: to keep everything, back Redis up.
    """


@state.command(example="d365acs state get ingress\nd365acs state get ingress contact -o json")
@click.argument("workflow_name", metavar="[WORKFLOW]", required=False)
@click.argument("stream", metavar="[STREAM]", required=False)
@output_option()
@pass_context
def get(context: Context, workflow_name: str | None, stream: str | None, output: str) -> None:
    """Show the positions of all workflows, of one, or of one of its streams; whole with -o json."""
    from control.positions import positions

    found = positions(context.store, workflow_name, stream)
    if output != "table":
        write([_data(one) for one in found], output)
    elif not found:
        say("Nothing is configured yet, so that nothing is read; begin with: d365acs config apply FILE")
    else:
        now_ms = context.store.now_ms()
        columns = [("WORKFLOW", "left"), ("STREAM", "left"), ("PAGES", "right"), ("LAST", "left")]
        rows = [(one.workflow, one.stream, number(one.pages), ago(one.at_ms, now_ms)) for one in found]
        draw(table(columns, rows))


@state.command(example="d365acs state export > positions.json")
@output_option("json", "yaml", "jsonl")
@pass_context
def export(context: Context, output: str) -> None:
    """Write the positions of all streams that were read, for `state import`.

    It is a way back to a moment, or to another Redis. With an older position, what has changed since is read once more,
    and what is equal in both systems costs no request where the ledger still knows it.
    """
    from control.positions import positions

    write([_data(one) for one in positions(context.store) if one.position], output)


@state.command(
    "set",
    example="d365acs state set ingress contact contact.json\nd365acs state set ingress contact --beginning",
)
@click.argument("workflow_name", metavar="WORKFLOW")
@click.argument("stream", metavar="STREAM")
@click.argument("file", type=click.File("r", encoding="utf-8"), required=False)
@option("--beginning", is_flag=True, help="From the beginning: everything is read again.")
@_why
@_yes
@pass_context
def set_(
    context: Context,
    workflow_name: str,
    stream: str,
    file: IO[str] | None,
    beginning: bool,
    why: str,
    yes: bool,
) -> None:
    """Put a position in place of a stream's own, from FILE (- is stdin).

    The file is what `d365acs state get` or `state export` wrote as JSON or YAML. The workflow must be stopped. A
    position that is too new leaves out what lies between; one that is too old, or --beginning, has it read once more.
    """
    from control.positions import set_position

    if (file is None) is not beginning:
        raise click.UsageError("Name a FILE with the position, or say --beginning.")
    position: dict[str, Any] = {} if file is None else _one(_read(file), workflow_name, stream)
    confirm(f"Put another position in place of that of {stream}?", yes)
    before = set_position(context.store, workflow_name, stream, position, context.settings.actor, why)
    say(f"The position of {stream} is set, for the next start of {workflow_name}. The one from before is on stdout.")
    write([_data(before)], "json")


@state.command("import", example="d365acs state import positions.json")
@_file
@_why
@_yes
@pass_context
def import_(context: Context, file: IO[str], why: str, yes: bool) -> None:
    """Set every position of an export (- is stdin). The workflows must be stopped; all are looked at first."""
    from control.positions import PartlySet, import_positions

    lines = _read(file)
    confirm(f"Put {counted(len(lines), 'position')} in place of those that are there?", yes)
    try:
        _tell(import_positions(context.store, lines, context.settings.actor, why))
    except PartlySet as partly:
        _tell(partly.befores)
        raise


def _tell(befores: list[StreamPosition]) -> None:
    say(f"{counted(len(befores), 'position')} set, for the next start. Those from before are on stdout.")
    write([_data(one) for one in befores], "json")


def _data(one: StreamPosition) -> dict[str, Any]:
    return {
        "workflow": one.workflow,
        "stream": one.stream,
        "pages": one.pages,
        "stored": iso(one.at_ms),
        "position": dict(one.position),
    }


def _read(file: IO[str]) -> list[Any]:
    """The entries of an export in JSON, lines of JSON, or YAML."""
    import json

    import yaml

    text = file.read()
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise click.ClickException(f"{file.name} is neither JSON nor YAML.") from None
    return found if isinstance(found, list) else [found]


def _one(lines: list[Any], workflow: str, stream: str) -> dict[str, Any]:
    for line in lines:
        if isinstance(line, dict) and (line.get("workflow"), line.get("stream")) == (workflow, stream):
            position = line.get("position")
            if isinstance(position, dict):
                return position
    raise click.ClickException(f"The file holds no position of {stream} of {workflow}.")
