"""Secrets by reference: a configuration says where a secret is kept, never what it is.

`${env:NAME}` is an environment variable of the process, `${file:/path}` the content of a file.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from config.settings import environment_variable

_REFERENCE = re.compile(r"\$\{(?:env:(?P<env>[A-Za-z_][A-Za-z0-9_]*)|file:(?P<file>/[^}\x00-\x1f\x7f]+))\}")

#: A secret file larger than this is not a secret; bytes.
LARGEST_SECRET = 65_536


class SecretMissing(Exception):
    """A secret cannot be read; the sentence names the reference, never the secret."""


def is_reference(text: str) -> bool:
    """Whether this text says where a secret is kept."""
    return _REFERENCE.fullmatch(text) is not None


def _reference(text: str) -> str:
    if not is_reference(text):
        raise ValueError(
            "must be a reference, ${env:NAME} or ${file:/absolute/path}; the secret itself does not belong here"
        )
    return text


_SCHEMA = {"type": "string", "pattern": r"^\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:/[^}]+)\}$"}

SecretRef = Annotated[str, AfterValidator(_reference), WithJsonSchema(_SCHEMA)]
"""A reference to a secret, as text."""


def resolve(reference: str) -> str:
    """Reads the secret now, so that a rotated one is picked up without a restart.

    One line break at the end of a file is not part of the secret. Raises SecretMissing when the variable or
    file is absent, empty or unreadable.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SecretMissing("A secret must be referred to as ${env:NAME} or ${file:/absolute/path}.")
    secret = _from_environment(match["env"]) if match["env"] else _from_file(Path(match["file"]))
    if not secret.strip():
        raise SecretMissing(f"The secret {reference} is empty.")
    return secret


def _from_environment(name: str) -> str:
    value = environment_variable(name)
    if value is None:
        raise SecretMissing(
            f"The environment variable {name} is not set; the configuration refers to it: set it, and start anew "
            f"whatever runs without it, such as the workers."
        )
    return value


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SECRET + 1)
    except OSError as error:
        raise SecretMissing(f"The secret file {path} cannot be read: {error.strerror}.") from None
    if len(content) > LARGEST_SECRET:
        raise SecretMissing(f"The secret file {path} holds more than {LARGEST_SECRET} bytes.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SecretMissing(f"The secret file {path} does not hold UTF-8 text.") from None
    return text.removesuffix("\n").removesuffix("\r")
