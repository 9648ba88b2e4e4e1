"""d365acs record: explain what becomes of one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.output import draw, say, write

if TYPE_CHECKING:
    from connectors.errors import System
    from control.explain import Explanation


@click.group(cls=Group, example="d365acs record explain 5d6c7f1e-0f0b-4b0e-9a58-000000000001")
def record() -> None:
    """See what becomes of one record, and why."""


@record.command(
    example="d365acs record explain 5d6c7f1e-0f0b-4b0e-9a58-000000000001\n"
    "d365acs record explain @UiBKnwFGiJ3dpFLX --reveal"
)
@click.argument("record_id", metavar="ID")
@option("--system", type=click.Choice(["dynamics", "campaign"]), help="Whose id it is. Default: seen from the id.")
@option("--workflow", "workflow_name", metavar="WORKFLOW", help="Only what this workflow makes of it.")
@option("--reveal", is_flag=True, help="Show its values, which is entered into the history.")
@output_option("table", "json", "yaml")
@pass_context
def explain(
    context: Context, record_id: str, system: System | None, workflow_name: str | None, reveal: bool, output: str
) -> None:
    """Explain one record: whether it waits or was set aside, what was confirmed, how it is in Dynamics now, what the
    filter and the mapping make of it, what Campaign holds, and what comes of it in one sentence.

    ID is that of a record in Dynamics, which is its key in Campaign, too; a PKey of Campaign, which begins with @; or
    the id of an event, or of its activity. Both systems are asked, nothing is written. The configuration is the active
    one; of a workflow that is off, the saved one.
    """
    from cli.record_views import explained
    from control.explain import as_data
    from control.explain import explain as explained_by

    found: Explanation = explained_by(
        context.unsealed, record_id, system, workflow_name, reveal, context.settings.actor
    )
    if output != "table":
        write(as_data(found), output)
        return
    draw(*explained(found))
    if not reveal and any(part.lines or part.event for part in found.parts):
        say("See the values with --reveal, which is entered into the history.")
