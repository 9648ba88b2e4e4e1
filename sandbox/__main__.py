"""`python -m sandbox up`: start every server on loopback, say where, run until SIGINT or SIGTERM."""

import gc
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click
import orjson
import uvloop

from sandbox.admin import Admin
from sandbox.gates import CampaignGate, DynamicsGate, EntraGate, ImsGate, JournalGate
from sandbox.server import Asgi, listen, serve
from sandbox.switches import Switches
from sandbox.tls import server_context
from sandbox.world import Addresses, Beginning, World

_PORTS = ("dynamics", "entra", "campaign", "ims", "admin", "journal", "sftp")


class _WithExample(click.Command):
    """Its help ends with the lines of its epilog as they are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(self.epilog or "")


_EXAMPLE = """
Example:
  d365acs sandbox up --port-base 9000 --campaign-events 2000 --campaign-into files --sftp-key sftp_key
  d365acs sandbox up --contacts 100000 --switch expire_change_tracking_days=1 -o json
"""


@click.group()
def main() -> None:
    """Pretend Dynamics 365 and Adobe Campaign Standard servers on loopback."""


def _as_switch(text: str) -> tuple[str, Any]:
    name, mark, value = text.partition("=")
    if not mark:
        raise click.BadParameter(f"{text!r} is not of the form name=value.")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


@main.command(cls=_WithExample, epilog=_EXAMPLE)
@click.option("--contacts", default=1000, show_default=True, type=click.IntRange(0), help="Made-up contacts.")
@click.option("--accounts", default=100, show_default=True, type=click.IntRange(0), help="Made-up accounts.")
@click.option("--memberships", default=0, show_default=True, type=click.IntRange(0), help="Made-up memberships.")
@click.option("--invoices", default=0, show_default=True, type=click.IntRange(0), help="Invoices of memberships.")
@click.option("--invoice-lines", default=0, show_default=True, type=click.IntRange(0), help="Lines of invoices.")
@click.option("--campaign-events", default=0, show_default=True, type=click.IntRange(0), help="Of a past campaign.")
@click.option("--campaign-into", default="journal", type=click.Choice(["journal", "files", "both"]), show_default=True)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same people and credentials.")
@click.option(
    "--port-base", default=0, type=click.IntRange(0, 65500), help="First of seven ports; free ones without it."
)
@click.option("-o", "--output", default="text", type=click.Choice(["text", "json"]), show_default=True)
@click.option("--organization", default="acme-mkt-stage", show_default=True, help="Campaign organisation in the URL.")
@click.option("--profile-key", help="Unique custom key of profiles: a field, or none.  [default: externalId]")
@click.option("--service-protection/--no-service-protection", default=False, help="Dataverse's request limits.")
@click.option("--tls", metavar="DIR", type=click.Path(path_type=Path), help="HTTPS; the certificate is written to DIR.")
@click.option(
    "--sftp-key", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write the SFTP key to FILE."
)
@click.option("--switch", "switches", multiple=True, metavar="NAME=VALUE", help="Any switch of docs/sandbox.md.")
def up(
    contacts: int,
    accounts: int,
    memberships: int,
    invoices: int,
    invoice_lines: int,
    campaign_events: int,
    campaign_into: str,
    seed: int,
    port_base: int,
    output: str,
    organization: str,
    profile_key: str | None,
    service_protection: bool,
    tls: Path | None,
    sftp_key: Path | None,
    switches: tuple[str, ...],
) -> None:
    """Start all servers and run in the foreground until SIGINT or SIGTERM."""
    given = dict(_as_switch(text) for text in switches) | {"service_protection": service_protection}
    if profile_key is not None:
        given["profile_key"] = profile_key
    try:
        chosen = Switches().changed(given)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    try:
        listeners = [listen(port_base + number if port_base else 0) for number in range(len(_PORTS))]
    except OSError as wrong:
        raise click.ClickException(
            f"A port from {port_base} on is taken ({wrong.strerror}); choose another --port-base or leave it out."
        ) from wrong
    campaign = None
    if campaign_events:
        if not contacts:
            raise click.UsageError("A campaign needs somebody to write to: give --contacts as well.")
        places = ["journal", "files"] if campaign_into == "both" else [campaign_into]
        campaign = {"events": campaign_events, "seed": seed, "into": places}
    scheme = "http" if tls is None else "https"
    urls = [f"{scheme}://127.0.0.1:{listener.getsockname()[1]}" for listener in listeners]
    at_admin = _PORTS.index("admin")
    urls[at_admin] = f"http{urls[at_admin].removeprefix(scheme)}"
    rows = {
        "contact": contacts,
        "account": accounts,
        "new_membership": memberships,
        "new_invoice": invoices,
        "new_invoiceline": invoice_lines,
    }
    world = World(
        Beginning(seed, rows, organization, chosen, campaign),
        Addresses(**dict(zip(_PORTS[:-1], urls, strict=False)), sftp_port=listeners[-1].getsockname()[1]),
    )
    if sftp_key is not None:
        _write_key(sftp_key, world.launch_info()["sftp"]["private_key"])
    # The rows live as long as the process: scanning them again and again costs a tenth of the speed.
    gc.freeze()
    gates: list[Asgi] = [
        DynamicsGate(world),
        EntraGate(world),
        CampaignGate(world),
        ImsGate(world),
        Admin(world),
        JournalGate(world),
    ]

    def ready() -> None:
        info = world.launch_info()
        if output == "json":
            sys.stdout.write(orjson.dumps(info).decode() + "\n")
        else:
            for system, members in info.items():
                for name, value in members.items():
                    sys.stdout.write(f"{system}.{name}: {value}\n")
            sys.stdout.write("\nReady. In the other terminals:\n\n")
            for system in ("dynamics", "campaign"):
                secret = shlex.quote(info[system]["client_secret"])
                sys.stdout.write(f"export {system.upper()}_CLIENT_SECRET={secret}\n")
            if sftp_key is not None:
                path = shlex.quote(str(sftp_key.absolute()))
                sys.stdout.write(f'export SFTP_PRIVATE_KEY="$(cat {path})"\n')
        sys.stdout.flush()

    context = None if tls is None else server_context(tls)
    contexts = [None if name == "admin" else context for name in _PORTS]
    apps = list(zip(gates, listeners, contexts, strict=False))
    uvloop.run(serve(apps, (world.events.sftp, listeners[-1]), ready))


def _write_key(path: Path, key: str) -> None:
    """Readable by its owner alone, as keys are kept."""
    try:
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key)
    except OSError as wrong:
        raise click.UsageError(f"The SFTP key cannot be written to {path}: {wrong.strerror}.") from wrong


if __name__ == "__main__":
    # Whoever starts it as a part of another command is told that command.
    main(prog_name=os.environ.get("SANDBOX_COMMAND", "python -m sandbox"))
