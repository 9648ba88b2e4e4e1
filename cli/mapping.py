"""d365acs mapping: which Dynamics tables flow into which Campaign resources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.mapping_edits import ADDING, EDITING, edited, read, saved_from, tell
from cli.output import draw, say, table, write

if TYPE_CHECKING:
    from config.ingress import TableMapping
    from control.mappings.drafting import Draft
    from control.mappings.saved import Saved

_why = option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")
_table = click.argument("table_name", metavar="TABLE")
_from_file = option(
    "--file", type=click.Path(path_type=Path, dir_okay=False), help="Take the mapping from a file, without an editor."
)


@click.group(cls=Group, example="d365acs mapping add contact profile\nd365acs mapping ls")
def mapping() -> None:
    """See, add, edit, delete and check table mappings: which table flows into which resource, field by field.

    Each change is a revision of the configuration, and takes effect with the next stop and start.
    """


@mapping.command(example="d365acs mapping ls")
@output_option()
@pass_context
def ls(context: Context, output: str) -> None:
    """List the saved mappings."""
    from config.document import plain
    from control.mappings.saved import saved

    tables = saved(context.store).ingress.tables
    if output != "table":
        write([plain(one) for one in tables], output)
        return
    if not tables:
        say("Nothing is mapped; begin with: d365acs mapping add contact profile")
        return
    columns = [
        ("TABLE", "left"),
        ("RESOURCE", "left"),
        ("KEY", "left"),
        ("FIELDS", "right"),
        ("LINKS TO", "left"),
        ("FILTER", "left"),
        ("DELETES", "left"),
    ]
    draw(table(columns, [_listed(one) for one in tables]))


def _listed(one: TableMapping) -> list[str]:
    links = ", ".join(dict.fromkeys(link.table for link in one.links)) or "-"
    deletes = [word for word, holds in _DELETES.items() if getattr(one, holds)]
    return [
        one.table,
        one.resource,
        one.key.field,
        str(len(one.fields)),
        links,
        _filter(one) or "-",
        " and ".join(deletes) or "-",
    ]


_DELETES = {"deleted": "apply_deletes", "filtered out": "delete_filtered_out"}


def _filter(one: TableMapping) -> str:
    if one.filter is None:
        return ""
    count = len(one.filter.conditions)
    return "1 condition" if count == 1 else f"{'all' if one.filter.every else 'any'} of {count} conditions"


@mapping.command(example="d365acs mapping show contact\nd365acs mapping show contact -o yaml")
@_table
@output_option()
@pass_context
def show(context: Context, table_name: str, output: str) -> None:
    """Show one saved mapping, line by line; as YAML it is what `mapping edit` opens."""
    from config.document import dump, plain
    from control.mappings.saved import saved

    one = saved(context.store).mapping(table_name)
    if output == "yaml":
        click.echo(dump(one), nl=False)
    elif output != "table":
        write(plain(one), output)
    else:
        from cli.mapping_views import shown

        draw(*shown(one))


@mapping.command(
    example="d365acs mapping add contact profile\nd365acs mapping add new_vehicle cusVehicle --key crmId --draft"
)
@_table
@click.argument("resource")
@option("--key", metavar="FIELD", help="Campaign field for the ids of Dynamics. Default: the likeliest one.")
@option("--draft", is_flag=True, help="Print the draft; save nothing.")
@_from_file
@_why
@output_option()
@pass_context
def add(
    context: Context,
    table_name: str,
    resource: str,
    key: str | None,
    draft: bool,
    file: Path | None,
    why: str,
    output: str,
) -> None:
    """Add a mapping: drafted by matching names and types of both live systems, for you to finish.

    On a terminal the draft opens in your editor, and what you leave there is saved; elsewhere it is saved as drafted.
    An emptied text saves nothing.
    """
    from control.mappings.fragments import text_of
    from control.mappings.saved import saved

    before = saved(context.store)
    before.check_new(table_name)
    if file is not None:
        tell(saved_from(context, before, read(file), str(file), why, table_name, resource), output)
        return
    drafted = _draft(context, before, table_name, resource, key)
    from cli.editing import commented, on_terminal

    if draft:
        click.echo(commented("\n".join(drafted.notes)) + text_of(drafted.mapping), nl=False)
        return

    if on_terminal():
        edited(context, before, drafted.mapping, ADDING, why, output, drafted.notes, new=True)
        return
    tell(saved_from(context, before, text_of(drafted.mapping), "the draft", why, table_name), output)
    for note in drafted.notes:
        say(note)


def _draft(context: Context, before: Saved, table_name: str, resource: str, key: str | None) -> Draft:
    from control.mappings.drafting import draft
    from control.mappings.live import SCHEMA_SECONDS, systems_of

    with systems_of(before.document.connections, context.store) as systems:
        described = systems.dynamics.table(table_name, SCHEMA_SECONDS)
        target = systems.campaign.resource(resource, SCHEMA_SECONDS)
        filters = systems.campaign.filters(resource, SCHEMA_SECONDS)
    mapped = {one.table: one.resource for one in before.ingress.tables}
    return draft(described, target, filters, mapped, key)


@mapping.command(example="d365acs mapping edit contact\nd365acs mapping edit contact --file contact.yaml")
@_table
@_from_file
@_why
@output_option()
@pass_context
def edit(context: Context, table_name: str, file: Path | None, why: str, output: str) -> None:
    """Edit a mapping in your editor (VISUAL or EDITOR); it is checked and saved when you leave.

    The pair of table and resource and its key cannot be edited: delete the mapping and add another.
    """
    from control.mappings.saved import saved

    before = saved(context.store)
    one = before.mapping(table_name)
    if file is not None:
        tell(saved_from(context, before, read(file), str(file), why, table_name), output)
    else:
        edited(context, before, one, EDITING, why, output)


@mapping.command("add-flags", example="d365acs mapping add-flags contact")
@_table
@_why
@output_option()
@pass_context
def add_flags(context: Context, table_name: str, why: str, output: str) -> None:
    """Add the pairs of optinout to a mapping of profiles: consent travels with contacts.

    For direction: dynamics_to_campaign, in which optinout itself moves nothing. Flags that the mapping writes already
    stay as they are.
    """
    from control.mappings.saved import saved
    from control.optinout import add_flags as add_pairs

    done = add_pairs(context.store, saved(context.store), table_name, context.settings.actor, why)
    tell(done.applied, output)
    if output == "table":
        if done.there:
            say(f"Mapped before, and left as they are: {', '.join(done.there)}.")
        say(f"Added to the mapping of {table_name}: {', '.join(done.added)}." if done.added else "Nothing was added.")


@mapping.command(example="d365acs mapping delete new_vehicle --yes")
@_table
@option("--yes", is_flag=True, help="Do not ask.")
@_why
@output_option()
@pass_context
def delete(context: Context, table_name: str, yes: bool, why: str, output: str) -> None:
    """Delete a mapping. Its records stay in Campaign; from the next stop and start on nothing updates them."""
    from cli.confirming import confirm
    from control.mappings.saved import delete as remove
    from control.mappings.saved import saved

    one = saved(context.store).mapping(table_name)
    confirm(f"Delete the mapping of {one.table} to {one.resource}?", yes)
    from cli.config import tell_applied

    tell_applied([remove(context.store, table_name, context.settings.actor, why)], output)


@mapping.command(example="d365acs mapping validate\nd365acs mapping validate d365acs.yaml")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@output_option("table", "json", "jsonl", "yaml")
@pass_context
def validate(context: Context, file: Path | None, output: str) -> None:
    """Hold the saved mappings, or those of a file, against both live systems. Exit code 1 if one does not fit.

    Fields and columns, types, keys, mandatory fields, lengths, replacements, filters, links; guardrails are warnings.
    """
    from cli.judging import judge_file
    from control import configuration

    document = configuration.validate(file) if file else configuration.export(context.store)
    judge_file(context, file, document.model_copy(update={"egress": None, "optinout": None}), output)


@mapping.command(
    example="d365acs mapping preview contact\nd365acs mapping preview contact --file contact.yaml --limit 1000 --exact"
)
@_table
@option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A mapping that is not saved, as `mapping show` has it.",
)
@option("--limit", type=click.IntRange(1, 5000), default=100, show_default=True, metavar="N", help="How many records.")
@option("--exact", is_flag=True, help="Look a sample up in Campaign.")
@option("--reveal", is_flag=True, help="Show examples of values, which is entered into the history.")
@output_option("table", "json", "yaml")
@pass_context
def preview(
    context: Context, table_name: str, file: Path | None, limit: int, exact: bool, reveal: bool, output: str
) -> None:
    """Preview a mapping, saved or from a file, on live records: field by field, and what would become of them.

    The first records of the table are read, filtered, mapped and compared with what is known of Campaign; nothing is
    written. How many columns hold anything, are replaced or do not fit is counted, with an example of each.
    """
    from cli.rehearsal_views import preview_parts
    from control.mappings.fragments import read_mapping
    from control.mappings.saved import saved
    from control.rehearsal import preview as previewed
    from control.rehearsal.data import preview_data

    document = read_mapping(read(file), str(file), saved(context.store), table_name) if file else None
    found = previewed(context.store, table_name, document, limit, exact, reveal, context.settings.actor)
    if output != "table":
        write(preview_data(found), output)
        return
    draw(*preview_parts(found))
    if not reveal:
        say("See values with --reveal, which is entered into the history.")
