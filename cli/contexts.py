"""d365acs context: which instance is operated where nothing else says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.commands import Group, option, output_option
from cli.output import draw, say, table, write

if TYPE_CHECKING:
    from pathlib import Path

    from config.contexts import Contexts

_name = click.argument("name")


@click.group(cls=Group, example="d365acs context set stage --instance stage\nd365acs context use stage")
def context() -> None:
    """Choose which instance is operated, so that it need not be said with each command.

    What counts: an option, else its variable (D365ACS_INSTANCE, ...), else the context in use, else the default.
    """


@context.command(example="d365acs context ls")
@output_option()
def ls(output: str) -> None:
    """List the contexts; the one in use has a star."""
    file, known = _read()
    rows = [
        {
            "name": name,
            "in_use": name == known.current,
            "instance": one.instance,
            "home": one.home,
            "redis_url": one.redis_url,
        }
        for name, one in sorted(known.contexts.items())
    ]
    if output != "table":
        write(rows, output)
    elif not rows:
        say(f"There are no contexts in {file}; make one with: d365acs context set NAME --instance NAME")
    else:
        columns = [("", "left"), ("CONTEXT", "left"), ("INSTANCE", "left"), ("HOME", "left"), ("REDIS", "left")]
        drawn = [("*" if row["in_use"] else "", row["name"], *(str(row[key] or "-") for key in _KEYS)) for row in rows]
        draw(table(columns, drawn))


_KEYS = ("instance", "home", "redis_url")


@context.command(example="d365acs context use stage")
@_name
def use(name: str) -> None:
    """Use a context from now on."""
    from config.contexts import write_contexts

    file, known = _read()
    write_contexts(file, known.using(name))
    say(f"{name} is in use.")


# "Of the context": the same words without it are the general options, before the noun.
@context.command(
    "set",
    example="d365acs context set stage --instance stage --redis-url '${env:STAGE_REDIS_URL}'",
)
@_name
@option("--instance", metavar="NAME", help="Which instance is operated.")
@option("--home", metavar="PATH", help="Folder for what is kept on this machine.")
@option("--redis-url", metavar="URL", help="Redis to use; where it has a password, a reference: ${env:NAME}.")
def set_(name: str, instance: str | None, home: str | None, redis_url: str | None) -> None:
    """Make a context, or change what is given of one that is there. The first one made is in use at once."""
    from pydantic import ValidationError

    from config.contexts import Context as Chosen
    from config.contexts import write_contexts

    given = {"instance": instance, "home": home, "redis_url": redis_url}
    given = {key: value for key, value in given.items() if value is not None}
    file, known = _read()
    before = dict(known.contexts[name]) if name in known.contexts else {}
    try:
        after = known.having(name, Chosen.model_validate({**before, **given}))
        if not known.contexts:
            after = after.using(name)
    except ValidationError as invalid:
        raise click.ClickException(_reasons(invalid)) from None
    write_contexts(file, after)
    say(f"{name} is saved in {file}" + (" and in use." if after.current == name else "."))


def _reasons(invalid: object) -> str:
    from pydantic import ValidationError

    from config.sentences import in_plain_words

    assert isinstance(invalid, ValidationError)
    return "\n".join(
        f"{_option(error['loc'])} {in_plain_words(error).rstrip('.')}." for error in invalid.errors(include_url=False)
    )


def _option(place: tuple[str | int, ...]) -> str:
    last = str(place[-1]) if place else ""
    return f"--{last.replace('_', '-')}" if last in _KEYS else "A context"


@context.command(example="d365acs context rm stage")
@_name
def rm(name: str) -> None:
    """Forget a context; the instance itself is not touched."""
    from config.contexts import write_contexts

    file, known = _read()
    after = known.without(name)
    write_contexts(file, after)
    say(f"{name} is forgotten." + (" No context is in use now." if known.current == name else ""))


def _read() -> tuple[Path, Contexts]:
    from config.contexts import contexts_file, read_contexts

    file = contexts_file()
    return file, read_contexts(file)
