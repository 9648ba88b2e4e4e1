"""d365acs dashboard: Flower with the Workflows page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import Group, option
from cli.context import Context, pass_context
from cli.output import say, warn

if TYPE_CHECKING:
    from dashboard.serve import Served


class _WithFlower(Group):
    """What is no option or command of ours is an option of Flower, written --name=value as Flower has it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours = {name for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
        # What stands behind a command is that command's.
        end = next((index for index, arg in enumerate(args) if arg in self.commands), len(args))
        flowers = [arg for arg in args[:end] if arg.startswith("--") and arg.partition("=")[0] not in ours]
        ctx.meta["flower"] = flowers
        return super().parse_args(ctx, [*(arg for arg in args[:end] if arg not in flowers), *args[end:]])


_address = option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="Where it listens. Beyond this machine only where people log in.",
)
_port = option("--port", type=click.IntRange(0, 65535), default=5555, show_default=True, help="The port; 0 takes any.")
_users = option(
    "--users",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file of users. Default: dashboard.users in the home folder, if it is there.",
)
_pem = click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True)
_prefix = option("--url-prefix", default="", metavar="PATH", help="Behind a proxy: the path under which it answers.")


@click.group(
    cls=_WithFlower,
    invoke_without_command=True,
    subcommand_metavar="[FLOWER OPTIONS] | COMMAND",
    example="d365acs dashboard --port 5556\n"
    "d365acs dashboard user ann --role operate\n"
    "d365acs dashboard --address 0.0.0.0 --certfile dash.pem --keyfile dash.key",
)
@_address
@_port
@_users
@_prefix
@option("--certfile", type=_pem, help="The certificate, and...")
@option("--keyfile", type=_pem, help="...its key, in PEM: the dashboard then speaks TLS.")
@pass_context
def dashboard(
    context: Context,
    address: str,
    port: int,
    users: Path | None,
    url_prefix: str,
    certfile: Path | None,
    keyfile: Path | None,
) -> None:
    """Serve Flower with a page for the workflows: see them, start and stop them, edit, replay, retry.

    It has the pages and options of Flower besides its own; those are written --name=value, as in --db=flower.db, and
    have FLOWER_ variables. Beyond this machine it listens only where people log in: with users, see `dashboard user`,
    or with Flower's --basic-auth or --auth. On this machine everybody may look without them, and whoever opens the link
    of `dashboard link` operates.
    """
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is not None:
        if ctx.meta["flower"]:
            raise click.UsageError(f"There is no option {ctx.meta['flower'][0]} here.")
        return
    if (certfile is None) != (keyfile is None):
        raise click.UsageError("--certfile and --keyfile go together.")
    from dashboard.serve import serve

    home = context.settings.home
    more = {"url_prefix": url_prefix, "certfile": certfile, "keyfile": keyfile}
    given = [f"--address={address}", f"--port={port}", *(f"--{name}={value}" for name, value in more.items() if value)]
    given += ctx.meta["flower"]
    serve(context.settings, given, users or default_users(home), _tell)


def default_users(home: Path) -> Path | None:
    path = home / "dashboard.users"
    return path if path.exists() else None


def _tell(served: Served) -> None:
    say(f"The Workflows page: {served.page}")
    if served.key:
        say("To operate there, open the link that this prints: d365acs dashboard link")
    for sentence in served.warnings:
        warn(sentence)


@dashboard.command(example="d365acs dashboard link")
@option("--address", default="127.0.0.1", envvar="D365ACS_DASHBOARD_ADDRESS", help="Where the dashboard listens.")
@option("--port", default=5555, show_default=True, envvar="D365ACS_DASHBOARD_PORT", help="Its port.")
@option("--url-prefix", default="", envvar="D365ACS_DASHBOARD_URL_PREFIX", help="Its path behind a proxy.")
@pass_context
def link(context: Context, address: str, port: int, url_prefix: str) -> None:
    """Print the link with which you operate where nobody logs in.

    Keep it to yourself: it holds the key, which stands in the home folder, and your browser remembers it for a month.
    Remove dashboard.key there and start the dashboard again, and the link is of no use any more.
    """
    from dashboard.link import address_of, key_of, link_of

    click.echo(link_of(address_of("http", address, port, url_prefix), key_of(context.settings.home)))


@dashboard.command(example="d365acs dashboard user ann --role operate\nd365acs dashboard user bob --remove")
@click.argument("name")
@option("--role", type=click.Choice(["view", "operate"]), default="view", show_default=True, help="What they may do.")
@option("--no-password", is_flag=True, help="A role for somebody who logs in with Flower's --auth or --basic-auth.")
@option("--remove", is_flag=True, help="Take the user out.")
@option("--users", type=click.Path(path_type=Path, dir_okay=False), envvar="D365ACS_DASHBOARD_USERS",
        help="The file of users. Default: dashboard.users in the home folder.")  # fmt: skip
@pass_context
def user(context: Context, name: str, role: str, no_password: bool, remove: bool, users: Path | None) -> None:
    """Add a user of the dashboard, change one, or take one out. A running dashboard knows it at once.

    The password is asked for on a terminal, and read from stdin elsewhere.

    view sees everything and changes nothing; operate starts, stops, edits, replays, retries. Passwords are kept as
    scrypt hashes, in a file for your eyes alone. With the first user a dashboard that runs begins to ask.
    """
    from dashboard.users import Role, remove_user, write_user

    path = users or context.settings.home / "dashboard.users"
    if remove:
        remove_user(path, name)
        say(f"{name} is taken out of {path}.")
        return
    password = None if no_password else _asked()
    is_first = not path.exists()
    new = write_user(path, name, Role(role), password)
    say(f"{name} {'is added' if new else 'is changed'}, and may {role}; {path} has it.")
    if is_first:
        say("A dashboard that runs with this file asks everybody to log in from now on.")


def _asked() -> str:
    from cli.editing import on_terminal

    if on_terminal():
        found: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return found
    found = sys.stdin.readline().rstrip("\n")
    if not found:
        raise click.UsageError("There is no password; write it to stdin, or say --no-password.")
    return found
