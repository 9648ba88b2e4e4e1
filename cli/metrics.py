"""d365acs metrics: what Prometheus reads."""

from __future__ import annotations

import threading

import click

from cli.commands import Group, option
from cli.context import Context, pass_context
from cli.output import say


@click.group(cls=Group, invoke_without_command=True, example="d365acs metrics\nd365acs metrics serve --port 9365")
@click.pass_context
def metrics(ctx: click.Context) -> None:
    """Print all metrics once, in the text format of Prometheus; or serve them.

    They come from Redis, so that they are right however many workers there are: one server for an instance is enough.
    """
    if ctx.invoked_subcommand is not None:
        return
    from control.metrics.exposition import exposition

    context = ctx.ensure_object(Context)
    click.echo(exposition(context.store, context.settings).text, nl=False)


@metrics.command(example="d365acs metrics serve\nd365acs metrics serve --address 0.0.0.0 --anywhere")
@option("--address", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@option("--port", default=9365, show_default=True, type=click.IntRange(0, 65535), help="Its port; 0: a free one.")
@option("--anywhere", is_flag=True, help="Listen beyond this machine, too: whoever reaches the port can read.")
@pass_context
def serve(context: Context, address: str, port: int, anywhere: bool) -> None:
    """Serve metrics to Prometheus until Ctrl-C: /metrics, and /livez and /readyz for who looks after processes."""
    from cli.signals import ask_on_signals
    from control.metrics.server import MetricsServer

    with MetricsServer(address, port, context.store, context.settings, anywhere) as server:
        ending = ask_on_signals()
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        say(f"Metrics of instance {context.settings.instance} are served at {server.url}; Ctrl-C ends this.")
        ending.wait()
        server.shutdown()
