"""Opens a text in the operator's editor, until it is good or left; a text that was not saved is kept in a file."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from cli.context import Context
from cli.output import say

Result = TypeVar("Result")

#: Editors that are tried where neither VISUAL nor EDITOR names one.
_USUAL = ("editor", "vi", "nano")


def on_terminal() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def edit(
    context: Context,
    name: str,
    header: str,
    text: str,
    save: Callable[[str, str], Result],
    again: str,
    always: bool = False,
) -> Result | None:
    """What `save(text, filename)` answers for the edited text; None if nothing was changed.

    `header` stands above the text as comments. While `save` raises mistakes they are told, and on a terminal the text
    can be edited again; else it is kept, and `again` is the command that goes on with it. `always`: an unchanged text
    is saved too, because it was never saved. Raises ClickException.
    """
    from config.problems import ConfigProblems
    from control.errors import ControlError
    from store.revisions import EditedMeanwhile

    program = _program()
    before = f"{commented(header)}\n{text}"
    file = _file(context, name, before)
    while True:
        complaint = _open(program, file)
        after = file.read_text(encoding="utf-8", errors="replace")
        if complaint:
            raise click.ClickException(f"{complaint} {_rest(file, after == before, again)}")
        if _says_nothing(after) or (after == before and not always):
            file.unlink()
            return None
        try:
            result = save(after, str(file))
        except (ConfigProblems, ControlError) as mistakes:
            for line in str(mistakes).splitlines():
                say(line)
            if not (on_terminal() and click.confirm("Edit again?", default=True, err=True)):
                raise click.ClickException(f"Nothing is saved. Go on with your text: {again} {file}") from None
        except EditedMeanwhile as other:
            raise click.ClickException(f"{str(other).rstrip('.')}: {again} {file}") from None
        except BaseException:
            say(f"Your text is kept in {file}")
            raise
        else:
            file.unlink()
            return result


def _program() -> list[str]:
    """The editor with its options. Raises ClickException."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if named:
        return shlex.split(named)
    for usual in _USUAL:
        if on_terminal() and shutil.which(usual):
            return [usual]
    raise click.ClickException("There is no editor; name one in the variable EDITOR.")


def _says_nothing(text: str) -> bool:
    """Whether all was taken out but comments, the usual way to say: never mind."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def _open(program: list[str], file: Path) -> str:
    """What went wrong with the editor; empty if nothing did."""
    try:
        code = subprocess.run([*program, str(file)], check=False).returncode
    except OSError as error:
        return f"The editor {program[0]} cannot be started ({error.strerror}); name another in the variable EDITOR."
    return f"The editor {program[0]} ended with exit code {code}." if code else ""


def _rest(file: Path, unchanged: bool, again: str) -> str:
    """What becomes of the text where the editor failed."""
    if unchanged:
        file.unlink()
        return "Nothing is saved."
    return f"Nothing is saved. Go on with your text: {again} {file}"


def _file(context: Context, name: str, text: str) -> Path:
    """A new file in the home folder, which is its owner's alone."""
    folder = context.settings.home / "edits"
    for each in (folder.parent, folder):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    handle, path = tempfile.mkstemp(dir=folder, prefix=f"{name}-{moment}-", suffix=".yaml")
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
    return Path(path)


def commented(header: str) -> str:
    """The lines as comments, long ones broken."""
    lines = (part for line in header.splitlines() for part in textwrap.wrap(line, 110, subsequent_indent="  ") or [""])
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
