"""No traceback reaches an operator: what is foreseen becomes its sentence, the rest a file and a sentence about it."""

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.context import Context


def as_sentence(error: Exception, context: Context) -> str:
    """What the operator is told. Imports stand here because only a failure needs them."""
    from redis.exceptions import RedisError

    from config.contexts import UnknownContext
    from config.problems import ConfigProblems
    from config.secrets import SecretMissing
    from config.settings import BadSettings
    from connectors.errors import ConnectorError
    from control.errors import ControlError
    from control.opening import silence
    from control.words import to_a_person
    from store.embedded import CannotStart
    from store.revisions import EditedMeanwhile
    from sync.fitting.findings import Misfitting

    foreseen = (
        BadSettings, ConfigProblems, ControlError, CannotStart, EditedMeanwhile, Misfitting,
        SecretMissing, UnknownContext,
    )  # fmt: skip
    if isinstance(error, ConnectorError):
        return to_a_person(str(error))
    if isinstance(error, foreseen):
        return str(error)
    if isinstance(error, RedisError):
        return silence(context.settings, error)
    return _unforeseen(error, _errors_folder(context))


def _errors_folder(context: Context) -> Path:
    try:
        return context.settings.home / "errors"
    except Exception:  # settings that cannot be read may be what failed
        return Path("~/.local/state/d365acs/errors").expanduser()


def _unforeseen(error: Exception, folder: Path) -> str:
    kind = type(error).__name__
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = folder / f"{moment}-{kind}-{os.getpid()}.txt"
    try:
        for each in (folder.parent, folder):  # the home may not be there yet, and is its owner's alone
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The trace may hold what only the operator should see.
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError as unwritable:
        return f"Something unforeseen happened ({kind}), and its trace could not be written: {unwritable.strerror}."
    return f"Something unforeseen happened ({kind}); please report it with the trace in {path}"


class Failure(click.ClickException):
    """Exit code 1, and sentences on stderr."""

    def show(self, file: object = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"Error: {line}", err=True)
