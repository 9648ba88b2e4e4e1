"""The lines of a Procfile: which programs run, and with what environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import workers
from config.settings import PREFIX, Settings
from control.errors import ProcessTrouble


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a Procfile."""

    name: str
    command: str


def procfile() -> Path:
    """The Procfile of the checkout that runs. Raises ProcessTrouble."""
    path = Path(next(iter(workers.__path__))).parent / "Procfile"
    if not path.exists():
        raise ProcessTrouble(f"There is no Procfile at {path}; run d365acs from a checkout, or name one: --procfile.")
    return path


def read_procfile(path: Path) -> list[Line]:
    """`name: command`, one a line; empty lines and lines that begin with # are left out. Raises ProcessTrouble."""
    try:
        text = path.read_text()
    except OSError as error:
        raise ProcessTrouble(f"{path} cannot be read: {error.strerror}.") from None
    lines = []
    for number, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        name, colon, command = raw.partition(":")
        if not colon or not name.strip() or not command.strip():
            raise ProcessTrouble(f"{path}:{number}: a line of a Procfile looks like  worker: celery ...")
        lines.append(Line(name.strip(), command.strip()))
    return lines


def chosen(lines: list[Line], without: tuple[str, ...]) -> list[Line]:
    """The lines that are not left out. Raises ProcessTrouble for a name that is not there."""
    names = {line.name for line in lines}
    for name in without:
        if name not in names:
            raise ProcessTrouble(f"There is no process {name} to leave out; there is {', '.join(sorted(names))}.")
    return [line for line in lines if line.name not in without]


def environment(settings: Settings, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What children run with: ours, with the chosen instance over it, and this installation's programs first."""
    # Handed on as a whole: secrets that a configuration refers to stand in it too.
    found = {**os.environ, **(more or {})}
    found["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{found.get('PATH', os.defpath)}"
    found[f"{PREFIX}HOME"] = str(settings.home)
    found[f"{PREFIX}INSTANCE"] = settings.instance
    found[f"{PREFIX}ACTOR"] = settings.actor
    found[f"{PREFIX}CONCURRENCY"] = str(settings.concurrency)
    found[f"{PREFIX}CONSENT_CONCURRENCY"] = str(settings.consent_concurrency)
    if settings.redis_url is None:
        found.pop(f"{PREFIX}REDIS_URL", None)
    else:
        found[f"{PREFIX}REDIS_URL"] = settings.redis_url
    return found
