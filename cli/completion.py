"""d365acs completion: what a shell needs to complete commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cli.commands import PREFIX, Command


@click.command(
    cls=Command,
    example="d365acs completion bash > ~/.d365acs-completion.bash\n"
    "d365acs completion fish > ~/.config/fish/completions/d365acs.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Write the script that lets a shell complete commands and options.

    bash and zsh: source the file in ~/.bashrc or ~/.zshrc. fish finds it in its own folder.
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, "d365acs", f"_{PREFIX}_COMPLETE").source())
