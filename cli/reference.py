"""Writes docs/cli.md from the commands themselves: python -m cli.reference > docs/cli.md

With --check docs/cli.md it only says whether that page is fresh.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import cli

#: Characters of a line in the page, whatever terminal it is made on.
WIDTH = 100

INTRODUCTION = """\
# The command line

Made from the commands by `python -m cli.reference > docs/cli.md`; a test keeps it fresh.

A noun, then a verb: `d365acs workflow start ingress`.

**Output.** The answer goes to stdout, everything else to stderr. `-o` chooses how the answer is written: `table` for
people, `json`, `yaml`, or `jsonl` (one line for each item) for programs. Tables show ages ("3 min ago"), programs get
times in ISO 8601 (UTC). `NO_COLOR=1` switches colours off; a pipe never gets any.

**Exit codes.** 0 done, 1 failed (one sentence on stderr says why), 2 wrong usage, 3 done but some records were refused.

**Variables.** Every option has a variable, shown in its help. The general ones (`D365ACS_INSTANCE`, `D365ACS_HOME`,
`D365ACS_REDIS_URL`) are those of the worker processes too, so that one environment serves all.

**Contexts.** `d365acs context set stage --instance stage` names an instance with its home folder and its Redis;
`d365acs context use stage` uses it from then on. An option counts more than its variable, a variable more than the
context in use. Worker processes read no contexts. They are kept in `~/.config/d365acs/contexts.yaml`
(`D365ACS_CONTEXTS`, `XDG_CONFIG_HOME`).

**Editing.** `mapping add`, `mapping edit` and `workflow edit` open `$VISUAL` or `$EDITOR`. What you leave there is
checked: every mistake is told with its line, and a text that is not saved is kept in the home folder.

**Completion.** For bash: `eval "$(_D365ACS_COMPLETE=bash_source d365acs)"` in `~/.bashrc`. For zsh the same with
`zsh_source` in `~/.zshrc`. For fish: `_D365ACS_COMPLETE=fish_source d365acs | source` in
`~/.config/fish/completions/d365acs.fish`.

"""


def contexts() -> Iterator[click.Context]:
    """Every command with its place in the tree, parents first."""
    root = click.Context(cli, info_name="d365acs", terminal_width=WIDTH, **cli.context_settings)
    yield root
    yield from _below(root)


def _below(parent: click.Context) -> Iterator[click.Context]:
    if not isinstance(parent.command, click.Group):
        return
    for name in parent.command.list_commands(parent):
        command = parent.command.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
        yield context
        yield from _below(context)


def page() -> str:
    """The whole page, in Markdown."""
    parts = [INTRODUCTION.rstrip("\n")]
    for context in contexts():
        parts.append(f"## {context.command_path}")
        parts.append(f"```text\n{context.get_help()}\n```")
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str]) -> None:
    """Writes the page; with --check FILE exits with a sentence if FILE is another."""
    if arguments[:1] != ["--check"]:
        click.echo(page(), nl=False)
    elif any(Path(file).read_text() != page() for file in arguments[1:]):
        sys.exit(f"{' '.join(arguments[1:])} is not fresh; run: python -m cli.reference > docs/cli.md")


if __name__ == "__main__":
    main(sys.argv[1:])
