"""d365acs load: imports of new records through files, see docs/first-loads.md."""

import click

from cli.commands import Group, option
from cli.context import Context, pass_context


@click.group(cls=Group, example="d365acs load abandon contact")
def load() -> None:
    """Give up an import of new records through Campaign, of which nobody will ever know the end.

    How imports stand is shown by `d365acs workflow show ingress`.
    """


@load.command(example="d365acs load abandon contact --why 'the SFTP server is gone for good'")
@click.argument("table")
@option("--why", default="", metavar="TEXT", help="The reason, for the record of actions.")
@option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def abandon(context: Context, table: str, why: str, yes: bool) -> None:
    """Take the records of a table back from the import that is under way: they wait again.

    Only where its end cannot be known any more: Campaign's workflow is stopped and the SFTP server is gone, say. If the
    file is imported all the same, old values replace newer ones. The records are written one by one then. Of a file
    that has not come into its place they may travel in the next one; ingress is to be stopped before.
    """
    from cli.confirming import confirm
    from cli.output import say
    from control import loads
    from control.words import counted

    found = loads.under_way(context.store, table)
    wrong = f"If Campaign's workflow {found.workflow} still imports {found.file}, old values will replace newer ones."
    if found.placed:
        asked = f"{wrong} Is it stopped, and the file away?"
    else:
        asked = f"{wrong} As far as is known, the file has not come there. Is there really none?"
    confirm(f"{asked} Then take {counted(found.records, 'record')} back", yes)
    done = loads.abandon(context.store, table, context.settings.actor, why)
    again = f"{counted(done.records, 'record')} of {table} {'waits' if done.records == 1 else 'wait'} again"
    if done.placed:
        click.echo(f"{again}, to be written one by one.")
        say(f"Delete {done.file} and its results on the SFTP server, if they are there: they hold personal data.")
    else:
        click.echo(f"{again}, to be written one by one or to travel in the next file.")
        say(
            f"{done.hidden} on the SFTP server holds personal data. While records of {table} are written, d365acs "
            "takes it away once it is an hour old; delete it yourself if that is too late."
        )
