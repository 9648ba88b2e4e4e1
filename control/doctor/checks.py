"""One finding of the doctor: a colour, what was seen, and the remedy where one is needed."""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

#: Told what is being looked at, before it is: a sentence.
Tell = Callable[[str], None]


class Colour(StrEnum):
    GREEN = "green"  # as it should be
    YELLOW = "yellow"  # works, but should be seen to
    RED = "red"  # does not work, or loses data some day


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    colour: Colour
    finding: str
    remedy: str = ""


def file_check(name: str, path: Path) -> Check:
    """Whether a secret file can be read by its owner alone."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return Check(name, Colour.RED, f"{path} cannot be looked at: {error.strerror}.", "Put the file there.")
    if mode & 0o077:
        return Check(name, Colour.YELLOW, f"{path} can be read by others (mode {mode:04o}).", f"Run: chmod 600 {path}")
    return Check(name, Colour.GREEN, f"{path} can be read by its owner alone.")
