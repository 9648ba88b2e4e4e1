"""The command d365acs: a noun, then a verb. Answers on stdout, everything else on stderr; exit codes 0, 1, 2, 3."""

from pathlib import Path
from typing import Any

import click

from cli.commands import PREFIX, Command, Group, option, output_option
from cli.context import Context


class Root(Group):
    """The door of all commands: whatever goes wrong behind it leaves as a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise _failure(error, ctx) from None
        except Exception as error:
            raise _failure(error, ctx) from None


def _failure(error: Exception, ctx: click.Context) -> click.ClickException:
    from cli.failures import Failure, as_sentence

    context = ctx.obj if isinstance(ctx.obj, Context) else Context()
    return Failure(as_sentence(error, context))


@click.group(
    cls=Root,
    example="d365acs demo\nd365acs workflow ls",
    context_settings={"auto_envvar_prefix": PREFIX, "help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@option("--instance", metavar="NAME", help="Which instance is operated; stage, dev and production share nothing.")
@option(
    "--home", type=click.Path(path_type=Path), help="Folder for what is kept here. Default: ~/.local/state/d365acs."
)
@option("--redis-url", metavar="URL", help="Redis to use. Default: the embedded server of the home folder.")
@click.pass_context
def cli(ctx: click.Context, instance: str | None, home: Path | None, redis_url: str | None) -> None:
    """Keeps Microsoft Dynamics 365 and Adobe Campaign Standard in step.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some records were refused.
    """
    ctx.obj = Context(instance, home, redis_url)


@cli.command(cls=Command, example="d365acs version\nd365acs version -o json")
@output_option()
def version(output: str) -> None:
    """Say which version this is; for programs also that of Python."""
    import platform
    from importlib import metadata

    from cli.output import write

    found = metadata.version("d365acs")
    if output == "table":
        click.echo(found)
    else:
        write({"version": found, "python": platform.python_version()}, output)


def main() -> None:
    """The entry point of the installed command."""
    cli(prog_name="d365acs")


def _register() -> None:
    from cli import (
        completion,
        config,
        consent,
        contexts,
        dashboard,
        demo,
        dlq,
        doctor,
        load,
        mapping,
        metrics,
        record,
        replay,
        sandbox,
        schema,
        state,
        up,
        worker,
        workflow,
    )

    nouns = (
        workflow.workflow,
        mapping.mapping,
        schema.schema,
        replay.replay,
        load.load,
        record.record,
        dlq.dlq,
        consent.consent,
        config.config,
        state.state,
        worker.worker,
        contexts.context,
    )
    for command in (
        *nouns,
        doctor.doctor,
        metrics.metrics,
        up.up,
        dashboard.dashboard,
        demo.demo,
        sandbox.sandbox,
        completion.completion,
    ):
        cli.add_command(command)


_register()
