"""d365acs up: everything on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cli.commands import Command, option
from cli.context import Context, pass_context
from cli.output import say
from cli.signals import ask_on_signals

#: How often dead children are looked for, in seconds.
LOOK_EVERY = 0.5


@click.command(cls=Command, example="d365acs up\nd365acs up --without dashboard")
@option("--without", multiple=True, metavar="PROCESS", help="Leave out a process of the Procfile; repeatable.")
@option(
    "--procfile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Another Procfile. Default: the one of this checkout.",
)
@pass_context
def up(context: Context, without: tuple[str, ...], procfile: Path | None) -> None:
    """Run all processes of the Procfile on this machine, with an embedded Redis unless another is configured.

    What they log goes to stderr, with the process's name in front. A process that dies is started again; one
    whose port is taken waits for it. Ctrl-C or SIGTERM ends them in order: beat, dashboard, workers (which finish what
    they are sending), Redis.
    """
    from control.processes import procfile as lines_of
    from control.processes.embedded import revive, server_of
    from control.processes.supervisor import Supervisor

    settings = context.settings
    settings.sealing_keys()  # else it is the workers, one after the other, who say what is wrong with them
    path = procfile or lines_of.procfile()
    lines = lines_of.chosen(lines_of.read_procfile(path), without)
    width = max(len(name) for name in ("redis", *(line.name for line in lines)))

    def tell(name: str, text: str) -> None:
        say(f"{name:<{width}} | {text}")

    ending = ask_on_signals()
    # On a terminal people read the log; a pipe gets JSON, as a service manager wants it.
    people = settings.log_format == "auto" and sys.stderr.isatty()
    log_format = {"D365ACS_LOG_FORMAT": "console"} if people else {}
    if settings.redis_url is None:
        say(f"The embedded Redis keeps its data in {settings.home}")
    with server_of(settings, ending.is_set) as server:
        supervisor = Supervisor(lines, lines_of.environment(settings, log_format), path.absolute().parent, tell)
        try:
            supervisor.start()
            say(f"Instance {settings.instance} is up. See it with: d365acs workflow ls. Ctrl-C ends it.")
            while not ending.wait(LOOK_EVERY):
                revive(server, tell, ending.is_set)
                supervisor.look_after()
            say("Ending: workers finish what they are sending, which takes up to half a minute.")
        finally:
            supervisor.stop()
    say("All processes have ended.")
