"""d365acs dlq: dead letters, what was set aside: see why, retry it, give it up."""

from __future__ import annotations

import json
from typing import Any

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.dlq_acts import drop, retry
from cli.dlq_naming import (
    ids_argument,
    narrowing_options,
    one_argument,
    one_named,
    selection_of,
    workflow_argument,
)
from cli.output import draw, say, stream_out, write
from cli.watching import Watch, answered, watch_options

_any_workflow = click.argument("workflow_name", metavar="[WORKFLOW]", required=False)


@click.group(cls=Group, example="d365acs dlq stats\nd365acs dlq retry ingress --cause unmappable --wait")
def dlq() -> None:
    """See dead letters, what was set aside and why; retry them, or give them up.

    A record that cannot be written is set aside with its reason and its content, and the others go on. One that is
    corrected in Dynamics comes by itself; what was corrected elsewhere is retried here.
    """


@dlq.command(example="d365acs dlq stats\nd365acs dlq stats --watch\nd365acs dlq stats ingress -o json")
@_any_workflow
@watch_options
@output_option()
@pass_context
def stats(context: Context, workflow_name: str | None, output: str, watch: Watch | None) -> None:
    """Count them by cause, with the newest of each, what to do about it, and the command that comes then."""
    from cli.dlq_views import causes_table, remedy_lines
    from control.dead_letters import causes
    from control.dead_letters.data import causes_data

    answered(
        context,
        lambda: causes(context.store, workflow_name),
        lambda found: [causes_table(found, context.store.now_ms(), with_workflow=True), *remedy_lines(found)],
        causes_data,
        output,
        watch,
        "Nothing is set aside.",
    )


@dlq.command(example="d365acs dlq ls\nd365acs dlq ls egress --cause unmappable --since 2h -o jsonl")
@_any_workflow
@narrowing_options
@option("--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="How many, at most.")
@output_option()
@pass_context
def ls(context: Context, /, workflow_name: str | None, limit: int, output: str, **narrowing: Any) -> None:
    """List them, the newest first, without their content."""
    from cli.dlq_views import letters_table
    from control.dead_letters import letters, with_stream
    from control.dead_letters.data import letter_data

    names = [workflow_name] if workflow_name else with_stream(context.store, narrowing["stream"])
    found = [
        one for name in names for one in letters(context.store, selection_of(context, name, **narrowing), limit + 1)
    ]
    found.sort(key=lambda one: one.dead_ms, reverse=True)
    if output != "table":
        write([letter_data(one) for one in found[:limit]], output)
    elif found:
        draw(letters_table(found[:limit], context.store.now_ms()))
    else:
        say("No dead letter fits; see what there is with: d365acs dlq stats")
    if len(found) > limit:
        say(f"There are more; see them with: --limit {limit * 10}")


@dlq.command(
    example="d365acs dlq show 5d6c7f1e-0f0b-4b0e-9a58-000000000001\n"
    "d365acs dlq show ingress 5d6c7f1e-0f0b-4b0e-9a58-000000000001 --reveal"
)
@one_argument
@option("--stream", metavar="NAME", help="Its stream, where several have one of this id.")
@option("--reveal", is_flag=True, help="Show its values, which is entered into the history.")
@output_option("table", "json", "yaml")
@pass_context
def show(context: Context, /, named: tuple[str, ...], stream: str | None, reveal: bool, output: str) -> None:
    """Show one with its content: which columns it has, and of what kind each value is.

    WORKFLOW is needed only where several have one of this id.

    Where queued records are encrypted, the keys are needed here, too (D365ACS_PAYLOAD_KEYS_FILE).
    """
    from cli.dlq_views import opened_parts
    from control.dead_letters import letter
    from control.dead_letters.data import opened_data

    store = context.unsealed
    workflow_name, record_id = one_named(named)
    found = letter(store, workflow_name, record_id, reveal, context.settings.actor, stream)
    if output != "table":
        write(opened_data(found), output)
        return
    draw(*opened_parts(found, store.now_ms()))
    if found.content and found.content.values and not reveal:
        say("See the values with --reveal, which is entered into the history.")


@dlq.command(
    example="d365acs dlq export ingress --cause unmappable > unmappable.csv\nd365acs dlq export egress -o jsonl"
)
@workflow_argument
@ids_argument
@narrowing_options
@option("--reveal", is_flag=True, help="Write the values, which is entered into the history.")
@output_option("csv", "jsonl")
@pass_context
def export(
    context: Context, /, workflow_name: str, ids: tuple[str, ...], reveal: bool, output: str, **narrowing: Any
) -> None:
    """Write them as a file, however many there are, one line each; with masked values unless they are revealed.

    The columns: workflow, stream, id, cause, why, system, place, attempts, queued, set_aside (times in ISO 8601, UTC),
    content (what it is, in words), values (JSON). Where queued records are encrypted, the keys are needed here, too.
    """
    from control.dead_letters import COLUMNS
    from control.dead_letters import export as rows_of

    rows = rows_of(
        context.unsealed, selection_of(context, workflow_name, ids, **narrowing), reveal, context.settings.actor
    )
    if output == "csv":
        rows = ({**row, "values": json.dumps(row["values"], ensure_ascii=False)} for row in rows)
    stream_out(COLUMNS, rows, output)


dlq.add_command(retry)
dlq.add_command(drop)
